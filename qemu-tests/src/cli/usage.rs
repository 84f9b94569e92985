//! How to use the runner, as it says itself.

use super::USUAL_GUEST;
use crate::machine::{self, MACHINES};

/// How to use the runner; `guests` are those that it can boot, each with a line about it.
pub fn usage<'a>(guests: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let list = |entries: &mut dyn Iterator<Item = (&'a str, &'a str)>| -> String {
        entries.map(|(name, about)| format!("  {name:<20}{about}\n")).collect()
    };
    let machines = list(&mut machine::all().map(|machine| (machine.name, machine.about)));
    let guests = list(&mut guests.into_iter());
    format!(
        "\
Builds a guest program, boots it under QEMU, prints its transcript and judges it.

usage:
  cargo run [-- MACHINE [GUEST] [--debug|--release|--small] [--timeout SECONDS] [--census | --core FILE]]
  cargo run -- MACHINE GUEST [--debug|--release|--small] --bless | --gdb [--bless]
  cargo run -- MACHINE GUEST [--debug|--release|--small] --proxy [--port PORT]
  cargo run -- MACHINE [GUEST] [--timeline] [--svg FILE] [--report FILE] [--perfetto FILE] [--debug|--small]
  cargo run -- serve [aarch64|x86_64] [--port PORT]
  cargo xtask conformance host|MACHINE [--release] FILE... [--scenario NAME]...
  cargo xtask conformance-tasklets host|MACHINE [--release] FILE... [--scenario NAME]...
  cargo xtask fuzz-kernel [SEED] [COUNT] [--from INDEX] [--only host|MACHINE] [--debug]
  cargo xtask fuzz-kernel --replay FILE [--only host|MACHINE] [--debug]
  cargo xtask conformance-random [SEED] [COUNT] [--from INDEX] [--only host|MACHINE] [--debug]
  cargo xtask fuzz-tasklets [SEED] [COUNT]
  cargo xtask soak [host|MACHINE]... [--seed SEED] [COUNT] [--debug] [--under valgrind|asan]
  cargo xtask speed [--bless]
  cargo xtask cycles [--bless]
  cargo xtask sizes [--bless]
  cargo xtask bench-peers [--quick] [--json FILE]
  cargo xtask stacks [MACHINE] [GUEST...]
  cargo xtask stacks --elf FILE [--timeout SECONDS [-- QEMU-ARGUMENT...]]
  cargo xtask symbolize ELF < LOG
  cargo xtask debug-proxy ELF --target HOST:PORT [--port PORT]
  cargo xtask c-suite
  cargo xtask machines [NAME...] [--json FILE]
  cargo xtask mutants-sample [--seed SEED] [COUNT] [--shard K/N]
  cargo xtask reliability [NAME...] [--only host|MACHINE] [--quick] [--json FILE]
  cargo xtask setup [TARGET...]

machines:
{machines}
guests:
{guests}
`cargo run` alone boots the guest {USUAL_GUEST} on {first}, built with --release.
A guest is ended after 60 seconds of its own time without output, or as its source says, or
--timeout; after four times that it is ended whatever it prints. Its own time is the time in
which QEMU executes or sleeps; while a busy computer has it wait, none passes.
With --bless the transcript of a guest that ends as its source says is kept in transcripts.txt,
and `cargo test GUEST` fails when one of another machine or profile differs.
With --gdb GDB stops it before its first instruction; with --gdb --bless the commands in its
.gdb file are run, and what they show is kept as its .gdb.out file.
With --proxy it waits for any debugger, to which its greenlets are threads, at a port of this computer
alone that is free, or PORT.
With --census greenlets are listed, with backtraces, when the guest fails, or runs into its limit.
With --core a core file of the machine is written for GDB when the guest fails, or runs into its limit.
--timeline draws which greenlet ran when, in the terminal; --svg FILE as a picture; --report FILE
as an HTML file with stacks and the sizes that would do; --perfetto FILE for ui.perfetto.dev.
`serve` boots the HTTP server of examples/unikernel, prints its address, which is one of this
computer alone, with a port that is free or PORT, and serves until Ctrl-C.
`conformance` runs the scenarios of all files in one boot, or those that are named, and prints
their logs. `conformance-tasklets` does so with scenarios of tasklets and channels, whose logs
Stackless wrote.
`fuzz-kernel` runs random scenarios and checks the kernel after every op; one that fails is
made small. `conformance-random` runs some on Python's greenlet package, too, and compares the
logs. Both run on host, aarch64 and x86_64. `fuzz-tasklets` runs some of tasklets, hosted, and
compares the logs with those of a simulation.
`soak` runs COUNT random operations (by default a million) on one tree of 64 greenlets, with an
audit of the kernel after each; on host, aarch64 and x86_64.
`speed` prints what each operation costs: instructions on bare metal and hosted, and a ratio of
times; with --bless it keeps the instructions, and `cargo test` fails when they are others.
Hosted it takes valgrind, on x86_64 Linux.
`cycles` prints what llvm-mca says of a switch on other processors; with --bless it keeps that,
for `cargo test`. It takes LLVM 19.
`sizes` prints how large programs are, what a greenlet takes of RAM, and how small a stack may
be; with --bless it keeps that, for `cargo test`, and writes it into documents.
`bench-peers` measures greenlet beside other coroutines; `bench-peers --help` says more.
`stacks` prints the deepest use of stacks by the names of greenlets, in guests, with sizes that
would do. Of a program of yours it prints the largest frames, and what bodies of greenlets take at
most, where its code tells that; with --timeout it boots it, for the deepest use.
`symbolize` prints a log with functions and lines below each address of the program's code.
`debug-proxy` does for a program of yours what --proxy does, between debuggers and the gdbstub at HOST:PORT.
`c-suite` compiles the programs in C of crates/greenlet-c by GCC and Clang, as C and as C++, and
runs them and the scenarios hosted, also under AddressSanitizer, on aarch64 and on three Cortex-M.
`machines` runs the guests that must pass on other processors, boards, interrupt controllers
and exception levels, or on those with a NAME in their names: a row each.
`mutants-sample` tries COUNT random mutants of the library (by default 200) against the hosted
tests, and fails when these notice fewer than 95 %; it takes cargo-mutants.
`reliability` attacks every promise of docs/reliability.md, or those that are named, and prints
a row for each; at full size that takes hours, with --quick some minutes.
`setup` installs what `cargo run` and `cargo test` need, as they do by themselves; with
GREENLET_NO_INSTALL=1 they print the command and stop.

exit status: 0 passed, 1 failed, 2 a request that makes no sense (nothing was run),
3 what that takes is not here: Python's greenlet, valgrind, cargo-mutants (nothing
was run; of `reliability` and `speed --bless`: not all of it was, and nothing failed).
",
        first = MACHINES[0].name,
    )
}
