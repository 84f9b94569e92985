//! Control blocks that a program has overwritten: the script and the proxy say so and show the rest, without an endless
//! loop, and without an error of Python's.

use libtest_mimic::Failed;
use qemu_tests::compile::Profile;
use qemu_tests::debugger::Debugger;
use qemu_tests::machine;
use qemu_tests::proxy;
use qemu_tests::tools::Needs;

use super::extension::{STOP, failed, hosted};
use super::proxy::GUEST;
use crate::{Case, builds};

/// What is written to a field of the greenlet `parser`, `g`, and what the list then says.
const DAMAGES: [(&str, &str, &str); 12] = [
    ("next", "g.address", r#"is overwritten: after greenlet 1 "parser" it goes round without its head, by 0x"#),
    ("next", "0", r#"is overwritten: after greenlet 1 "parser" it has no greenlet at 0x0"#),
    ("next", "0xffffffffffffffc0", r#"after greenlet 1 "parser" it has no greenlet at 0xffffffffffffffc0"#),
    ("next", "g.address + 8", r#"after greenlet 1 "parser" it has no greenlet at 0x"#),
    ("bounds.reach", "0", "is overwritten: after main it has no greenlet at 0x"),
    ("bounds.floor", "0xfffffffffffffff8", "is overwritten: after main it has no greenlet at 0x"),
    ("name", "0x4141414141414141", " ?  "),
    ("context.pc", "0x4141414141414140", " ?  "),
    ("context.sp", "0x4141414141414140", "parser"),
    ("context.link", "g.address", "parser"),
    ("context.link", "0xffffffffffffffc0", "parser"),
    ("bounds.floor", "g.floor - 8", "OVERFLOWN"),
];

/// Defines how damage is done, and commands of which no error is lost.
const TOOLS: &str = r#"python import sys; exec("""
def damage(path, value):
    global at, kept
    g = named('parser', all_greenlets())
    at = Layout.here().block.at(g.address, path)
    kept = exactly(at, 8)
    gdb.selected_inferior().write_memory(at, eval(value).to_bytes(8, 'little'))
def repair():
    View.show(None)
    gdb.selected_inferior().write_memory(at, kept)
    Memory.forget()
def attempt(command):
    try:
        print(gdb.execute(command, to_string=True))
    except gdb.error as error:
        print('error:', error)
""", vars(sys.modules['greenlet_gdb'])); from greenlet_gdb import damage, repair, attempt"#;
/// What shows the greenlets.
const COMMANDS: [&str; 6] =
    ["info greenlets", "greenlet tree", "greenlet stacks", "greenlet apply all bt 4", "greenlet parser", "bt 4"];
/// What is printed between two damages.
const NEXT: &str = "== next ==";

pub(super) fn cases() -> Vec<Case> {
    let mut needs = Needs::default();
    needs.gdb();
    let name = |by: &str| format!("debugger::what_is_overwritten_is_said_{by}");
    let mut cases = Vec::new();
    if cfg!(target_os = "linux") {
        cases.push(Case::new(name("by_the_script"), needs.clone(), by_the_script));
    }
    let machine = machine::named("aarch64").expect("a machine of the table");
    needs.machine(machine);
    let guest = builds::Guest::new(GUEST, machine.code(), Profile::Release);
    let guests = vec![guest.clone()];
    let test = move || {
        let begin = ["hbreak look_here", "continue", TOOLS].map(str::to_owned);
        let damages = DAMAGES.iter().flat_map(|(path, value, _)| damaged(path, value, &["info threads"]));
        let commands: Vec<_> = begin.into_iter().chain(damages).collect();
        let commands: Vec<_> = commands.iter().map(String::as_str).collect();
        let shown = proxy::shown(Debugger::GdbWithScript, machine, &guest.file()?, &commands).map_err(failed)?;
        let said =
            |list: &str| if list.starts_with("is") { format!("the list of greenlets {list}") } else { list.to_owned() };
        all_said(&shown, |list| if list.contains("after") { said(list) } else { "runner: running".to_owned() })
    };
    cases.push(Case::new(name("by_the_proxy"), needs, test).with_guests(guests));
    cases
}

fn by_the_script() -> Result<(), Failed> {
    let program = hosted("", "damage")?;
    let begin = [STOP, "run", TOOLS].map(str::to_owned);
    let damages = DAMAGES.iter().flat_map(|(path, value, _)| damaged(path, value, &COMMANDS));
    let commands = begin.into_iter().chain(damages).chain(["kill".to_owned()]);
    let shown = Debugger::GdbWithScript.run(&program, commands).map_err(failed)?;
    all_said(&shown, str::to_owned)
}

/// The commands that do a damage, show greenlets, and undo it.
fn damaged(path: &str, value: &str, commands: &[&str]) -> Vec<String> {
    let attempts = commands.iter().map(|command| format!("python attempt('{command}')"));
    let begin = [format!("echo {NEXT}\\n"), format!("python damage('{path}', '{value}')")];
    begin.into_iter().chain(attempts).chain(["python repair()".to_owned()]).collect()
}

fn all_said(shown: &str, expected: impl Fn(&str) -> String) -> Result<(), Failed> {
    let parts: Vec<_> = shown.split(NEXT).skip(1).collect();
    if parts.len() != DAMAGES.len() {
        return Err(format!("{} of {} damages were looked at:\n{shown}", parts.len(), DAMAGES.len()).into());
    }
    for (part, (path, value, list)) in parts.iter().zip(DAMAGES) {
        let list = expected(list);
        if !part.contains(&list) || part.contains("Error occurred in Python") {
            return Err(format!("`{path}` is {value}: not `{list}`, or an error of Python's, in:\n{part}").into());
        }
    }
    Ok(())
}
