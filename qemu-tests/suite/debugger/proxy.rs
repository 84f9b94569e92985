//! GDB and LLDB through the proxy, without any script: greenlets are threads, with backtraces, and steps over switches
//! stay in their greenlet. What is no packet of a debugger's does no harm.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};
use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::debugger::Debugger;
use qemu_tests::machine::{self, Machine};
use qemu_tests::proxy;
use qemu_tests::stub::framed;
use qemu_tests::tools::{self, Needs};

use crate::{Case, builds};

pub(super) const GUEST: &str = "zoo";

/// What is said of each thread, up to its bytes of stack; the running one is the first.
pub(super) const THREADS: [&str; 8] = [
    "main: suspended in a switch",
    "runner: running, stack ",
    "parser: suspended in up, stack ",
    "waits: suspended in a switch, stack ",
    "stubborn: suspended in up (old parent), leaked, stack ",
    "greenlet 7: suspended in up, stack ",
    "lexer: suspended in up, stack ",
    "doomed: suspended in up, kill, stack ",
];

/// The lines of the guest at which threads are, by their ids, innermost first.
pub(super) const BACKTRACES: [(u64, &[u32]); 8] = [
    (1, &[85, 54]),
    (11, &[22, 82]),
    (2, &[35, 35, 35, 35, 40]),
    (3, &[58]),
    (7, &[66]),
    (8, &[72]),
    (9, &[74]),
    (10, &[76]),
];

/// A variable in the innermost of these lines of a thread that is suspended: its name and value.
pub(super) const VARIABLE: (u64, &str, &str) = (2, "depth", "0");

/// Where the steps begin, and the lines that they come to: over `up` to main, and over a switch to a greenlet that
/// comes back.
pub(super) const STEPS_FROM: u32 = 47;
pub(super) const STEPS: [u32; 3] = [48, 49, 50];

const MACHINES: [&str; 11] = [
    "aarch64",
    "x86_64",
    "riscv64",
    "riscv64gc",
    "riscv32",
    "riscv32imc",
    "thumbv7em",
    "thumbv7em-softfloat",
    "thumbv7m",
    "thumbv8m",
    "thumbv6m",
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for debugger in [Debugger::Gdb, Debugger::Lldb] {
        for name in MACHINES {
            let machine = machine::named(name).expect("a machine of the table");
            for profile in [Profile::Debug, Profile::Release] {
                if is_unable(debugger, machine) {
                    continue;
                }
                let mut needs = Needs::default();
                needs.machine(machine);
                if debugger == Debugger::Gdb {
                    needs.gdb();
                }
                let guest = builds::Guest::new(GUEST, machine.code(), profile);
                let guests = vec![guest.clone()];
                let with = if debugger == Debugger::Lldb { "lldb" } else { "gdb" };
                let case = |about: &str, test: Test| {
                    let (guest, name) =
                        (guest.clone(), format!("debugger::proxy::{with}::{about}::{machine}::{profile}"));
                    let test = move || test(debugger, machine, &guest);
                    // One of each kind differs most from the others.
                    let usual = machine.name == "aarch64" && profile == Profile::Release && debugger == Debugger::Gdb;
                    Case::new(name, needs.clone(), test).with_guests(guests.clone()).usual_if(usual)
                };
                cases.push(case("greenlets_are_threads", threads));
                cases.push(case("a_step_stays_in_its_greenlet", steps));
                if debugger == Debugger::Gdb && ["aarch64", "x86_64"].contains(&machine.name) {
                    let instructions = case("threads_are_right_at_each_instruction_of_switches", instructions);
                    cases.push(instructions.when_asked_for());
                }
            }
        }
    }
    cases.push(tasks_case());
    let machine = machine::named("aarch64").expect("a machine of the table");
    let guest = builds::Guest::new(GUEST, machine.code(), Profile::Release);
    let mut needs = Needs::default();
    needs.machine(machine);
    let guests = vec![guest.clone()];
    let test = move || {
        let tried = proxy::at_a_guest(machine, &guest.file()?, garbage);
        tried.map_err(|error| Failed::from(format!("{error:#}")))
    };
    cases.push(Case::new("debugger::proxy::a_wrong_packet_gets_an_answer".to_owned(), needs, test).with_guests(guests));
    cases
}

