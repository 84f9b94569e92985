//! Whose turn it is, and what ends a wait from outside: the clock, interrupts, reasons to stop.

use crate::simulated::log::End;
use crate::simulated::program::{Interrupt, MOST_TIMERS, ROOM, Whose};
use crate::simulated::state::{Handle, Life, MAIN, Simulation, Slot, Task, Timer, Wait};
use std::collections::VecDeque;

/// Turns.
impl<'p> Simulation<'p> {
    pub(crate) fn is_ready(&self, slot: Slot) -> bool {
        self.ready.iter().any(|ring| ring.contains(&slot))
    }

    pub(crate) fn append(&mut self, slot: Slot) {
        if !self.is_ready(slot) {
            self.ready[self.tasks[slot].level].push_back(slot);
        }
    }

    pub(crate) fn prepend(&mut self, slot: Slot) {
        if !self.is_ready(slot) {
            self.ready[self.tasks[slot].level].push_front(slot);
        }
    }

    pub(crate) fn unready(&mut self, slot: Slot) {
        self.ready.iter_mut().for_each(|ring| ring.retain(|&other| other != slot));
    }

    pub(crate) fn set_level(&mut self, slot: Slot, level: usize) {
        if self.tasks[slot].level != level {
            let ready = self.is_ready(slot);
            self.unready(slot);
            self.tasks[slot].level = level;
            if ready {
                self.append(slot);
            }
        }
    }

    /// Lets the next task run until it waits or ends.
    pub(crate) fn turn(&mut self) {
        self.collect();
        if self.turns.is_multiple_of(32) {
            self.expire();
        }
        self.turns += 1;
        match self.ready.iter_mut().rev().find_map(VecDeque::pop_front) {
            Some(slot) => self.resume(slot),
            None => self.idle(),
        }
    }

    pub(crate) fn collect(&mut self) {
        while let Some(slot) = self.inbox.pop_front() {
            let task = &mut self.tasks[slot];
            task.notified = false;
            let killed = std::mem::take(&mut task.kill_asked);
            if task.life != Life::Free {
                task.killed |= killed;
                self.append(slot);
            }
        }
    }

    pub(crate) fn expire(&mut self) {
        while let Some(index) = self.first_timer().filter(|&index| self.timers[index].at <= self.now) {
            let Timer { id, slot, scope, .. } = self.timers.remove(index);
            let task = &mut self.tasks[slot];
            task.due.push(id);
            if scope != 0 {
                task.expired.push(scope);
            }
            self.append(slot);
        }
    }

    pub(crate) fn first_timer(&self) -> Option<usize> {
        (0..self.timers.len()).min_by_key(|&index| self.timers[index].at)
    }

    /// No task is ready.
    pub(crate) fn idle(&mut self) {
        let external = |task: &Task<'_>| {
            let waits = matches!(task.wait, Wait::Park | Wait::Signal | Wait::Mail | Wait::Closing(_, _, true));
            task.life != Life::Free && waits
        };
        let first = self.first_timer().map(|index| self.timers[index].at);
        if first.is_none() && !self.tasks.iter().any(external) && self.inbox.is_empty() {
            self.tasks[MAIN].deadlock |= self.tasks[MAIN].shown;
            return self.append(MAIN);
        }
        // The next turn looks at the clock.
        self.turns = self.turns.next_multiple_of(32);
        if !self.inbox.is_empty() || first.is_some_and(|at| at <= self.now) {
            return;
        }
        match [first, self.interrupts.front().map(|&(at, _)| at)].into_iter().flatten().min() {
            Some(then) => self.pass_until(then),
            None => {
                self.handle(Interrupt::Raise(1));
                self.handle(Interrupt::Send);
                self.wake(MAIN);
                for index in 0..self.remotes.len() {
                    self.wake(self.remotes[index].slot);
                }
            }
        }
    }

    pub(crate) fn pass_until(&mut self, then: u64) {
        while let Some(&(at, interrupt)) = self.interrupts.front().filter(|(at, _)| *at <= then) {
            self.interrupts.pop_front();
            self.now = self.now.max(at);
            self.handle(interrupt);
        }
        self.now = self.now.max(then);
    }

    pub(crate) fn handle(&mut self, interrupt: Interrupt) {
        match interrupt {
            Interrupt::Raise(bits) => {
                self.bits |= bits;
                if let Some(slot) = self.listener {
                    self.wake(slot);
                }
            }
            Interrupt::Send => _ = self.post(0),
            Interrupt::Wake(whose) => {
                if let Some(remote) = self.remote(whose) {
                    self.wake(remote.slot);
                }
            }
            Interrupt::Kill(whose) => _ = self.kill_remotely(whose),
        }
    }

    pub(crate) fn post(&mut self, letter: u32) -> bool {
        let fits = self.mail.len() < ROOM;
        if fits {
            self.mail.push_back(letter);
            if let Some(slot) = self.mail_reader {
                self.wake(slot);
            }
        }
        fits
    }

    pub(crate) fn remote(&self, whose: Whose) -> Option<Handle> {
        self.remotes.get(usize::from(whose) % self.remotes.len().max(1)).copied()
    }

    pub(crate) fn wake(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.tasks[slot].notified, true) {
            self.inbox.push_back(slot);
        }
    }

    pub(crate) fn kill_remotely(&mut self, whose: Whose) -> bool {
        self.remote(whose).is_some_and(|remote| self.ask_kill(remote))
    }

    pub(crate) fn ask_kill(&mut self, remote: Handle) -> bool {
        let task = &self.tasks[remote.slot];
        // Its body may be over while it waits for its last turn.
        let there = task.generation == remote.generation && !matches!(task.wait, Wait::Result(_));
        if there {
            self.tasks[remote.slot].kill_asked = true;
            self.wake(remote.slot);
        }
        there
    }
}

/// Timers and reasons to stop.
impl Simulation<'_> {
    /// The point in time of the next timer.
    pub(crate) fn time(&mut self, least: u64) -> u64 {
        let number = self.timer_count % MOST_TIMERS;
        self.timer_count += 1;
        let mut at = self.now + least;
        while at % MOST_TIMERS != number {
            at += (number + MOST_TIMERS - at % MOST_TIMERS) % MOST_TIMERS;
        }
        at
    }

    pub(crate) fn start(&mut self, at: u64, slot: Slot, scope: u8) -> u64 {
        let id = self.timer_count;
        self.timers.push(Timer { at, id, slot, scope });
        id
    }

    /// Returns whether it has ended.
    pub(crate) fn stop_timer(&mut self, slot: Slot, id: u64) -> bool {
        self.timers.retain(|timer| timer.id != id);
        let due = &mut self.tasks[slot].due;
        let before = due.len();
        due.retain(|&other| other != id);
        before != due.len()
    }

    pub(crate) fn check(&mut self, slot: Slot) -> Result<(), End> {
        self.collect();
        if self.tasks[slot].depth != 0 {
            self.expire();
        }
        self.check_seen(slot)
    }

    pub(crate) fn check_seen(&mut self, slot: Slot) -> Result<(), End> {
        let task = &mut self.tasks[slot];
        if std::mem::take(&mut task.deadlock) {
            return Err(End::Deadlock);
        }
        if task.shield.is_none() {
            if task.killed {
                return Err(End::Killed);
            }
            if let Some(error) = task.thrown.take() {
                return Err(End::Error(error));
            }
        }
        let outermost = task.expired.iter().filter(|&&depth| depth > task.shield.unwrap_or(0)).min();
        outermost.map_or(Ok(()), |&depth| Err(End::Timeout(depth)))
    }
}
