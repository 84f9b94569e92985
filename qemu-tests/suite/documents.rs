//! Every test that the documents name exists, and every behaviour of the package has its row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::{fs, io};

use libtest_mimic::Failed;
use qemu_tests::tools::Needs;
use qemu_tests::{environment, guests, places};

use crate::Case;

/// How many rows each chapter of `docs/semantics.md` has, from chapter 1 on: as many as the package has behaviours.
const ROWS: [usize; 11] = [22, 21, 11, 14, 14, 21, 15, 13, 7, 10, 12];

/// The tests of the documents.
pub(crate) fn cases() -> Vec<Case> {
    let case =
        |name: &str, test: fn() -> Result<(), Failed>| Case::new(format!("documents::{name}"), Needs::default(), test);
    let mut cases = vec![
        case("every_test_that_is_named_exists", every_test_that_is_named_exists),
        case("every_behaviour_has_a_row_with_its_tests", every_behaviour_has_a_row_with_its_tests),
        case("every_complaint_has_a_test", every_complaint_has_a_test),
        case("every_feature_says_what_differs_and_what_shows_it", every_feature_says_what_differs_and_what_shows_it),
        case("every_public_item_has_an_example", every_public_item_has_an_example),
        case("a_name_that_is_nowhere_is_noticed", a_name_that_is_nowhere_is_noticed),
        case("an_item_without_an_example_is_noticed", an_item_without_an_example_is_noticed),
        case("a_row_that_is_wrong_is_noticed", a_row_that_is_wrong_is_noticed),
        case("every_file_of_tests_is_a_module", every_file_of_tests_is_a_module),
    ];
    for (target, examples) in [("x86_64-unknown-none", 3), ("aarch64-unknown-none", 6)] {
        let mut needs = Needs::default();
        needs.target(target);
        let name = format!("documents::examples_of_what_is_on_bare_metal_only_compile::{target}");
        cases.push(Case::new(name, needs, move || examples_compile(target, examples)));
    }
    cases
}

/// Compiles the examples in the documentation of items that exist only on bare metal; on the host rustdoc does not see
/// them.
fn examples_compile(target: &str, expected: usize) -> Result<(), Failed> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["test", "--package", "greenlet", "--doc", "--target", target]);
    cargo.arg("--target-dir").arg(places::built()?).args(["--", "SingleCore", "Mpidr"]).stdin(Stdio::null());
    let output = cargo.output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && told.contains(&format!("test result: ok. {expected} passed; ")) {
        return Ok(());
    }
    let more = String::from_utf8_lossy(&output.stderr);
    Err(format!("not {expected} examples that compile:\n{told}\n{more}").into())
}

fn every_test_that_is_named_exists() -> Result<(), Failed> {
    let known = Known::find()?;
    let (mut documents, mut named, mut problems) = (0, 0, Vec::new());
    for entry in fs::read_dir(places::root().join("docs"))? {
        let path = entry?.path();
        if path.is_dir() {
            continue; // plots
        }
        let text = fs::read_to_string(&path)?;
        let names: Vec<_> = references(&text).collect();
        problems
            .extend(names.iter().filter(|name| !known.has(name)).map(|name| format!("{}: {name:?}", path.display())));
        (documents, named) = (documents + 1, named + names.len());
    }
    if documents < 4 || named < 300 {
        problems.push(format!("{named} names in {documents} documents: not all of them were found"));
    }
    none_of("named, and does not exist", &problems)
}

fn every_behaviour_has_a_row_with_its_tests() -> Result<(), Failed> {
    none_of("wrong rows", &wrong_rows(&fs::read_to_string(places::root().join("docs/semantics.md"))?))
}

/// What is wrong with the rows of `docs/semantics.md`.
fn wrong_rows(text: &str) -> Vec<String> {
    let mut expected =
        (1..).zip(ROWS).flat_map(|(chapter, rows)| (1..=rows).map(move |row| format!("{chapter}.{row}")));
    let mut problems = Vec::new();
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, behaviour, here, shown] = cells[..] else {
            problems.push(format!("not four cells: {row}"));
            continue;
        };
        let next = expected.next();
        if next.as_deref() != Some(id) {
            problems.push(format!("{id} stands where {next:?} should"));
        }
        let kind = here.split([':', ' ', ',', ';', '.']).next().unwrap_or_default();
        let tests = references(shown).count();
        let fits = match kind {
            "same" | "mapped" => tests > 0,
            "none" => tests == 0 && here.len() > "none: ".len(),
            _ => false,
        };
        if !fits || behaviour.is_empty() {
            problems.push(format!("{id}: `{kind}` with {tests} tests"));
        }
    }
    problems.extend(expected.map(|id| format!("{id} has no row")));
    problems
}

