//! What the scenarios of the corpus cannot say: what is refused, what is given back, what is freed, and what a run
//! leaves for the next one. The rules themselves are tested by the corpus, in `qemu-tests/conformance`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use greenlet::{EnterError, StackPool};
use greenlet_tasklets::{Channel, Me, Preference, Raised, Refusal, Scheduler, SpawnError, Tasklet};

/// Without the kernel's feature `std`, this program is one core: one scheduler at a time.
fn alone() -> MutexGuard<'static, ()> {
    static CORE: Mutex<()> = Mutex::new(());
    CORE.lock().unwrap_or_else(PoisonError::into_inner)
}

const SIZE: usize = 64 * 1024;

#[test]
fn a_scheduler_that_is_full_gives_the_body_back() {
    static STACKS: StackPool<2, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<1> = Scheduler::new();
    let _core = alone();
    TASKLETS
        .enter(|main| {
            let first = main.spawn(&STACKS, |_me| Ok(())).unwrap();
            let ran = Rc::new(Cell::new(false));
            let body = {
                let ran = Rc::clone(&ran);
                move |_me: &Me<'_>| {
                    ran.set(true);
                    Ok(())
                }
            };
            let refused = main.spawn(&STACKS, body).unwrap_err();
            assert_eq!(refused.reason, SpawnError::TooMany { tasklets: 1 });
            assert_eq!(STACKS.free(), 1, "no stack is taken by a refusal");
            main.run_all().unwrap();
            assert!(!first.is_alive(main));
            main.spawn(&STACKS, refused.returned).unwrap();
            main.run_all().unwrap();
            assert!(ran.get());
        })
        .unwrap();
}

#[test]
fn a_pool_that_is_empty_gives_the_body_back() {
    static STACKS: StackPool<1, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<4> = Scheduler::new();
    let _core = alone();
    TASKLETS
        .enter(|main| {
            main.spawn(&STACKS, |_me| Ok(())).unwrap();
            let refused = main.spawn(&STACKS, |_me| Ok(())).unwrap_err();
            assert!(matches!(refused.reason, SpawnError::NoStack(_)), "{refused}");
            main.run_all().unwrap();
            main.spawn(&STACKS, refused.returned).unwrap(); // nothing of the refusal is left
        })
        .unwrap();
}

#[test]
fn a_stack_is_free_as_soon_as_its_tasklet_is_over() {
    static STACKS: StackPool<2, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<2, u32> = Scheduler::new();
    static LINE: Channel<u32> = TASKLETS.channel();
    let _core = alone();
    TASKLETS
        .enter(|main| {
            // A tasklet spawns one after the other while main waits in one operation; there is one stack for all of
            // them.
            main.spawn(&STACKS, |me| {
                for n in 0..100 {
                    me.spawn(&STACKS, move |_me| Ok(())).unwrap();
                    assert_eq!(me.schedule(n)?, n);
                }
                LINE.send(me, 7).map(drop)
            })
            .unwrap();
            assert_eq!(LINE.receive(main), Ok(7));
        })
        .unwrap();
}

#[test]
fn a_handle_outlives_its_tasklet_and_its_run() {
    static STACKS: StackPool<1, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    let _core = alone();
    let kept: Vec<Tasklet<u32>> = TASKLETS
        .enter(|main| {
            let tasklets = [(); 3].map(|()| {
                let made = main.spawn(&STACKS, |_me| Ok(())).unwrap();
                main.run_all().unwrap();
                made
            });
            tasklets.into_iter().chain([main.current(), main.make(&STACKS, |_me| Ok(())).unwrap()]).collect()
        })
        .unwrap();
    TASKLETS
        .enter(|main| {
            let living = main.make(&STACKS, |_me| Ok(())).unwrap();
            for old in kept {
                assert!(!old.is_alive(main) && !old.is_main(main) && old != living);
                assert_eq!(old.insert(main), Err(Raised::Refused(Refusal::Dead)));
                assert_eq!(old.throw(main, "late"), Err(Raised::Refused(Refusal::Dead)));
                assert_eq!(old.kill(main), Ok(0));
                assert_eq!(old.cell(main), None);
                old.set_block_trap(main, true);
            }
            assert!(!living.block_trap(main) && !main.current().block_trap(main));
        })
        .unwrap();
}

