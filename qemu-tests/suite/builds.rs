//! Builds that several tests share: each is made once, when the first test needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Built, Profile};
use qemu_tests::{guests, places};

/// A build that is made by the first that asks for it, while the others wait.
type Once<T> = Arc<OnceLock<Result<T, String>>>;

/// Builds of one kind, by what they are built for.
pub(crate) struct Builds<T>(Mutex<BTreeMap<(&'static str, Profile), Once<T>>>);

/// The targets of the machines that scenarios, random ones, soaks and lanes run on, whose guests are no tests by themselves.
const TARGETS_OF_OTHERS: [&str; 2] = ["aarch64-unknown-none", "x86_64-unknown-none"];

/// The guests, by target.
static GUESTS: Builds<Built> = Builds::new();

impl<T: Clone> Builds<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(crate) fn get(
        &self,
        what: &'static str,
        profile: Profile,
        build: impl FnOnce() -> anyhow::Result<T>,
    ) -> Result<T, Failed> {
        let once = {
            // A test that panicked leaves nothing half done here.
            let mut builds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(builds.entry((what, profile)).or_default())
        };
        let built = once.get_or_init(|| {
            let _turn = turn();
            build().map_err(|error| format!("{error:#}"))
        });
        Ok(built.clone()?)
    }
}

/// Waits for the turn to call cargo: one at a time, it uses all cores by itself.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static CARGO: Mutex<()> = Mutex::new(());
    CARGO.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ELF file of a guest.
pub(crate) fn guest(name: &str, target: &'static str, profile: Profile) -> Result<PathBuf, Failed> {
    let mut built =
        GUESTS.get(target, profile, || compile::guests_named(target, profile, &wanted(target, profile)?))?;
    built.remove(name).ok_or_else(|| format!("the suite builds no guest `{name}` for {target}, {profile}").into())
}

/// The guests that some test boots which were built so: those that say it in their heads. Those that are no tests by themselves
/// are booted on some machines only.
fn wanted(target: &str, profile: Profile) -> anyhow::Result<BTreeSet<String>> {
    let guests = guests::survey(&places::guest_sources())?.guests;
    let wanted = guests.into_iter().filter(|guest| {
        let asked = &guest.directives;
        asked.profiles.contains(&profile) && (asked.tested || TARGETS_OF_OTHERS.contains(&target))
    });
    Ok(wanted.map(|guest| guest.name).collect())
}
