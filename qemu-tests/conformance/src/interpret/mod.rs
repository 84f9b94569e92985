//! Runs a scenario on the kernel and writes its log.
//!
//! Each slot's greenlet runs `script`, a loop over the ops of that slot. What an op does stands
//! in `transfer` (ops that move control), `plain` (ops that do not), `trace` and `context`. All
//! that they share is the `machine`: one static, because a body must be
//! `'static` and there is no heap.
//!
//! Two rules keep the log a statement about the kernel and not about this program:
//!
//! - The interpreter holds no reference to a greenlet that the format does not grant it: the
//!   slots, the greenlets that an op names while that op lasts, and nothing else. Labels are
//!   found by id.
//! - Whatever the format cannot express is printed as `* UNEXPECTED ...`, never skipped.

mod audit;
mod cell;
mod context;
mod counted;
mod log;
mod machine;
mod pin;
mod plain;
mod trace;
mod transfer;
mod value;

use core::ops::ControlFlow;

use greenlet::{EnterError, Me, Outcome, Thrown};

pub use self::audit::audit;
pub(crate) use self::log::write;

use self::audit::books::Books;
use self::log::{Here, label, state};
use self::machine::{BODIES, MACHINE, TREE};
use self::value::{Code, Handle, Value};
use crate::op::Op;
use crate::scenario::Scenario;

/// Where a log goes: called with one piece of text after the other.
///
/// A plain function and not a borrowed writer, because it is called from inside greenlets, whose
/// bodies borrow nothing. It runs on their stacks and must not switch.
pub type Sink = fn(&str);

/// Runs one scenario in a fresh tree and writes its log, from `scenario NAME` to `done`.
///
/// One scenario at a time: while one runs, on whichever thread, another one's log says
/// `* UNEXPECTED`, because its tree cannot be entered.
pub fn interpret(scenario: &Scenario, sink: Sink) {
    sink("scenario ");
    sink(scenario.name());
    sink("\n");
    if let Err(reason) = enter(scenario, Some(sink), Books::closed()) {
        log::write(sink, format_args!("* UNEXPECTED refusal: {reason}"));
    }
    sink("done\n");
}

/// Runs one scenario in a fresh tree, and returns the books that were kept.
fn enter(scenario: &Scenario, sink: Option<Sink>, books: Books) -> Result<Books, EnterError> {
    let entered = TREE.enter(|main| {
        MACHINE.with(main, |machine| machine.load(scenario, sink, books));
        machine::created(main, 0, Handle::clone(main));
        // What leaves main's script is in the log already.
        let _ = script(main, None, 0);
        final_lines(main);
        MACHINE.with(main, |machine| machine.ended = true);
        Handle::clone(main)
        // Here the tree ends: what is still alive gets its exit and returns without a word.
    });
    let main = entered.map_err(|refused| refused.reason)?;
    machine::unload(&main);
    Ok(MACHINE.with(&main, |machine| machine.books.clone()))
}

/// The body of a slot's greenlet. It captures the slot number, and something that is counted while the body exists.
fn body(slot: u8) -> impl FnOnce(&Me<Value, Code>, Value) -> Outcome<Value, Code> {
    let alive = BODIES.one();
    move |me, first| {
        let _alive = alive;
        log::line(me, format_args!("{slot} - start {}", first.as_start()));
        script(me, Some(me), slot)
    }
}

/// Runs the script of a slot, in that slot's greenlet; `me` is the same one, but for main.
fn script(greenlet: &Handle, me: Option<&Me<Value, Code>>, slot: u8) -> Outcome<Value, Code> {
    audit::look(greenlet, slot, None);
    for at in 0.. {
        let (op, ended) = MACHINE.with(greenlet, |machine| (machine.op(slot, at), machine.ended));
        // The scenario is over and the tree is ending: no op may run any more.
        if ended {
            break;
        }
        let here = Here { greenlet, me, slot, at };
        let Some(op) = op else {
            here.log(format_args!("end"));
            break;
        };
        let flow = run(here, op);
        audit::look(greenlet, slot, Some((at, op)));
        if let Flow::Break(outcome) = flow {
            return outcome;
        }
    }
    Ok(Value::None)
}

/// What follows an op: the next one, or the end of the script.
type Flow = ControlFlow<Outcome<Value, Code>>;

/// Runs one op.
fn run(here: Here<'_>, op: Op) -> Flow {
    match op {
        Op::Return { value } => {
            let value = Value::from(value);
            here.log(format_args!("ret {value}"));
            return Flow::Break(Ok(value));
        }
        Op::Raise { code } => return Flow::Break(Err(here.dies(Thrown::Error(Code(code))))),
        Op::Exit { payload } => return Flow::Break(Err(here.dies(Thrown::Exit(Value::Exit(payload))))),
        Op::Switch { target, value, catch } => return transfer::switch(here, target, value, catch),
        Op::Up { value, catch } => return transfer::up(here, value, catch),
        Op::Throw { target, code, catch } => return transfer::throw(here, target, code, catch),
        Op::Kill { target, payload, catch } => return transfer::kill(here, target, payload, catch),
        Op::New { slot, parent } => plain::create(here, slot, parent, true),
        Op::Bare { slot, parent } => plain::create(here, slot, parent, false),
        Op::Run { slot } => plain::run(here, slot),
        Op::Parent { slot, parent } => plain::parent(here, slot, parent),
        Op::State { slot } => plain::state(here, slot),
        Op::Current => plain::current(here),
        Op::Drop { slot } => plain::clear(here, slot),
        Op::Hold => plain::hold(here),
        Op::Trace { on } => trace::set(here, on),
        Op::Boom { code } => trace::boom(here, code),
        Op::TraceQuery => trace::query(here),
        Op::ContextSet { value } => context::set(here, value),
        Op::ContextGet => context::get(here),
        Op::Context { slot, sharing } => context::give(here, slot, sharing),
    }
    Flow::Continue(())
}

/// Writes the `* final` lines: what became of each slot's greenlet.
fn final_lines(main: &Handle) {
    let slots = MACHINE.with(main, |machine| machine.slots());
    for slot in 0..slots {
        if !machine::used(main, slot) {
            log::line(main, format_args!("* final {slot} unused"));
        } else if let Some(held) = machine::handle(main, slot) {
            let parent = label(main, held.parent());
            log::line(main, format_args!("* final {slot} {} {parent}", state(&held)));
        } else if let Some(lost) = machine::lost(main, slot) {
            log::line(main, format_args!("* final {slot} lost {}", state(&lost)));
        } else {
            log::line(main, format_args!("* final {slot} freed"));
        }
    }
}