/// What is said of the tasks of a hub.
const TASKS: [&str; 10] = [
    "main: suspended, is ready",
    "clock: suspended, sleeps, stack ",
    "waiter: suspended, waits for the end of clock, stack ",
    "lamp: suspended, waits for the signal button, stack ",
    "server: suspended, waits to receive from requests, stack ",
    "writer: suspended, is parked, stack ",
    "second: suspended, waits for the lock log, which writer has, stack ",
    "third: suspended, waits for the lock notes, which ? has, stack ",
    "generator: suspended in up, stack ",
    "looker: running, stack ",
];

fn tasks_case() -> Case {
    let machine = machine::named("aarch64").expect("a machine of the table");
    let guest = builds::Guest::new("hub_waits", machine.code(), Profile::Release);
    let mut needs = Needs::default();
    needs.machine(machine);
    needs.gdb();
    let guests = vec![guest.clone()];
    let test = move || {
        let text = shown(Debugger::Gdb, machine, &guest, &["hbreak look_here", "continue", "info threads"], &[])?;
        match TASKS.iter().find(|said| !text.contains(&format!(" ({said}"))) {
            Some(said) => Err(format!("`{said}` is missing, in:\n{text}").into()),
            None => Ok(()),
        }
    };
    Case::new("debugger::proxy::tasks_tell_what_they_wait_for".to_owned(), needs, test).with_guests(guests)
}

/// Packets that make no sense, each of which has an answer, and bytes that are no packets.
fn garbage(address: SocketAddr) -> anyhow::Result<()> {
    const PACKETS: [&[u8]; 24] = [
        b"H",
        b"Hg",
        b"Hgzz",
        b"Hgffffffffffffffffff",
        b"T",
        b"Tzz",
        b"T0",
        b"qThreadExtraInfo,",
        b"qThreadExtraInfo,zz",
        b"qThreadExtraInfo,0",
        b"qThreadExtraInfo,ffffffffffffffff",
        b"p",
        b"pzz",
        b"pffffffffffffffff",
        b"vCont",
        b"vCont;",
        b"vCont;q",
        b"vCont;s:zz",
        b"Z0",
        b"Z0,",
        b"mzz,1",
        b"qSupported",
        b"q\xff\xfe",
        b"Hg2",
    ];
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(300)))?;
    let mut ask = |packet: &[u8]| -> anyhow::Result<Vec<u8>> {
        stream.write_all(&framed(packet))?;
        let (mut answer, mut byte) = (Vec::new(), [0]);
        // Up to the sum behind the sign.
        while answer.len() < 3 || answer[answer.len() - 3] != b'#' {
            let shown = String::from_utf8_lossy(packet);
            ensure!(stream.read(&mut byte).with_context(|| format!("`{shown}`"))? == 1, "it has left at `{shown}`");
            answer.push(byte[0]);
        }
        Ok(answer)
    };
    for packet in PACKETS {
        ask(packet)?;
    }
    ask(b"Hg0")?;
    let registers = ask(b"g")?;
    ensure!(registers.len() > 33 * 16, "no registers after them: {}", String::from_utf8_lossy(&registers));
    stream.write_all(b"---++$#$no sum")?;
    Ok(())
}

