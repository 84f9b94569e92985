//! How large stacks should be: by analysis of a program's code, and by the high-water marks of its greenlets.
//!
//! `cargo xtask stacks --elf FILE` prints the largest frames of a program, and for each body of a greenlet the most
//! that it takes. The latter is a bound only if all calls are direct; otherwise the output says so. With a limit the
//! program is booted, and its high-water marks are printed by the names of its greenlets. Without a file, the marks of
//! the guests are printed.

mod bounds;
mod code;
mod frames;
mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use self::bounds::{Bound, Program, Why};
use self::marks::Mark;
use crate::boot::Boot;
use crate::cli::Misuse;
use crate::compile::{self, Profile};
use crate::guests::{self, Guest};
use crate::limit::Limit;
use crate::machine::Machine;
use crate::symbols::{self, Place, Symbols};
use crate::tools::{self, Needs};
use crate::verdict::Ending;
use crate::{elf, places, transcript};

/// How many frames are printed.
const LARGEST: usize = 12;

/// The head of the table of bodies.
const HEAD_OF_BODIES: &str = "\
what bodies of greenlets take at most, in bytes, beside control block, canary band, panics and interrupts;
`callbacks +`: beside what greenlet calls back, too; `unknown, >`: this can be taken, and more, since
";

/// What stands in the place of the table where instructions are not read.
const UNREAD: &str = "\
no bounds of bodies: they take the instructions, which are read of AArch64 and x86-64 alone; measure with the feature
`high-water` instead: --timeout SECONDS boots the program
";

/// How many reasons are printed for one body.
const REASONS: usize = 3;

/// The function that each new greenlet runs first, once for each type of a body.
const ENTRY: &str = "::life::entry";

/// The functions between a greenlet's entry and the code of its body.
const OWN: [&str; 8] =
    ["greenlet::", "<greenlet::", "greenlet_hub::", "core::", "<core::", "alloc::", "compiler_builtins::", "__rustc::"];

/// What to print.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// The analysis of a program. If it is booted, until this limit and with these additional arguments for QEMU, also
    /// its high-water marks.
    Elf(PathBuf, Option<(Limit, Vec<OsString>)>),
    /// The high-water marks of these guests, or of all that pass.
    Guests(&'static Machine, Vec<String>),
}

/// `cargo xtask stacks`.
///
/// # Errors
///
/// When a file is no program with functions for a processor that is known, or has no marks; and when guests do not
/// build.
pub fn show(request: &Request) -> Result<()> {
    match request {
        Request::Elf(elf, boots) => {
            print!("{}", report(elf)?);
            if let Some((limit, arguments)) = boots {
                println!("\n{}", marks_of(elf, *limit, arguments)?);
            }
            Ok(())
        }
        Request::Guests(machine, names) => {
            println!("{}", marks_of_guests(machine, names)?);
            Ok(())
        }
    }
}

/// The table of marks of the program in the file `elf`, booted on the machine that it is for.
///
/// # Errors
///
/// As [`show`].
pub fn marks_of(elf: &Path, limit: Limit, arguments: &[OsString]) -> Result<String> {
    let machine = elf::machine_of(elf)?;
    let mut needs = Needs::default();
    needs.qemu(machine);
    tools::ensure(&needs)?;
    let boot = Boot { machine, elf, input: None, log: None, counted: false, cores: 1, limit };
    let (ended, marks) = marks::of(&boot, arguments)?;
    let printed = transcript::text(&ended.output);
    ensure!(
        !marks.is_empty(),
        "no greenlet was freed or in a tree until it ended ({:?}); it printed:\n{}\n{}",
        ended.status,
        transcript::tail(&printed),
        transcript::text(&ended.errors).trim()
    );
    let named = marks.into_iter().map(|(name, mark)| (name, mark, String::new()));
    Ok(table(named.collect()))
}

/// The table of marks of the guests with these `names`, or of all that pass without features.
///
/// # Errors
///
/// As [`show`].
pub fn marks_of_guests(machine: &'static Machine, names: &[String]) -> Result<String> {
    let mut needs = Needs::default();
    needs.machine(machine);
    tools::ensure(&needs)?;
    let [plain, _] = places::guest_sources();
    let mut guests = guests::survey(std::slice::from_ref(&plain))?.guests;
    guests.retain(|guest| machine.boots(&guest.name, false));
    let known: Vec<_> = guests.iter().map(|guest| guest.name.clone()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        bail!(Misuse(format!("{machine} boots no guest `{name}` without features; known: {}", known.join(", "))));
    }
    guests.retain(|guest| match names {
        [] => guest.directives.tested && guest.directives.ending == Ending::Pass,
        names => names.contains(&guest.name),
    });
    let wanted = guests.iter().map(|guest| guest.name.clone()).collect();
    let built = compile::guests_with("high-water", machine.code(), Profile::Release, &wanted)?;
    let mut deepest = BTreeMap::<String, (Mark, BTreeSet<&str>)>::new();
    for guest in &guests {
        let Guest { name, directives, .. } = guest;
        let elf = built.get(name).with_context(|| format!("cargo built no guest `{name}`"))?;
        let (cores, limit) = (directives.cores, directives.limit);
        let boot = Boot { machine, elf, input: None, log: None, counted: directives.counted, cores, limit };
        for (greenlet, mark) in marks::of(&boot, &[]).with_context(|| format!("guest {name}"))?.1 {
            let (most, by) = deepest.entry(greenlet).or_default();
            by.insert(name);
            if mark.peak > most.peak {
                *most = mark;
            }
        }
    }
    let rows = deepest.into_iter().map(|(greenlet, (mark, by))| {
        (greenlet, mark, format!("  in {}", by.into_iter().collect::<Vec<_>>().join(", ")))
    });
    Ok(table(rows.collect()))
}

