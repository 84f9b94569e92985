//! What may outlive a run of a hub is dropped while another core runs that hub. Nothing here asserts: it is for Miri,
//! which sees a data race whichever side comes first. So it is without the feature `std`.
#![cfg(not(feature = "std"))]

use greenlet_hub::{Hub, Platform};
use std::thread;
use std::time::Duration;

struct Stopped;

impl Platform for Stopped {
    fn now(&self) -> u64 {
        0
    }

    fn hertz(&self) -> u32 {
        1_000
    }

    fn arm(&self, _at: Option<u64>) {}

    fn idle(&self, _sleep: &mut dyn FnMut() -> bool) {}
}

#[test]
fn a_sleep_that_no_task_waits_for_is_dropped_beside_the_next_run() {
    static HUB: Hub<1> = Hub::new(&Stopped);
    let sleep = HUB.run(|main| main.sleeping(Duration::from_secs(1))).unwrap();
    let next = thread::spawn(|| HUB.run(|_main| ()).unwrap());
    drop(sleep);
    next.join().unwrap();
}
