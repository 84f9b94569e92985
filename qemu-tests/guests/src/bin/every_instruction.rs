//@ profiles: debug release small
#![no_std]
#![no_main]
//! Every instruction of every operation is interrupted, and nobody notices: not a register, a value or a stack is changed.
//!
//! Each operation is done undisturbed first. Then it is stepped: an interrupt comes before each of its instructions. The
//! handler overwrites all that a handler may, and notes where it came. All that is done twice: with handlers on a stack of
//! their own, and on the stack of whoever they interrupt.
//!
//! Which instructions these were is printed at the end, for the host: it knows which there are.

use board::{check, interrupts, println};
use greenlet::Tree;

#[cfg_attr(target_arch = "aarch64", path = "every_instruction/aarch64.rs")]
#[cfg_attr(target_arch = "x86_64", path = "every_instruction/x86_64.rs")]
mod isa;

#[path = "every_instruction/handler.rs"]
mod handler;
#[path = "every_instruction/hits.rs"]
mod hits;
#[path = "every_instruction/observed.rs"]
mod observed;
#[path = "every_instruction/operations.rs"]
mod operations;
#[path = "every_instruction/stacks.rs"]
mod stacks;

use handler::Plan;
use hits::Hits;
use operations::Operation;

board::guest!(main);

type Main = greenlet::Main<u64, u64>;
type Me = greenlet::Me<u64, u64>;
type Greenlet = greenlet::Greenlet<u64, u64>;
type Outcome = greenlet::Outcome<u64, u64>;

static TREE: Tree<u64, u64> = Tree::new();

/// Where steps came, over all operations.
static STEPPED: Hits = Hits::new();

fn main() {
    interrupts::on(handler::handle);
    for (own, place) in [(true, "their own stack"), (false, "the stack of whoever is interrupted")] {
        interrupts::on_own_stack(own);
        println!("handlers on {place}");
        let mut most = [0, 0];
        for operation in &operations::ALL {
            let used = interrupted(operation, own);
            most = [most[0].max(used[0]), most[1].max(used[1])];
        }
        println!("# a stack: {} bytes, {} if interrupted, {} of them saved", most[0], most[1], interrupts::FRAME);
    }
    STEPPED.print("steps");
}

/// What can be seen of an operation when it is over.
#[derive(Debug, PartialEq)]
struct Seen {
    /// What it returned, and what its parts did.
    value: u64,
    /// Where registers and words on stacks were not kept; 0 for nowhere.
    lost: observed::Lost,
    /// Stacks that are free again.
    free: usize,
}

/// Does the operation by a plan, on a painted stack.
#[inline(never)]
fn done(operation: &Operation, plan: Plan) -> Seen {
    stacks::paint();
    plan.begin();
    // With registers and with a stack that are the same each time: what is there may be left on the greenlet's stack, by code
    // that does not know that it is of no use.
    let value = observed::framed(observed::NOBODY, || {
        isa::wipe();
        TREE.enter(operation.run)
    });
    plan.end();
    Seen { value: value.unwrap_or(0), lost: observed::take_lost(), free: stacks::STACKS.free() }
}

/// Interrupts the operation in all ways, with handlers on their `own` stack or not. Returns how many bytes of the greenlet's
/// stack it takes, undisturbed and interrupted.
///
/// All is done from here, where the stack is equally deep, so that addresses on it are the same each time.
fn interrupted(operation: &Operation, own: bool) -> [usize; 2] {
    let Operation { name, .. } = operation;
    // Handlers leave what they like below the stack pointer, where they run on the same stack.
    let changed = || if own { stacks::changed() } else { 0 };

    let before = done(operation, Plan::Undisturbed);
    stacks::keep(0);
    let again = done(operation, Plan::Undisturbed);
    stacks::keep(1);
    let whole = before.lost == observed::Lost::NOTHING && before.free == 1;
    check!(whole && again == before, "{name}: {before:?}, {again:?}");
    let used = stacks::used();

    let stepped = done(operation, Plan::Steps);
    check!(stepped == before && changed() == 0, "{name}, stepped: {stepped:?}, {} words changed", changed());
    let hits = handler::HITS.count();
    check!(hits > 0, "{name}: no step came");
    STEPPED.add(&handler::HITS);
    handler::HITS.clear();

    println!("{name}: interrupted");
    println!("# {hits} of its instructions by steps");
    [used, stacks::used()]
}
