//@ profiles: debug release small
//@ icount
//@ timeout: 240
//@ hits
//@ stack: 3072
//@ long
#![no_std]
#![no_main]
//! Every instruction of every operation is interrupted, and no register, value or stack is changed by it.
//!
//! Each operation is done undisturbed first. Then it is stepped: an interrupt comes before each of its instructions.
//! Then it is done again and again, with the timer set to one nanosecond more each time: one interrupt comes, before
//! one instruction. Where a processor has no steps, the timer comes twice in a row instead, before each instruction.
//! The handler overwrites all that a handler may, and notes where it came. All that is done twice: with handlers on a
//! stack of their own, and on the stack of the interrupted code. Where there are steps, a spawn is stepped once more,
//! with a report of all greenlets before each instruction: one that is half made is unstarted, or not listed.
//!
//! Which instructions these were is printed at the end, for the host, which compares them with all that there are.

use core::cell::Cell;
use core::hint::black_box;

use board::{check, interrupts, println};
use greenlet::Tree;

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
#[macro_use]
#[path = "registers/live.rs"]
#[allow(dead_code, unused_macros, unused_imports, reason = "the module with the registers names it")]
mod live;

#[cfg_attr(target_arch = "aarch64", path = "every_instruction/aarch64.rs")]
#[cfg_attr(target_arch = "x86_64", path = "every_instruction/x86_64.rs")]
#[cfg_attr(not(any(target_arch = "aarch64", target_arch = "x86_64")), path = "every_instruction/without_steps.rs")]
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
#[path = "every_instruction/sweep.rs"]
mod sweep;

use handler::{NEVER, Plan};
use hits::Hits;
use operations::Operation;

board::guest!(main);

type Main = greenlet::Main<usize, usize>;
type Me = greenlet::Me<usize, usize>;
type Greenlet = greenlet::Greenlet<usize, usize>;
type Outcome = greenlet::Outcome<usize, usize>;

static TREE: Tree<usize, usize> = Tree::new();

/// Where interrupts came over all operations: steps or pairs, and the timer's.
static ALL_STEPPED: Hits = Hits::new();
static ALL_TIMED: Hits = Hits::new();

fn main() {
    interrupts::on(handler::handle);
    check!(TREE.enter(stacks::find).is_ok());
    for (own, place) in [(true, "their own stack"), (false, "the stack of the interrupted code")] {
        interrupts::on_own_stack(own);
        println!("handlers on {place}");
        // The return from an interrupt sets a bit of RISC-V's status, which stays set, and which unoptimized code stores
        // on the stack: from here on it is set in every run.
        done(&operations::ALL[0], Plan::Timer(0, NEVER));
        let mut most = [0, 0];
        for operation in &operations::ALL {
            let used = interrupted(operation, own);
            most = [most[0].max(used[0]), most[1].max(used[1])];
        }
        println!("# a stack: {} bytes, {} if interrupted, {} of them saved", most[0], most[1], interrupts::FRAME);
    }
    ALL_STEPPED.print(if isa::HAS_STEPS { "steps" } else { "pairs" });
    ALL_TIMED.print("timer");
}

/// What can be seen of an operation when it is over.
#[derive(Debug, PartialEq)]
struct Seen {
    /// What it returned, and what its parts did.
    value: usize,
    /// Where registers and words on stacks were not kept; 0 for nowhere.
    lost: observed::Lost,
    /// Stacks that are free again.
    free: usize,
}

/// Does the operation by a plan.
///
/// One copy of this code, independent of the plan: the timer is set equally long before the operation in each run.
#[inline(never)]
fn done(operation: &Operation, plan: Plan) -> Seen {
    black_box(plan).begin();
    let value = observed::reproduced(|| TREE.enter(operation.run));
    plan.end();
    Seen { value: value.unwrap_or(0), lost: observed::take_lost(), free: stacks::STACKS.free() }
}

/// Interrupts the operation in all ways, with handlers on their `own` stack or not. Returns how many bytes of the
/// greenlet's stack it takes, undisturbed and interrupted.
fn interrupted(operation: &Operation, own: bool) -> [usize; 2] {
    static STEPPED: Hits = Hits::new();
    let Operation { name, .. } = operation;

    let [before, again] = [0, 1].map(|time| {
        stacks::paint();
        let seen = done(operation, Plan::Undisturbed);
        stacks::keep(time);
        seen
    });
    let whole = before.lost == observed::Lost::NOTHING && before.free == 1;
    check!(whole && again == before, "{name}: {before:?}, {again:?}");
    let used = stacks::used();

    let bad = Cell::new(0);
    let run = |plan: Plan| {
        stacks::paint_used();
        let seen = done(operation, plan);
        // Handlers leave what they like below the stack pointer, where they run on the same stack. A Cortex-M stores
        // registers there in any case.
        let changed = if own && !cfg!(target_arch = "arm") { stacks::changed() } else { 0 };
        if seen != before || changed > 0 {
            println!("# {name}, {plan:?}: {seen:?}, {changed} words of the stack changed");
            bad.set(bad.get() + 1);
        }
    };

    let reports = isa::HAS_STEPS && own && *name == "a spawn";
    if isa::HAS_STEPS {
        run(Plan::Steps);
    } else {
        sweep::sweep(&run, 0);
    }
    if reports {
        run(Plan::Reports);
    }
    let [unstarted, other] = handler::take_reported();
    let is_reported = other == 0 && (unstarted > 0) == reports;
    check!(
        bad.take() == 0 && is_reported,
        "{name}, stepped or by pairs; reported: {unstarted} unstarted, {other} other"
    );
    let disturbed = stacks::used();
    handler::HITS.move_to(&STEPPED);
    let steps = STEPPED.count();
    check!(steps > 0, "{name}: no interrupt came");

    let runs = sweep::sweep(&run, NEVER);
    check!(bad.take() == 0, "{name}, by the timer");
    let missed = STEPPED.count_without(&handler::HITS);
    check!(missed == 0, "{name}: the timer's interrupt came before all but {missed} of {steps} instructions");

    println!("{name}: interrupted");
    println!("# {steps} instructions by steps or pairs, {} by the timer, in {runs} runs", handler::HITS.count());
    STEPPED.move_to(&ALL_STEPPED);
    handler::HITS.move_to(&ALL_TIMED);
    [used, disturbed]
}
