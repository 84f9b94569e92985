//! Every message says what to do about it.

use greenlet::{
    EnterError, Identity, LocalError, Overflow, ParentError, Refusal, Refused, RunError, SpawnError, Stack, Thrown,
};
use std::error::Error;

/// Checks that each message names its remedy, and that no two are the same.
fn name_remedies(errors: &[(Box<dyn Error>, &str)]) {
    for (at, (error, remedy)) in errors.iter().enumerate() {
        let message = error.to_string();
        assert!(message.contains(remedy), "{message:?} does not say {remedy:?}");
        assert!(!message.ends_with('.') && message.starts_with(|first: char| !first.is_uppercase()), "{message:?}");
        assert!(errors[..at].iter().all(|(other, _)| other.to_string() != message), "{message:?} twice");
        assert!(error.source().is_none());
    }
}

#[test]
fn refusals_to_enter_or_create_name_the_remedy() {
    name_remedies(&[
        (Box::new(EnterError::CoreBusy), "return from that `enter` first"),
        (Box::new(EnterError::OtherCore), "wait until its `enter` has returned"),
        (Box::new(EnterError::StillReferred), "drop them"),
        (Box::new(EnterError::NoCore), "enter it from the core's main function"),
        (
            Box::new(SpawnError::PoolEmpty { stacks: 3, dead: 0, leaked: 0, abandoned: 0 }),
            "(hold a `WeakGreenlet` there)",
        ),
        (Box::new(SpawnError::PoolEmpty { stacks: 3, dead: 2, leaked: 0, abandoned: 0 }), "drop their handles"),
        (
            Box::new(SpawnError::StackTooSmall { needs: 5000, stack: 4096 }),
            "use a `StackPool` with a larger SIZE, or optimize",
        ),
        (Box::new(SpawnError::PoolEmpty { stacks: 3, dead: 0, leaked: 3, abandoned: 0 }), "`Tree::on_leak`"),
        (Box::new(SpawnError::PoolEmpty { stacks: 3, dead: 0, leaked: 0, abandoned: 1 }), "a larger SIZE"),
        (Box::new(SpawnError::Ended), "spawn inside `Tree::enter`"),
    ]);
    let all = SpawnError::PoolEmpty { stacks: 9, dead: 2, leaked: 3, abandoned: 1 }.to_string();
    for part in ["no free stack: 9 in use", "3 by leaked", "2 by dead", "1 by abandoned", "a larger COUNT"] {
        assert!(all.contains(part), "{all}");
    }
    let counts = SpawnError::PoolEmpty { stacks: 37, dead: 19, leaked: 0, abandoned: 0 }.to_string();
    assert!(counts.contains("37 in use") && counts.contains("19 by"), "{counts}");
    // Where all of them have another cause a larger pool is no remedy; where there is no stack at all it is the one.
    let remedy = |stacks, leaked| SpawnError::PoolEmpty { stacks, dead: 0, leaked, abandoned: 0 }.to_string();
    assert!(!remedy(3, 3).contains("COUNT") && remedy(3, 2).contains("; for the others, give `StackPool`"));
    assert!(remedy(0, 0).contains("0 in use; give `StackPool` a larger COUNT"));
    assert!(
        !SpawnError::PoolEmpty { stacks: 3, dead: 0, leaked: 0, abandoned: 0 }.to_string().contains("dead"),
        "none is"
    );
}

#[test]
fn refusals_of_bodies_and_parents_name_the_remedy() {
    name_remedies(&[
        (Box::new(RunError::Main), "the closure given to `Tree::enter`"),
        (Box::new(RunError::Started), "spawn another greenlet"),
        (
            Box::new(RunError::TooLarge { needs: 5000, stack: 4096 }),
            "capture less, or use a `StackPool` with a larger SIZE",
        ),
        (Box::new(RunError::Busy), "set it when that has returned"),
        (Box::new(RunError::Ended), "drop this handle"),
    ]);
    let sizes = RunError::TooLarge { needs: 5000, stack: 4096 }.to_string();
    assert!(sizes.contains("5000 bytes") && sizes.contains("4096"), "{sizes}");
    name_remedies(&[
        (Box::new(ParentError::Main), "cannot be given one"),
        (Box::new(ParentError::Cycle), "choose one that does not, or move that one first"),
        (Box::new(ParentError::Ended), "drop this handle"),
    ]);
}

