//! Links of the documents lead somewhere: for a reader of the files, and on the pages that rustdoc makes of them.
//!
//! A page refers to a file by a label, `[limits.md]`, which is defined twice: at the end of the page as a path, and in
//! `docs/links.md`, which rustdoc reads first, as an item of the crate. Rustdoc itself refuses an item that does not
//! exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::Case;

/// Documents that are no pages: one has plots, the other is of the repository alone.
const NO_PAGES: [&str; 2] = ["docs/performance.md", "CONTRIBUTING.md"];

pub(crate) fn cases() -> Vec<Case> {
    let case =
        |name: &str, test: fn() -> Result<(), Failed>| Case::new(format!("links::{name}"), Needs::default(), test);
    vec![
        case("every_link_leads_somewhere", every_link_leads_somewhere),
        case("a_link_that_leads_nowhere_is_noticed", noticed),
        case("every_path_for_contributors_exists", every_path_for_contributors_exists),
    ]
}

fn every_link_leads_somewhere() -> Result<(), Failed> {
    let root = places::root();
    let read = |path: &str| fs::read_to_string(root.join(path));
    let (labels, pages) = (read("docs/links.md")?, read("docs/pages.rs")?);
    let mut documents = vec!["README.md".to_owned(), "CHANGELOG.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for entry in fs::read_dir(root.join("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") && name != "links.md" {
            documents.push(format!("docs/{name}"));
        }
    }
    let mut problems = Vec::new();
    for path in &documents {
        let folder = root.join(path);
        let exists = |to: &str| folder.parent().is_some_and(|folder| folder.join(to).exists());
        let is_page = !NO_PAGES.contains(&path.as_str());
        problems.extend(wrong(&read(path)?, &labels, is_page, exists).into_iter().map(|why| format!("{path}: {why}")));
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        if is_page && path != "README.md" && !pages.contains(&format!("{name}\")]")) {
            problems.push(format!("{path}: no page in docs/pages.rs"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// CONTRIBUTING says where to change what, by paths from the root of the repository.
fn every_path_for_contributors_exists() -> Result<(), Failed> {
    let text = fs::read_to_string(places::root().join("CONTRIBUTING.md"))?;
    let prose: String = text.split("```").step_by(2).collect();
    // In capitals what the reader fills in.
    let is_path = |code: &&str| {
        code.contains('/')
            && !code.contains([' ', '@', '*'])
            && !["FAMILY", "NAME"].iter().any(|name| code.contains(name))
    };
    let paths: Vec<_> = prose.split('`').skip(1).step_by(2).filter(is_path).collect();
    let missing: Vec<_> = paths.iter().filter(|path| !places::root().join(path).exists()).collect();
    if missing.is_empty() && paths.len() > 40 {
        return Ok(());
    }
    Err(format!("of {} paths these do not exist: {missing:?}", paths.len()).into())
}

/// What is wrong with the links of a document.
fn wrong(text: &str, labels: &str, is_page: bool, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    // Between two fences there is a listing.
    let prose: String = text.split("```").step_by(2).collect();
    let defined: BTreeSet<_> = prose.lines().filter_map(definition).collect();
    for (label, path) in &defined {
        if !exists(path) {
            problems.push(format!("[{label}] leads to {path}, which does not exist"));
        }
        if !prose.replace(&format!("\n[{label}]: "), "\n").contains(&format!("[{label}]")) {
            problems.push(format!("[{label}] is defined and not used"));
        }
        if is_page && !labels.lines().filter_map(definition).any(|(known, _)| known == *label) {
            problems.push(format!("[{label}] is not in docs/links.md"));
        }
    }
    for piece in prose.split('[').skip(1) {
        let Some((label, rest)) = piece.split_once(']') else { continue };
        let inline = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(path, _)| path);
        match inline {
            Some(path) if path.starts_with("http") => {}
            Some(path)
                if path.strip_prefix('#').is_some_and(|to| prose.lines().filter_map(anchor).any(|it| it == to)) => {}
            Some(path) if path.starts_with('#') => problems.push(format!("no heading has the anchor {path}")),
            Some(path) if is_page => problems.push(format!("a page has no file {path} beside it: use a label")),
            Some(path) if !exists(path) => problems.push(format!("{path} does not exist")),
            None if label.ends_with(".md") && !defined.iter().any(|(known, _)| *known == label) => {
                problems.push(format!("[{label}] is not defined"));
            }
            _ => {}
        }
    }
    problems
}

/// The anchor of a heading.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
    Some(heading.replace(' ', "-").chars().filter(|it| it.is_alphanumeric() || *it == '-').collect())
}

/// Label and path of a line that defines a link.
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ")
}

fn noticed() -> Result<(), Failed> {
    const LABELS: &str = "[a.md]: crate::a\n[gone.md]: crate::gone\n[unused.md]: crate::unused\n";
    const TEXT: &str = "[a.md], [b.md], [c.md], [gone.md], [d](d.md), [e](https://e), [f](#a-heading), [g](#g)\n```text\n[listing.md]\n```\n\n\
        ## A heading\n\n[a.md]: a.md\n[c.md]: c.md\n[gone.md]: gone.md\n[unused.md]: unused.md\n";
    let exists = |path: &str| !["gone.md", "d.md"].contains(&path);
    let expected = [
        "[c.md] is not in docs/links.md",
        "[gone.md] leads to gone.md, which does not exist",
        "[unused.md] is defined and not used",
        "[b.md] is not defined",
        "a page has no file d.md beside it: use a label",
        "no heading has the anchor #g",
    ];
    let (page, file) = (wrong(TEXT, LABELS, true, exists), wrong(TEXT, LABELS, false, exists));
    if page == expected && file.contains(&"d.md does not exist".to_owned()) {
        Ok(())
    } else {
        Err(format!("{page:#?}\n{file:#?}").into())
    }
}