type Test = fn(Debugger, &'static Machine, &builds::Guest) -> Result<(), Failed>;

/// Whether the debugger lacks the machine: LLDB has no ABI of RISC-V up to 14, and reads Cortex-M's frames by the code.
fn is_unable(debugger: Debugger, machine: &Machine) -> bool {
    let is_absent = debugger == Debugger::Lldb && tools::on_path(&debugger.program()).is_none();
    is_absent || debugger == Debugger::Lldb && !["aarch64", "x86_64"].contains(&machine.name)
}

/// GDB of Debian takes bare programs for those of Linux, and then does not let a RISC-V processor step, but sets
/// breakpoints, which other greenlets come to.
pub(super) const NO_LINUX: &str = "set osabi none";

fn shown(
    debugger: Debugger,
    machine: &'static Machine,
    guest: &builds::Guest,
    gdb: &[&str],
    lldb: &[&str],
) -> Result<String, Failed> {
    let commands = if debugger == Debugger::Lldb { lldb } else { gdb };
    proxy::shown(debugger, machine, &guest.file()?, commands).map_err(|error| format!("{error:#}").into())
}

fn threads(debugger: Debugger, machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    // It goes on from a stop at which another thread was looked at.
    let on = format!("hbreak {GUEST}.rs:{STEPS_FROM}");
    let text = shown(
        debugger,
        machine,
        guest,
        &[
            "hbreak look_here",
            "continue",
            "info threads",
            "thread apply all backtrace",
            "delete",
            "thread 1",
            &on,
            "continue",
        ],
        &["breakpoint set --hardware --name look_here", "continue", "thread list", "thread backtrace all"],
    )?;
    let wrong = |what: &str| Err(format!("{what}, in:\n{text}").into());
    if debugger == Debugger::Gdb && !text.contains("hit Breakpoint 2, zoo::stepper (") {
        return wrong("it does not go on to the next breakpoint");
    }
    let start = if debugger == Debugger::Lldb { "name = '" } else { " (" };
    for said in THREADS {
        if !text.contains(&format!("{start}{said}")) {
            return wrong(&format!("`{said}` is missing"));
        }
    }
    for absent in ["dead", "bare", "unstarted"] {
        if text.contains(&format!("{start}{absent}: ")) {
            return wrong(&format!("`{absent}` is no thread"));
        }
    }
    let lists = backtraces(debugger, &text);
    if lists.len() != BACKTRACES.len() {
        return wrong(&format!("{} threads instead of {}", lists.len(), BACKTRACES.len()));
    }
    for (id, lines) in BACKTRACES {
        let Some((_, found)) = lists.iter().find(|(thread, _)| *thread == id) else {
            return wrong(&format!("thread {id} has no backtrace"));
        };
        if !found.starts_with(lines) {
            return wrong(&format!("thread {id} is at lines {found:?} of the guest instead of {lines:?}"));
        }
    }
    Ok(())
}

/// The threads with a backtrace, by their ids, and the lines of the guest in it.
fn backtraces(debugger: Debugger, text: &str) -> Vec<(u64, Vec<u32>)> {
    let mut found: Vec<(u64, Vec<u32>)> = Vec::new();
    if debugger == Debugger::Gdb {
        for line in text.lines() {
            if let Some((_, id)) = line.strip_prefix("Thread ").and_then(|rest| rest.split_once(" (Thread ")) {
                let id = id.split(' ').next().and_then(|id| id.parse().ok());
                found.extend(id.map(|id| (id, Vec::new())));
            } else if line.starts_with('#')
                && let Some((_, lines)) = found.last_mut()
            {
                lines.extend(line_of_guest(line));
            }
        }
        return found;
    }
    // The list has the ids, in the order of the backtraces.
    let mut ids = text.lines().filter_map(|line| {
        let (_, id) = line.split_once("tid = 0x")?;
        u64::from_str_radix(id.split(',').next()?, 16).ok()
    });
    let (_, backtraces) = text.split_once("(lldb) thread backtrace all").unwrap_or_default();
    for line in backtraces.lines() {
        if line.get(2..).is_some_and(|line| line.starts_with("thread #")) {
            found.extend(ids.next().map(|id| (id, Vec::new())));
        } else if line.contains("frame #")
            && let Some((_, lines)) = found.last_mut()
        {
            lines.extend(line_of_guest(line));
        }
    }
    found
}

/// The line of the guest that a frame is at.
fn line_of_guest(frame: &str) -> Option<u32> {
    let (_, line) = frame.rsplit_once("zoo.rs:")?;
    line.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

fn steps(debugger: Debugger, machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    const NEXT: usize = 6; // a line may take two
    let (stop, stop_of_lldb) = (
        format!("hbreak {GUEST}.rs:{STEPS_FROM}"),
        format!("breakpoint set --hardware --file {GUEST}.rs --line {STEPS_FROM}"),
    );
    let mut gdb = vec![NO_LINUX, stop.as_str(), "continue", "delete"];
    let mut lldb = vec![stop_of_lldb.as_str(), "continue", "breakpoint delete --force"];
    for _ in 0..NEXT {
        gdb.extend(["next", "frame 0", "thread"]);
        lldb.extend(["thread step-over", "thread info"]);
    }
    let text = shown(debugger, machine, guest, &gdb, &lldb)?;
    let mut lines = Vec::new();
    let is_shown =
        |line: &&str| if debugger == Debugger::Gdb { line.starts_with("#0 ") } else { line.contains("tid = ") };
    for line in text.lines().filter(is_shown).filter_map(line_of_guest) {
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    // Where LLDB shows the stop itself, too.
    let lines: Vec<_> = lines.into_iter().skip_while(|&line| line == STEPS_FROM).take(STEPS.len()).collect();
    if lines != STEPS {
        return Err(format!("steps came to the lines {lines:?} instead of {STEPS:?}:\n{text}").into());
    }
    let (thread, other) = if debugger == Debugger::Gdb {
        ("(Thread 13)]", "[Switching to Thread 1]")
    } else {
        ("tid = 0x000d", "tid = 0x0001,")
    };
    if text.matches(thread).count() < STEPS.len() || text.contains(other) {
        return Err(format!("a step went to another greenlet:\n{text}").into());
    }
    Ok(())
}

/// Steps by the instruction over the same switches: at each, the list has the threads that there
/// are, and this greenlet runs.
fn instructions(debugger: Debugger, machine: &'static Machine, guest: &builds::Guest) -> Result<(), Failed> {
    // Past the last line, or so many.
    let each = format!(
        "python exec('for _ in range(3000):\\n gdb.execute(\"stepi\")\\n print(\"at each\")\\n \
         gdb.execute(\"info threads\")\\n if \"{GUEST}.rs:{last}\" in gdb.execute(\"frame\", to_string=True): break')",
        last = STEPS[STEPS.len() - 1]
    );
    let stop = format!("hbreak {GUEST}.rs:{STEPS_FROM}");
    let text = shown(debugger, machine, guest, &[stop.as_str(), "continue", "delete", &each], &[])?;
    let ids = |list: &str| {
        let ids = list.lines().filter_map(|line| line.split_once(" Thread ")?.1.split(' ').next()?.parse().ok());
        let mut ids: Vec<u32> = ids.collect();
        ids.sort_unstable();
        ids
    };
    let lists: Vec<_> = text.split("at each\n").skip(1).collect();
    for list in &lists {
        let running: Vec<_> = list.lines().filter(|line| line.contains(": running")).collect();
        if running.len() != 1 || !running[0].starts_with("* ") || !running[0].contains(" Thread 13 (") {
            return Err(format!("another greenlet runs than the one that steps:\n{list}").into());
        }
    }
    let mut all: Vec<_> = lists.iter().map(|list| ids(list)).collect();
    all.dedup();
    // Main starts one more while the first switch is stepped over.
    if all != [&[1, 2, 3, 7, 8, 9, 13][..], &[1, 2, 3, 7, 8, 9, 12, 13]] {
        return Err(format!("the lists of threads are {all:?}, one after another").into());
    }
    println!("{machine}: {} instructions", lists.len());
    let missing = STEPS.into_iter().find(|line| !text.contains(&format!("{GUEST}.rs:{line}")));
    missing.map_or(Ok(()), |line| Err(format!("it does not come to line {line}:\n{text}").into()))
}
