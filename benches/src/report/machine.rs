//! On which machine, and when.

use std::process::Command;

/// A line about this machine, the compiler, and the day.
pub(crate) fn describe() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = processor.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| "an unknown processor".into());
    let (family, number) = (field("cpu family"), field("model\t"));
    let number = family.zip(number).map(|(family, model)| format!(" (family {family}, model {model})"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let virtual_machine =
        if field("flags").is_some_and(|flags| flags.contains(" hypervisor")) { ", a virtual machine" } else { "" };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    format!(
        "{model}{}, {cores} cores{virtual_machine}; {}; {}; {}; load at the end {load}.",
        number.unwrap_or_default(),
        said("uname", &["-sr"]),
        said("rustc", &["--version"]),
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
    )
}

/// What a command prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
