//! The runner: builds a guest, boots it under QEMU, prints its transcript and judges it.
//!
//! `cargo run -- --help` shows how to use it; the [library](qemu_tests) does the work.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result, anyhow, bail};
use qemu_tests::boot::Boot;
use qemu_tests::cli::{self, Misuse, Request, Scenarios};
use qemu_tests::compile::{self, Profile};
use qemu_tests::conformance::{self, Bundle, Console, Place};
use qemu_tests::frames::Log;
use qemu_tests::guests::Guest;
use qemu_tests::limit::Limit;
use qemu_tests::machine::Machine;
use qemu_tests::tools::{self, Missing, Needs};
use qemu_tests::{
    c_suite, census, core_file, counts, cycles, debugger, elf, environment, fuzz, guests, hits, machines, mutants,
    places, proxy, random, reliability, serve, sizes, soak, speed, stacks, symbolize, timeline, transcript, trial,
    verdict,
};

fn main() -> ExitCode {
    let request = cli::parse(std::env::args_os().skip(1));
    match request.and_then(answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(match () {
                () if error.is::<Misuse>() => 2,
                () if error.is::<Missing>() => 3,
                () => 1,
            })
        }
    }
}

/// Executes the request of the command line.
fn answer(request: Request) -> Result<()> {
    match request {
        Request::Run { machine, guest, profile, bless, gdb: true, .. } => {
            run_under_gdb(machine, &guest, profile, bless)
        }
        Request::Run { machine, guest: name, profile, proxy: Some(port), .. } => {
            let mut needs = Needs::default();
            needs.machine(machine);
            tools::ensure(&needs)?;
            let guest = guest(&name)?;
            let elf = compile::guest_with_types(machine.code(), profile, &guest.name)?;
            proxy::boot(machine, &elf, guest.directives.cores, port)
        }
        Request::Run { machine, guest: name, profile, limit, timeline, .. } if timeline.anything() => {
            let mut needs = Needs::default();
            needs.machine(machine);
            tools::ensure(&needs)?;
            timeline::show(machine, &guest(&name)?, profile, limit, &timeline)
        }
        Request::Run { machine, guest, profile, limit, bless, core, census, .. } => {
            run(machine, &guest, profile, limit, bless, (core.as_deref(), census))
        }
        Request::RunElf { elf, limit, core, census } => run_elf(&elf, limit, (core.as_deref(), census)),
        Request::Serve { server, port } => serve::show(server, port),
        Request::Conformance(scenarios) => run_scenarios(&scenarios),
        Request::Fuzz(request) => fuzz::show(&request),
        Request::Random(request) => random::show(&request),
        Request::Soak(request) => soak::show(&request),
        Request::Speed { bless } => speed::show(bless),
        Request::Cycles { bless } => cycles::show(bless),
        Request::Sizes { bless } => sizes::show(bless),
        Request::Symbolize { elf } => symbolize::show(&elf),
        Request::DebugProxy { elf, target, port } => proxy::show(&elf, &target, port),
        Request::Stacks(request) => stacks::show(&request),
        Request::CSuite => c_suite::show(),
        Request::Machines(request) => machines::show(&request),
        Request::Mutants(request) => mutants::show(&request),
        Request::Reliability(request) => reliability::show(&request),
        Request::Setup { targets } => {
            let mut needs = Needs::everything();
            targets.iter().for_each(|target| needs.target(target));
            // For a subject that cannot be counted here in any case, nothing is installed.
            let countable = counts::SUBJECTS.iter().filter(|subject| subject.obstacle().is_none());
            countable.for_each(|subject| needs.all_of(&subject.needs()));
            needs.llvm();
            tools::ensure(&needs)
        }
        Request::Program(arguments) => hand_over(&arguments),
        Request::Features => {
            compile::features()?.iter().for_each(|feature| println!("{feature}"));
            Ok(())
        }
        Request::Help => {
            let survey = guests::survey(&places::guest_sources())?;
            let guests = survey.guests.iter().map(|guest| (guest.name.as_str(), guest.about.as_str()));
            print!("{}", cli::usage(guests));
            Ok(())
        }
    }
}

/// Replaces this process by `cargo run` of another program.
fn hand_over(arguments: &[OsString]) -> Result<()> {
    let mut command = environment::cargo();
    command.args(["run", "--quiet", "--release"]).args(arguments);
    if let Some(target) = env::var_os("CARGO_TARGET_DIR") {
        command.env("CARGO_TARGET_DIR", target);
    }
    Err(command.exec()).context("cannot start cargo")
}

/// The guest `name`.
fn guest(name: &str) -> Result<Guest> {
    let mut survey = guests::survey(&places::guest_sources())?;
    let Some(at) = survey.guests.iter().position(|guest| guest.name == name) else {
        let known: Vec<_> = survey.guests.iter().map(|guest| guest.name.as_str()).collect();
        bail!(Misuse(format!("no guest is called `{name}`; known: {}", known.join(", "))));
    };
    Ok(survey.guests.swap_remove(at))
}

