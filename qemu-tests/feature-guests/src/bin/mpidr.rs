#![no_std]
#![no_main]
//! The ready-made core identity by aarch64's MPIDR; x86_64 has no such register, and there shows `SingleCore` once
//! more.

use board::check;
#[cfg(target_arch = "aarch64")]
use greenlet::Mpidr as ReadyMade;
#[cfg(target_arch = "x86_64")]
use greenlet::SingleCore as ReadyMade;

board::guest!(main);
greenlet::core_identity!(unsafe ReadyMade);

fn main() {
    check!(ReadyMade::number() == 0, "the core that boots is number {}", ReadyMade::number());
    check!(ReadyMade::in_handler(), "interrupts are masked when a guest begins");
    feature_guests::masked::show();
}
