//! Writes log lines. Each one is formatted straight into the sink.

use core::fmt;

use greenlet_tasklets::{Preference, Refusal};

use super::machine::{Machine, Me, Raised, Tasklet, channel};
use super::{Line, Value};
use crate::interpret::write;

/// Logs a line, unless the scenario is over.
pub(super) fn line(line: fmt::Arguments<'_>) {
    if let Some(sink) = Machine::sink() {
        write(sink, line);
    }
}

/// A value as the log writes it.
pub(super) struct Shown(pub(super) Value);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// What is raised, as the log writes it.
pub(super) struct Token(pub(super) Raised);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Raised::Error(code) => return write!(f, "E{code}"),
            Raised::Exit => "X",
            Raised::Stop => "STOP",
            Raised::Deadlock => "DEADLOCK",
            Raised::NoSender => "NOSENDER",
            Raised::NoReceiver => "NORECEIVER",
            Raised::BlockTrap => "TRAP",
            Raised::Closed => "CLOSED",
            Raised::Refused(Refusal::Blocked) => "err blocked",
            Raised::Refused(Refusal::Dead) => "err dead",
            Raised::Refused(Refusal::Current) => "err current",
            other => return write!(f, "UNEXPECTED {other:?}"),
        })
    }
}

/// The state of a tasklet, as the log writes it.
pub(super) struct State<'a>(pub(super) &'a Me<'a>, pub(super) Tasklet);

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(me, tasklet) = self;
        if !tasklet.is_alive(me) {
            return f.write_str("dead");
        }
        f.write_str("alive")?;
        let words = [
            (" current", tasklet.is_current(me)),
            (" main", tasklet.is_main(me)),
            (" blocked", tasklet.is_blocked(me)),
            (" scheduled", tasklet.is_scheduled(me)),
            (" paused", tasklet.is_paused(me)),
            (" trap", tasklet.block_trap(me)),
        ];
        words.iter().filter(|(_, is)| *is).try_for_each(|(word, _)| f.write_str(word))
    }
}

/// The state of a channel, as the log writes it.
pub(super) struct ChannelState<'a>(pub(super) &'a Me<'a>, pub(super) Line);

impl fmt::Display for ChannelState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(me, number) = *self;
        let channel = channel(number);
        let preference = match channel.preference(me) {
            Preference::Receiver => -1,
            Preference::Neither => 0,
            Preference::Sender => 1,
        };
        let word = match (channel.is_closed(me), channel.is_closing(me)) {
            (true, _) => "closed",
            (false, true) => "closing",
            (false, false) => "open",
        };
        let all = u8::from(channel.schedule_all(me));
        write!(f, "{number} {} {preference} {all} {word}", channel.balance(me))?;
        channel.waiting(me).try_for_each(|tasklet| write!(f, " {}", Machine::slot_of(tasklet)))
    }
}

/// Those in the ring, as the log writes them.
pub(super) struct Ring<'a>(pub(super) &'a Me<'a>);

impl fmt::Display for Ring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ring")?;
        self.0.ring().try_for_each(|tasklet| write!(f, " {}", Machine::slot_of(tasklet)))
    }
}
