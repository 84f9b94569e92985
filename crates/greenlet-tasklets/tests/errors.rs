//! What `unwrap` prints of each error of this crate names the remedy.

#[path = "../../greenlet-hub/tests/common/errors.rs"]
mod errors;

use errors::{OF_THE_USER, check, show};
use greenlet_tasklets::{Raised, Refusal, SpawnError};

#[test]
#[cfg_attr(miri, ignore = "reads the sources")]
fn what_unwrap_prints_of_an_error_is_its_name_and_the_remedy() {
    check(
        env!("CARGO_MANIFEST_DIR"),
        &[
            show(Raised::Error(OF_THE_USER)),
            show(Raised::<&str>::Exit),
            show(Raised::<&str>::Stop),
            show(Raised::<&str>::Deadlock),
            show(Raised::<&str>::NoSender),
            show(Raised::<&str>::NoReceiver),
            show(Raised::<&str>::BlockTrap),
            show(Raised::<&str>::Closed),
            show(Raised::<&str>::Refused(Refusal::Current)),
            show(Refusal::Blocked),
            show(Refusal::Dead),
            show(Refusal::Current),
            show(Refusal::OtherScheduler),
            show(Refusal::Masked),
            show(SpawnError::TooMany { tasklets: 3 }),
            show(SpawnError::NoStack(greenlet::SpawnError::OtherCore)),
        ],
    );
    let refused = Raised::<&str>::Refused(Refusal::Dead);
    assert_eq!(format!("{refused:?}"), format!("Refused(Dead: \"{}\")", Refusal::Dead));
}
