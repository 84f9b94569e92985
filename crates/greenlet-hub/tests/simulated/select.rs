//! The rules of select.

use crate::simulated::channels::received;
use crate::simulated::log::End;
use crate::simulated::program::Arm;
use crate::simulated::real::ARM;
use crate::simulated::state::{Chosen, EVENT_LIST, Flow, Message, Node, Outcome, Role, Simulation, Slot, Wait};

impl<'p> Simulation<'p> {
    pub(crate) fn select(&mut self, slot: Slot, arms: &'p [Arm]) -> Flow<'p> {
        let whose = arms.iter().find_map(|arm| if let Arm::Join(whose) = arm { Some(*whose) } else { None });
        let handle = whose.and_then(|whose| self.take_handle(whose));
        if whose.is_some() && handle.is_none() {
            return Flow::Done(Ok(0));
        }
        let mut at = None;
        for (index, arm) in arms.iter().enumerate() {
            match arm {
                Arm::Send(_) => self.tasks[slot].places[index] = Some(Message::Value(self.number())),
                Arm::Sleep(time) => at = Some(self.time(*time)),
                _ => {}
            }
        }
        let mut chosen = Chosen { arms, timer: None, handle };
        if let Err(stop) = self.check(slot) {
            return self.leave_select(slot, chosen, Err(stop));
        }
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let first = (self.random >> 16) as usize;
        for turn in 0..arms.len() {
            let index = (first + turn) % arms.len();
            if let Some(outcome) = self.arm_now(slot, index, &chosen, at) {
                return self.leave_select(slot, chosen, outcome.map(|value| index as u32 * ARM + value));
            }
        }
        for (arm, what) in arms.iter().enumerate() {
            match what {
                Arm::Receive(line) => self.lists[*line].push_back(Node { slot, role: Role::Receive, arm }),
                Arm::Send(line) => self.lists[*line].push_back(Node { slot, role: Role::Send, arm }),
                Arm::Set => self.lists[EVENT_LIST].push_back(Node { slot, role: Role::Receive, arm }),
                Arm::Sleep(_) => chosen.timer = at.map(|at| self.start(at, slot, 0)),
                Arm::Join(_) => {
                    if let Some((_, handle)) = handle {
                        self.tasks[handle.slot].joiner = Some((slot, Some(arm)));
                    }
                }
            }
        }
        Flow::Waits(Wait::Select(chosen))
    }

    /// Completes an arm without a wait.
    pub(crate) fn arm_now(
        &mut self,
        slot: Slot,
        index: usize,
        chosen: &Chosen<'p>,
        at: Option<u64>,
    ) -> Option<Outcome> {
        match chosen.arms[index] {
            Arm::Receive(line) => self.try_receive(line),
            Arm::Send(line) if self.closed[line] => Some(Err(End::Closed)),
            Arm::Send(line) => {
                let message = self.tasks[slot].places[index]?;
                let (receiver, arm) = self.give(line, message)?;
                self.tasks[slot].places[index] = None;
                self.complete(receiver, arm);
                Some(Ok(0))
            }
            Arm::Set => self.set.then_some(Ok(0)),
            Arm::Sleep(_) => at.is_some_and(|at| at <= self.now).then_some(Ok(0)),
            Arm::Join(_) => chosen.handle.is_some_and(|(_, handle)| self.is_over(handle)).then_some(Ok(0)),
        }
    }

    /// What was handed over counts more than a time that is over, or a task that has ended.
    pub(crate) fn chosen_arm(&self, slot: Slot, chosen: &Chosen<'p>) -> Option<usize> {
        let task = &self.tasks[slot];
        task.done.or_else(|| {
            chosen.arms.iter().position(|arm| match arm {
                Arm::Sleep(_) => chosen.timer.is_some_and(|timer| task.due.contains(&timer)),
                Arm::Join(_) => chosen.handle.is_some_and(|(_, handle)| self.is_over(handle)),
                _ => false,
            })
        })
    }

    pub(crate) fn chosen(&mut self, slot: Slot, chosen: Chosen<'p>, stopped: Result<(), End>) -> Flow<'p> {
        let arm = self.chosen_arm(slot, &chosen).unwrap_or_default();
        let outcome = stopped.and_then(|()| match chosen.arms[arm] {
            Arm::Receive(_) => received(self.tasks[slot].places[arm]),
            _ => Ok(0),
        });
        self.leave_select(slot, chosen, outcome.map(|value| arm as u32 * ARM + value))
    }

    pub(crate) fn leave_select(&mut self, slot: Slot, chosen: Chosen<'p>, outcome: Outcome) -> Flow<'p> {
        self.unlink(slot);
        self.tasks[slot].done = None;
        self.tasks[slot].places = [None; 4];
        if let Some(timer) = chosen.timer {
            self.stop_timer(slot, timer);
        }
        if let Some((index, handle)) = chosen.handle {
            if !self.is_over(handle) {
                self.tasks[handle.slot].joiner = None;
            }
            let before = match self.handles.get_mut(index) {
                Some(place) => place.replace(handle),
                None => Some(handle),
            };
            if let Some(before) = before {
                self.drop_handle(before);
            }
        }
        Flow::Done(outcome)
    }
}
