//! The layers of the library, `arch`, `records`, `kernel`, `api`: a layer names only itself and those below it.
//!
//! Two tests ensure that. One reads the paths in the sources, and reports the line of each path that goes up. The other
//! compiles each layer with those below it and without those above. So the use of a method or a trait of a higher
//! layer, for which there is no path, is detected, too.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use libtest_mimic::Failed;
use qemu_tests::environment;
use qemu_tests::places;
use qemu_tests::tools::Needs;

use crate::Case;

/// The layers from the lowest up, each the name of a module of the crate, and its folder.
const LAYERS: [(&str, &str); 4] =
    [("arch", "arch"), ("records", "src/records"), ("kernel", "src/kernel"), ("api", "src/api")];

pub(crate) fn cases() -> Vec<Case> {
    let case =
        |name: &str, test: fn() -> Result<(), Failed>| Case::new(format!("layers::{name}"), Needs::default(), test);
    vec![
        case("no_path_goes_up", no_path_goes_up),
        case("a_path_that_goes_up_is_noticed", a_path_that_goes_up_is_noticed),
        case("each_compiles_without_those_above", each_compiles_without_those_above),
        case("a_method_from_above_is_noticed", a_method_from_above_is_noticed),
    ]
}

fn no_path_goes_up() -> Result<(), Failed> {
    let (mut problems, mut files) = (Vec::new(), 0);
    for (name, folder) in LAYERS {
        let mut folders = vec![(places::root().join(folder), vec![name.to_owned()])];
        while let Some((folder, module)) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let mut module = module.clone();
                if stem != "mod" {
                    module.push(stem);
                }
                if path.is_dir() {
                    folders.push((path, module));
                } else {
                    files += 1;
                    let ups = upward(&module, &fs::read_to_string(&path)?);
                    problems.extend(ups.iter().map(|up| format!("{}:{up}", path.display())));
                }
            }
        }
    }
    if files < 60 {
        problems.push(format!("{files} files: not all of them were found"));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// The number of the layer of a module. For an export of `lib.rs` it is the highest, because that one names all others.
fn layer(name: &str) -> usize {
    LAYERS.iter().position(|(layer, _)| *layer == name).unwrap_or(LAYERS.len() - 1)
}

/// The paths in `source`, a file of `module`, that lead to a higher layer, each with its line.
fn upward(module: &[String], source: &str) -> Vec<String> {
    let mine = layer(&module[0]);
    // How many modules deep the place is, and at what number of open braces each inline module began.
    let (mut inline, mut open) = (Vec::new(), 0);
    let (mut found, tokens) = (Vec::new(), tokens(source));
    for (at, (line, token)) in tokens.iter().enumerate() {
        let is = |ahead: usize, what: &str| tokens.get(at + ahead).is_some_and(|(_, token)| token == what);
        match token.as_str() {
            "{" => open += 1,
            "}" => {
                open -= 1;
                inline.pop_if(|began| *began == open);
            }
            "mod" if is(2, "{") => inline.push(open),
            // Not in a macro of the crate's own, which names what `lib.rs` exports; nor in `extern crate`.
            "crate" if at == 0 || !["$", "extern"].contains(&tokens[at - 1].1.as_str()) => {
                let targets = if is(1, "::") { heads(&tokens[at + 2..]) } else { vec!["all of the crate".to_owned()] };
                let is_visibility = !is(1, "::") && is(1, ")");
                let ups = targets.iter().filter(|target| !is_visibility && layer(target) > mine);
                found.extend(ups.map(|target| format!("{line}: {} names `crate::{target}`", LAYERS[mine].0)));
            }
            "super" if at < 2 || tokens[at - 2].1 != "super" => {
                let supers = tokens[at..].chunks(2).take_while(|pair| pair[0].1 == "super").count();
                if supers >= module.len() + inline.len() {
                    let targets = heads(tokens.get(at + 2 * supers..).unwrap_or_default());
                    let ups = targets.iter().filter(|target| layer(target) > mine);
                    found.extend(ups.map(|target| format!("{line}: {} names `super::{target}`", LAYERS[mine].0)));
                }
            }
            _ => {}
        }
    }
    found
}

/// The names after a prefix of a path: one, or those of a group.
fn heads(tokens: &[(usize, String)]) -> Vec<String> {
    if tokens.first().is_none_or(|(_, token)| token != "{") {
        return tokens.first().map(|(_, token)| token.clone()).into_iter().collect();
    }
    let (mut heads, mut open, mut begins) = (Vec::new(), 0, true);
    for (_, token) in tokens {
        match token.as_str() {
            "{" => open += 1,
            "}" => open -= 1,
            "," if open == 1 => begins = true,
            head if begins => {
                heads.push(head.to_owned());
                begins = false;
            }
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    heads
}

/// Words, `::` and single characters of a source, each with its line; without comments, texts and characters.
fn tokens(source: &str) -> Vec<(usize, String)> {
    let (mut tokens, mut rest, mut line) = (Vec::new(), source, 1);
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            text_length(rest)
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if first == '\'' && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
            2 + rest[2..].find('\'').map_or(0, |end| end + 1)
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push((line, rest[..length].to_owned()));
            length
        } else if rest.starts_with("::") {
            tokens.push((line, "::".to_owned()));
            2
        } else {
            if !first.is_whitespace() {
                tokens.push((line, first.to_string()));
            }
            first.len_utf8()
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// Bytes of the text that `source` begins with, its quotes included.
fn text_length(source: &str) -> usize {
    let mut escaped = false;
    let end = source.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(source.len(), |(end, _)| end + 1)
}

fn a_path_that_goes_up_is_noticed() -> Result<(), Failed> {
    let up = [
        "use crate::api::builder::Builder;",
        "use crate::{\n    arch,\n    records::{block, core_state},\n    kernel::me::Me,\n};",
        "fn f(block: BlockPtr) {\n    crate::kernel::references::free(block);\n}",
        "fn f(me: &crate::Me<u8, u8>) {}",
        "use super::super::kernel::thrown;",
        "mod tests {\n    mod inner {}\n    use super::super::super::kernel::thrown;\n}",
        "use crate as all;",
        "use crate::*;",
        "const TEXT: &str = \"// \\\" {\"; use crate::api::builder::Builder;",
        "const BRACE: char = '{'; use super::super::api::builder;",
        "#[cfg(feature = \"std\")]\nuse crate::kernel::tree::Tree;",
    ];
    let down = [
        "use crate::arch; use crate::records::core_state::Core;",
        "use super::{pool::List, core_state};",
        "/// See [`Me`](crate::Me).\n//! `use crate::api::builder`\n// crate::kernel",
        "pub(crate) fn f() -> super::Kernel {}",
        "mod tests {\n    use super::super::kernel;\n}",
        "macro_rules! m { () => { $crate::Me } }",
        "const TEXT: &str = \"crate::kernel\";",
        "extern crate std;",
    ];
    let module = ["records", "block"].map(str::to_owned);
    let mut wrong: Vec<_> = up.iter().filter(|source| upward(&module, source).len() != 1).collect();
    wrong.extend(down.iter().filter(|source| !upward(&module, source).is_empty()));
    if wrong.is_empty() { Ok(()) } else { Err(format!("told wrong: {wrong:#?}").into()) }
}

/// Compiles the lowest `layers` as a crate of their own, with `more` in it. If the compiler refuses, returns its
/// message.
fn compile(name: &str, layers: usize, more: &str) -> Result<Result<(), String>, Failed> {
    let mut root = "#![no_std]\n#![allow(warnings, reason = \"a layer alone is not used\")]\nextern crate alloc;\nextern crate std;\n".to_owned();
    for (name, folder) in &LAYERS[..layers] {
        let path = places::root().join(folder).join("mod.rs");
        root.push_str(&format!("#[path = {path:?}]\nmod {name};\n"));
    }
    let file = places::built()?.join(format!("layers-{name}.rs"));
    fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
    fs::write(&file, root + more)?;
    let mut rustc = environment::rustc();
    rustc.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--cfg", "hosted"]);
    for feature in ["abandon", "alloc", "high-water", "std", "watchpoint"] {
        rustc.args(["--cfg", &format!("feature=\"{feature}\"")]);
    }
    let output = rustc.arg("-o").arg(file.with_extension("rmeta")).arg(&file).stdin(Stdio::null()).output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() { Ok(()) } else { Err(told) })
}

fn each_compiles_without_those_above() -> Result<(), Failed> {
    for layers in 1..LAYERS.len() {
        let (name, _) = LAYERS[layers - 1];
        compile(name, layers, "")?.map_err(|told| format!("`{name}` needs a layer above it:\n{told}"))?;
    }
    Ok(())
}

fn a_method_from_above_is_noticed() -> Result<(), Failed> {
    let method = "fn f(greenlet: &kernel::handle::Greenlet<u8, u8>) -> bool { greenlet.is_main() }";
    match compile("broken", 3, method)? {
        Err(told) if told.contains("no method named `is_main`") => Ok(()),
        Err(told) => Err(format!("refused for another reason:\n{told}").into()),
        Ok(()) => Err("a method of `api` is there without `api`".into()),
    }
}
