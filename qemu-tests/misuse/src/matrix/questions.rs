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
        bare: Is(Unstarted),
        unstarted: Is(Unstarted),
        current: Is(Running),
        suspended: Is(Suspended),
        up: Is(Suspended),
        dead: Is(Dead),
        leaked: Is(Suspended),
        ended: Is(Dead),
        main: Is(Running),
        waiting_main: Is(Suspended),
        ancestor: Is(Suspended),
        ended_main: Is(Dead),
    }
    "is_started", Call::Of(calls::is_started) => {
        bare: No,
        unstarted: No,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: Yes,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: Yes,
    }
    "is_active", Call::Of(calls::is_active) => {
        bare: No,
        unstarted: No,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: No,
        leaked: Yes,
        ended: No,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: No,
    }
    "is_dead", Call::Of(calls::is_dead) => {
        bare: No,
        unstarted: No,
        current: No,
        suspended: No,
        up: No,
        dead: Yes,
        leaked: No,
        ended: Yes,
        main: No,
        waiting_main: No,
        ancestor: No,
        ended_main: Yes,
    }
    "is_current", Call::Of(calls::is_current) => {
        bare: No,
        unstarted: No,
        current: Yes,
        suspended: No,
        up: No,
        dead: No,
        leaked: No,
        ended: No,
        main: Yes,
        waiting_main: No,
        ancestor: No,
        ended_main: No,
    }
    "is_main", Call::Of(calls::is_main) => {
        bare: No,
        unstarted: No,
        current: No,
        suspended: No,
        up: No,
        dead: No,
        leaked: No,
        ended: No,
        main: Yes,
        waiting_main: Yes,
        ancestor: No,
        ended_main: Yes,
    }
    "is_ended", Call::Of(calls::is_ended) => {
        bare: No,
        unstarted: No,
        current: No,
        suspended: No,
        up: No,
        dead: No,
        leaked: No,
        ended: Yes,
        main: No,
        waiting_main: No,
        ancestor: No,
        ended_main: Yes,
    }
    "id", Call::Of(calls::id) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: Yes,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: Yes,
    }
    "name", Call::Of(calls::name) => {
        bare: Text(NAME),
        unstarted: Text(NAME),
        current: Text(NAME),
        suspended: Text(NAME),
        up: Text(NAME),
        dead: Text(NAME),
        leaked: Text(NAME),
        ended: Text(NAME),
        main: No,
        waiting_main: No,
        ancestor: Text(NAME),
        ended_main: No,
    }
    "parent", Call::Of(calls::parent) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: No,
        main: No,
        waiting_main: No,
        ancestor: Yes,
        ended_main: No,
    }
    "current", Call::Of(calls::current) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: No,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: No,
    }
    "references", Call::Of(calls::references) => {
        bare: Number(1),
        unstarted: Number(1),
        current: Number(2),
        suspended: Number(1),
        up: Number(1),
        dead: Number(1),
        leaked: Number(2),
        ended: Number(1),
        main: Number(2),
        waiting_main: Number(3),
        ancestor: Number(3),
        ended_main: Number(1),
    }
    "clone_counts_one_more", Call::Of(calls::clone_counts_one_more) => {
        bare: Number(3),
        unstarted: Number(3),
        current: Number(4),
        suspended: Number(3),
        up: Number(3),
        dead: Number(3),
        leaked: Number(4),
        ended: Number(3),
        main: Number(4),
        waiting_main: Number(5),
        ancestor: Number(5),
        ended_main: Number(3),
    }
    "kills_in_progress", Call::Of(calls::kills_in_progress) => {
        bare: Number(0),
        unstarted: Number(0),
        current: Number(0),
        suspended: Number(0),
        up: Number(0),
        dead: Number(0),
        leaked: Number(0),
        ended: Number(0),
        main: Number(0),
        waiting_main: Number(0),
        ancestor: Number(0),
        ended_main: Number(0),
    }
    "for_each", Call::Of(calls::for_each) => {
        bare: Number(2),
        unstarted: Number(2),
        current: Number(2),
        suspended: Number(2),
        up: Number(2),
        dead: Number(2),
        leaked: Number(2),
        ended: Number(0),
        main: Number(1),
        waiting_main: Number(2),
        ancestor: Number(3),
        ended_main: Number(0),
    }
    "stack", Call::Of(calls::stack) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: No,
        leaked: Yes,
        ended: No,
        main: No,
        waiting_main: No,
        ancestor: Yes,
        ended_main: No,
    }
    "upgrade", Call::Of(calls::upgrade) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: Yes,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: Yes,
    }
    "equality", Call::Of(calls::equality) => {
        bare: No,
        unstarted: No,
        current: Yes,
        suspended: No,
        up: No,
        dead: No,
        leaked: No,
        ended: No,
        main: Yes,
        waiting_main: No,
        ancestor: No,
        ended_main: No,
    }
    "debug", Call::Of(calls::debug) => {
        bare: UNSTARTED,
        unstarted: UNSTARTED,
        current: RUNNING,
        suspended: SUSPENDED,
        up: SUSPENDED,
        dead: DEAD,
        leaked: SUSPENDED,
        ended: DEAD,
        main: MAIN_RUNNING,
        waiting_main: MAIN_SUSPENDED,
        ancestor: SUSPENDED,
        ended_main: MAIN_DEAD,
    }
};
