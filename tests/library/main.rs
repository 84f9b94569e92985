//! The library's hosted tests in one program, which is linked once: a module for each subject.
//!
//! What needs a program of its own lies beside this folder: `cores` declares another core identity, `floor` and
//! `values` compile as much code as all of these.

mod abandon;
mod abandon_anywhere;
mod backtrace;
mod bombs;
mod builder;
mod census;
mod claim;
mod common;
mod contain;
mod context;
mod debugger;
mod end;
mod exits;
mod foreign;
mod fp_control;
mod generators;
mod hand_over;
mod high_water;
mod inert;
mod lanes;
mod local;
mod lost;
mod messages;
mod no_run;
mod overflow;
mod panics_abort;
mod panics_std;
mod parents;
mod pool;
mod pool_kinds;
mod pool_owner;
mod recorder;
mod references;
mod remote;
mod renewed;
mod semantics;
mod settling;
mod stand_ins;
mod switch;
mod targets;
mod throw;
mod trace;
mod trace_reentry;
mod tree;
mod unreferred;
