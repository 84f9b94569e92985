//! A greenlet as a future.

use crate::awaits::{Anchor, Await, Link};
use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};
use greenlet::{Claimed, Greenlet, Me, Outcome, ParentError, Refusal, Refused, RunError, SpawnError, Stacks, Thrown};

/// A greenlet as a future of any executor: its body is ordinary code, which waits for other futures by an
/// [`Await`] argument, however deep in its calls.
///
/// It needs no hub. The executor must run inside [`Tree::enter`](greenlet::Tree::enter), on the core of the tree: the
/// future is not `Send`. Each poll makes the poller the parent of the greenlet and switches to it; control returns when
/// the body waits for a future that is not ready, or ends. A poll costs two switches and the poll of the future that
/// the body waits for; if another greenlet polled the last time, also a change of the parent. The stack of the last
/// poller stays in use, even after that greenlet has ended, until another one polls or the future is dropped.
///
/// The drop cancels it: the present wait of the body ends with [`Thrown::Exit`], and so does every later one; the drop
/// returns when the body has ended. A body that continues all the same, by the kernel's own operations, is leaked, by
/// the rules of the kernel: its stack stays in use, and the tree's `on_leak` hook is called.
///
/// The output is what the body returns. It is an error too if
/// - the greenlet was killed, or the poller was asked to exit while it was in the poll: [`Thrown::Exit`];
/// - the poll was refused: [`Thrown::Refused`], with [`Refusal::Ended`] outside of the tree, [`Refusal::Masked`] where
///   interrupts are masked, [`Refusal::Cycle`] if the poller is a descendant of the greenlet. The body is cancelled
///   then.
///
/// ```
/// use core::time::Duration;
/// use greenlet::{StackPool, Tree};
/// use greenlet_hub::{Await, Stackful};
/// static TREE: Tree<()> = Tree::new();
/// static STACKS: StackPool<1, 65536> = StackPool::new();
///
/// # struct Unpark(std::thread::Thread);
/// # impl std::task::Wake for Unpark { fn wake(self: std::sync::Arc<Self>) { self.0.unpark() } }
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
/// #     loop {
/// #         match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
/// #             std::task::Poll::Ready(output) => break output,
/// #             std::task::Poll::Pending => std::thread::park(),
/// #         }
/// #     }
/// # }
/// # async fn read_sensor() -> u32 { 20 }
/// TREE.enter(|main| {
///     let answer = Stackful::new(main, &STACKS, |waits: &Await| {
///         let mut numbers = [3, 1, 2];
///         // A comparison that awaits: `sort_by_key` is not written for futures.
///         numbers.sort_by_key(|n| waits.wait(async move { *n }).unwrap_or(0));
///         Ok(waits.wait(read_sensor())? + numbers[2])
///     }).unwrap();
///     assert_eq!(block_on(async { answer.await.unwrap() + 1 }), 24); // with any executor
/// }).unwrap();
/// ```
///
/// It cannot leave its core:
///
/// ```compile_fail,E0277
/// # use greenlet_hub::{Await, Hub, Stackful, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let future = Stackful::new(main.greenlet(), &STACKS, |_waits: &Await| Ok(())).unwrap();
/// std::thread::spawn(move || drop(future));
/// # });
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Stackful<P: Stacks, F, T: 'static, V: Default + 'static = (), E: 'static = &'static str> {
    /// The stack and the body, before the first poll.
    fresh: Option<(Claimed<V, E, P>, F)>,
    /// The greenlet, from the first poll until the output is returned.
    greenlet: Option<Greenlet<V, E>>,
    shared: Shared<T, V, E>,
    /// The output was returned, or a panic has left a poll.
    over: bool,
    _pinned: PhantomPinned,
}

/// What the body uses, through raw pointers.
struct Shared<T, V, E> {
    anchor: Anchor,
    /// What the body has returned.
    result: Cell<Option<Result<T, Thrown<V, E>>>>,
}

