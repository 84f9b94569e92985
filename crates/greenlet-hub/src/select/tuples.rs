//! Arms as tuples, arrays and slices.

use super::sealed::{Arm, Choices};
use crate::node::{Kind, Node};
use crate::task::Task;

/// Implements [`Choices`] for a tuple, with the enum of what was chosen. A macro, because the types of the arms differ.
macro_rules! tuple {
    ($chosen:ident, $count:literal, $example:literal: $($index:tt $variant:ident $arm:ident),*) => {
        /// The arm of a [`select`](crate::select()) that was chosen, with its output.
        ///
        /// ```
        #[doc = concat!("use greenlet_hub::", stringify!($chosen), "::{self, *};")]
        #[doc = $example]
        /// assert!(matches!(chosen, First(7)));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $chosen<$($arm),*> {
            $(
                #[doc = concat!("Of the arm `.", stringify!($index), "`.")]
                $variant($arm),
            )*
        }

        impl<V: 'static, E: 'static, $($arm: Arm<V, E>),*> Choices<V, E> for ($($arm,)*) {
            type Chosen = $chosen<$($arm::Output),*>;

            fn count(&self) -> usize {
                $count
            }

            fn now(&self, index: usize, me: &Task<V, E>) -> Option<Self::Chosen> {
                match index {
                    $($index => self.$index.now(me).map($chosen::$variant),)*
                    _ => None,
                }
            }

            fn place(&self, index: usize) -> (Kind, *mut ()) {
                match index {
                    $($index => self.$index.place(),)*
                    _ => unreachable!("the index is below the count"),
                }
            }

            unsafe fn enlist(&self, index: usize, me: &Task<V, E>, node: &Node) {
                match index {
                    // SAFETY: the same contract.
                    $($index => unsafe { self.$index.enlist(me, node) },)*
                    _ => {}
                }
            }

            fn is_due(&self, index: usize) -> bool {
                match index {
                    $($index => self.$index.is_due(),)*
                    _ => false,
                }
            }

            fn leave(&self, index: usize) {
                match index {
                    $($index => self.$index.leave(),)*
                    _ => {}
                }
            }

            fn output(&self, index: usize) -> Self::Chosen {
                match index {
                    $($index => $chosen::$variant(self.$index.output()),)*
                    _ => unreachable!("the index is below the count"),
                }
            }
        }
    };
}

tuple!(Chosen2, 2, "let chosen: Chosen2<u32, ()> = First(7);": 0 First A, 1 Second B);
tuple!(Chosen3, 3, "let chosen: Chosen3<u32, (), ()> = First(7);": 0 First A, 1 Second B, 2 Third C);
tuple!(Chosen4, 4, "let chosen: Chosen4<u32, (), (), ()> = First(7);": 0 First A, 1 Second B, 2 Third C, 3 Fourth D);
tuple!(Chosen5, 5, "let chosen: Chosen5<u32, (), (), (), ()> = First(7);":
    0 First A, 1 Second B, 2 Third C, 3 Fourth D, 4 Fifth F);
tuple!(Chosen6, 6, "let chosen: Chosen6<u32, (), (), (), (), ()> = First(7);":
    0 First A, 1 Second B, 2 Third C, 3 Fourth D, 4 Fifth F, 5 Sixth G);

/// `Choices` for arms of one type, which are chosen by their index.
macro_rules! list {
    ($list:ty $(, $length:ident)?) => {
        impl<V: 'static, E: 'static, A: Arm<V, E> $(, const $length: usize)?> Choices<V, E> for $list {
            type Chosen = (usize, A::Output);

            fn count(&self) -> usize {
                self.len()
            }

            fn now(&self, index: usize, me: &Task<V, E>) -> Option<Self::Chosen> {
                self[index].now(me).map(|output| (index, output))
            }

            fn place(&self, index: usize) -> (Kind, *mut ()) {
                self[index].place()
            }

            unsafe fn enlist(&self, index: usize, me: &Task<V, E>, node: &Node) {
                // SAFETY: the same contract.
                unsafe { self[index].enlist(me, node) };
            }

            fn is_due(&self, index: usize) -> bool {
                self[index].is_due()
            }

            fn leave(&self, index: usize) {
                self[index].leave();
            }

            fn output(&self, index: usize) -> Self::Chosen {
                (index, self[index].output())
            }
        }
    };
}
list!([A; N], N);
list!(&mut [A]);
