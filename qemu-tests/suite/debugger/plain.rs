//! What a debugger shows without any extension: it stops in a guest, and its backtrace goes from a greenlet to its
//! parents, to main, and to the entry of the image; from a fault, too, over the vector.

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::debugger::{self, Debugger};
use qemu_tests::machine::{self, Machine};
use qemu_tests::tools::{self, Needs};

use crate::{Case, builds};

/// A guest, where a debugger stops it, and the functions that its backtrace has, in this order, each time.
struct Scene {
    guest: &'static str,
    about: &'static str,
    /// The function, by its path on `machine`.
    stop: fn(&Machine) -> String,
    backtraces: &'static [&'static [&'static str]],
}

/// The end of every backtrace.
macro_rules! ends_in_main {
    ($($frame:expr),+) => { &[$($frame,)+ "main::{closure#0}", "enter", "::main", "_start"] };
}

const BELOW_A_GREENLET: &[&str] = ends_in_main!["leaf", "middle", TRAMPOLINE, "outer", TRAMPOLINE];
const BELOW_NO_FRAMES: &[&str] = ends_in_main!["leaf", TRAMPOLINE, TRAMPOLINE];

const SCENES: [Scene; 2] = [
    Scene {
        guest: "backtrace",
        about: "a_backtrace_reaches_the_entry_of_the_image",
        stop: |_| "backtrace::leaf".to_owned(),
        // Below a greenlet; one that has not started, until that starts; a dead one.
        backtraces: &[
            BELOW_A_GREENLET,
            BELOW_A_GREENLET,
            BELOW_NO_FRAMES,
            BELOW_A_GREENLET,
            BELOW_A_GREENLET,
            BELOW_NO_FRAMES,
        ],
    },
    Scene {
        guest: "fault",
        about: "a_backtrace_goes_from_a_fault_to_the_entry_of_the_image",
        stop: |machine| {
            format!("board::{}::vectors::exception", if machine.name == "x86_64" { "x86_64" } else { "aarch64" })
        },
        backtraces: &[ends_in_main!["exception", VECTOR, "main::{closure#0}::{closure#1}", TRAMPOLINE]],
    },
];

/// The frame of the trampoline. GDB shows it as `<signal handler called>`: it is a signal frame, because its caller is
/// on another stack.
const TRAMPOLINE: &str = "(trampoline)";
/// The frame of an exception vector, which is a signal frame as well.
const VECTOR: &str = "(vector)";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for debugger in [Debugger::Gdb, Debugger::Lldb] {
        for machine in ["aarch64", "aarch64-softfloat", "x86_64"].map(|name| machine::named(name).expect("a machine")) {
            for profile in [Profile::Debug, Profile::Release] {
                for scene in SCENES.iter().filter(|scene| !is_misread(debugger, machine, profile, scene)) {
                    // Only this would take another build: unoptimized, its backtraces are those of the other aarch64.
                    let is_usual = (machine.name, profile) != ("aarch64-softfloat", Profile::Debug);
                    let case = case(debugger, machine, profile, scene);
                    cases.push(if is_usual { case } else { case.when_asked_for() });
                }
            }
        }
    }
    // One walk of Cortex-M; the others, and Armv7-A, when asked for. These have no guest `fault`.
    for name in ["thumbv7em", "thumbv7m", "thumbv8m", "armv7a"] {
        let machine = machine::named(name).expect("a machine");
        for profile in [Profile::Debug, Profile::Release] {
            let case = case(Debugger::Gdb, machine, profile, &SCENES[0]);
            cases.push(case.usual_if(name == "thumbv7em" && profile == Profile::Release));
        }
    }
    cases
}

/// Whether LLDB misreads the scene. For a function above a signal frame on x86_64, LLDB 14 reads the code and not the
/// call frame information: it takes the loads of rsp, rbp and rbx in an inlined switch for loads of the function's own
/// registers. LLDB 19 walks well.
fn is_misread(debugger: Debugger, machine: &Machine, profile: Profile, scene: &Scene) -> bool {
    let is_such = machine.name == "x86_64" && profile == Profile::Release && scene.guest == "backtrace";
    debugger == Debugger::Lldb && is_such && debugger.version().is_none_or(|version| version < 19)
}

