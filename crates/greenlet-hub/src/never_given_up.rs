//! Takes the place of `given_up` without the feature `abandon`: no task is given up.

use crate::hub::State;
use crate::slot::SlotRef;

impl<V: 'static, E: 'static> State<V, E> {
    #[inline(always)]
    pub(crate) fn given_up(&self) -> Option<SlotRef> {
        None
    }

    pub(crate) fn settle(&self, _: SlotRef, _: Option<E>) {}

    /// Nothing: the end of the task drops it.
    #[inline(always)]
    pub(crate) fn drop_thrown(&self, _: SlotRef) {}

    #[inline(always)]
    pub(crate) fn finish(&self, _: SlotRef) {}
}
