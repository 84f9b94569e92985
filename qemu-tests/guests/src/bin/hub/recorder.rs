//! What the tasks of the hub did, for a timeline: lines of seven fields, separated by tabs, beside those of the board.
//!
//! ```text
//! 5213  waits  0  3  waits for the lock  log       "writer"
//! 6420  ready  0  3  interrupt 27                  "writer"
//! 6431  ready  0  3  main                          "writer"
//! 6501  runs   0  3                                "writer"
//! hub  4  16384
//! ```
//!
//! Time, step, core, id of the task; of a wait, its words and its object; of a wake, its waker: a task by its id, and
//! its name. Last the name of the task. `sleeps` and `awake`: the core, on the stack of that task. The last line has
//! how many there are, and how many are kept at most.

use core::fmt::{self, Write};

use board::interrupts;
use board::timeline::{Channel, Id};
use greenlet::Greenlet;
use greenlet_hub::{Hub, Place, Record, Recorder, Step, WokenBy};

/// Steps that are kept: the last ones.
const KEPT: usize = 16_384;

// SAFETY: a counter, and the state of the board, which are read.
static RECORDER: Recorder<KEPT> = unsafe { Recorder::new(board::instructions, place) };

/// Every interrupt of the guest's own counts as that of the timer, which nearly all are.
fn place() -> Place {
    if interrupts::in_handler() { Place::Interrupt(interrupts::TIMER) } else { Place::Core(0) }
}

/// Has the tasks of the hub recorded.
pub(crate) const fn traced<const TASKS: usize, E: 'static>(hub: Hub<TASKS, (), E>) -> Hub<TASKS, (), E> {
    hub.traced(&RECORDER)
}

/// Records the transfers of the tree, too, and writes everything at the end of the guest.
pub(crate) fn record<E: 'static>(main: &Greenlet<(), E>) {
    board::record(main);
    board::timeline::with(write);
}

fn write() {
    let mut written = 0;
    let _busy = RECORDER.for_each(|record| {
        written += 1;
        let _ = line(record);
    });
    let _ = writeln!(Channel, "hub\t{written}\t{KEPT}");
}

fn line(record: &Record) -> fmt::Result {
    let step = match record.step {
        Step::Waits { .. } => "waits",
        Step::Ready { .. } => "ready",
        Step::Runs => "runs",
        Step::Sleeps => "sleeps",
        Step::Awake => "awake",
        _ => return Ok(()),
    };
    write!(Channel, "{}\t{step}\t0\t{}\t", record.time, Id(&record.task))?;
    match record.step {
        Step::Waits { what, on } => write!(Channel, "{what}\t{}", name(on))?,
        Step::Ready { by: WokenBy::Task(task) } => write!(Channel, "{}\t{}", Id(&task), name(task.name))?,
        Step::Ready { by } => write!(Channel, "{by}\t")?,
        _ => Channel.write_str("\t")?,
    }
    writeln!(Channel, "\t{}", name(record.task.name))
}

fn name(of: Option<&'static str>) -> impl fmt::Display {
    of.unwrap_or_default().escape_default()
}
