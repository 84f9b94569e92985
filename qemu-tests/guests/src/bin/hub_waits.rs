//@ not-a-test
#![no_std]
#![no_main]
//! Tasks of a hub that wait for each kind of thing, for a debugger to look at: `cargo run -- aarch64 hub_waits --gdb`.

use board::{check, interrupts};
use core::hint::black_box;
use core::mem;
use core::time::Duration;
use greenlet::StackPool;
use greenlet_hub::{Channel, Hub, Mutex, Signal};

#[path = "hub/machine.rs"]
mod machine;

board::guest!(main);

static HUB: Hub<10> = Hub::new(&machine::Machine);
static STACKS: StackPool<10, 16384> = StackPool::new();
static BUTTON: Signal = Signal::new().named("button");
static REQUESTS: Channel<u32> = Channel::new().named("requests");
static LOG: Mutex<u32> = Mutex::new(0).named("log");
static NOTES: Mutex<u32> = Mutex::new(0).named("notes");

/// Where a debugger stops, with all tasks in place.
#[unsafe(no_mangle)]
#[inline(never)]
#[rustfmt::skip] // one line, at which a debugger stops whether it is optimized or not
extern "C" fn look_here() { black_box(()); }

fn main() {
    interrupts::on(|| ());
    interrupts::enable();
    let ran = HUB.run(|main| {
        let build = |name| main.build(&STACKS).name(name);
        let clock = build("clock").spawn(|me| me.sleep(Duration::from_secs(3600))).expect("a stack is free");
        let _waiter = build("waiter").spawn(move |me| clock.join(me).map(drop)).expect("a stack is free");
        let _lamp = build("lamp").spawn(|me| BUTTON.wait(me).map(drop)).expect("a stack is free");
        let _server = build("server").spawn(|me| REQUESTS.receive(me).map(drop)).expect("a stack is free");
        let _writer = build("writer")
            .spawn(|me| {
                let _log = LOG.lock(me)?;
                me.park()
            })
            .expect("a stack is free");
        let _second = build("second").spawn(|me| LOG.lock(me).map(drop)).expect("a stack is free");
        let former = build("former").spawn(|me| {
            mem::forget(NOTES.lock(me)?);
            me.park()
        });
        let former = former.expect("a stack is free");
        main.yield_now().expect("the tasks wait");
        let _third = build("third").spawn(|me| NOTES.lock(me).map(drop)).expect("a stack is free");
        main.yield_now().expect("the tasks wait");
        // It ends, and before `third` runs, which it has woken, another task has its slot.
        former.remote().wake();
        drop(former);
        while STACKS.free() == 2 {
            main.yield_now().expect("the tasks wait");
        }
        let _heir = build("heir").spawn(|_me| Ok(())).expect("a stack is free");
        let generator = main.greenlet().build(&STACKS).name("generator").spawn(|me, ()| me.up(()));
        let generator = generator.expect("a stack is free");
        check!(generator.switch(()).is_ok());
        let _looker = build("looker")
            .level(1)
            .spawn(|me| {
                look_here();
                me.check()
            })
            .expect("a stack is free");
        main.yield_now().expect("the tasks wait");
    });
    check!(ran.is_ok());
}
