//! Transfers of values that do not fit a register, or fill two.

use crate::meter::{Done, unexpected};
use crate::transfers::{switches, ups};
use crate::{Main, Operation, Tree};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::half("switch_16_bytes", |run| with(&TWO, |main| switches(run, main))),
    Operation::less("switch_16_bytes", "up_16_bytes", |run| with(&TWO, |main| ups(run, main))),
    Operation::half("switch_64_bytes", |run| with(&EIGHT, |main| switches(run, main))),
    Operation::less("switch_64_bytes", "up_64_bytes", |run| with(&EIGHT, |main| ups(run, main))),
    Operation::half("switch_256_bytes", |run| with(&MANY, |main| switches(run, main))),
    Operation::less("switch_256_bytes", "up_256_bytes", |run| with(&MANY, |main| ups(run, main))),
];

static TWO: Tree<[u64; 2]> = Tree::new();
static EIGHT: Tree<[u64; 8]> = Tree::new();
static MANY: Tree<[u64; 32]> = Tree::new();

fn with<V: Default + 'static>(tree: &'static Tree<V>, body: impl FnOnce(&Main<V>) -> Done) -> Done {
    tree.enter(body).map_err(unexpected)?
}
