//! The contract between the kernel and an instruction set. It is documented here alone; implementations comment on
//! their own registers only.
//!
//! There are two traits because a trait is implemented in one block of one file. [`Isa`] is assembly that moves
//! control; an instruction set must implement all of it except the wide forms and the tested switches. [`Cpu`] is
//! queries about the processor; nearly all of them have defaults.

use super::{BAND_WORDS, Bounds, Context, Diverging, Landing, Word, Words};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Moves control from one stack to another.
///
/// Two functions save the running context and return later; two end it. One of each pair sends a word, the other a
/// packet.
///
/// | | word | packet |
/// |---|---|---|
/// | saves and returns | [`switch`](Self::switch) | [`switch_with_packet`](Self::switch_with_packet) |
/// | never returns | [`finish_with_word`](Self::finish_with_word) | [`finish_with_packet`](Self::finish_with_packet) |
///
/// An instruction set may also have [`tested_switch`](Self::tested_switch): [`switch`](Self::switch), after the tests
/// of the fast path.
///
/// Three of them have a *wide* form, which passes [`Words`] in registers. The defaults of these forms send the address
/// of the words, for an instruction set that has no registers to spare. A context that a wide form has saved, or a
/// fresh one with the [wide trampoline](Self::wide_trampoline), is resumed only by wide forms or with packets.
///
/// The stack pointer is on one of the two stacks before and after each instruction, and nothing is kept below it. So an
/// interrupt may be taken at any instruction.
pub(crate) trait Isa {
    /// Saves the running context in `from` and resumes `to` with a word.
    ///
    /// In `to`, the call that saved it returns the word; a [fresh](Context::fresh) `to` starts, with the word as
    /// argument. This call returns what arrives when a context resumes `from`. Until then [`Context::is_marked`] of
    /// `from` is `MARKED`.
    ///
    /// # Safety
    ///
    /// - `from` is the running context. Nothing else saves into it before one of these functions resumes it.
    /// - `to` is fresh, or was saved by `switch` or [`switch_with_packet`](Self::switch_with_packet) and not resumed
    ///   since. Its stack is untouched and belongs to this core. `to` may be `from`: then this call returns at once.
    /// - Sender and receiver agree on the meaning of `word`.
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing;

    /// Whether [`tested_switch`](Self::tested_switch) is implemented. If not, the kernel tests, and calls
    /// [`switch`](Self::switch).
    const TESTS: bool = false;

    /// How many bytes above a frame record its frame pointer points: 0, unless the ABI has it point to the end of the
    /// record.
    const FRAME_ABOVE: usize = 0;

    /// [`switch`](Self::switch), if all tests of the fast path pass. Then `to` is stored as the current context, before
    /// the switch. If a test fails, returns at once, with a null target, `to` tagged with
    /// [`NOT_LEFT`](super::context::NOT_LEFT) for the packet, and `word`. In that case no memory has changed, except
    /// the contents of `from`, and these only if the flags of `to` were 0.
    ///
    /// The tests are those of [`Cpu`]: [`interrupts`](Cpu::interrupts) equals the word at [`Places::SLOW`], and
    /// [`stack_ok`](Cpu::stack_ok) of `from`; and the word at [`Places::FLAGS`] of `to` is 0. Tests and switch are one
    /// sequence of instructions, so that the instructions of the switch can execute while a test waits for a load.
    ///
    /// # Safety
    ///
    /// As for [`switch`](Self::switch), if the word at [`Places::FLAGS`] of `to` is 0; and `from` has [`Bounds`] then,
    /// with the canary band that these name. In any case `core` and `to` have the fields that [`Places`] describes, as
    /// long as this runs.
    unsafe fn tested_switch<const MARKED: bool, P: Places>(
        _core: *const (),
        _from: *const Context,
        _to: *const Context,
        _word: Word,
    ) -> Landing {
        unreachable!("called only if `TESTS` is true")
    }

    /// [`tested_switch`](Self::tested_switch) with [`Words`].
    ///
    /// # Safety
    ///
    /// As for [`tested_switch`](Self::tested_switch).
    unsafe fn wide_tested_switch<const MARKED: bool, P: Places>(
        _core: *const (),
        _from: *const Context,
        _to: *const Context,
        _words: Words,
    ) -> Landing<Words> {
        unreachable!("called only if `TESTS` is true")
    }

    /// [`switch`](Self::switch) with a packet, unmarked.
    ///
    /// # Safety
    ///
    /// As for [`switch`](Self::switch), with `packet` for `word`.
    unsafe fn switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing;

    /// Resumes `to` with a word and ends the running context.
    ///
    /// # Safety
    ///
    /// As for [`switch`](Self::switch), without `from`. The running context is never resumed. The receiver may release
    /// the caller's stack as soon as it has read what `word` stands for.
    unsafe fn finish_with_word(to: *const Context, word: Word) -> !;

