//! What `unwrap` prints of each error of this crate names the remedy.

#[path = "../../greenlet-hub/tests/common/errors.rs"]
mod errors;

use errors::{OF_THE_USER, check, show};
use greenlet_embedded::Error;

#[test]
fn what_unwrap_prints_of_an_error_is_its_name_and_the_remedy() {
    check(env!("CARGO_MANIFEST_DIR"), &[show(Error::Device(OF_THE_USER)), show(Error::<&str>::Stopped)]);
    let stopped = format!("{:?}", Error::<&str>::Stopped);
    assert!(stopped.starts_with("Stopped: \"the wait for the device was stopped; `Bridge::run`"), "{stopped}");
}
