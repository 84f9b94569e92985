#![no_std]
#![no_main]
//! The ready-made core identity of firmware with one core, and handlers that run with interrupts masked.

use board::check;
use greenlet::SingleCore;

board::guest!(main);
greenlet::core_identity!(unsafe SingleCore);

fn main() {
    check!(SingleCore::number() == 0);
    check!(SingleCore::in_handler(), "interrupts are masked when a guest begins");
    feature_guests::masked::show();
}
