//! The rules of channels.

use crate::simulated::log::End;
use crate::simulated::program::{LINES, ROOM};
use crate::simulated::state::{Flow, Message, Outcome, ROOM_LIST, Role, Simulation, Slot, Wait};

/// Which side of a rendezvous on each line runs first: `None` lets both wait for their turns.
const PREFERRED: [Option<Role>; LINES] = [Some(Role::Receive), None, Some(Role::Send), None];
/// The line on which every operation lets others run.
const BOTH: usize = 3;

impl<'p> Simulation<'p> {
    /// Puts a message into the place of the first that waits to receive.
    pub(crate) fn give(&mut self, line: usize, message: Message) -> Option<(Slot, usize)> {
        let (receiver, arm) = self.first(line, Role::Receive)?;
        self.tasks[receiver].places[arm] = Some(message);
        Some((receiver, arm))
    }

    pub(crate) fn send(&mut self, slot: Slot, line: usize, message: Message, id: u32) -> Flow<'p> {
        if self.closed[line] {
            return Flow::Done(Err(End::Closed));
        }
        self.unless_stopped(slot, true, |all| match all.give(line, message) {
            Some(receiver) => all.meet(slot, line, receiver, Role::Receive, Ok(id)),
            None => {
                all.tasks[slot].places[0] = Some(message);
                all.enlist(slot, line, Role::Send, Wait::Send(line, id))
            }
        })
    }

    pub(crate) fn receive(&mut self, slot: Slot, line: usize) -> Flow<'p> {
        self.unless_stopped(slot, true, |all| {
            if let Some((sender, arm)) = all.first(line, Role::Send) {
                let message = all.tasks[sender].places[arm].take();
                let flow = all.meet(slot, line, (sender, arm), Role::Send, received(message));
                if matches!(flow, Flow::Waits(_)) {
                    all.tasks[slot].places[0] = message;
                }
                return flow;
            }
            if all.closed[line] {
                return Flow::Done(Err(End::Closed));
            }
            all.enlist(slot, line, Role::Receive, Wait::Receive(line))
        })
    }

    /// `first` has waited in this role, and meets the task of `slot`.
    pub(crate) fn meet(
        &mut self,
        slot: Slot,
        line: usize,
        first: (Slot, usize),
        role: Role,
        outcome: Outcome,
    ) -> Flow<'p> {
        if PREFERRED[line] == Some(role) {
            self.mark_done(first.0, first.1);
            self.prepend(first.0);
        } else {
            self.complete(first.0, first.1);
            if line != BOTH {
                return Flow::Done(outcome);
            }
        }
        self.append(slot);
        Flow::Waits(Wait::Turn(outcome))
    }

    pub(crate) fn try_receive(&mut self, line: usize) -> Option<Outcome> {
        let Some((sender, arm)) = self.first(line, Role::Send) else {
            return self.closed[line].then_some(Err(End::Closed));
        };
        let message = self.tasks[sender].places[arm].take();
        self.complete(sender, arm);
        Some(received(message))
    }

    pub(crate) fn put(&mut self, slot: Slot, id: u32) -> Flow<'p> {
        self.unless_stopped(slot, true, |all| {
            if all.try_put(id) {
                Flow::Done(Ok(id))
            } else if all.closed[ROOM_LIST] {
                Flow::Done(Err(End::Closed))
            } else {
                all.tasks[slot].places[0] = Some(Message::Value(id));
                all.enlist(slot, ROOM_LIST, Role::Send, Wait::Send(ROOM_LIST, id))
            }
        })
    }

    pub(crate) fn try_put(&mut self, id: u32) -> bool {
        if self.closed[ROOM_LIST] {
            return false;
        }
        if let Some((receiver, arm)) = self.give(ROOM_LIST, Message::Value(id)) {
            self.complete(receiver, arm);
            return true;
        }
        let fits = self.room.len() < ROOM;
        if fits {
            self.room.push_back(id);
        }
        fits
    }

    pub(crate) fn try_take(&mut self) -> Option<u32> {
        let id = self.room.pop_front()?;
        if let Some((sender, arm)) = self.first(ROOM_LIST, Role::Send) {
            if let Some(Message::Value(next)) = self.tasks[sender].places[arm].take() {
                self.room.push_back(next);
            }
            self.complete(sender, arm);
        }
        Some(id)
    }
}

pub(crate) fn received(message: Option<Message>) -> Outcome {
    match message {
        Some(Message::Value(id)) => Ok(id),
        Some(Message::Error(error)) => Err(End::Error(error)),
        None => Err(End::Closed),
    }
}
