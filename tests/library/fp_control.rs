//! Whose the control words of the floating point unit are: the core's, or with the feature `fp-control` each greenlet's
//! own.
#![cfg(not(miri))]

use crate::common::{Handle, Me, Out, STACKS, tree};
use greenlet::Thrown;
use std::arch::asm;

/// Whether greenlets have words of their own.
const OWN: bool = cfg!(feature = "fp-control");

/// What a greenlet sees that has set `own`, where the core was last set to `core`.
fn seen(own: u32, core: u32) -> u32 {
    if OWN { own } else { core }
}

/// Sets the rounding mode, 0 to 3, of every unit that there is.
#[cfg(target_arch = "x86_64")]
fn set(mode: u32) {
    let words = [0x1f80 | mode << 13, 0x037f | mode << 10];
    // SAFETY: legal words, and no arithmetic is done before the usual ones are set again.
    unsafe { asm!("ldmxcsr [{0}]", "fldcw [{0} + 4]", in(reg) &words, options(nostack, readonly, preserves_flags)) };
}

/// The rounding mode: SSE and x87 have the same.
#[cfg(target_arch = "x86_64")]
fn mode() -> u32 {
    let mut words = [0_u32; 2];
    // SAFETY: stores two words.
    unsafe { asm!("stmxcsr [{0}]", "fnstcw [{0} + 4]", in(reg) &mut words, options(nostack, preserves_flags)) };
    assert_eq!(words[0] >> 13 & 3, words[1] >> 10 & 3, "{words:x?}");
    words[0] >> 13 & 3
}

/// Sets the rounding mode, 0 to 3.
#[cfg(target_arch = "aarch64")]
fn set(mode: u32) {
    // SAFETY: a legal word, and no arithmetic is done before the usual one is set again.
    unsafe { asm!("msr fpcr, {}", in(reg) u64::from(mode) << 22, options(nomem, nostack, preserves_flags)) };
}

/// The rounding mode.
#[cfg(target_arch = "aarch64")]
fn mode() -> u32 {
    let fpcr: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags)) };
    (fpcr >> 22) as u32 & 3
}

/// A child of `main` that is in its first `up`, after which it sees 1 if the words are its own; main has set 2 since
/// then.
fn waiting(main: &Handle, then: impl FnOnce(&Me, Out) -> Out + 'static) -> Handle {
    let g = main.spawn(&STACKS, |me, x| {
        set(1);
        let back = me.up(x);
        assert_eq!(mode(), seen(1, 2));
        then(me, back)
    });
    let g = g.unwrap();
    set(0);
    g.switch(0).unwrap();
    assert_eq!(mode(), seen(0, 1));
    set(2);
    g
}

#[test]
fn each_side_of_a_switch_has_its_own_with_the_feature() {
    tree(|main| {
        let g = waiting(main, |me, _| {
            set(3);
            me.parent().switch(0)?;
            assert_eq!(mode(), seen(3, 2));
            set(3);
            Ok(0)
        });
        for _ in 0..2 {
            g.switch(0).unwrap();
            assert_eq!(mode(), seen(2, 3));
            set(2);
        }
        assert!(g.is_dead());
        set(0);
    });
}

#[test]
fn a_new_greenlet_begins_with_those_of_its_creator_with_the_feature() {
    tree(|main| {
        let begins = |expected: u32| {
            move |_: &Me, x| {
                assert_eq!(mode(), expected);
                Ok(x)
            }
        };
        set(1);
        let spawned = main.spawn(&STACKS, begins(seen(1, 3))).unwrap();
        let bare = main.bare(&STACKS).unwrap();
        set(2);
        bare.set_run(begins(seen(2, 3))).unwrap();
        set(3);
        spawned.switch(0).unwrap();
        bare.switch(0).unwrap();
        assert_eq!(mode(), 3, "no other one was set");
        set(0);
    });
}

#[test]
fn errors_exits_and_lost_handles_go_between_them_with_the_feature() {
    tree(|main| {
        let ends = |_: &Me, back| {
            set(3);
            back
        };
        assert_eq!(waiting(main, ends).throw("end"), Err(Thrown::Error("end")));
        assert_eq!(mode(), seen(2, 3));
        assert_eq!(waiting(main, ends).kill_with(9), Ok(9));
        assert_eq!(mode(), seen(2, 3));
        drop(waiting(main, ends));
        assert_eq!(mode(), seen(2, 3));
        let dead = waiting(main, ends);
        dead.cancel().unwrap();
        assert_eq!(mode(), seen(2, 3));
        dead.switch(0).unwrap();
        assert_eq!(mode(), seen(2, 3));
        set(0);
    });
}

#[test]
fn main_has_its_own_again_after_the_end_of_the_tree_with_the_feature() {
    tree(|main| {
        let left = crate::common::left_over(main, "left", |me, x| {
            set(1);
            let back = me.up(x);
            assert_eq!(mode(), seen(1, 2));
            set(3);
            back
        });
        left.switch(0).unwrap();
        drop(left);
        set(2);
    });
    assert_eq!(mode(), seen(2, 3));
    set(0);
}