fn case(debugger: Debugger, machine: &'static Machine, profile: Profile, scene: &'static Scene) -> Case {
    let mut needs = Needs::default();
    needs.machine(machine);
    let with = if debugger == Debugger::Lldb { "lldb::" } else { "" };
    let name = format!("debugger::{with}{}::{machine}::{profile}", scene.about);
    let guest = builds::Guest::new(scene.guest, machine.code(), profile);
    let guests = vec![guest.clone()];
    if debugger == Debugger::Gdb {
        needs.gdb();
    }
    let case = Case::new(name, needs, move || backtraces(debugger, machine, &guest, scene)).with_guests(guests);
    // LLDB is tested where it is; GDB is installed.
    if tools::on_path(&debugger.program()).is_none() && debugger == Debugger::Lldb {
        case.when_asked_for()
    } else {
        case
    }
}

fn backtraces(
    debugger: Debugger,
    machine: &'static Machine,
    guest: &builds::Guest,
    scene: &Scene,
) -> Result<(), Failed> {
    let (stop, proceed, show) = match debugger {
        Debugger::Gdb | Debugger::GdbWithScript => {
            (format!("hbreak {}", (scene.stop)(machine)), "continue", "backtrace")
        }
        Debugger::Lldb => {
            (format!("breakpoint set --hardware --name {}", (scene.stop)(machine)), "continue", "thread backtrace")
        }
    };
    let shows = scene.backtraces.iter().flat_map(|_| [proceed, show]);
    let commands = [stop.as_str()].into_iter().chain(shows);
    let shown =
        debugger::at_a_guest(debugger, machine, &guest.file()?, commands).map_err(|error| format!("{error:#}"))?;
    let each: Vec<_> = shown.split(first_frame(debugger)).skip(1).collect();
    if each.len() != scene.backtraces.len() {
        return Err(format!("{} backtraces instead of {}:\n{shown}", each.len(), scene.backtraces.len()).into());
    }
    for (shown, expected) in each.iter().zip(scene.backtraces) {
        if let Some(problem) = wrong(debugger, shown, expected) {
            return Err(format!("{problem}, in:\n{shown}").into());
        }
    }
    Ok(())
}

/// What begins a backtrace.
fn first_frame(debugger: Debugger) -> &'static str {
    match debugger {
        Debugger::Gdb | Debugger::GdbWithScript => "\n#0 ",
        Debugger::Lldb => "\n  * frame #0: ",
    }
}

/// What is wrong with a backtrace that is to have these functions in this order, and as many signal frames as are
/// named.
fn wrong(debugger: Debugger, shown: &str, expected: &[&'static str]) -> Option<String> {
    let text = |name: &'static str| match (debugger, name) {
        (Debugger::Gdb | Debugger::GdbWithScript, TRAMPOLINE | VECTOR) => Some("<signal handler called>"),
        (Debugger::Lldb, TRAMPOLINE) => Some("trampoline::trampoline"),
        (Debugger::Lldb, VECTOR) => Some("save_and_report"),
        // LLDB shows mangled names, and an inlined closure by the name of the function that it is inlined into.
        (Debugger::Lldb, name) if name.contains('{') => None,
        (_, name) => Some(name),
    };
    let frames: Vec<_> = shown.lines().take_while(|line| !line.starts_with("(lldb)")).collect();
    let mut left = frames.iter();
    for name in expected.iter().copied().filter_map(text) {
        if !left.any(|frame| frame.contains(name)) {
            return Some(format!("{name} is missing, or not in its place"));
        }
    }
    let signal_frames = [TRAMPOLINE, VECTOR];
    let is_signal_frame = |frame: &&&str| signal_frames.iter().any(|name| frame.contains(text(name).unwrap_or(name)));
    let wanted = expected.iter().filter(|name| signal_frames.contains(name)).count();
    if frames.iter().filter(is_signal_frame).count() != wanted {
        return Some(format!("there are not {wanted} signal frames"));
    }
    if shown.contains("Backtrace stopped") || left.any(|frame| frame.contains("frame #")) {
        return Some("the walk did not end well".to_owned());
    }
    None
}
