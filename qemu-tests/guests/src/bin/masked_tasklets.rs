#![no_std]
#![no_main]
//! Tasklets with interrupts masked that were not masked at `enter`: a tasklet that would have to let another one run
//! continues with an error.

use board::{check, interrupts, println};
use greenlet::StackPool;
use greenlet_tasklets::{Channel, Me, Raised, Refusal, Scheduler};

board::guest!(main);

static STACKS: StackPool<2, 16384> = StackPool::new();
static TASKLETS: Scheduler<2, u32> = Scheduler::new();
static LINE: Channel<u32> = TASKLETS.channel();

const REFUSED: Raised = Raised::Refused(Refusal::Masked);

/// Runs `critical` with interrupts masked, as a critical section does.
fn masked<R>(critical: impl FnOnce() -> R) -> R {
    interrupts::disable();
    let result = critical();
    interrupts::enable();
    result
}

fn main() {
    interrupts::on(|| ());
    interrupts::enable();
    let ran = TASKLETS.enter(|main| {
        println!("of main");
        of_main(main);
        println!("of a tasklet");
        of_a_tasklet(main);
        println!("an end with interrupts masked");
        careless(main);
    });
    check!(ran.is_ok());
    check!(STACKS.free() == 2);
}

/// Main is the current one, in the ring, after each refusal.
fn in_place(me: &Me<'_, u32>, count: usize) {
    check!(me.current().is_current(me) && me.current().is_scheduled(me) && !me.current().is_blocked(me));
    check!(me.ring().next() == Some(me.current()) && me.run_count() == count);
    check!(me.current().cell(me) == Some(Ok(0)) && LINE.balance(me) == 0);
}

fn of_main(main: &Me<'_, u32>) {
    check!(masked(|| main.schedule(7)) == Ok(7), "no other one is ready: nothing is switched");
    let other = main.spawn(&STACKS, |me| {
        loop {
            me.schedule(0)?;
        }
    });
    let other = other.expect("a stack is free");
    check!(masked(|| main.schedule(1)) == Err(REFUSED));
    in_place(main, 2);
    check!(masked(|| main.schedule_remove(1)) == Err(REFUSED));
    in_place(main, 2);
    check!(masked(|| main.run_all()) == Err(REFUSED));
    in_place(main, 2);
    check!(masked(|| LINE.receive(main)) == Err(REFUSED));
    in_place(main, 2);
    check!(masked(|| LINE.send(main, 1)) == Err(REFUSED));
    in_place(main, 2);
    check!(masked(|| other.switch(main)) == Err(REFUSED));
    in_place(main, 2);
    check!(main.schedule(3) == Ok(3), "unmasked, all continues");
    check!(masked(|| other.kill(main)) == Err(REFUSED));
    check!(main.schedule(4) == Ok(4) && !other.is_alive(main), "what it did to the other one stays");
}

fn of_a_tasklet(main: &Me<'_, u32>) {
    let tasklet = main.spawn(&STACKS, |me| {
        check!(masked(|| me.schedule(1)) == Err(REFUSED));
        in_place(me, 2);
        check!(masked(|| LINE.receive(me)) == Err(REFUSED));
        in_place(me, 2);
        check!(masked(|| me.main().run(me)) == Err(REFUSED));
        in_place(me, 2);
        Ok(())
    });
    check!(tasklet.is_ok());
    check!(main.schedule(5) == Ok(5) && main.run_count() == 1);
}

/// The end is not refused. Main, which would have to let the next one run, gets the error.
fn careless(main: &Me<'_, u32>) {
    let first = main.spawn(&STACKS, |_me| {
        interrupts::disable();
        Ok(())
    });
    check!(first.is_ok());
    check!(main.spawn(&STACKS, |_me| Ok(())).is_ok());
    check!(main.run_all() == Err(REFUSED) && !interrupts::are_enabled());
    in_place(main, 2);
    interrupts::enable();
    check!(main.run_all() == Ok(()) && main.run_count() == 1);
}
