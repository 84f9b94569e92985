//! Runs one operation TIMES times, for an instruction counter: `costs WHAT TIMES`.
//!
//! The cost of one operation is the difference between the counts of two runs, divided by the difference of their
//! TIMES:
//!
//! ```sh
//! cargo build --release -p greenlet-tasklets --example costs
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/examples/costs turn 2000
//! ```

use std::{env, process::ExitCode};

use greenlet::StackPool;
use greenlet_tasklets::{Channel, Me, Raised, Scheduler};

static STACKS: StackPool<2, 16384> = StackPool::new();
static TASKLETS: Scheduler<2, u64> = Scheduler::new();
static LINE: Channel<u64> = TASKLETS.channel();

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let [what, times] = words.as_slice() else { return usage() };
    let Ok(times) = times.parse() else { return usage() };
    match TASKLETS.enter(|main| run(main, what, times)) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => usage(),
        other => {
            eprintln!("error: {other:?}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: costs alone|main|turn|meet|spawn|kill TIMES");
    ExitCode::from(2)
}

/// Returns `false` if there is no operation of the name `what`.
fn run(main: &Me<'_, u64>, what: &str, times: u64) -> Result<bool, Raised> {
    match what {
        // `schedule` without any other tasklet.
        "alone" => (0..times).try_for_each(|n| main.schedule(n).map(drop))?,
        // A turn of main and one of a tasklet.
        "main" => {
            main.spawn(&STACKS, |me| {
                loop {
                    me.schedule(0)?;
                }
            })
            .expect("there is room");
            (0..times).try_for_each(|n| main.schedule(n).map(drop))?;
        }
        // A turn of each of two tasklets.
        "turn" => {
            for _ in 0..2 {
                let body = move |me: &Me<'_, u64>| (0..times).try_for_each(|n| me.schedule(n).map(drop));
                main.spawn(&STACKS, body).expect("there is room");
            }
            main.run_all()?;
        }
        // A value from one tasklet to another.
        "meet" => {
            let receiver = move |me: &Me<'_, u64>| (0..times).try_for_each(|_| LINE.receive(me).map(drop));
            let sender = move |me: &Me<'_, u64>| (0..times).try_for_each(|n| LINE.send(me, n).map(drop));
            main.spawn(&STACKS, receiver).expect("there is room");
            main.spawn(&STACKS, sender).expect("there is room");
            main.run_all()?;
        }
        // A tasklet is created, runs and ends.
        "spawn" => {
            for _ in 0..times {
                main.spawn(&STACKS, |_me| Ok(())).expect("there is room");
                main.run_all()?;
            }
        }
        // A tasklet is created, leaves the ring and is killed.
        "kill" => {
            for _ in 0..times {
                let made = main.spawn(&STACKS, |me| me.schedule_remove(0).map(drop)).expect("there is room");
                main.schedule(0)?;
                made.kill(main)?;
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}
