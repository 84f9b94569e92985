//! Greenlets for a viewer that takes `rtos-trace`, such as SEGGER SystemView: `cargo run --example rtos_trace`.
//!
//! [`Adapter`] is a tracer that passes transfers on. A firmware copies it, and names the sink of its probe in the place
//! of [`Lines`], which prints.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use greenlet::{Event, Greenlet, StackPool, Trace, Tree};
use rtos_trace::{RtosTrace, TaskInfo, trace};

/// A greenlet is a task, a transfer the end of one run and the beginning of another. One adapter serves one core.
struct Adapter {
    /// Greenlets with lower ids are announced: ids rise in the order of creation.
    announced: AtomicU64,
}

impl Adapter {
    /// The marker of a transfer that is an error or an exit.
    const THROW: u32 = 1;

    const fn new() -> Self {
        Self { announced: AtomicU64::new(0) }
    }

    /// Begins with `current`, the greenlet that runs.
    fn start<V, E>(&'static self, current: &Greenlet<V, E>) {
        trace::start();
        trace::name_marker(Self::THROW, "throw");
        self.announce(current);
        trace::task_exec_begin(task(current));
        current.set_trace(Some(self));
    }

    /// Announces the greenlets that were created since the last time.
    fn announce<V, E>(&self, any: &Greenlet<V, E>) {
        let first = self.announced.load(Relaxed);
        any.for_each(|greenlet| {
            if greenlet.id() >= first {
                self.announced.store(greenlet.id() + 1, Relaxed);
                trace::task_new(task(greenlet));
                trace::task_send_info(task(greenlet), info(greenlet));
            }
        });
    }
}

impl<V: 'static, E: 'static> Trace<V, E> for Adapter {
    fn event(&self, event: Event, origin: &Greenlet<V, E>, target: &Greenlet<V, E>) -> Result<(), E> {
        trace::task_exec_end();
        if origin.is_dead() {
            trace::task_terminate(task(origin));
        }
        if event == Event::Throw {
            trace::marker(Self::THROW);
        }
        if target.id() >= self.announced.load(Relaxed) {
            self.announce(target);
        }
        trace::task_exec_begin(task(target));
        Ok(())
    }
}

/// The lower half of the id, as tasks of `rtos-trace` have 32 bits. A SystemView of its own adds its base to it.
fn task<V, E>(greenlet: &Greenlet<V, E>) -> u32 {
    greenlet.id() as u32
}

fn info<V, E>(greenlet: &Greenlet<V, E>) -> TaskInfo {
    let name = greenlet.name().unwrap_or(if greenlet.is_main() { "main" } else { "greenlet" });
    // Of main the crate does not know it, and a dead greenlet has none.
    let (stack_base, stack_size) = greenlet.stack().map_or((0, 0), |stack| (stack.limit, stack.base - stack.limit));
    TaskInfo { name, priority: 0, stack_base, stack_size }
}

/// A sink that prints what it gets.
struct Lines;
rtos_trace::global_trace! { Lines }

impl RtosTrace for Lines {
    fn start() {
        println!("start");
    }
    fn stop() {
        println!("stop");
    }
    fn task_new(id: u32) {
        println!("task_new {id}");
    }
    fn task_send_info(id: u32, info: TaskInfo) {
        println!("task_send_info {id} {:?} {}", info.name, info.stack_size);
    }
    fn task_new_stackless(id: u32, name: &'static str, _priority: u32) {
        println!("task_new_stackless {id} {name:?}");
    }
    fn task_terminate(id: u32) {
        println!("task_terminate {id}");
    }
    fn task_exec_begin(id: u32) {
        println!("task_exec_begin {id}");
    }
    fn task_exec_end() {
        println!("task_exec_end");
    }
    fn name_marker(id: u32, name: &'static str) {
        println!("name_marker {id} {name:?}");
    }
    fn marker(id: u32) {
        println!("marker {id}");
    }

    // What the adapter does not call: the firmware's handlers know of interrupts, and a hub of what is ready and idle.
    fn task_ready_begin(_: u32) {}
    fn task_ready_end(_: u32) {}
    fn system_idle() {}
    fn isr_enter() {}
    fn isr_exit() {}
    fn isr_exit_to_scheduler() {}
    fn marker_begin(_: u32) {}
    fn marker_end(_: u32) {}
}

static STACKS: StackPool<2, 16384> = StackPool::new();
static TREE: Tree<u32> = Tree::new();
static ADAPTER: Adapter = Adapter::new();

fn main() {
    let ran = TREE.enter(|main| {
        ADAPTER.start(main);
        let pong = main.build(&STACKS).name("pong").spawn(|me, ball: u32| Ok(me.up(ball + 1)? + 1));
        let pong = pong.expect("a stack is free");
        let ball = pong.switch(1)?;
        let picky = main.build(&STACKS).name("picky").spawn(|_, _| Err("no".into()));
        let _refused = picky.expect("a stack is free").switch(ball);
        pong.switch(ball)
    });
    trace::stop();
    println!("{ran:?}");
}

/// The core identity that a program declares with the feature `cores` and without `std`.
#[cfg(all(feature = "cores", not(feature = "std")))]
#[path = "round_trip/one_core.rs"]
mod one_core;