#[test]
fn what_a_transfer_returns_names_the_remedy() {
    type Down = Thrown<u32, std::num::ParseIntError>;
    let error = "x".parse::<u32>().unwrap_err();
    name_remedies(&[
        (Box::new(Down::Exit(1)), "return from its body"),
        (Box::new(Down::NoRun), "give it one with `set_run`"),
        (Box::new(Down::Error(error)), "invalid digit"),
        (Box::new(Down::Refused(Refusal::Ended, None)), "drop this handle"),
        (Box::new(Refusal::Main), "return from the closure given to `Tree::enter`"),
        (Box::new(Refusal::Cycle), "use `kill`, or return from the body"),
        (Box::new(Refusal::Masked), "leave the critical section or the handler"),
        (Box::new(Refusal::Overflow), "then reset or end the program"),
        (Box::new(Refusal::Exit), "return from `enter` before `exit`"),
    ]);
    assert_eq!(Down::Refused(Refusal::Cycle, None).to_string(), Refusal::Cycle.to_string());
}

#[test]
fn a_full_static_names_its_size_and_the_remedy() {
    name_remedies(&[(Box::new(LocalError::Full { capacity: 12 }), "give it a larger N")]);
    assert!(LocalError::Full { capacity: 12 }.to_string().contains("no free place: 12 taken"));
}

#[test]
fn what_is_refused_shows_why_whatever_was_passed_in() {
    let refused = Refused { reason: SpawnError::Ended, returned: || () };
    assert_eq!(format!("{refused:?}"), format!("Refused {{ reason: Ended: \"{}\", .. }}", SpawnError::Ended));
    let as_error: &dyn Error = &refused;
    assert_eq!(as_error.to_string(), SpawnError::Ended.to_string());
}

#[test]
fn an_error_becomes_thrown_and_is_not_taken_for_an_exit() {
    assert_eq!(Thrown::<u32, &str>::from("boo"), Thrown::Error("boo"));
    assert_ne!(Thrown::<u32, u32>::Error(1), Thrown::Exit(1));
}

#[test]
fn an_overflow_tells_how_it_was_noticed_and_the_remedy() {
    let greenlet = Identity { id: 3, name: Some("parser"), is_main: false };
    let told = |sp, stopped_at| {
        let overflow = Overflow { greenlet, stack: Stack { base: 0x5000, limit: 0x4000, sp }, stopped_at };
        let told = overflow.to_string();
        assert!(told.contains("greenlet 3 \"parser\", 4096-byte stack 0x4000, "), "{told}");
        told
    };
    let past = told(0x3f00, None);
    assert!(past.starts_with("stack overflow: ") && past.contains("256 bytes past the limit"), "{past}");
    let canary = told(0x4800, None);
    assert!(canary.starts_with("stack overflow: ") && canary.contains("canary overwritten"), "{canary}");
    let fault = told(0x4100, Some(0x3ff8));
    assert!(fault.contains("stopped at 0x3ff8"), "{fault}");
    assert!([&past, &canary, &fault].iter().all(|told| told.ends_with("give its pool a larger SIZE")));
    let foreign = told(0x9000, None);
    assert!(foreign.starts_with("switch from a foreign stack: "), "{foreign}");
    assert!(foreign.ends_with("only the greenlet's own code may switch"), "{foreign}");
}

/// What a stream that waits in a switch returns. Nothing but the program's own errors has a kind: to retry would be
/// wrong.
#[cfg(feature = "embedded-io")]
#[test]
fn what_is_thrown_is_an_error_of_embedded_io() {
    use embedded_io::{Error, ErrorKind};
    type Down = Thrown<u32, ErrorKind>;
    assert_eq!(Down::Error(ErrorKind::TimedOut).kind(), ErrorKind::TimedOut);
    for other in [Down::Exit(1), Down::NoRun, Down::Refused(Refusal::Masked, None)] {
        assert_eq!(other.kind(), ErrorKind::Other);
    }
}