/// The tables of `docs/hub.md` that say what users of other libraries know, and what shows it here.
fn every_complaint_has_a_test() -> Result<(), Failed> {
    let text = fs::read_to_string(places::root().join("docs/hub.md"))?;
    let mut problems = Vec::new();
    for (title, expected) in [("What users of other libraries complain of", 16), ("Stackless' channels", 11)] {
        let section = text.split("\n## ").find(|section| section.starts_with(title)).unwrap_or_default();
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        if rows.len() != expected {
            problems.push(format!("{title}: {} rows", rows.len()));
        }
        let shown = |row: &&str| row.trim_matches('|').rsplit(" | ").next().map_or(0, |cell| references(cell).count());
        problems.extend(rows.into_iter().filter(|row| shown(row) == 0).map(str::to_owned));
    }
    none_of("without a test", &problems)
}

fn every_feature_says_what_differs_and_what_shows_it() -> Result<(), Failed> {
    let text = fs::read_to_string(places::root().join("docs/greenlet.md"))?;
    let cells = |row: &str| row.trim_matches('|').split(" | ").filter(|cell| !cell.trim().is_empty()).count();
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).map(str::to_owned).collect();
    if rows.len() < 60 {
        return Err(format!("{} rows: not all of them were found", rows.len()).into());
    }
    none_of("not four cells", &rows.into_iter().filter(|row| cells(row) != 4).collect::<Vec<_>>())
}

/// The sources of the library and of the crates above it.
const SOURCES: [&str; 5] = [
    "src",
    "crates/greenlet-embassy/src",
    "crates/greenlet-embedded/src",
    "crates/greenlet-hub/src",
    "crates/greenlet-tasklets/src",
];

fn every_public_item_has_an_example() -> Result<(), Failed> {
    let (mut without, mut folders, mut items) =
        (Vec::new(), SOURCES.map(|folder| places::root().join(folder)).to_vec(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            for (item, has_example) in public_items(&fs::read_to_string(&path)?) {
                items += 1;
                without.extend((!has_example).then(|| format!("{}: {item}", path.display())));
            }
        }
    }
    if items < 90 {
        without.push(format!("{items} items: not all of them were found"));
    }
    none_of("without an example", &without)
}

/// The first lines of the public items of a source, and whether there is an example in the comment before each.
///
/// The lint `unreachable_pub` ensures that items with `pub` are really public.
pub(crate) fn public_items(source: &str) -> Vec<(&str, bool)> {
    let kinds = ["fn", "const fn", "unsafe fn", "struct", "enum", "trait", "unsafe trait", "type"];
    let (mut items, mut has_example, mut exported, mut hidden) = (Vec::new(), false, false, false);
    for line in source.lines().map(str::trim) {
        if line.starts_with("///") {
            has_example |= line.starts_with("/// ```");
        } else if line.starts_with("#[") {
            exported |= line == "#[macro_export]";
            hidden |= line == "#[doc(hidden)]";
        } else {
            let public = |rest: &str| kinds.iter().any(|kind| rest.starts_with(&format!("{kind} ")));
            let public = line.strip_prefix("pub ").is_some_and(public) && !hidden;
            if public || (exported && line.starts_with("macro_rules!")) {
                items.push((line, has_example));
            }
            (has_example, exported, hidden) = (false, false, false);
        }
    }
    items
}

fn a_name_that_is_nowhere_is_noticed() -> Result<(), Failed> {
    const TEXT: &str = "Held by `ui/me_moved_to_the_moon`, `corpus/core/no_such_scenario`, `switch::no_such_test`, \
        `switch::no_such_*`, `nowhere::*`, guest `martian`, `values::values_of_5_bytes_go_every_way`. \
        These are: `ui/main_moved`, `corpus/core/generator`, `corpus/drop`, `switch::*`, `switch::a_dead_target_*`, \
        `values::values_of_1_byte_go_every_way`, guest `tour`; `clippy::all` and `transfer::switch` are no tests.\n\
        ```text\nguest `in_a_listing`\n```\n";
    let known = Known::find()?;
    let missing: Vec<_> = references(TEXT).filter(|name| !known.has(name)).collect();
    let expected = [
        Reference::Ui("me_moved_to_the_moon"),
        Reference::Corpus("core/no_such_scenario"),
        Reference::Test("switch", "no_such_test"),
        Reference::Test("switch", "no_such_*"),
        Reference::Test("nowhere", "*"),
        Reference::Guest("martian"),
        Reference::Test("values", "values_of_5_bytes_go_every_way"),
    ];
    if missing == expected { Ok(()) } else { Err(format!("found {missing:?}").into()) }
}