/// Builds the guest `name` and boots it under GDB: at the terminal, or to keep the output of its commands.
fn run_under_gdb(machine: &'static Machine, name: &str, profile: Profile, bless: bool) -> Result<()> {
    let guest = guest(name)?;
    let script = guest.source.with_extension("gdb");
    if bless && !script.exists() {
        bail!(Misuse(format!("the guest `{name}` has no transcript of GDB to keep: there is no {}", script.display())));
    }
    let mut needs = Needs::default();
    needs.machine(machine);
    needs.gdb();
    tools::ensure(&needs)?;
    let elf = compile::guest_with_types(machine.code(), profile, name)?;
    if !bless {
        return match debugger::at_the_terminal(machine, &elf, guest.directives.cores)? {
            status if status.success() => Ok(()),
            status => bail!("GDB: {status}"),
        };
    }
    let (transcript, kept) = (debugger::transcript(machine, &elf, &script)?, debugger::expected(&script));
    fs::write(&kept, transcript).with_context(|| format!("cannot write {}", kept.display()))?;
    println!("{} is written", kept.display());
    Ok(())
}

/// What is to be had of a boot that fails: a core file, or its greenlets.
type Looks<'a> = (Option<&'a Path>, bool);

/// Builds the guest `name` and boots it, to print its transcript or to keep it.
fn run(
    machine: &'static Machine,
    name: &str,
    profile: Profile,
    limit: Option<Limit>,
    bless: bool,
    looks: Looks<'_>,
) -> Result<()> {
    let guest = guest(name)?;
    let asked = &guest.directives;
    if bless && !asked.tested {
        bail!(Misuse(format!("the guest `{name}` has no transcript to keep: its head says `not-a-test`")));
    }
    let mut needs = Needs::default();
    needs.machine(machine);
    tools::ensure(&needs)?;
    let build = if looks.1 { compile::guest_with_types } else { compile::guest };
    let elf = build(machine.code(), profile, name)?;
    if bless {
        let is_new = trial::bless(&guest, machine, &elf).map_err(|problem| anyhow!(problem))?;
        println!("{} {}", guest.expected.display(), if is_new { "is written" } else { "stays as it is" });
        return Ok(());
    }
    let transcript = show(machine, &elf, asked.counted, asked.cores, limit.unwrap_or(asked.limit), looks)?;
    if asked.hits {
        print!("{}", hits::block(&elf, &transcript)?);
    }
    Ok(())
}

/// Boots an ELF file on the machine that it is for.
fn run_elf(elf: &Path, limit: Limit, looks: Looks<'_>) -> Result<()> {
    let machine = elf::machine_of(elf)?;
    let mut needs = Needs::default();
    needs.qemu(machine);
    tools::ensure(&needs)?;
    show(machine, elf, false, 1, limit, looks).map(drop)
}

/// Boots, and prints the command line, the transcript and the log. Returns the transcript.
fn show(
    machine: &'static Machine,
    elf: &Path,
    counted: bool,
    cores: u32,
    limit: Limit,
    looks: Looks<'_>,
) -> Result<String> {
    let log = Log::of(elf)?;
    let boot = Boot { machine, elf, input: None, log: log.as_ref().map(Log::path), counted, cores, limit };
    println!("{}", boot.command_line());
    let mut noted = symbolize::Stream::new(elf);
    let seen = |piece: &[u8]| {
        let mut out = io::stdout().lock();
        // Printed at once, also if a line is not complete: the guest may stop in the middle of it.
        noted.pass(piece, &mut out).and_then(|()| out.flush())
    };
    let mut listed = None;
    let ended = match looks {
        (Some(core), _) => core_file::boot(&boot, core, seen)?,
        (None, true) => {
            let (ended, census) = census::run(&boot, seen)?;
            listed = census;
            ended
        }
        (None, false) => boot.run(seen)?,
    };
    print!("{}", listed.unwrap_or_default());
    let logged = log.as_ref().map(Log::block).transpose();
    if let Ok(Some(block)) = &logged {
        print!("{block}");
    }
    verdict::judge(machine, &ended)?;
    logged?;
    io::stderr().write_all(&ended.errors)?;
    Ok(transcript::text(&ended.output))
}

/// Runs scenarios, and prints their logs.
fn run_scenarios(scenarios: &Scenarios) -> Result<()> {
    let Scenarios { subject, place, profile, ref files, ref only } = *scenarios;
    let bundle = Bundle::read(subject, files, only)?;
    if let Place::Machine(machine) = place {
        let mut needs = Needs::default();
        needs.machine(machine);
        tools::ensure(&needs)?;
    }
    let program = conformance::build(subject, place, profile)?;
    let ran = conformance::run(place, &program, &bundle, Console)?;
    match ran.failure {
        None => Ok(()),
        Some(failure) => bail!("{failure}"),
    }
}