#[test]
fn a_channel_begins_anew_with_each_run() {
    static STACKS: StackPool<2, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<2, u32> = Scheduler::new();
    static LINE: Channel<u32> = TASKLETS.channel().preferring(Preference::Sender).scheduling_all();
    let _core = alone();
    for _ in 0..3 {
        TASKLETS
            .enter(|main| {
                assert_eq!((LINE.balance(main), LINE.preference(main)), (0, Preference::Sender));
                assert!(LINE.schedule_all(main) && !LINE.is_closing(main));
                for _ in 0..2 {
                    main.spawn(&STACKS, |me| LINE.send(me, 1).map(drop)).unwrap();
                }
                main.schedule(0).unwrap();
                assert_eq!(LINE.balance(main), 2);
                LINE.set_preference(main, Preference::Neither).unwrap();
                LINE.set_schedule_all(main, false).unwrap();
                LINE.close(main).unwrap();
            })
            .unwrap();
        assert_eq!(STACKS.free(), 2, "the end of a run frees the stacks of tasklets that wait");
    }
}

#[test]
fn a_channel_of_another_scheduler_is_refused() {
    static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    static OTHER: Scheduler<1, u32> = Scheduler::new();
    static LINE: Channel<u32> = OTHER.channel().preferring(Preference::Neither);
    let _core = alone();
    let refused = Raised::Refused(Refusal::OtherScheduler);
    TASKLETS
        .enter(|main| {
            assert_eq!(LINE.send(main, 1), Err(refused));
            assert_eq!(LINE.receive(main), Err(refused));
            assert_eq!(LINE.next(main), Err(refused));
            assert_eq!(LINE.close(main), Err(refused));
            assert_eq!(LINE.open(main), Err(refused));
            assert_eq!(LINE.set_preference(main, Preference::Sender), Err(refused));
            assert_eq!(LINE.set_schedule_all(main, true), Err(refused));
            assert_eq!((LINE.balance(main), LINE.preference(main)), (0, Preference::Neither));
            assert!(!LINE.schedule_all(main) && !LINE.is_closing(main) && LINE.waiting(main).next().is_none());
        })
        .unwrap();
}

#[test]
fn one_scheduler_is_entered_at_a_time() {
    static TASKLETS: Scheduler<1> = Scheduler::new();
    static OTHER: Scheduler<1> = Scheduler::new();
    let _core = alone();
    TASKLETS
        .enter(|_main| {
            let mut entered = 0;
            let refused = OTHER.enter(|_main| entered += 1).unwrap_err();
            assert_eq!(refused.reason, EnterError::CoreBusy);
            let _closure = refused.returned; // not called, and given back
        })
        .unwrap();
    OTHER.enter(|_main| ()).unwrap();
}