fn an_item_without_an_example_is_noticed() -> Result<(), Failed> {
    const SOURCE: &str = "/// ```\n/// f();\n/// ```\n#[must_use]\npub fn f() {}\n/// None.\n#[derive(Debug)]\npub struct S {\n\
        /// A field.\npub at: u32 }\n/// None.\npub(crate) fn g() {}\n/// ```\nfn h() {}\npub const fn i() {}\n\
        #[macro_export]\nmacro_rules! j {\n}\nmacro_rules! k {\n";
    let found = public_items(SOURCE);
    let expected = [
        ("pub fn f() {}", true),
        ("pub struct S {", false),
        ("pub const fn i() {}", false),
        ("macro_rules! j {", false),
    ];
    if found == expected { Ok(()) } else { Err(format!("found {found:?}").into()) }
}

fn a_row_that_is_wrong_is_noticed() -> Result<(), Failed> {
    let text = fs::read_to_string(places::root().join("docs/semantics.md"))?;
    let breaks: [fn(&str) -> String; 5] = [
        |text| text.replacen("\n| 3.5 |", "\n| 3.55 |", 1),
        |text| text.lines().filter(|line| !line.starts_with("| 11.12 ")).map(|line| format!("{line}\n")).collect(),
        |text| text.replacen("`semantics::s4_05_*`, `corpus/core/error_ends_main`", "", 1),
        |text| text.replacen("| none: no collector |", "| none |", 1),
        |text| text.replacen("| same |", "| similar |", 1),
    ];
    let unnoticed: Vec<_> = (0..).zip(breaks).filter(|(_, broken)| wrong_rows(&broken(&text)).is_empty()).collect();
    none_of(
        "wrong, and not noticed",
        &unnoticed.iter().map(|(number, _)| format!("break {number}")).collect::<Vec<_>>(),
    )
}

/// A file of `tests/library` that `main.rs` does not name is not compiled.
fn every_file_of_tests_is_a_module() -> Result<(), Failed> {
    let folder = places::root().join("tests/library");
    let main = fs::read_to_string(folder.join("main.rs"))?;
    let mut missing = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name != "main" && !main.lines().any(|line| line == format!("mod {name};")) {
            missing.push(path.display().to_string());
        }
    }
    none_of("not in main.rs", &missing)
}

fn none_of(what: &str, problems: &[String]) -> Result<(), Failed> {
    if problems.is_empty() { Ok(()) } else { Err(format!("{what}:\n{}", problems.join("\n")).into()) }
}

/// A test, as documents name it.
#[derive(Debug, Eq, PartialEq)]
enum Reference<'a> {
    /// `file::name`, of `tests/library/file.rs` or `tests/file.rs`. The name may end in `*`.
    Test(&'a str, &'a str),
    /// `corpus/FAMILY` or `corpus/FAMILY/NAME`: all scenarios of a file, or one.
    Corpus(&'a str),
    /// `ui/NAME`.
    Ui(&'a str),
    /// The word guest, and a name.
    Guest(&'a str),
}

/// The tests that a document names, outside of its listings.
fn references(text: &str) -> impl Iterator<Item = Reference<'_>> {
    // Between two fences there is a listing; in what is left, between two backticks there is code.
    text.split("```").step_by(2).flat_map(|prose| {
        let pieces: Vec<_> = prose.split('`').collect();
        (1..pieces.len()).step_by(2).filter_map(move |at| reference(pieces[at - 1], pieces[at])).collect::<Vec<_>>()
    })
}

fn reference<'a>(before: &str, code: &'a str) -> Option<Reference<'a>> {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '*'));
    if let Some(name) = code.strip_prefix("corpus/") {
        return name.split('/').all(is_name).then_some(Reference::Corpus(name));
    }
    if let Some(name) = code.strip_prefix("ui/") {
        return is_name(name).then_some(Reference::Ui(name));
    }
    if before.trim_end().ends_with("guest") {
        return Some(Reference::Guest(code));
    }
    let (file, name) = code.split_once("::")?;
    // A lint, another crate or a function of the kernel is no test; but a file of both names is taken for the test.
    let layers = ["api", "kernel", "records"].map(|layer| places::root().join("src").join(layer));
    let is_test = TESTS.iter().any(|folder| places::root().join(folder).join(file).with_extension("rs").is_file());
    let is_other = ["clippy", "critical_section"].contains(&file)
        || layers.iter().map(|layer| layer.join(file)).any(|path| path.is_dir() || path.with_extension("rs").is_file());
    (is_name(file) && is_name(name) && (is_test || !is_other)).then_some(Reference::Test(file, name))
}