impl<P: Stacks, F, T: 'static, V: Default + 'static, E: 'static> Stackful<P, F, T, V, E>
where
    F: FnOnce(&Await<V, E>) -> Result<T, Thrown<V, E>> + 'static,
{
    /// Creates a future whose output is what `body` returns. Claims the stack; the body begins with the first poll.
    ///
    /// `any` is any greenlet of the tree. The captured data of the body must fit into the stack, or this does not
    /// compile.
    ///
    /// # Errors
    ///
    /// The reasons of [`Greenlet::spawn`], with the body.
    ///
    /// # Panics
    ///
    /// The first poll panics where [`Claimed::spawn`] does.
    ///
    /// ```
    /// # use greenlet::SpawnError;
    /// # use greenlet_hub::{Await, Hub, Stackful, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let first = Stackful::new(main.greenlet(), &STACKS, |_waits: &Await| Ok(1)).unwrap();
    /// let refused = Stackful::new(main.greenlet(), &STACKS, |_waits: &Await| Ok(2)).unwrap_err();
    /// assert!(matches!(refused.reason, SpawnError::PoolEmpty { .. }));
    /// assert_eq!(main.wait(first), Ok(Ok(1))); // its stack is free again
    /// let second = Stackful::new(main.greenlet(), &STACKS, refused.returned).unwrap();
    /// assert_eq!(main.wait(second), Ok(Ok(2)));
    /// # }).unwrap();
    /// ```
    pub fn new(any: &Greenlet<V, E>, stacks: &'static P, body: F) -> Result<Self, Refused<SpawnError, F>> {
        match any.build(stacks).claim() {
            Ok(claimed) => Ok(Self {
                fresh: Some((claimed, body)),
                greenlet: None,
                shared: Shared { anchor: Anchor::new(), result: Cell::new(None) },
                over: false,
                _pinned: PhantomPinned,
            }),
            Err(reason) => Err(Refused { reason, returned: body }),
        }
    }
}

/// Passes control to the body until it waits or ends. Returns `Err` if control comes back for another reason.
fn resume<V: Default + 'static, E: 'static>(greenlet: &Greenlet<V, E>, anchor: &Anchor) -> Outcome<V, E> {
    if greenlet.is_ended() {
        return Err(Thrown::Refused(Refusal::Ended, None));
    }
    if greenlet.is_dead() {
        return Ok(V::default());
    }
    let Some(poller) = greenlet.current() else { return Err(Thrown::Refused(Refusal::Ended, None)) };
    if greenlet.parent().as_ref() != Some(&poller) {
        match greenlet.set_parent(&poller) {
            Ok(()) => {}
            Err(ParentError::Cycle) => return Err(Thrown::Refused(Refusal::Cycle, None)),
            Err(_) => return Err(Thrown::Refused(Refusal::Ended, None)),
        }
    }
    drop(poller); // else its own frame would keep it alive
    let _polling = anchor.poll();
    greenlet.switch(V::default())
}

/// The body of the greenlet.
///
/// # Safety
///
/// `shared` exists when this begins, and its anchor is unlinked before it does not exist any more.
unsafe fn run<T, F, V: Default + 'static, E: 'static>(
    me: &Me<V, E>,
    shared: *const Shared<T, V, E>,
    body: F,
) -> Outcome<V, E>
where
    F: FnOnce(&Await<V, E>) -> Result<T, Thrown<V, E>>,
{
    let link = Link::new();
    // SAFETY: it exists, by the contract.
    let anchor = unsafe { &raw const (*shared).anchor };
    // SAFETY: the contract.
    unsafe { link.link(anchor) };
    // SAFETY: both exist until this returns, and this is the body of `me`.
    let waits = unsafe { Await::new(me, &link) };
    let result = body(&waits);
    let Some(anchor) = link.anchor() else { return result.map(|_no_receiver| V::default()) };
    let polling = anchor.is_polling();
    // SAFETY: the link has an anchor, so the future exists. There was no result, so nothing is dropped.
    unsafe { &*shared }.result.set(Some(result));
    if !polling {
        // The greenlet was resumed by an operation of the kernel.
        if let Some(waker) = link.waker() {
            waker.wake();
        }
    }
    Ok(V::default())
}

