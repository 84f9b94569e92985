//! What `unwrap` prints of each error of this crate names the remedy.
#![cfg(feature = "std")]
#![cfg_attr(miri, allow(dead_code, unused_imports, reason = "Miri does not read the sources"))]

#[path = "common/errors.rs"]
mod errors;

use errors::{OF_THE_USER, check, show};
use greenlet_hub::{Hub, Refusal, RunError, SpawnError, Stop, Threads};
use std::time::Duration;

#[test]
#[cfg_attr(miri, ignore = "reads the sources")]
fn what_unwrap_prints_of_an_error_is_its_name_and_the_remedy() {
    static PLATFORM: Threads = Threads::new();
    static HUB: Hub<1> = Hub::new(&PLATFORM);
    let mut timeout = None;
    HUB.run(|main| {
        let ended = main.with_timeout(Duration::ZERO, || {
            let waited = main.sleep(Duration::from_secs(9));
            timeout = waited.err();
            waited
        });
        assert_eq!(ended, Ok(None));
    })
    .unwrap();
    let kernel = greenlet::Refusal::Masked;
    let name = Some("motor");
    check(
        env!("CARGO_MANIFEST_DIR"),
        &[
            show(Stop::<&str>::Killed),
            show(timeout.unwrap()),
            show(Stop::Error(OF_THE_USER)),
            show(Stop::<&str>::Closed),
            show(Stop::<&str>::Deadlock),
            show(Stop::<&str>::Refused(Refusal::TooDeep)),
            show(Stop::<&str>::Spawn(SpawnError::Over)),
            show(Refusal::Kernel(kernel)),
            show(Refusal::NotCurrent),
            show(Refusal::SecondWaiter { name }),
            show(Refusal::TooDeep),
            show(Refusal::HolderGone { name }),
            show(Refusal::LockCycle { name }),
            show(SpawnError::NoSlot { tasks: 2 }),
            show(SpawnError::NoStack(greenlet::SpawnError::OtherCore)),
            show(SpawnError::Over),
            show(SpawnError::Refused(kernel)),
            show(SpawnError::NotBegun),
            show(RunError::Enter(greenlet::EnterError::OtherCore)),
            show(RunError::Masked),
        ],
    );
    let timeout = format!("{timeout:?}");
    assert!(timeout.starts_with("Some(Timeout(1): \"the time of"), "{timeout}");
    let refused = Stop::<&str>::Refused(Refusal::Kernel(kernel));
    assert_eq!(format!("{refused:?}"), format!("Refused(Kernel(Masked: \"{kernel}\"))"));
}

/// The crates that have a test like the one above. Another one has no errors, or its programs are C.
#[test]
#[cfg_attr(miri, ignore = "reads the sources")]
fn no_other_crate_has_errors() {
    let crates = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    for path in crates.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        if !["greenlet-hub", "greenlet-tasklets", "greenlet-embedded"].iter().any(|name| path.ends_with(name)) {
            check(path.to_str().unwrap(), &[]);
        }
    }
}
