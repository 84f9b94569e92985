//! What a greenlet is asked, and what it must say. Nothing changes.

use super::table::rows;
use super::{Call, Row, calls};
use crate::answer::Answer::{self, Is, No, Number, Text, Yes};
use greenlet::State::{Dead, Running, Suspended, Unstarted};

// How the end of what `Debug` prints reads.
const NAME: &str = "subject";
const UNSTARTED: Answer = Text("\"subject\" (pending)");
const RUNNING: Answer = Text("\"subject\" (current)");
const SUSPENDED: Answer = Text("\"subject\" (suspended)");
const DEAD: Answer = Text("\"subject\" (dead)");
const MAIN_RUNNING: Answer = Text("main greenlet (current)");
const MAIN_SUSPENDED: Answer = Text("main greenlet (suspended)");
const MAIN_DEAD: Answer = Text("main greenlet (dead)");

pub(super) const ROWS: &[Row] = rows! { stays
    "state", Call::Of(calls::state) => {
        _: Is(Suspended), bare: Is(Unstarted), unstarted: Is(Unstarted), current: Is(Running), dead: Is(Dead),
        ended: Is(Dead), main: Is(Running), ended_main: Is(Dead)
    }
    "is_started", Call::Of(calls::is_started) => { _: Yes, bare: No, unstarted: No }
    "is_active", Call::Of(calls::is_active) => { _: Yes, bare: No, unstarted: No, dead: No, ended: No, ended_main: No }
    "is_dead", Call::Of(calls::is_dead) => { _: No, dead: Yes, ended: Yes, ended_main: Yes }
    "is_current", Call::Of(calls::is_current) => { _: No, current: Yes, main: Yes }
    "is_main", Call::Of(calls::is_main) => { _: No, main: Yes, waiting_main: Yes, ended_main: Yes }
    "is_ended", Call::Of(calls::is_ended) => { _: No, ended: Yes, ended_main: Yes }
    "id", Call::Of(calls::id) => { _: Yes }
    "name", Call::Of(calls::name) => { _: Text(NAME), main: No, waiting_main: No, ended_main: No }
    "parent", Call::Of(calls::parent) => { _: Yes, ended: No, main: No, waiting_main: No, ended_main: No }
    "current", Call::Of(calls::current) => { _: Yes, ended: No, ended_main: No }
    "references", Call::Of(calls::references) => {
        _: Number(1), current: Number(2), leaked: Number(2), main: Number(2), waiting_main: Number(3),
        ancestor: Number(3)
    }
    "clone_counts_one_more", Call::Of(calls::clone_counts_one_more) => {
        _: Number(3), current: Number(4), leaked: Number(4), main: Number(4), waiting_main: Number(5),
        ancestor: Number(5)
    }
    "kills_in_progress", Call::Of(calls::kills_in_progress) => { _: Number(0) }
    "for_each", Call::Of(calls::for_each) => {
        _: Number(2), ended: Number(0), main: Number(1), ancestor: Number(3), ended_main: Number(0)
    }
    "stack", Call::Of(calls::stack) => { _: Yes, dead: No, ended: No, main: No, waiting_main: No, ended_main: No }
    "upgrade", Call::Of(calls::upgrade) => { _: Yes }
    "equality", Call::Of(calls::equality) => { _: No, current: Yes, main: Yes }
    "debug", Call::Of(calls::debug) => {
        _: SUSPENDED, bare: UNSTARTED, unstarted: UNSTARTED, current: RUNNING, dead: DEAD, ended: DEAD,
        main: MAIN_RUNNING, waiting_main: MAIN_SUSPENDED, ended_main: MAIN_DEAD
    }
};
