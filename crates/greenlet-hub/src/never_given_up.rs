//! Without the feature `abandon` no task is given up: what `given_up` has, in short.

use crate::hub::State;
use crate::slot::SlotRef;

impl<V: 'static, E: 'static> State<V, E> {
    #[inline(always)]
    pub(crate) fn given_up(&self) -> Option<SlotRef> {
        None
    }

    pub(crate) fn settle(&self, _: SlotRef, _: Option<E>) {}

    #[inline(always)]
    pub(crate) fn finish(&self, _: SlotRef) {}
}