    /// [`finish_with_word`](Self::finish_with_word) with a packet.
    ///
    /// # Safety
    ///
    /// As for [`finish_with_word`](Self::finish_with_word), with `packet` for `word`.
    unsafe fn finish_with_packet(to: *const Context, packet: *const ()) -> !;

    /// [`switch`](Self::switch) with [`Words`]. A fresh `to` starts with their address as argument.
    ///
    /// # Safety
    ///
    /// As for [`switch`](Self::switch).
    #[inline(always)]
    unsafe fn wide_switch<const MARKED: bool>(
        from: *const Context,
        to: *const Context,
        words: Words,
    ) -> Landing<Words> {
        // SAFETY: the caller's contract. The words stay in this frame until this is resumed; the receiver reads them
        // at once.
        let landing = unsafe { Self::switch::<MARKED>(from, to, address_of(&words)) };
        // SAFETY: by the contract a wide form sent it, just now.
        unsafe { read_words(landing) }
    }

    /// [`switch_with_packet`](Self::switch_with_packet), resumed by a wide form.
    ///
    /// # Safety
    ///
    /// As for [`switch_with_packet`](Self::switch_with_packet).
    #[inline(always)]
    unsafe fn wide_switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing<Words> {
        // SAFETY: the caller's contract.
        let landing = unsafe { Self::switch_with_packet(from, to, packet) };
        // SAFETY: by the contract a wide form sent it, just now.
        unsafe { read_words(landing) }
    }

    /// [`finish_with_word`](Self::finish_with_word) with [`Words`].
    ///
    /// # Safety
    ///
    /// As for [`finish_with_word`](Self::finish_with_word).
    #[inline(always)]
    unsafe fn finish_with_words(to: *const Context, words: Words) -> ! {
        // SAFETY: the caller's contract: the stack is not released before the receiver has read the words.
        unsafe { Self::finish_with_word(to, address_of(&words)) }
    }

    /// Calls `function` on another stack, whose base is `sp`, with `argument` and the stack pointer of the caller.
    ///
    /// A walk along the frames of `function` ends at that base.
    ///
    /// # Safety
    ///
    /// - The memory below `sp` is a stack that nothing uses, except that a context which waits above may have data in
    ///   the red zone of the ABI. `sp` is aligned as the ABI demands it at a call.
    /// - Caller and `function` agree on the meaning of `argument`. Nothing accesses the caller's frame afterwards,
    ///   unless through `argument`.
    unsafe fn call_on(sp: *mut u8, function: Diverging, argument: *const ()) -> !;

    /// The resume address of a fresh context: code that calls the [`Entry`](super::context::Entry) in [`Context`]'s
    /// `reserved`.
    ///
    /// Its frame pointer stays on the zero [`FrameRecord`](super::FrameRecord), where a walk along frame pointers ends.
    /// Its call frame information names the context behind [`Context::link`] as the caller, so that a debugger
    /// continues there. Where an ABI gives a callee memory above its stack pointer, the trampoline makes room for
    /// that.
    fn trampoline() -> *const ();

    /// The resume address of a fresh context that will receive [`Words`]. The code there stores them on the new stack,
    /// and continues as the [`trampoline`](Self::trampoline), with their address as the word. If a packet arrives, it
    /// stores the registers of the words all the same, whatever is in them.
    #[inline(always)]
    fn wide_trampoline() -> *const () {
        Self::trampoline()
    }

    /// Whether the switch with the resume address `pc` is a marked one. False for the
    /// [`wide_trampoline`](Self::wide_trampoline), unless that is the [`trampoline`](Self::trampoline) itself.
    ///
    /// # Safety
    ///
    /// A switch saved `pc`, or it is the wide trampoline.
    unsafe fn is_mark(pc: *const ()) -> bool;
}

/// Where a [tested switch](Isa::tested_switch) finds what it tests and changes: byte offsets.
#[allow(dead_code, reason = "only where an instruction set has a tested switch")]
pub(crate) trait Places {
    /// In the record of a core: the pointer to the context that runs.
    const CURRENT: usize;
    /// In the record of a core: an `AtomicU32`.
    const SLOW: usize;
    /// From a context: a `u32`.
    const FLAGS: usize;
    /// From a context: its [`Bounds`].
    const BOUNDS: usize;
}

/// The word that the default of a wide form sends.
fn address_of(words: &Words) -> Word {
    MaybeUninit::new(ptr::from_ref(words).cast())
}

/// What the default of a wide form received.
///
/// # Safety
///
/// If a word arrived, it is the [address](address_of) of the sent words, which have not changed.
unsafe fn read_words(landing: Landing) -> Landing<Words> {
    let mut words = Words([MaybeUninit::uninit(); 8]);
    if let Ok(address) = landing.received() {
        // SAFETY: by the contract it is an address.
        let address = unsafe { address.assume_init() };
        // SAFETY: by the contract, of words.
        words = unsafe { address.cast::<Words>().read() };
    }
    Landing::new(words, landing.target, landing.packet)
}

