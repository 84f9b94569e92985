//! The iterator over received values.

use super::Channel;
use crate::me::Me;
use crate::raised::Raised;
use core::fmt;

/// An iterator that receives from a channel until the iteration ends. Made by [`Channel::iter`].
///
/// ```
/// # use greenlet_tasklets::{Channel, Raised, Scheduler};
/// # static TASKLETS: Scheduler<1, u32> = Scheduler::new();
/// # static LINE: Channel<u32> = TASKLETS.channel();
/// # TASKLETS.enter(|main| {
/// let mut values = LINE.iter(main);
/// assert_eq!(values.next(), Some(Err(Raised::Deadlock)));
/// assert_eq!(values.next(), None); // an error ends the iteration
/// # }).unwrap();
/// ```
pub struct Iter<'a, 'b, V: 'static, E: 'static> {
    channel: &'static Channel<V, E>,
    /// `None` once the iteration has ended.
    me: Option<&'b Me<'a, V, E>>,
}

impl<'a, 'b, V: 'static, E: 'static> Iter<'a, 'b, V, E> {
    pub(super) fn new(channel: &'static Channel<V, E>, me: &'b Me<'a, V, E>) -> Self {
        Self { channel, me: Some(me) }
    }
}

impl<V: Default + 'static, E: 'static> Iterator for Iter<'_, '_, V, E> {
    type Item = Result<V, Raised<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        let got = self.channel.next(self.me?).transpose();
        if !matches!(got, Some(Ok(_))) {
            self.me = None;
        }
        got
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Iter<'_, '_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("channel", self.channel).field("over", &self.me.is_none()).finish()
    }
}
