//! No timeline: this guest was built without the feature.

use greenlet::Greenlet;

/// Records the transfers of the tree of `greenlet`, in guests that are built with the feature `timeline`.
#[inline(always)]
pub fn record<V: 'static, E: 'static>(_greenlet: &Greenlet<V, E>) {}

#[inline(always)]
pub(crate) fn write() {}
