//! Transfers, and what must come of them: the answer, then where the subject is.

use super::After::{Freed, Is};
use super::table::rows;
use super::{After, Call, Row, Wanted, calls};
use crate::answer::Answer::{self, Back, Done, Error, Exit, Gone, NoRun, Number, Refused, ToMain, Value};
use crate::answer::Landed;
use crate::world::EXIT;
use greenlet::Refusal::{Cycle, Ended, Main};
use greenlet::State::{Dead, Running, Suspended, Unstarted};

const fn want(answer: Answer, after: After) -> Wanted {
    Wanted { answer, after, unraisable: 0 }
}

/// Something comes back that has nowhere to go.
const fn told(answer: Answer, after: After) -> Wanted {
    Wanted { answer, after, unraisable: 1 }
}

pub(super) const ROWS: &[Row] = rows! {
    "switch", Call::Of(calls::switch) => {
        bare: want(NoRun, Is(Unstarted)),
        unstarted: want(Value(7), Is(Suspended)),
        current: want(Value(7), Is(Running)),
        suspended: want(Value(7), Is(Dead)),
        up: want(Value(7), Is(Dead)),
        dead: want(Value(7), Is(Dead)),
        leaked: want(Value(7), Is(Dead)),
        ended: want(Back(Ended, 7), Is(Dead)),
        main: want(Value(7), Is(Running)),
        waiting_main: want(ToMain(Landed::Value(7)), Is(Running)),
        ancestor: want(ToMain(Landed::Value(7)), Is(Dead)),
        ended_main: want(Back(Ended, 7), Is(Dead)),
    }
    "throw", Call::Of(calls::throw) => {
        bare: want(NoRun, Is(Unstarted)),
        unstarted: want(Error(8), Is(Dead)),
        current: want(Error(8), Is(Running)),
        suspended: want(Error(8), Is(Dead)),
        up: want(Error(8), Is(Dead)),
        dead: want(Error(8), Is(Dead)),
        leaked: want(Error(8), Is(Dead)),
        ended: want(Back(Ended, 8), Is(Dead)),
        main: want(Error(8), Is(Running)),
        waiting_main: want(ToMain(Landed::Error(8)), Is(Running)),
        ancestor: want(ToMain(Landed::Error(8)), Is(Dead)),
        ended_main: want(Back(Ended, 8), Is(Dead)),
    }
    "kill", Call::Of(calls::kill) => {
        bare: want(NoRun, Is(Unstarted)),
        unstarted: want(Value(EXIT), Is(Dead)),
        current: want(Exit(EXIT), Is(Running)),
        suspended: want(Value(EXIT), Is(Dead)),
        up: want(Value(EXIT), Is(Dead)),
        dead: want(Value(EXIT), Is(Dead)),
        leaked: want(Value(EXIT), Is(Dead)),
        ended: want(Refused(Ended), Is(Dead)),
        main: want(Exit(EXIT), Is(Running)),
        waiting_main: want(ToMain(Landed::Exit(EXIT)), Is(Running)),
        ancestor: want(ToMain(Landed::Value(EXIT)), Is(Dead)),
        ended_main: want(Refused(Ended), Is(Dead)),
    }
    "kill_with", Call::Of(calls::kill_with) => {
        bare: want(NoRun, Is(Unstarted)),
        unstarted: want(Value(9), Is(Dead)),
        current: want(Exit(9), Is(Running)),
        suspended: want(Value(9), Is(Dead)),
        up: want(Value(9), Is(Dead)),
        dead: want(Value(9), Is(Dead)),
        leaked: want(Value(9), Is(Dead)),
        ended: want(Back(Ended, 9), Is(Dead)),
        main: want(Exit(9), Is(Running)),
        waiting_main: want(ToMain(Landed::Exit(9)), Is(Running)),
        ancestor: want(ToMain(Landed::Value(9)), Is(Dead)),
        ended_main: want(Back(Ended, 9), Is(Dead)),
    }
    "cancel", Call::Of(calls::cancel) => {
        bare: want(NoRun, Is(Unstarted)),
        unstarted: want(Value(EXIT), Is(Dead)),
        current: want(Refused(Cycle), Is(Running)),
        suspended: want(Value(EXIT), Is(Dead)),
        up: want(Value(EXIT), Is(Dead)),
        dead: want(Value(EXIT), Is(Dead)),
        leaked: want(Value(EXIT), Is(Dead)),
        ended: want(Refused(Ended), Is(Dead)),
        main: want(Refused(Main), Is(Running)),
        waiting_main: want(Refused(Main), Is(Suspended)),
        ancestor: want(Refused(Cycle), Is(Suspended)),
        ended_main: want(Refused(Ended), Is(Dead)),
    }
    "lose", Call::Lose => {
        bare: want(Done, Freed),
        unstarted: want(Done, Freed),
        current: want(Done, Is(Running)),
        suspended: want(Done, Freed),
        up: want(Done, Freed),
        dead: want(Done, Freed),
        leaked: want(Done, Is(Suspended)),
        ended: want(Done, Freed),
        main: want(Done, Is(Running)),
        waiting_main: want(Done, Is(Suspended)),
        ancestor: want(Done, Is(Suspended)),
        ended_main: want(Done, Freed),
    }
    "remote_kill", Call::Of(calls::remote_kill) => {
        bare: told(Number(1), Is(Unstarted)),
        unstarted: want(Number(1), Is(Dead)),
        current: want(Number(0), Is(Running)),
        suspended: want(Number(1), Is(Dead)),
        up: want(Number(1), Is(Dead)),
        dead: want(Number(0), Is(Dead)),
        leaked: want(Number(1), Is(Dead)),
        ended: want(Gone, Is(Dead)),
        main: want(Number(0), Is(Running)),
        waiting_main: want(Number(0), Is(Suspended)),
        ancestor: want(Number(0), Is(Suspended)),
        ended_main: want(Gone, Is(Dead)),
    }
};