/// A row for each name, the deepest first.
fn table(mut rows: Vec<(String, Mark, String)>) -> String {
    rows.sort_by_key(|(_, mark, _)| std::cmp::Reverse(mark.peak));
    let mut text = "deepest use of stacks, in bytes, of their sizes; and the sizes that would do:\n".to_owned();
    for (name, Mark { peak, size }, by) in rows {
        let [peak, size, would_do] = [peak, size, suggested(peak)].map(thousands);
        let _infallible = writeln!(text, "{peak:>9} of {size:>9}  {would_do:>9}  {name}{by}");
    }
    text.trim_end().to_owned()
}

/// The mark and a quarter, rounded up to a multiple of 64, by the rule of docs/stack-sizing.md.
fn suggested(peak: u64) -> u64 {
    (peak + peak.div_ceil(4)).next_multiple_of(64)
}

/// The analysis of the program in the file `elf`.
///
/// # Errors
///
/// As [`show`].
pub fn report(elf: &Path) -> Result<String> {
    let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let program = Program::of(&symbols::parse(&bytes, elf)?, elf)?;
    let symbols = Symbols::of(elf)?;
    Ok(frames_of(&program)? + "\n" + &bodies_of(&program, &symbols)?)
}

/// The table of the largest frames.
fn frames_of(program: &Program) -> Result<String> {
    let by_code = program.functions.values().filter(|function| function.is_by_code).count();
    let all = program.functions.len();
    let how = if program.is_read { "by their instructions" } else { "in part, which are left out" };
    let mut text =
        format!("largest frames, in bytes; {} of {all} functions by call frame information, ", all - by_code);
    writeln!(text, "{by_code} {how}:")?;
    // Without the instructions, a frame that is counted from the frame pointer has an unknown size.
    let mut largest: Vec<_> =
        program.functions.values().filter(|function| program.is_read || !function.is_by_code).collect();
    largest.sort_by(|one, other| (other.frame, &one.name).cmp(&(one.frame, &other.name)));
    for function in largest.into_iter().take(LARGEST) {
        let how = if function.is_by_code { " at most" } else { "" };
        writeln!(text, "{:>19}  {}{how}", thousands(function.frame), function.name)?;
    }
    Ok(text)
}

/// The table of greenlets' bodies.
fn bodies_of(program: &Program, symbols: &Symbols) -> Result<String> {
    if !program.is_read {
        return Ok(UNREAD.to_owned());
    }
    let entries = program.functions.iter().filter(|(_, function)| function.name.ends_with(ENTRY));
    let mut bodies: Vec<_> =
        entries.map(|(&address, _)| (program.bound(address), body_of(program, symbols, address))).collect();
    if bodies.is_empty() {
        return Ok("no bodies of greenlets: there is no function `greenlet::...::life::entry`\n".to_owned());
    }
    bodies.sort_by(|(one, its), (other, others)| (other.bytes, its).cmp(&(one.bytes, others)));
    let mut text = HEAD_OF_BODIES.to_owned();
    for (Bound { bytes, mut unknown }, body) in bodies {
        let has_callbacks = unknown.remove(&Why::Callback);
        let how = match (unknown.is_empty(), has_callbacks) {
            (true, false) => "",
            (true, true) => "callbacks +",
            (false, _) => "unknown, >",
        };
        writeln!(text, "{how:>11}{:>8}  {body}", thousands(bytes))?;
        for reason in unknown.iter().take(REASONS) {
            writeln!(text, "                       {reason}")?;
        }
        if unknown.len() > REASONS {
            writeln!(text, "                       and {} more", unknown.len() - REASONS)?;
        }
    }
    Ok(text)
}

/// The function of the program that the entry at `address` runs: the first function that is neither of this crate nor
/// of core, inlined into the entry or called by it.
fn body_of(program: &Program, symbols: &Symbols, address: u64) -> String {
    const CALLS: usize = 6; // in debug there are some between the entry and the body
    let mut level = vec![address];
    let mut seen = BTreeSet::new();
    for _ in 0..CALLS {
        for &at in &level {
            if let Some(name) = of_the_program(program, symbols, at) {
                return name;
            }
        }
        level = level
            .iter()
            .flat_map(|&at| program.callees(at))
            .filter(|&at| !program.panics(at) && seen.insert(at))
            .collect();
    }
    format!("the body of {address:#x}")
}

/// The first function in the one at `address` that is neither of this crate nor of core: the outermost one, if others
/// are inlined.
fn of_the_program(program: &Program, symbols: &Symbols, address: u64) -> Option<String> {
    let end = program.functions.get(&address)?.end;
    let mut places = (address..end).filter_map(|at| symbols.at(at).into_iter().rfind(|place| !is_own(place)));
    places.next().map(|place| match place.line {
        Some(line) => format!("{} ({line})", place.function),
        None => place.function,
    })
}

/// Whether a place is of this crate or of core: by its path, or where debug information has names without paths, by its
/// file.
fn is_own(place: &Place) -> bool {
    let name = &place.function;
    if name[..name.find('<').unwrap_or(name.len())].contains("::") || name.starts_with('<') {
        return OWN.iter().any(|own| name.starts_with(own));
    }
    place.line.as_ref().is_none_or(|file| {
        ["src/", "arch/", "library/", "crates/greenlet"].iter().any(|folder| file.starts_with(folder))
            || ["/greenlet/", "/greenlet-"].iter().any(|part| file.contains(part))
    })
}

/// A number with a comma before each three digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_has_a_quarter_more_and_no_odd_bytes() {
        assert_eq!([1_312, 64, 1].map(suggested), [1_664, 128, 64]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
