//@ stack: 32768
//@ timeout: 300
#![no_std]
#![no_main]
//! An interrupt comes at the limit of a stack: with a stack of its own it is handled; without one it is handled, or no
//! greenlet is abandoned.

use board::faults::{self, Access, Land};
use board::{check, interrupts, println};
use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use feature_guests::anew;
use greenlet::{AbandonError, GuardedStackPool, Overflow, Refused, Tree};
use spin::Mutex;

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

type Me = greenlet::Me<u32, &'static str>;

static STACKS: GuardedStackPool<1, 32768> = GuardedStackPool::new();
static TREE: Tree<u32> = Tree::new().on_overflow(|_| end(LATE));
static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None);
static HANDLED: AtomicU32 = AtomicU32::new(0);

/// How many bytes are left at most: more than a handler takes.
const MOST: usize = 24 << 10;
const STEP: usize = 16;
/// How often in a row it goes well until that is enough.
const ENOUGH: usize = 20;

// Which of the words that are not put back is what.
const SHARED: usize = 0;
const LEFT: usize = 1;
const IN_A_ROW: usize = 2;
/// How many were handled, on a stack of their own and on the greenlet's; given up; refused, for one reason and the
/// other; noticed as the greenlet left, for the handler had overwritten the canaries.
const OWN_HANDLED: usize = 3;
const HANDLED_HERE: usize = 4;
const GIVEN_UP: usize = 5;
const MASKED: usize = 6;
const PUSHED: usize = 7;
const LATE: usize = 8;
const BROKEN: usize = 9;

/// On whose stacks interrupts come, one after the other: on their own, and on the greenlet's. On aarch64 the board has
/// its handler fault on that, and cannot report it there: it ends.
const KINDS: usize = if cfg!(target_arch = "x86_64") { 2 } else { 1 };

fn word(at: usize) -> usize {
    anew::words()[at].load(Relaxed)
}

fn set_word(at: usize, value: usize) {
    anew::words()[at].store(value, Relaxed);
}

fn main() {
    let guard = STACKS.guards().next().expect("there is a stack");
    board::unmap(guard.clone());
    faults::on(stopped);
    interrupts::on(|| _ = HANDLED.fetch_add(1, Relaxed));
    anew::remember(guard);
    next()
}

fn stopped(access: &Access) -> Option<Land> {
    // SAFETY: this is the core of the tree.
    *OVERFLOW.lock() = Some(unsafe { Overflow::at(access.address, access.sp) }?);
    Some(land)
}

fn land() -> ! {
    let overflow = OVERFLOW.lock().take().expect("the handler has left it");
    // SAFETY: a guard page has stopped it; it shares nothing. This stack is for nothing else.
    let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    end(match reason {
        // As the board has noted, in the second case.
        AbandonError::Masked | AbandonError::NotEntered => MASKED,
        AbandonError::Interrupt => PUSHED,
        other => {
            println!("BROKEN: {other:?} with {} bytes left", word(LEFT));
            BROKEN
        }
    })
}

fn end(how: usize) -> ! {
    interrupts::disable();
    done_with_interrupt();
    set_word(how, word(how) + 1);
    let went_well = how == OWN_HANDLED || how == HANDLED_HERE;
    set_word(LEFT, word(LEFT) + STEP);
    set_word(IN_A_ROW, if went_well { word(IN_A_ROW) + 1 } else { 0 });
    if word(IN_A_ROW) == ENOUGH || word(LEFT) > MOST {
        set_word(SHARED, word(SHARED) + 1);
        set_word(LEFT, 0);
        set_word(IN_A_ROW, 0);
    }
    // SAFETY: one core; the interrupt is over for its controller.
    unsafe { anew::begin(next) }
}

/// Signals the end of the last interrupt, which was not handled, to the interrupt controller.
fn done_with_interrupt() {
    // SAFETY: writes the register of the local APIC that is for this; if there is none to end, nothing happens.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::ptr::with_exposed_provenance_mut::<u32>(0xfee0_00b0).write_volatile(0);
    }
}

extern "C" fn next() -> ! {
    if word(SHARED) < KINDS {
        let shared = word(SHARED) == 1;
        interrupts::on_own_stack(!shared);
        interrupts::enable();
        end(attempt(if shared { HANDLED_HERE } else { OWN_HANDLED }, word(LEFT)));
    }
    println!(
        "# own stack: {} handled; shared: {} handled, {} given up, {} masked, {} pushed, {} late",
        word(OWN_HANDLED),
        word(HANDLED_HERE),
        word(GIVEN_UP),
        word(MASKED),
        word(PUSHED),
        word(LATE)
    );
    println!("  on a stack of its own | handled, with any number of bytes left");
    check!(word(OWN_HANDLED) == ENOUGH && word(BROKEN) == 0 && word(GIVEN_UP) == 0);
    println!("  on the greenlet's     | handled, or none is abandoned");
    check!(KINDS == 1 || word(HANDLED_HERE) >= ENOUGH && word(MASKED) > 0);
    // The processor pushes 40 bytes.
    check!(KINDS == 1 || word(PUSHED) == 3, "{} pushes", word(PUSHED));
    board::finish()
}

fn attempt(well: usize, left: usize) -> usize {
    let entered = TREE.enter(|main| {
        let g = main.spawn(&STACKS, move |me, x| {
            wait_with(me, left);
            Ok(x)
        });
        g.ok().map(|g| g.switch(1))
    });
    match entered.ok().flatten() {
        Some(Ok(1)) => well,
        Some(Err(_)) => GIVEN_UP,
        _ => BROKEN,
    }
}

/// Has an interrupt come with so many bytes of the stack of `me` left.
fn wait_with(me: &Me, left: usize) {
    let sp = (me.stack().map_or(0, |stack| stack.limit) + left) & !15;
    interrupts::disable();
    interrupts::raise();
    let (handled, was) = (HANDLED.as_ptr(), HANDLED.load(Relaxed));
    // SAFETY: unmasks interrupts, which have a handler. Nothing uses the stack but that; the stack pointer is put back.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov r12, rsp", "mov rsp, {sp}", "sti", "2:", "pause", "cmp dword ptr [{handled}], {was:e}", "je 2b", "mov rsp, r12",
             sp = in(reg) sp, handled = in(reg) handled, was = in(reg) was, out("r12") _)
    }
    // SAFETY: the same.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("mov x20, sp", "mov sp, {sp}", "msr daifclr, #2", "2:", "yield", "ldr {now:w}, [{handled}]", "cmp {now:w}, {was:w}", "b.eq 2b",
             "mov sp, x20", sp = in(reg) sp, handled = in(reg) handled, was = in(reg) was, now = out(reg) _, out("x20") _)
    }
}
