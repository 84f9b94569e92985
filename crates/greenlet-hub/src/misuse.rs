//! Programs that must not compile, each after a twin that does.

/// A task stays in its body.
///
/// ```
/// # use greenlet_hub::{Hub, Task, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// HUB.run(|main| { let _here: &Task = main; }).unwrap();
/// ```
///
/// ```compile_fail
/// # use greenlet_hub::{Hub, Task, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// let mut out: Option<&Task> = None;
/// HUB.run(|main| { out = Some(main); }).unwrap();
/// out.unwrap().yield_now().unwrap();
/// ```
///
/// ```compile_fail
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// HUB.run(|main| { main.spawn(&STACKS, |_me| main.yield_now()).unwrap(); }).unwrap();
/// ```
struct Task;

/// A task, a handle, a report and a guard stay on their core; a remote task does not.
///
/// ```
/// fn is_send<T: Send>() {}
/// fn is_sync<T: Sync>() {}
/// is_send::<greenlet_hub::RemoteTask>();
/// is_sync::<greenlet_hub::RemoteTask>();
/// is_sync::<greenlet_hub::Hub<1>>();
/// is_sync::<greenlet_hub::Channel<std::rc::Rc<u32>>>();
/// is_sync::<greenlet_hub::Mutex<u32>>();
/// ```
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<greenlet_hub::Task>();
/// ```
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<greenlet_hub::Task>();
/// ```
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<greenlet_hub::JoinHandle<u32>>();
/// ```
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<greenlet_hub::Report<'static>>();
/// ```
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<greenlet_hub::Report<'static>>();
/// ```
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<greenlet_hub::Guard<'static, u32>>();
/// ```
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<greenlet_hub::Mutex<std::rc::Rc<u32>>>();
/// ```
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<greenlet_hub::Bounded<std::rc::Rc<u32>, 4>>();
/// ```
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<greenlet_hub::Remote<std::rc::Rc<u32>, 4>>();
/// ```
struct Cores;

/// A channel carries borrows of one lifetime: a task cannot send a shorter one than others receive.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// use greenlet_hub::Channel;
/// static LINE: Channel<&'static str> = Channel::new();
/// HUB.run(|main| {
///     assert_eq!(LINE.try_send(main, "a constant"), Err("a constant"));
/// }).unwrap();
/// ```
///
/// ```compile_fail
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// use greenlet_hub::Channel;
/// static LINE: Channel<&'static str> = Channel::new();
/// HUB.run(|main| {
///     let text = String::from("of this frame");
///     assert_eq!(LINE.try_send(main, text.as_str()), Err(text.as_str()));
/// }).unwrap();
/// ```
///
/// ```compile_fail
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1, (), fn(&u8)> = Hub::new(&PLATFORM);
/// use greenlet_hub::Channel;
/// static LINE: Channel<u32, fn(&u8)> = Channel::new();
/// fn shorter(_: &Channel<u32, fn(&'static u8)>) {}
/// shorter(&LINE);
/// ```
struct Borrows;

/// The room of a remote channel is a power of two, and at least 2.
///
/// ```
/// use greenlet_hub::Remote;
/// static SAMPLES: Remote<u16, 2> = Remote::new();
/// assert_eq!((SAMPLES.try_send(1), SAMPLES.try_send(2), SAMPLES.try_send(3)), (Ok(()), Ok(()), Err(3)));
/// ```
///
/// ```compile_fail
/// use greenlet_hub::Remote;
/// static SAMPLES: Remote<u16, 1> = Remote::new();
/// assert_eq!((SAMPLES.try_send(1), SAMPLES.try_send(2)), (Ok(()), Err(2)));
/// ```
///
/// ```compile_fail
/// use greenlet_hub::Remote;
/// static SAMPLES: Remote<u16, 3> = Remote::new();
/// assert_eq!(SAMPLES.try_send(1), Ok(()));
/// ```
struct Room;

/// A guard does not outlive the borrow of the task that locked.
///
/// ```
/// # use greenlet_hub::{Hub, Mutex, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static TOTAL: Mutex<u32> = Mutex::new(7);
/// let total = HUB.run(|main| *TOTAL.lock(main).unwrap()).unwrap();
/// assert_eq!(total, 7);
/// ```
///
/// ```compile_fail
/// # use greenlet_hub::{Hub, Mutex, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static TOTAL: Mutex<u32> = Mutex::new(7);
/// let total = HUB.run(|main| TOTAL.lock(main).unwrap()).unwrap();
/// ```
struct Guard;

/// What a task of a scope borrows outlives the scope, and a task of no scope borrows nothing.
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let text = String::from("outside");
/// main.scope(|scope| Ok(scope.spawn(&STACKS, |_me| { println!("{text}"); Ok(()) })?)).unwrap();
/// # }).unwrap();
/// ```
///
/// ```compile_fail
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// main.scope(|scope| {
///     let text = String::from("inside");
///     Ok(scope.spawn(&STACKS, |_me| { println!("{text}"); Ok(()) })?)
/// }).unwrap();
/// # }).unwrap();
/// ```
///
/// ```compile_fail
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let text = String::from("outside");
/// main.spawn(&STACKS, |_me| { println!("{text}"); Ok(()) }).unwrap();
/// # }).unwrap();
/// ```
struct Scope;
