//! The local APIC and the I/O APIC, with two sources of interrupts: the timer and the network card.

use crate::board::CLOCK;
use core::cell::UnsafeCell;
use spin::{Mutex, Once};
use x2apic::ioapic::{IoApic, IrqFlags};
use x2apic::lapic::{LocalApic, LocalApicBuilder, TimerDivide, TimerMode, xapic_base};
use x86_64::instructions::interrupts::without_interrupts;
use x86_64::instructions::port::Port;

pub(super) const TIMER: u8 = 32;
pub(super) const CARD: u8 = 33;
pub(super) const ERROR: u8 = 34;
/// The low bits are ones, as old processors require.
pub(super) const SPURIOUS: u8 = 47;

/// Where the I/O APIC of microvm is.
const IO_APIC: u64 = 0xfec0_0000;

/// `LocalApic` is neither `Send` nor `Sync`.
struct ThisCore(UnsafeCell<Option<LocalApic>>);
// SAFETY: there is one core.
unsafe impl Sync for ThisCore {}

static APIC: ThisCore = ThisCore(UnsafeCell::new(None));
static IO: Mutex<Option<IoApic>> = Mutex::new(None);
static ON_CARD: Once<fn()> = Once::new();

/// Calls `f` with the local APIC, with interrupts masked.
fn with_apic<R>(f: impl FnOnce(&mut LocalApic) -> R) -> R {
    without_interrupts(|| {
        // SAFETY: one core, whose interrupts are masked, and no `f` comes back here: this is the only reference.
        let apic = unsafe { &mut *APIC.0.get() };
        f(apic.as_mut().expect("`init` has been called"))
    })
}

/// Enables the local APIC, with its timer stopped. Called once, with interrupts masked.
pub(super) fn init() {
    for command in [0x21, 0xa1] {
        // SAFETY: masks all inputs of an old interrupt controller, which microvm may have.
        unsafe { Port::<u8>::new(command).write(0xff) };
    }
    // SAFETY: every x86_64 has the register.
    let base = unsafe { xapic_base() };
    let mut apic = LocalApicBuilder::new()
        .timer_vector(TIMER.into())
        .error_vector(ERROR.into())
        .spurious_vector(SPURIOUS.into())
        .timer_mode(TimerMode::OneShot)
        .timer_divide(TimerDivide::Div16)
        .timer_initial(0)
        .set_xapic_base(base)
        .build()
        .expect("all vectors are set");
    // SAFETY: the vectors have handlers.
    unsafe { apic.enable() };
    // `enable` unmasks the timer before it enables the APIC, and a disabled one ignores that. Firmware has enabled it
    // on a PC, and QEMU's own does not mind; under KVM the timer would never interrupt. SAFETY: the timer's vector has
    // a handler.
    unsafe { apic.enable_timer() };
    // SAFETY: the first access, with interrupts masked.
    unsafe { *APIC.0.get() = Some(apic) };
    // SAFETY: the I/O APIC is there, and mapped.
    *IO.lock() = Some(unsafe { IoApic::new(IO_APIC) });
}

/// Interrupts after so many units of the timer, once; never for 0.
pub(super) fn set_timer(units: u32) {
    // SAFETY: the timer's vector has a handler.
    with_apic(|apic| unsafe { apic.set_timer_initial(units) });
}

/// Returns the units that are left until the timer interrupts.
pub(super) fn timer_left() -> u32 {
    // SAFETY: reads a register.
    with_apic(|apic| unsafe { apic.timer_current() })
}

/// Calls `handler` in the interrupt of the card, which is an input of the I/O APIC.
pub(in crate::board) fn listen(interrupt: u32, handler: fn()) {
    ON_CARD.call_once(|| handler);
    let input = u8::try_from(interrupt).expect("an I/O APIC has fewer inputs");
    let mut io = IO.lock();
    let io = io.as_mut().expect("`init` has been called");
    // SAFETY: the I/O APIC has this input.
    let mut entry = unsafe { io.table_entry(input) };
    entry.set_vector(CARD);
    entry.set_dest(0);
    entry.set_flags(IrqFlags::empty()); // edges
    // SAFETY: the vector has a handler, and the core is number 0.
    unsafe { io.set_table_entry(input, entry) };
    // SAFETY: the same.
    unsafe { io.enable_irq(input) };
}

/// Called by the vectors. The timer has ended the sleep, and the hub looks at the clock.
pub(super) extern "C" fn handle(number: u8) {
    CLOCK.wakes();
    match number {
        TIMER => {}
        CARD => ON_CARD.get().into_iter().for_each(|handler| handler()),
        _ => panic!("the local APIC reports an error"),
    }
    // SAFETY: an interrupt that is not spurious is being handled.
    with_apic(|apic| unsafe { apic.end_of_interrupt() });
}