/// The tests that there are.
struct Known {
    tests: BTreeMap<String, BTreeSet<String>>,
    guests: BTreeSet<String>,
    /// The programs that must not compile: modules of the files in `misuse/tests/ui`.
    refused: BTreeSet<String>,
}

impl Known {
    fn find() -> Result<Self, Failed> {
        let survey = guests::survey(&places::guest_sources()).map_err(|error| format!("{error:#}"))?;
        let guests = survey.guests.into_iter().map(|guest| guest.name).collect();
        Ok(Self { tests: hosted()?, guests, refused: refused()? })
    }

    fn has(&self, reference: &Reference<'_>) -> bool {
        match *reference {
            Reference::Test(file, name) => self.tests.get(file).is_some_and(|tests| match name.strip_suffix('*') {
                Some(prefix) => tests.iter().any(|test| test.starts_with(prefix)),
                None => tests.contains(name),
            }),
            Reference::Corpus(name) => {
                let (family, name) = name.split_once('/').map_or((name, None), |(family, name)| (family, Some(name)));
                let text = fs::read_to_string(places::corpus().join(family).with_extension("scn"));
                text.is_ok_and(|text| {
                    name.is_none_or(|name| text.lines().any(|line| line.strip_prefix("scenario ") == Some(name)))
                })
            }
            Reference::Ui(name) => self.refused.contains(name),
            Reference::Guest(name) => self.guests.contains(name),
        }
    }
}

/// Where the hosted tests are, of the library and of the crates above it.
const TESTS: [&str; 6] = [
    "tests",
    "tests/library",
    "crates/greenlet-embassy/tests",
    "crates/greenlet-embedded/tests",
    "crates/greenlet-hub/tests",
    "crates/greenlet-tasklets/tests",
];

/// The names of the hosted tests, by file.
fn hosted() -> io::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut hosted = BTreeMap::new();
    let folders = TESTS.map(|folder| fs::read_dir(places::root().join(folder)));
    for entry in folders.into_iter().collect::<io::Result<Vec<_>>>()?.into_iter().flatten() {
        let path = entry?.path();
        if let Some(file) = path.file_stem().filter(|_| is_source(&path)) {
            hosted.insert(file.to_string_lossy().into_owned(), tests_of(&fs::read_to_string(&path)?));
        }
    }
    Ok(hosted)
}

fn refused() -> io::Result<BTreeSet<String>> {
    let mut refused = BTreeSet::new();
    for entry in fs::read_dir(places::root().join("qemu-tests/misuse/tests/ui"))? {
        let path = entry?.path();
        if is_source(&path) {
            let text = fs::read_to_string(&path)?;
            let names = text.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(" {"));
            refused.extend(names.map(str::to_owned));
        }
    }
    Ok(refused)
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// The functions under `#[test]`; where a macro makes some, also the names that lines such as `name: what,` give to it.
fn tests_of(source: &str) -> BTreeSet<String> {
    let made = source.contains("fn $");
    let (mut tests, mut is_test) = (BTreeSet::new(), false);
    for line in source.lines().map(str::trim) {
        is_test |= line == "#[test]";
        if let Some(rest) = line.strip_prefix("fn ") {
            let name = rest.split('(').next().unwrap_or_default();
            tests.extend(is_test.then(|| name.to_owned()));
            is_test = false;
        } else if let Some((name, _)) = line.split_once(": ").filter(|_| made) {
            tests.insert(name.to_owned());
        }
    }
    tests
}
