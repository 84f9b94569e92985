//! A report of all greenlets, for panic and fault handlers: as text, with little stack.

use crate::api::digits::{decimal, hexadecimal};
use crate::api::handle::State;
use crate::arch::{Cpu, Native};
use crate::records::band::{CHECKED, is_whole};
use crate::records::block::BlockPtr;
use crate::records::core_state::reported_core;

/// Lines that [`report_all`] writes at most: a ring of greenlets that was overwritten may have no end.
const LINES: u32 = 1000;

/// Writes a line for each greenlet of the entered tree, in the order of creation; for a panic or fault handler.
///
/// A line has the name, the id and the state; of a suspended greenlet the address at which it resumes, which tools
/// such as `addr2line` turn into function and line; the bytes of the stack in use and of all; and `overflown` if the
/// canary band is not intact. The bytes in use of the running greenlet are `-` if the caller runs on another stack.
/// `write` is called with one piece of text after the other. After 1,000 lines the report ends.
///
/// A handler may interrupt this crate's code in the middle of a change. A greenlet that is being created is then not
/// listed yet, or is `unstarted`, perhaps without its name. A greenlet that is leaving may be listed as it was when it
/// left the last time.
///
/// Outside of [`Tree::enter`](crate::Tree::enter) it writes nothing. Takes no lock, does not allocate, and formats
/// without `core::fmt`: with optimization it takes less than 256 bytes of stack besides what `write` takes.
///
/// # Safety
///
/// As for [`stack_of`](crate::stack_of): if a tree is entered, the caller runs on the core that entered it, in its code
/// or in a handler that interrupts it. If the handler may have interrupted code of this crate, the caller must not
/// resume any greenlet of the tree afterwards. `write` calls no function of this crate that takes a handle.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.build(&STACKS).name("parser").spawn(|me, x| me.up(x)).unwrap();
/// g.switch(1).unwrap();
/// let mut text = String::new();
/// // SAFETY: this program has one thread, and this is the tree's own code.
/// unsafe { greenlet::report_all(&mut |piece| text.push_str(piece)) };
/// // main greenlet: running
/// // greenlet 1 "parser": suspended at 0x55555558c4fa, stack 1376/16384
/// assert!(text.starts_with("main greenlet: running\ngreenlet "));
/// assert!(text.contains(" \"parser\": suspended at 0x") && text.ends_with("/16384\n"));
/// # }).unwrap();
/// ```
pub unsafe fn report_all(write: &mut dyn FnMut(&str)) {
    let Some(core) = reported_core() else { return };
    if core.current_ptr().is_null() {
        return;
    }
    // SAFETY: a tree is entered here, and the caller is on its core.
    let main = unsafe { core.main() };
    let mut at = main;
    for _ in 0..LINES {
        report_one(at, write);
        at = at.successor();
        if at == main {
            return;
        }
    }
    write("...\n");
}

/// The state, also of a greenlet that is being created, to which a handler comes before its body does. It has no flag.
fn state(block: BlockPtr) -> State {
    match State::of(block) {
        State::Suspended if block.context.is_unused() => State::Unstarted,
        state => state,
    }
}

/// Writes the line of one greenlet.
fn report_one(block: BlockPtr, write: &mut dyn FnMut(&str)) {
    let state = state(block);
    if block.is_main() {
        write("main greenlet");
    } else {
        write("greenlet ");
        decimal(block.id(), write);
        if let Some(name) = block.name.get() {
            write(" \"");
            write(name);
            write("\"");
        }
    }
    write(": ");
    write(state.word());
    if state == State::Suspended {
        write(" at 0x");
        hexadecimal(block.context.pc().addr() as u64, write);
    }
    if !block.is_main() && state != State::Dead {
        let sp = if state == State::Running { Native::stack_pointer().addr() } else { block.saved_sp() };
        write(", stack ");
        if (block.limit()..=block.base()).contains(&sp) {
            decimal((block.base() - sp) as u64, write);
        } else {
            write("-");
        }
        write("/");
        decimal(block.stack_size() as u64, write);
        if CHECKED && !is_whole(block) {
            write(", overflown");
        }
    }
    write("\n");
}
