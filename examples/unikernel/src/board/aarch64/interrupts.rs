//! The vectors and the interrupt controller, with two sources of interrupts: the timer and the network card.
//!
//! aarch64-rt's vectors save x0 to x18 and x30, and no floating point register. So the server is built for the target
//! `aarch64-unknown-none-softfloat`, whose code has none.

use crate::board::{CLOCK, contain};
use aarch64_cpu::registers::{CNTV_CTL_EL0, ESR_EL1, FAR_EL1, Readable, SP_EL0, Writeable};
use aarch64_rt::{ExceptionHandlers, RegisterStateRef, Stack, exception_handlers};
use arm_gic::gicv3::registers::{Gicd, GicrSgi};
use arm_gic::gicv3::{GicCpuInterface, GicV3, Group, InterruptGroup};
use arm_gic::{IntId, Trigger, UniqueMmioPointer};
use core::ptr::NonNull;
use spin::{Mutex, Once};

#[cfg(target_feature = "neon")]
compile_error!("aarch64-rt's vectors save no floating point register: build for aarch64-unknown-none-softfloat");

const DISTRIBUTOR: NonNull<Gicd> = NonNull::new(0x800_0000 as *mut Gicd).expect("not null");
const REDISTRIBUTOR: NonNull<GicrSgi> = NonNull::new(0x80a_0000 as *mut GicrSgi).expect("not null");
/// The virtual timer.
const TIMER: IntId = IntId::ppi(11);

static GIC: Mutex<Option<GicV3<'static>>> = Mutex::new(None);
static CARD: Once<(IntId, fn())> = Once::new();

/// Enables the timer's interrupt, and unmasks interrupts.
pub(super) fn init() {
    // SAFETY: the distributor is there, mapped as a device, and nothing else refers to it.
    let distributor = unsafe { UniqueMmioPointer::new(DISTRIBUTOR) };
    // SAFETY: the redistributor of the only core is there, mapped as a device, and nothing else refers to it.
    let mut gic = unsafe { GicV3::new(distributor, REDISTRIBUTOR, 1, false) };
    gic.setup(0);
    GicCpuInterface::set_priority_mask(0xff);
    enable(&mut gic, TIMER, Trigger::Level);
    *GIC.lock() = Some(gic);
    arm_gic::irq_enable();
}

/// Calls `handler` in the interrupt of the card.
pub(in crate::board) fn listen(interrupt: u32, handler: fn()) {
    let number = IntId::spi(interrupt);
    CARD.call_once(|| (number, handler));
    enable(GIC.lock().as_mut().expect("`init` has been called"), number, Trigger::Edge);
}

fn enable(gic: &mut GicV3<'_>, number: IntId, trigger: Trigger) {
    let core = number.is_private().then_some(0);
    let missing = "the controller has this interrupt";
    gic.set_interrupt_priority(number, core, 0x80).expect(missing);
    gic.set_group(number, core, Group::Group1NS).expect(missing);
    gic.set_trigger(number, core, trigger).expect(missing);
    gic.enable_interrupt(number, core, true).expect(missing);
}

/// Where the core goes on after a stack overflow.
#[unsafe(link_section = ".stack.landing")]
static mut LANDING: Stack<2> = Stack::new();

struct Handlers;
exception_handlers!(Handlers);

impl ExceptionHandlers for Handlers {
    extern "C" fn irq_current(_registers: RegisterStateRef<'_>) {
        CLOCK.wakes();
        let Some(number) = GicCpuInterface::get_and_acknowledge_interrupt(InterruptGroup::Group1) else { return };
        if number == TIMER {
            CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::CLEAR); // it has ended the sleep, and the hub looks at the clock
        } else if let Some(&(card, handler)) = CARD.get()
            && number == card
        {
            handler();
        }
        GicCpuInterface::end_interrupt(number, InterruptGroup::Group1);
    }

    extern "C" fn sync_current(mut registers: RegisterStateRef<'_>) {
        let (syndrome, address, sp) = (ESR_EL1.get(), FAR_EL1.get(), SP_EL0.get());
        let is_data_abort = ESR_EL1.matches_all(ESR_EL1::EC::DataAbortCurrentEL);
        if is_data_abort && contain::has_overflowed(address as usize, sp as usize) {
            SP_EL0.set((&raw const LANDING).wrapping_add(1).addr() as u64);
            // SAFETY: what was interrupted is not resumed: a function that does not return begins, on a stack for it
            // alone.
            unsafe { registers.get_mut() }.elr = (contain::land as *const ()).addr();
            return;
        }
        panic!("exception {syndrome:#x} at {:#x}, address {address:#x}, sp {sp:#x}", registers.elr);
    }
}