impl<P: Stacks, F, T: 'static, V: Default + 'static, E: 'static> Future for Stackful<P, F, T, V, E>
where
    F: FnOnce(&Await<V, E>) -> Result<T, Thrown<V, E>> + 'static,
{
    type Output = Result<T, Thrown<V, E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out except `fresh`, which is never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(!this.over, "a `Stackful` was polled after it was ready; await each future once");
        this.over = true;
        this.shared.anchor.set_waker(context.waker());
        if let Some((claimed, body)) = this.fresh.take() {
            let shared = &raw const this.shared;
            // SAFETY: the future is pinned, and before it is dropped, `end` ensures that the body has begun and is
            // unlinked, or never begins.
            this.greenlet = Some(claimed.spawn(move |me, _first| unsafe { run(me, shared, body) }));
        }
        let greenlet = this.greenlet.as_ref().expect("a future that is not over has a greenlet");
        let outcome = resume(greenlet, &this.shared.anchor);
        let output = match (this.shared.result.take(), outcome) {
            (Some(result), _) => result,
            (None, Ok(_)) if !greenlet.is_dead() => {
                this.over = false;
                return Poll::Pending;
            }
            (None, Ok(value)) => Err(Thrown::Exit(value)),
            (None, Err(thrown)) => Err(thrown),
        };
        this.end();
        Poll::Ready(output)
    }
}

impl<P: Stacks, F, T: 'static, V: Default + 'static, E: 'static> Stackful<P, F, T, V, E> {
    /// Ends the body, in whatever state it is. Afterwards no code of the greenlet refers to this future.
    fn end(&mut self) {
        self.fresh = None;
        let Some(greenlet) = &self.greenlet.take() else { return };
        let anchor = &self.shared.anchor;
        let mut severed = Severed { anchor, greenlet, replaced: false };
        anchor.unlink();
        if greenlet.is_dead() {
            return;
        }
        if !greenlet.is_started() {
            let replaced = greenlet.set_run(|_me, value| Ok(value));
            // With these reasons, too, the body never begins.
            let replaced = replaced.map_err(|refused| refused.reason);
            severed.replaced = matches!(replaced, Ok(()) | Err(RunError::Ended | RunError::Busy));
        }
        // The body ends now, so the executor need not poll this future again.
        drop(anchor.take_waker());
        let _ = greenlet.cancel();
    }
}

/// Separates body and future on drop, also if a panic unwinds.
struct Severed<'a, V: 'static, E: 'static> {
    anchor: &'a Anchor,
    greenlet: &'a Greenlet<V, E>,
    /// Whether the greenlet does not have the body any more.
    replaced: bool,
}

impl<V: 'static, E: 'static> Drop for Severed<'_, V, E> {
    fn drop(&mut self) {
        self.anchor.unlink();
        if self.anchor.has_begun() || self.replaced || self.greenlet.is_dead() {
            return;
        }
        // It would begin later, with a pointer to a future that does not exist any more. That takes a tracer, or
        // another hook, that switches away in the very first arrival at the greenlet and refuses to be cancelled there.
        /// A panic during a panic ends the program, with and without `std`.
        struct Twice;
        impl Drop for Twice {
            fn drop(&mut self) {
                panic!("the program ends");
            }
        }
        let _twice = Twice;
        panic!("a hook does not let the greenlet of a dropped `Stackful` begin or end; do not switch in a tracer");
    }
}

impl<P: Stacks, F, T: 'static, V: Default + 'static, E: 'static> Drop for Stackful<P, F, T, V, E> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<P: Stacks, F, T: 'static, V: Default + 'static, E: 'static> fmt::Debug for Stackful<P, F, T, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stackful").field(&self.greenlet).finish()
    }
}
