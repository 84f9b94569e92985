//! Vectors and masks that are live over a switch, in code for processors that have more of them than the library was
//! compiled for: no lane is lost, whatever the other greenlet does to the registers.
#![cfg(all(target_arch = "x86_64", not(miri)))]

use crate::common::{Handle, STACKS, tree};
use std::arch::x86_64::*;
use std::arch::{asm, naked_asm};
use std::hint::black_box;
use std::io::{Write, stderr};

/// Makes `$transfer` a few times, each time with as many values live over it as there are names, and says how many of
/// them were not the same after it. No more than there are registers, so that the compiler leaves them there if it
/// believes them to be kept.
///
/// `$new(n)` is the `n`th value, hidden from the optimizer; `$is(value, n)` whether it is that.
macro_rules! lost {
    ($new:ident, $is:ident, $transfer:expr, $($value:ident)*) => {{
        let mut lost = 0;
        for turn in 0..black_box(3) {
            let mut number = turn..;
            $( let $value = $new(number.next().unwrap()); )*
            $transfer;
            let mut number = turn..;
            $( lost += usize::from(!$is($value, black_box(number.next().unwrap()))); )*
        }
        lost
    }};
}

/// Lets a greenlet that fills the registers with `scribble`, and nothing else, be switched to and from: by main with
/// `by_main`, which it switches up to; and lets main do it to one that runs `by_body`. Both return how many values they
/// have lost.
fn both_ways(scribble: extern "C" fn(), by_main: fn(&Handle) -> usize, by_body: fn(&crate::common::Me) -> usize) {
    tree(|main| {
        let scribbles = main.spawn(&STACKS, move |me, x| {
            loop {
                scribble();
                me.up(x)?;
            }
        });
        let scribbles = scribbles.unwrap();
        scribbles.switch(0).unwrap();
        assert_eq!(by_main(&scribbles), 0, "values are lost over a switch");

        let holds = main.spawn(&STACKS, move |me, _| {
            assert_eq!(by_body(me), 0, "values are lost over `up`");
            Ok(1)
        });
        let holds = holds.unwrap();
        for _ in 0..3 {
            assert_eq!(holds.switch(0), Ok(0));
            scribble();
        }
        assert_eq!(holds.switch(0), Ok(1));
    });
}

