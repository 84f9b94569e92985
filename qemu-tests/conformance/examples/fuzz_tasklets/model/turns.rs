//! Whose turn it is.

use super::{Model, Place};

impl Model<'_> {
    pub(super) fn keeper(&self) -> usize {
        self.waiting.last().copied().unwrap_or(0)
    }

    /// Takes one out of whatever queue it is in. Says whether it was in the queue of turns; then those before it come
    /// after those behind it.
    pub(super) fn take_out(&mut self, target: usize, current_between: bool) {
        let me = self.current;
        if let Some(at) = self.queue.iter().position(|&other| other == target) {
            let before: Vec<usize> = self.queue.drain(..=at).take(at).collect();
            self.queue.extend(current_between.then_some(me));
            self.queue.extend(before);
        } else {
            if let Place::Blocked(channel) = self.tasklets[target].place {
                self.channels[channel].queue.retain(|&other| other != target);
            }
            if current_between {
                self.queue.push_front(me);
            }
        }
        self.tasklets[target].place = Place::Turn;
        self.current = target;
    }

    /// Rule 4, and the current one keeps its place.
    pub(super) fn wake(&mut self, target: usize) {
        if target != self.current {
            self.take_out(target, true);
        }
    }

    /// Rule 4, where the current one has left.
    pub(super) fn instead(&mut self, target: usize) {
        self.take_out(target, false);
    }

    /// To the end of the queue, if it is in none of turns.
    pub(super) fn ready(&mut self, target: usize) {
        match self.tasklets[target].place {
            Place::Blocked(channel) => self.channels[channel].queue.retain(|&other| other != target),
            Place::Paused => {}
            _ => return,
        }
        self.tasklets[target].place = Place::Turn;
        self.queue.push_back(target);
    }

    /// The current one has left, to `place`. Rule 10.
    pub(super) fn leave(&mut self, place: Place) {
        let me = self.current;
        self.tasklets[me].place = place;
        if let Some(next) = self.queue.pop_front() {
            self.current = next;
            return;
        }
        let keeper = self.keeper();
        if self.tasklets[keeper].place == Place::Paused {
            self.instead(keeper);
        } else {
            self.instead(me);
            self.tasklets[me].cell = Err("DEADLOCK".to_owned());
        }
    }

    /// Rule 14.
    pub(super) fn stop_waiting(&mut self) {
        let me = self.current;
        if !self.waiting.contains(&me) {
            return;
        }
        while let Some(top) = self.waiting.pop() {
            if top == me {
                break;
            }
            if self.tasklets[top].place == Place::Paused {
                self.ready(top);
            }
        }
    }
}
