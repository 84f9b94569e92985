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
        _: Done, current: CYCLE, ended: ENDED, main: MAIN, waiting_main: MAIN, ancestor: CYCLE, ended_main: MAIN
    }
    "set_parent_to_itself", Call::Of(calls::set_parent_to_itself) => {
        _: CYCLE, ended: ENDED, main: MAIN, waiting_main: MAIN, ended_main: MAIN
    }
    "set_parent_to_one_of_an_ended_tree", Call::Of(calls::set_parent_to_one_of_an_ended_tree) => {
        _: ENDED, main: MAIN, waiting_main: MAIN, ended_main: MAIN
    }
    "adopt", Call::Of(calls::adopt) => { _: Done, ended: ENDED, ended_main: ENDED }
    "set_run", Call::Of(calls::set_run) => {
        _: STARTED, bare: Done, unstarted: Done, ended: NO_BODY, main: NO_BODY_OF_MAIN, waiting_main: NO_BODY_OF_MAIN,
        ended_main: NO_BODY_OF_MAIN
    }
    "spawn", Call::Of(calls::spawn) => { _: Done, ended: NO_CHILD, ended_main: NO_CHILD }
    "bare", Call::Of(calls::bare) => { _: Yes, ended: NO_CHILD, ended_main: NO_CHILD }
    "build_with_it_for_a_parent", Call::Of(calls::build_with_it_for_a_parent) => {
        _: Yes, ended: NO_CHILD, ended_main: NO_CHILD
    }
    "build_below_it_with_another_parent", Call::Of(calls::build_below_it_with_another_parent) => { _: Yes }
    "remote_wake", Call::Of(calls::remote_wake) => { _: Yes, ended: Gone, ended_main: Gone }
    "attend", Call::Of(calls::attend) => { _: Number(0) }
    "woken", Call::Of(calls::woken) => { _: No }
    "context", Call::Of(calls::context) => { _: Yes }
    "local", Call::Of(calls::local) => { _: Number(5) }
    "trace", Call::Of(calls::trace) => { _: Yes, ended: No, ended_main: No }
};
