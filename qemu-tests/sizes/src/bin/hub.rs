#![no_std]
#![no_main]
//! A hub with two tasks, a timer and a signal. The core does not sleep: it looks at the clock until the time has come.

use core::time::Duration;

use greenlet::StackPool;
use greenlet_hub::{Hub, Platform, Signal};

sizes::program!(main);

/// A clock that goes on when it is looked at.
struct Clock;

impl Platform for Clock {
    fn now(&self) -> u64 {
        TIME.fetch_add(1, Relaxed).into()
    }

    fn hertz(&self) -> u32 {
        1000
    }

    fn arm(&self, _at: Option<u64>) {}

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        sleep();
    }
}

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

static TIME: AtomicU32 = AtomicU32::new(0);
static HUB: Hub<2> = Hub::new(&Clock);
static STACKS: StackPool<2, 2048> = StackPool::new();
static SIGNAL: Signal = Signal::new();

fn main(seed: u64) -> u64 {
    // SAFETY: no device raises an interrupt.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!("msr daifclr, #2", options(nomem, nostack, preserves_flags))
    };
    // SAFETY: the same, as each is masked by itself.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    unsafe {
        core::arch::asm!("csrsi mstatus, 8", options(nomem, nostack, preserves_flags))
    };
    // SAFETY: the same, as the legacy interrupt controller is masked.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!("mov al, 0xff", "out 0x21, al", "out 0xa1, al", "sti", out("al") _, options(nomem, nostack))
    };
    let sum = HUB.run(|main| {
        let timer = main.spawn(&STACKS, move |me| {
            me.sleep(Duration::from_millis(seed))?;
            SIGNAL.raise(20);
            Ok(seed)
        });
        let waits = main.spawn(&STACKS, |me| Ok(u64::from(SIGNAL.wait(me)?)));
        let (Ok(timer), Ok(waits)) = (timer, waits) else { return 0 };
        let (Ok(Ok(first)), Ok(Ok(second))) = (timer.join(main), waits.join(main)) else { return 0 };
        first + second
    });
    sum.unwrap_or(0)
}