/// The bits that [`Cpu::interrupts`] may use; the kernel keeps flags of its own in the others. An instruction set whose
/// mask bits lie elsewhere shifts them.
pub(crate) const INTERRUPT_BITS: u32 = 0x3fff_ffc0;

/// Floating-point control words, in the layout of the instruction set.
pub(crate) type Control = u64;

/// Queries of the processor and the running stack.
///
/// The defaults serve hosted programs on any instruction set: there the operating system owns interrupts and debug
/// registers.
#[allow(dead_code, reason = "which of these are called depends on features, and on bare metal or hosted")]
pub(crate) trait Cpu {
    /// The stack pointer of the caller.
    fn stack_pointer() -> *mut u8;

    /// The address of the first word in `start..end` that is not `word`, or else `end`.
    ///
    /// In assembly: the memory may hold frames of running code, which Rust code may not read as integers.
    ///
    /// # Safety
    ///
    /// Both addresses are aligned for a word, and all memory from `start` to `end` is readable.
    unsafe fn first_mismatch(word: usize, start: *const usize, end: *const usize) -> *const usize;

    /// Which word of the canary band [`stack_ok`](Self::stack_ok) reads besides the highest. The words are counted from
    /// the top of the band; the highest is word 1. The default is the lowest, because an overflow that leaves one end
    /// of the band unwritten often writes the other.
    const LOWER_CANARY: usize = BAND_WORDS;

    /// Whether the wrapping sum of the stack pointer and two words of the canary band is `reach` or more, unsigned. The
    /// words are the highest one and the [lower](Self::LOWER_CANARY) one. The [`Bounds`] are `OFFSET` bytes above the
    /// context `base`.
    ///
    /// # Safety
    ///
    /// The bounds are there. `reach` is 0, or the limit of the same stack less `base`, wrapped. The band can be read.
    #[inline(always)]
    unsafe fn stack_ok<const OFFSET: usize>(base: *const Context) -> bool {
        let sp = Self::stack_pointer().addr();
        // SAFETY: by the contract.
        let bounds = unsafe { &*base.wrapping_byte_add(OFFSET).cast::<Bounds>() };
        let floor = bounds.floor.get();
        // SAFETY: by the contract.
        let lower = unsafe { &*floor.wrapping_sub(Self::LOWER_CANARY) };
        // SAFETY: by the contract.
        let highest = unsafe { &*floor.wrapping_sub(1) };
        sp.wrapping_add(lower.get()).wrapping_add(highest.get()) >= bounds.reach.get()
    }

    /// Returns `bits` XOR the `AtomicU32` that is `OFFSET` bytes above `base`, read by a relaxed load.
    ///
    /// # Safety
    ///
    /// The `AtomicU32` is there, as long as this runs.
    #[inline(always)]
    unsafe fn xor_load<const OFFSET: usize>(base: *const (), bits: u32) -> u32 {
        // SAFETY: by the contract.
        let word = unsafe { &*base.wrapping_byte_add(OFFSET).cast::<AtomicU32>() };
        bits ^ word.load(Relaxed)
    }

    /// The interrupt mask of this core as the processor holds it, in bits of [`INTERRUPT_BITS`]. The default is 0, no
    /// interrupts: the operating system's do not concern a greenlet.
    #[inline(always)]
    fn interrupts() -> u32 {
        0
    }

    /// The kinds of interrupts that a mask from [`interrupts`](Self::interrupts) masks: one bit each.
    #[inline(always)]
    fn masked(_interrupts: u32) -> u32 {
        0
    }

    /// Whether interrupts are masked, as they are in an interrupt handler that does not unmask them.
    fn in_handler() -> bool {
        Self::masked(Self::interrupts()) != 0
    }

    /// Deviations from the processor state in which a greenlet can be abandoned, a bit for each. `Tree::abandon` is
    /// refused if a bit is set that was clear at `enter`.
    fn state() -> u32 {
        0
    }

    /// Whether the processor pushes an interrupt's frame onto the stack of the running code.
    fn interrupts_use_current_stack() -> bool {
        false
    }

    /// Moves the watchpoint to the memory right below `end`, which is 64-byte aligned. The watchpoint traps stores once
    /// [`start_watching`](Self::start_watching) was called.
    #[inline(always)]
    fn watch(_end: *const ()) {}

    /// Enables the watchpoint on this core.
    ///
    /// # Safety
    ///
    /// The code is privileged to write debug registers, no other code uses them, and a handler for their exception is
    /// installed.
    unsafe fn start_watching() {}

    /// The limit of the stack that runs, of the register that a switch sets with the feature `stack-limit`; 0 for none.
    ///
    /// # Panics
    ///
    /// If that register is not the one for the running stack.
    fn stack_limit() -> usize {
        0
    }

    /// The current floating-point control words. With the feature `fp-control` a fresh context gets them. The default
    /// is for processors without such words: where there are some, the switch must save and load them under that
    /// feature.
    fn control() -> Control {
        0
    }
}
