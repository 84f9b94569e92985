//! Runs a scenario on the scheduler and writes its log.
//!
//! Each slot's tasklet runs `script`, a loop over the ops of that slot. Whatever the format cannot express is printed
//! as `UNEXPECTED`, never skipped.

use super::log::{self, ChannelState, Ring, Shown, State, Token};
use super::machine::{Machine, Me, Raised, STACKS, TASKLETS, Tasklet, channel};
use super::{Line, Op, Scenario, Slot, Value, When};
use crate::Sink;
use crate::interpret::write;
use crate::scenario::Catch;

/// Runs one scenario and writes its log, from `scenario NAME` to `done`.
///
/// One scenario at a time: while one runs, on whichever thread, another one's log says `UNEXPECTED`.
pub fn interpret(scenario: &Scenario, sink: Sink) {
    write(sink, format_args!("scenario {}", scenario.name()));
    let entered = TASKLETS.enter(|main| {
        Machine::load(scenario, sink, main.current());
        // What leaves main's script is in the log already.
        let _ = script(main, 0);
        final_lines(main);
        Machine::unload();
    });
    if let Err(refused) = entered {
        write(sink, format_args!("* UNEXPECTED refusal: {refused}"));
    }
    write(sink, format_args!("done"));
}

/// Runs the script of a slot, in that slot's tasklet.
fn script(me: &Me<'_>, slot: Slot) -> Result<(), Raised> {
    log::line(format_args!("{slot} - start"));
    for at in 0.. {
        // The scenario is over: a script that catches its exit has nothing more to do.
        if Machine::sink().is_none() {
            break;
        }
        let here = Here { me, slot, at };
        let Some(op) = Machine::op(slot, at) else {
            here.log(format_args!("end"));
            break;
        };
        here.run(op)?;
        audit(me);
    }
    Ok(())
}

/// An op in progress.
#[derive(Clone, Copy)]
struct Here<'a> {
    me: &'a Me<'a>,
    slot: Slot,
    at: usize,
}

