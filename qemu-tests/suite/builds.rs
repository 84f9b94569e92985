//! Builds that several tests share: each is made once, when the first test needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Built, Profile};
use qemu_tests::conformance::Place;

/// A build that is made by the first that asks for it, while the others wait.
type Once<T> = Arc<OnceLock<Result<T, String>>>;

/// Builds of one kind, by what they are built for.
pub(crate) struct Builds<T>(Mutex<BTreeMap<(&'static str, Profile), Once<T>>>);

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

/// What the tests boot that were asked for: guests, by target and profile.
static WANTED: OnceLock<BTreeMap<(&'static str, Profile), BTreeSet<String>>> = OnceLock::new();

/// A guest as a test boots it.
#[derive(Clone)]
pub(crate) struct Guest {
    name: String,
    target: &'static str,
    profile: Profile,
}

impl Guest {
    pub(crate) fn new(name: &str, target: &'static str, profile: Profile) -> Self {
        Self { name: name.to_owned(), target, profile }
    }

    /// Its ELF file. The first test that asks builds, for all tests that were asked for, what they [want](want) of this target
    /// and profile.
    pub(crate) fn file(&self) -> Result<PathBuf, Failed> {
        let Self { name, target, profile } = self;
        let wanted = WANTED.get().and_then(|wanted| wanted.get(&(*target, *profile)));
        let Some(names) = wanted.filter(|names| names.contains(name)) else {
            return Err(format!(
                "a test boots the guest `{name}` for {target}, {profile}, and its `Case` does not say so"
            )
            .into());
        };
        let mut built = GUESTS.get(target, *profile, || compile::guests(target, *profile, names))?;
        Ok(built.remove(name).ok_or_else(|| format!("cargo built no guest `{name}` for {target}, {profile}"))?)
    }
}

/// The guest `name`, if that is what runs at `place`, and not a hosted program.
pub(crate) fn of_place(name: &str, place: Place, profile: Profile) -> Vec<Guest> {
    match place {
        Place::Host => Vec::new(),
        Place::Machine(machine) => vec![Guest::new(name, machine.target, profile)],
    }
}

/// Says, once and before any test runs, which guests will be asked for.
pub(crate) fn want<'a>(guests: impl IntoIterator<Item = &'a Guest>) {
    let mut wanted = BTreeMap::<_, BTreeSet<_>>::new();
    for Guest { name, target, profile } in guests {
        wanted.entry((*target, *profile)).or_default().insert(name.clone());
    }
    WANTED.set(wanted).expect("it is said once");
}
