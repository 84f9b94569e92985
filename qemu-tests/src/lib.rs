//! Builds guest programs, boots them under QEMU and judges what they print.
//!
//! The runner (`src/main.rs`) and the suite (`suite/main.rs`) are two small programs over this
//! library. A boot goes through it from top to bottom:
//!
//! ```text
//! cli          the command line
//! tools        is everything there that this needs? if not, install it
//! guests       which guest programs exist, and the directives in their heads
//! build        one cargo call per package, target and profile makes their ELF files
//! machine      which QEMU, with which arguments, and what its exit status means
//! boot         one guest on one machine, under a limit
//! frames       what the guest logs with defmt, on a channel of its own
//! hits         where the guest was interrupted, against its code
//! limit        how much of its own time a child may use
//! process      a child that cannot outlive us, its output as it comes
//! verdict      did it pass, and if not, where to look
//! debugger     the same under GDB or LLDB
//! transcript   is it what `transcripts.txt` says
//! watched      a boot with QEMU's gdbstub at hand; moment stops it when it fails
//! core_file    for GDB, of a boot that fails; census lists its greenlets
//! proxy        greenlets as threads for any debugger, read by greenlets
//! symbolize    functions and lines of the addresses in it
//! trial        all of this for one guest, which must end and print as its files say
//! ```
//!
//! [`conformance`] and [`counts`] are boots with a purpose of their own; [`speed`] prints the results of the latter.
//! [`sizes`] measures programs, [`stacks`] finds the stack use of their code, and [`cycles`] simulates the fast path on
//! models of processors. [`figures`] keeps and compares the results of [`counts`], [`sizes`] and [`cycles`].
//! [`machines`] runs the guests on many more machines. [`fuzz`] looks for scenarios in which the kernel fails,
//! [`random`] for some in which it differs from the real package, by way of the [`oracle`]; both [`shrink`] what they
//! find. [`soak`] runs one long tree instead of many short ones. [`hosted`] runs the library's own tests once more,
//! with its features, and [`foreign`] has them run for another instruction set; [`serve`] boots the server of
//! `examples/unikernel`; [`least`] measures the least stack in many ways to build, [`c_suite`] compiles and runs the
//! programs in C, and [`mutants`] checks that the tests fail when the library is changed. [`reliability`] runs all of
//! these at full size, and adds up the [`tally`] of each.
//!
//! Words: the *host* runs the runner, a *guest* is a program that runs on a machine of QEMU's, the
//! *board* is the glue that gets a guest from reset to `main`, and its output is the *transcript*.

pub mod boot;
pub mod c_suite;
pub mod census;
pub mod cli;
pub mod compile;
pub mod conformance;
pub mod core_file;
pub mod counts;
pub mod cycles;
pub mod debugger;
pub mod elf;
pub mod environment;
pub mod figures;
pub mod foreign;
pub mod frames;
pub mod fuzz;
pub mod greenlets;
pub mod guests;
pub mod hits;
pub mod hosted;
mod install;
pub mod least;
pub mod limit;
pub mod logs;
pub mod machine;
pub mod machines;
pub mod moment;
pub mod mutants;
pub mod oracle;
pub mod places;
pub mod process;
pub mod proxy;
pub mod random;
pub mod reliability;
pub mod serve;
pub mod shrink;
pub mod sizes;
pub mod soak;
pub mod speed;
pub mod stacks;
pub mod stub;
pub mod symbolize;
pub mod symbols;
pub mod tally;
pub mod timeline;
pub mod tools;
pub mod transcript;
pub mod trial;
pub mod verdict;
pub mod watched;