/// Prints that a test has shown nothing, past the capture of the output of tests that pass.
fn not_run(test: &str, lacks: &str) {
    let line = format!("NOT RUN: lanes::{test}: this processor has no {lacks}\n");
    stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn no_lane_of_avx2_is_lost() {
    fn by_main(g: &Handle) -> usize {
        // SAFETY: the test has looked for AVX2.
        unsafe { lost_over(|| assert_eq!(g.switch(0), Ok(0))) }
    }
    fn by_body(me: &crate::common::Me) -> usize {
        // SAFETY: the test has looked for AVX2.
        unsafe { lost_over(|| assert!(me.up(0).is_ok())) }
    }

    #[target_feature(enable = "avx2")]
    fn lost_over(transfer: impl Fn()) -> usize {
        lost!(new, is, transfer(), a b c d e f g h i j k l m n)
    }
    #[target_feature(enable = "avx2")]
    fn new(n: i64) -> __m256i {
        let mut vector = _mm256_setr_epi64x(n, n + 1000, n + 2000, n + 3000);
        // SAFETY: no instruction at all.
        unsafe { asm!("/* {} */", inout(ymm_reg) vector, options(nomem, nostack, preserves_flags)) };
        vector
    }
    #[target_feature(enable = "avx2")]
    fn is(vector: __m256i, n: i64) -> bool {
        _mm256_movemask_epi8(_mm256_cmpeq_epi64(vector, new(n))) == -1
    }

    /// Overwrites ymm0 to ymm15.
    #[unsafe(naked)]
    extern "C" fn scribble() {
        naked_asm!(
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            "vpcmpeqd ymm\\n, ymm\\n, ymm\\n",
            ".endr",
            "ret",
        )
    }

    match is_x86_feature_detected!("avx2") {
        true => both_ways(scribble, by_main, by_body),
        false => not_run("no_lane_of_avx2_is_lost", "AVX2"),
    }
}

#[test]
fn no_lane_of_avx512_is_lost() {
    fn by_main(g: &Handle) -> usize {
        // SAFETY: the test has looked for AVX-512.
        unsafe { lost_over(|| assert_eq!(g.switch(0), Ok(0))) }
    }
    fn by_body(me: &crate::common::Me) -> usize {
        // SAFETY: the test has looked for AVX-512.
        unsafe { lost_over(|| assert!(me.up(0).is_ok())) }
    }

    #[target_feature(enable = "avx512f")]
    fn lost_over(transfer: impl Fn()) -> usize {
        lost!(new, is, transfer(), a b c d e f g h i j k l m n)
    }
    #[target_feature(enable = "avx512f")]
    fn new(n: i64) -> __m512i {
        let mut vector = _mm512_setr_epi64(n, n + 1000, n + 2000, n + 3000, n + 4000, n + 5000, n + 6000, n + 7000);
        // SAFETY: no instruction at all.
        unsafe { asm!("/* {} */", inout(zmm_reg) vector, options(nomem, nostack, preserves_flags)) };
        vector
    }
    #[target_feature(enable = "avx512f")]
    fn is(vector: __m512i, n: i64) -> bool {
        _mm512_cmpeq_epi64_mask(vector, new(n)) == 0xff
    }

    match is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
        true => both_ways(scribble_avx512, by_main, by_body),
        false => not_run("no_lane_of_avx512_is_lost", "AVX-512"),
    }
}

#[test]
fn no_mask_of_avx512_is_lost() {
    fn by_main(g: &Handle) -> usize {
        // SAFETY: the test has looked for AVX-512.
        unsafe { lost_over(|| assert_eq!(g.switch(0), Ok(0))) }
    }
    fn by_body(me: &crate::common::Me) -> usize {
        // SAFETY: the test has looked for AVX-512.
        unsafe { lost_over(|| assert!(me.up(0).is_ok())) }
    }

    #[target_feature(enable = "avx512f")]
    fn lost_over(transfer: impl Fn()) -> usize {
        lost!(new, is, transfer(), a b c d e)
    }
    /// The compiler keeps a mask as such if vectors are made with it, before the transfer and after it.
    #[target_feature(enable = "avx512f")]
    fn new(n: i64) -> __mmask8 {
        let mut mask = n as __mmask8;
        // SAFETY: no instruction at all.
        unsafe { asm!("/* {} */", inout(kreg) mask, options(nomem, nostack, preserves_flags)) };
        let vector = _mm512_maskz_mov_epi64(mask, bits());
        // SAFETY: no instruction at all.
        unsafe { asm!("/* {} */", in(zmm_reg) vector, options(nomem, nostack, preserves_flags)) };
        mask
    }
    #[target_feature(enable = "avx512f")]
    fn is(mask: __mmask8, n: i64) -> bool {
        _mm512_reduce_add_epi64(_mm512_maskz_mov_epi64(mask, bits())) == n
    }
    #[target_feature(enable = "avx512f")]
    fn bits() -> __m512i {
        _mm512_setr_epi64(1, 2, 4, 8, 16, 32, 64, 128)
    }

    match is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
        true => both_ways(scribble_avx512, by_main, by_body),
        false => not_run("no_mask_of_avx512_is_lost", "AVX-512"),
    }
}

/// Overwrites zmm0 to zmm31 and k0 to k7.
#[unsafe(naked)]
extern "C" fn scribble_avx512() {
    naked_asm!(
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "vpternlogd zmm\\n, zmm\\n, zmm\\n, 0xff",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "kxnorq k\\n, k\\n, k\\n",
        ".endr",
        "ret",
    )
}
