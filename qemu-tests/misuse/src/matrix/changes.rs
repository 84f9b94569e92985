//! What changes a greenlet or makes one, and what must come of it. Control stays where it is, and the subject's state
//! is what it was.

use super::table::rows;
use super::{Call, Row, calls};
use crate::answer::Answer::{self, Done, Gone, No, Number, Yes};
use greenlet::{ParentError, RunError, SpawnError};

const CYCLE: Answer = Answer::Parent(ParentError::Cycle);
const MAIN: Answer = Answer::Parent(ParentError::Main);
const ENDED: Answer = Answer::Parent(ParentError::Ended);
const STARTED: Answer = Answer::Run(RunError::Started);
const NO_BODY: Answer = Answer::Run(RunError::Ended);
const NO_BODY_OF_MAIN: Answer = Answer::Run(RunError::Main);
const NO_CHILD: Answer = Answer::Spawn(SpawnError::Ended);

pub(super) const ROWS: &[Row] = rows! { stays
    "set_parent_to_the_caller", Call::Of(calls::set_parent_to_the_caller) => {
        bare: Done,
        unstarted: Done,
        current: CYCLE,
        suspended: Done,
        up: Done,
        dead: Done,
        leaked: Done,
        ended: ENDED,
        main: MAIN,
        waiting_main: MAIN,
        ancestor: CYCLE,
        ended_main: MAIN,
    }
    "set_parent_to_itself", Call::Of(calls::set_parent_to_itself) => {
        bare: CYCLE,
        unstarted: CYCLE,
        current: CYCLE,
        suspended: CYCLE,
        up: CYCLE,
        dead: CYCLE,
        leaked: CYCLE,
        ended: ENDED,
        main: MAIN,
        waiting_main: MAIN,
        ancestor: CYCLE,
        ended_main: MAIN,
    }
    "set_parent_to_one_of_an_ended_tree", Call::Of(calls::set_parent_to_one_of_an_ended_tree) => {
        bare: ENDED,
        unstarted: ENDED,
        current: ENDED,
        suspended: ENDED,
        up: ENDED,
        dead: ENDED,
        leaked: ENDED,
        ended: ENDED,
        main: MAIN,
        waiting_main: MAIN,
        ancestor: ENDED,
        ended_main: MAIN,
    }
    "adopt", Call::Of(calls::adopt) => {
        bare: Done,
        unstarted: Done,
        current: Done,
        suspended: Done,
        up: Done,
        dead: Done,
        leaked: Done,
        ended: ENDED,
        main: Done,
        waiting_main: Done,
        ancestor: Done,
        ended_main: ENDED,
    }
    "set_run", Call::Of(calls::set_run) => {
        bare: Done,
        unstarted: Done,
        current: STARTED,
        suspended: STARTED,
        up: STARTED,
        dead: STARTED,
        leaked: STARTED,
        ended: NO_BODY,
        main: NO_BODY_OF_MAIN,
        waiting_main: NO_BODY_OF_MAIN,
        ancestor: STARTED,
        ended_main: NO_BODY_OF_MAIN,
    }
    "spawn", Call::Of(calls::spawn) => {
        bare: Done,
        unstarted: Done,
        current: Done,
        suspended: Done,
        up: Done,
        dead: Done,
        leaked: Done,
        ended: NO_CHILD,
        main: Done,
        waiting_main: Done,
        ancestor: Done,
        ended_main: NO_CHILD,
    }
    "bare", Call::Of(calls::bare) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: NO_CHILD,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: NO_CHILD,
    }
    "build_with_it_for_a_parent", Call::Of(calls::build_with_it_for_a_parent) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: NO_CHILD,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: NO_CHILD,
    }
    "build_below_it_with_another_parent", Call::Of(calls::build_below_it_with_another_parent) => {
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
    "remote_wake", Call::Of(calls::remote_wake) => {
        bare: Yes,
        unstarted: Yes,
        current: Yes,
        suspended: Yes,
        up: Yes,
        dead: Yes,
        leaked: Yes,
        ended: Gone,
        main: Yes,
        waiting_main: Yes,
        ancestor: Yes,
        ended_main: Gone,
    }
    "attend", Call::Of(calls::attend) => {
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
    "woken", Call::Of(calls::woken) => {
        bare: No,
        unstarted: No,
        current: No,
        suspended: No,
        up: No,
        dead: No,
        leaked: No,
        ended: No,
        main: No,
        waiting_main: No,
        ancestor: No,
        ended_main: No,
    }
    "context", Call::Of(calls::context) => {
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
    "local", Call::Of(calls::local) => {
        bare: Number(5),
        unstarted: Number(5),
        current: Number(5),
        suspended: Number(5),
        up: Number(5),
        dead: Number(5),
        leaked: Number(5),
        ended: Number(5),
        main: Number(5),
        waiting_main: Number(5),
        ancestor: Number(5),
        ended_main: Number(5),
    }
    "trace", Call::Of(calls::trace) => {
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
};