/// Counts its drops.
struct Counted(Rc<Cell<u32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn the_end_of_main_ends_all_and_drops_what_they_have() {
    static STACKS: StackPool<4, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<4, u32> = Scheduler::new();
    static LINE: Channel<u32> = TASKLETS.channel();
    let _core = alone();
    let drops = Rc::new(Cell::new(0));
    let counted = || Counted(Rc::clone(&drops));
    let ended = Rc::new(Cell::new(0));
    TASKLETS
        .enter(|main| {
            let (one, two, three, four) = (counted(), counted(), counted(), counted());
            main.spawn(&STACKS, move |me| {
                let _kept = one;
                LINE.receive(me).map(drop)
            })
            .unwrap();
            let seen = Rc::clone(&ended);
            main.spawn(&STACKS, move |me| {
                let _kept = two;
                assert_eq!(me.schedule_remove(1), Err(Raised::Exit));
                // Main is over: from now on there is nothing but exits, and questions are answered.
                assert!(me.current().is_alive(me));
                seen.set(seen.get() + 1);
                Err(Raised::Exit)
            })
            .unwrap();
            main.spawn(&STACKS, move |me| {
                let _kept = three;
                loop {
                    me.schedule(0)?;
                }
            })
            .unwrap();
            main.make(&STACKS, move |_me| {
                let _kept = four;
                unreachable!("it was never scheduled")
            })
            .unwrap();
            main.schedule(0).unwrap();
            main.schedule(0).unwrap();
        })
        .unwrap();
    assert_eq!((drops.get(), ended.get(), STACKS.free()), (4, 1, 4));
}

#[test]
fn a_tasklet_that_refuses_to_end_is_asked_again_and_then_left() {
    static STACKS: StackPool<1, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    static LINE: Channel<u32> = TASKLETS.channel();
    let _core = alone();
    TASKLETS
        .enter(|main| {
            main.spawn(&STACKS, |me| {
                loop {
                    let _refused = me.schedule(0);
                    let _refused = LINE.receive(me);
                    let _refused = me.run_all();
                    let _refused = me.main().kill(me);
                }
            })
            .unwrap();
            main.schedule(0).unwrap();
        })
        .unwrap();
    // Its frames refer to the scheduler's record of it, for ever.
    assert_eq!(TASKLETS.enter(|_main| ()).unwrap_err().reason, EnterError::StillReferred);
    assert_eq!(STACKS.free(), 0);
}

#[test]
fn what_is_in_a_cell_is_dropped_once() {
    static STACKS: StackPool<2, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<2, Option<Counted>> = Scheduler::new();
    static LINE: Channel<Option<Counted>> = TASKLETS.channel();
    let _core = alone();
    let drops = Rc::new(Cell::new(0));
    let counted = || Some(Counted(Rc::clone(&drops)));
    TASKLETS
        .enter(|main| {
            // Handed over, and overwritten by a throw before it is taken.
            let receiver = main
                .spawn(&STACKS, |me| {
                    assert!(matches!(LINE.receive(me), Err(Raised::Error("instead"))));
                    Ok(())
                })
                .unwrap();
            main.schedule(None).unwrap();
            LINE.set_preference(main, Preference::Neither).unwrap();
            LINE.send(main, counted()).unwrap();
            assert_eq!(drops.get(), 0);
            receiver.throw_later(main, "instead").unwrap();
            assert_eq!(drops.get(), 1);
            main.run_all().unwrap();
            // In the cell of one that has not begun, of one that is killed, and refused by a channel.
            let made = main.make(&STACKS, |_me| Ok(())).unwrap();
            made.set_cell(main, counted()).unwrap();
            made.run(main).unwrap();
            assert_eq!(drops.get(), 2);
            LINE.close(main).unwrap();
            assert!(matches!(LINE.send(main, counted()), Err(Raised::Closed)));
            assert_eq!(drops.get(), 3);
            // Left in a cell when main is over.
            let parked = main.make(&STACKS, |_me| Ok(())).unwrap();
            parked.set_cell(main, counted()).unwrap();
            main.current().set_cell(main, counted()).unwrap();
        })
        .unwrap();
    assert_eq!(drops.get(), 5);
}

#[test]
fn main_may_be_paused_removed_and_killed_like_any_other() {
    static STACKS: StackPool<1, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<1, u32> = Scheduler::new();
    let _core = alone();
    TASKLETS
        .enter(|main| {
            main.spawn(&STACKS, |me| {
                me.main().remove(me)?;
                assert!(me.main().is_paused(me) && me.run_count() == 1);
                me.main().kill_later(me)?;
                me.schedule(0)?;
                Ok(())
            })
            .unwrap();
            assert_eq!(main.schedule(0), Err(Raised::Exit)); // delivered once; caught, it is over
            assert_eq!(main.schedule(3), Ok(3));
        })
        .unwrap();
}

/// With the feature `std` a panic of a tasklet propagates to main, out of turn, and the run can continue.
#[cfg(feature = "std")]
#[test]
fn a_panic_propagates_to_main() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    static STACKS: StackPool<2, SIZE> = StackPool::new();
    static TASKLETS: Scheduler<2, u32> = Scheduler::new();
    static LINE: Channel<u32> = TASKLETS.channel();
    let _core = alone();
    TASKLETS
        .enter(|main| {
            let other = main.spawn(&STACKS, |me| LINE.send(me, 4).map(drop)).unwrap();
            let panics = main.spawn(&STACKS, |_me| panic!("on purpose")).unwrap();
            let caught = catch_unwind(AssertUnwindSafe(|| main.run_all()));
            assert!(caught.is_err() && !panics.is_alive(main) && main.current().is_main(main));
            assert!(other.is_blocked(main));
            assert_eq!(LINE.receive(main), Ok(4)); // the others continue
            main.run_all().unwrap();
            assert_eq!(STACKS.free(), 2);
        })
        .unwrap();
}

#[test]
fn sizes_are_as_the_documentation_says() {
    let size = |tasklets: usize| match tasklets {
        0 => size_of::<Scheduler<0, u64>>(),
        1 => size_of::<Scheduler<1, u64>>(),
        _ => size_of::<Scheduler<9, u64>>(),
    };
    assert!(size(9) - size(1) <= 8 * 64, "{} bytes for 8 tasklets", size(9) - size(1));
    assert!(size(0) <= 640, "{} bytes without tasklets", size(0));
    assert!(size_of::<Channel<u64>>() <= 40, "{} bytes a channel", size_of::<Channel<u64>>());
    assert_eq!(size_of::<Tasklet<u64>>(), 16);
}