impl Here<'_> {
    /// Logs the result of the op.
    fn log(self, result: core::fmt::Arguments<'_>) {
        log::line(format_args!("{} {} {result}", self.slot, self.at));
    }

    /// What was raised propagates, or is caught, or was a refusal.
    fn raised(self, raised: Raised, catch: Catch) -> Result<(), Raised> {
        let caught = match raised {
            Raised::Refused(_) => {
                self.log(format_args!("{}", Token(raised)));
                return Ok(());
            }
            Raised::Exit => catch.exits,
            _ => catch.errors,
        };
        if caught {
            self.log(format_args!("caught {}", Token(raised)));
            return Ok(());
        }
        self.log(format_args!("died {}", Token(raised)));
        Err(raised)
    }

    fn got(self, result: Result<Value, Raised>, catch: Catch) -> Result<(), Raised> {
        match result {
            Ok(value) => self.log(format_args!("got {}", Shown(value))),
            Err(raised) => return self.raised(raised, catch),
        }
        Ok(())
    }

    /// An op whose result is one word.
    fn did(self, word: &str, result: Result<(), Raised>, catch: Catch) -> Result<(), Raised> {
        match result {
            Ok(()) => self.log(format_args!("{word}")),
            Err(raised) => return self.raised(raised, catch),
        }
        Ok(())
    }

    /// Hands the tasklet of a slot to `op`, if it was created.
    fn with(self, slot: Slot, op: impl FnOnce(Tasklet) -> Result<(), Raised>) -> Result<(), Raised> {
        match Machine::tasklet(slot) {
            Some(tasklet) => op(tasklet),
            None => {
                self.log(format_args!("err noref"));
                Ok(())
            }
        }
    }

    fn create(self, slot: Slot, ready: bool) {
        if Machine::tasklet(slot).is_some() {
            return self.log(format_args!("err used"));
        }
        let body = move |me: &Me<'_>| script(me, slot);
        let made = if ready { self.me.spawn(&STACKS, body) } else { self.me.make(&STACKS, body) };
        match made {
            Ok(tasklet) => {
                Machine::created(slot, tasklet);
                self.log(format_args!("ok"));
            }
            Err(refused) => self.log(format_args!("UNEXPECTED {refused}")),
        }
    }

    fn each(self, line: Line, catch: Catch) -> Result<(), Raised> {
        for value in channel(line).iter(self.me) {
            match value {
                Ok(value) => self.log(format_args!("item {}", Shown(value))),
                Err(raised) => return self.raised(raised, catch),
            }
        }
        self.log(format_args!("stop"));
        Ok(())
    }

    /// Runs an op.
    fn run(self, op: Op) -> Result<(), Raised> {
        const NOTHING: Catch = Catch { errors: false, exits: false };
        let me = self.me;
        match op {
            Op::New(slot) => self.create(slot, true),
            Op::Make(slot) => self.create(slot, false),
            Op::Schedule(value, catch) => return self.got(me.schedule(value), catch),
            Op::Park(value, catch) => return self.got(me.schedule_remove(value), catch),
            Op::RunAll(catch) => return self.did("got none", me.run_all(), catch),
            Op::Insert(slot) => return self.with(slot, |t| self.did("ok", t.insert(me), NOTHING)),
            Op::Remove(slot) => return self.with(slot, |t| self.did("ok", t.remove(me), NOTHING)),
            Op::Run(slot, catch) => return self.with(slot, |t| self.got(t.run(me), catch)),
            Op::Switch(slot, catch) => return self.with(slot, |t| self.got(t.switch(me), catch)),
            Op::Throw(slot, code, When::Now, catch) => return self.with(slot, |t| self.got(t.throw(me, code), catch)),
            Op::Throw(slot, code, When::Later, catch) => {
                return self.with(slot, |t| self.did("got none", t.throw_later(me, code), catch));
            }
            Op::Kill(slot, When::Now, catch) => return self.with(slot, |t| self.got(t.kill(me), catch)),
            Op::Kill(slot, When::Later, catch) => {
                return self.with(slot, |t| self.did("got none", t.kill_later(me), catch));
            }
            Op::Send(line, value, catch) => return self.got(channel(line).send(me, value), catch),
            Op::SendError(line, code, catch) => return self.sent(line, code.into(), catch),
            Op::SendExit(line, catch) => return self.sent(line, Raised::Exit, catch),
            Op::SendStop(line, catch) => return self.sent(line, Raised::Stop, catch),
            Op::Receive(line, catch) => return self.got(channel(line).receive(me), catch),
            Op::Next(line, catch) => match channel(line).next(me) {
                Ok(None) => self.log(format_args!("stop")),
                Ok(Some(value)) => self.log(format_args!("got {}", Shown(value))),
                Err(raised) => return self.raised(raised, catch),
            },
            Op::Each(line, catch) => return self.each(line, catch),
            Op::Prefer(line, preference) => {
                return self.did("ok", channel(line).set_preference(me, preference), NOTHING);
            }
            Op::ScheduleAll(line, all) => return self.did("ok", channel(line).set_schedule_all(me, all), NOTHING),
            Op::Close(line) => return self.did("ok", channel(line).close(me), NOTHING),
            Op::Open(line) => return self.did("ok", channel(line).open(me), NOTHING),
            Op::Trap(slot, set) => {
                return self.with(slot, |t| {
                    t.set_block_trap(me, set);
                    self.did("ok", Ok(()), NOTHING)
                });
            }
            Op::SetCell(slot, value) => return self.with(slot, |t| self.did("ok", t.set_cell(me, value), NOTHING)),
            Op::Cell(slot) => return self.with(slot, |t| self.cell(slot, t)),
            Op::Balance(line) => self.log(format_args!("balance {line} {}", channel(line).balance(me))),
            Op::Channel(line) => self.log(format_args!("chan {}", ChannelState(me, line))),
            Op::Count => self.log(format_args!("count {}", me.run_count())),
            Op::Current => self.log(format_args!("cur {}", Machine::slot_of(me.current()))),
            Op::State(slot) => {
                return self.with(slot, |t| {
                    self.log(format_args!("state {slot} {}", State(me, t)));
                    Ok(())
                });
            }
            Op::Ring => self.log(format_args!("{}", Ring(me))),
            Op::Raise(code) => return self.raised(code.into(), NOTHING),
            Op::Exit => return self.raised(Raised::Exit, NOTHING),
        }
        Ok(())
    }

    fn sent(self, line: Line, raised: Raised, catch: Catch) -> Result<(), Raised> {
        self.did("sent", channel(line).send_exception(self.me, raised), catch)
    }

    fn cell(self, slot: Slot, tasklet: Tasklet) -> Result<(), Raised> {
        match tasklet.cell(self.me) {
            None => self.log(format_args!("err dead")),
            Some(Ok(value)) => self.log(format_args!("temp {slot} {}", Shown(value))),
            Some(Err(raised)) => self.log(format_args!("temp {slot} {}", Token(raised))),
        }
        Ok(())
    }
}

/// Every tasklet is in one place, and the books of the ring and of the channels say the same as the tasklets do. A
/// difference is a line that no log has.
fn audit(me: &Me<'_>) {
    let mut tally = [0, 0];
    for tasklet in (0..Machine::slots()).filter_map(Machine::tasklet) {
        let in_ring = me.ring().filter(|&other| other == tasklet).count();
        let waiting = |line| channel(line).waiting(me).filter(|&other| other == tasklet).count();
        let in_queues: usize = (0..Machine::channels()).map(waiting).sum();
        let places = in_ring + in_queues + usize::from(tasklet.is_paused(me)) + usize::from(!tasklet.is_alive(me));
        let ready = tasklet.is_scheduled(me) && !tasklet.is_blocked(me);
        if places != 1 || in_ring != usize::from(ready) || in_queues != usize::from(tasklet.is_blocked(me)) {
            log::line(format_args!("* UNEXPECTED places of {}: {places}", Machine::slot_of(tasklet)));
        }
        tally = [tally[0] + in_ring, tally[1] + in_queues];
    }
    let balances: usize = (0..Machine::channels()).map(|line| channel(line).balance(me).unsigned_abs() as usize).sum();
    if tally != [me.run_count(), balances] || me.ring().next() != Some(me.current()) {
        log::line(format_args!("* UNEXPECTED books: {tally:?}, {} and {balances}", me.run_count()));
    }
}

/// Writes what became of each slot's tasklet, and of each channel.
fn final_lines(main: &Me<'_>) {
    for slot in 0..Machine::slots() {
        match Machine::tasklet(slot) {
            None => log::line(format_args!("* final {slot} unused")),
            Some(tasklet) => log::line(format_args!("* final {slot} {}", State(main, tasklet))),
        }
    }
    for line in 0..Machine::channels() {
        log::line(format_args!("* channel {}", ChannelState(main, line)));
    }
}
