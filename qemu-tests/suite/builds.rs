//! Builds that several tests share: each is made once, when the first test needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Built, Profile};
use qemu_tests::conformance::Place;
use qemu_tests::machine::Code;

/// A build that the first test that needs it makes, while others wait.
type Once<T> = Arc<OnceLock<Result<T, String>>>;

/// Builds of one kind, by what they are built for.
pub(crate) struct Builds<T, What = &'static str>(Mutex<BTreeMap<(What, Profile), Once<T>>>);

/// The guests.
static GUESTS: Builds<Built, Code> = Builds::new();

impl<T: Clone, What: Ord> Builds<T, What> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(crate) fn get(
        &self,
        what: What,
        profile: Profile,
        build: impl FnOnce() -> anyhow::Result<T>,
    ) -> Result<T, Failed> {
        let once = {
            // A test that panicked leaves nothing half done here.
            let mut builds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(builds.entry((what, profile)).or_default())
        };
        let built = once.get_or_init(|| {
            let _turn = turn(profile.name());
            build().map_err(|error| format!("{error:#}"))
        });
        Ok(built.clone()?)
    }
}

/// How many calls of cargo run at a time: one uses all cores, except while it waits for its last crate.
const CALLS: usize = 2;

/// The folders in which a build is running.
static AT_WORK: (Mutex<BTreeSet<&'static str>>, Condvar) = (Mutex::new(BTreeSet::new()), Condvar::new());

/// A turn to call cargo, until it is dropped.
pub(crate) struct Turn(&'static str);

/// Waits for a turn to build in `folder`. Cargo locks a folder, so a second call there would only wait.
pub(crate) fn turn(folder: &'static str) -> Turn {
    let (at_work, ended) = &AT_WORK;
    let at_work = at_work.lock().unwrap_or_else(PoisonError::into_inner);
    let is_busy = |at_work: &mut BTreeSet<_>| at_work.len() == CALLS || at_work.contains(folder);
    ended.wait_while(at_work, is_busy).unwrap_or_else(PoisonError::into_inner).insert(folder);
    Turn(folder)
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (at_work, ended) = &AT_WORK;
        at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(self.0);
        ended.notify_all();
    }
}

/// The guests that the selected tests boot, by what they are built for and profile.
static WANTED: OnceLock<BTreeMap<(Code, Profile), BTreeSet<String>>> = OnceLock::new();

/// A guest as a test boots it.
#[derive(Clone)]
pub(crate) struct Guest {
    name: String,
    code: Code,
    profile: Profile,
}

impl Guest {
    pub(crate) fn new(name: &str, code: Code, profile: Profile) -> Self {
        Self { name: name.to_owned(), code, profile }
    }

    /// What it is built for.
    pub(crate) fn target(&self) -> &'static str {
        self.code.target
    }

    /// Its ELF file. The first test that needs one builds all guests of this target and profile that the selected tests
    /// [want](want).
    pub(crate) fn file(&self) -> Result<PathBuf, Failed> {
        let Self { name, code, profile } = self;
        let target = code.target;
        let wanted = WANTED.get().and_then(|wanted| wanted.get(&(*code, *profile)));
        let Some(names) = wanted.filter(|names| names.contains(name)) else {
            return Err(format!(
                "a test boots the guest `{name}` for {target}, {profile}, and its `Case` does not say so"
            )
            .into());
        };
        let mut built = all(*code, *profile, names)?;
        Ok(built.remove(name).ok_or_else(|| format!("cargo built no guest `{name}` for {target}, {profile}"))?)
    }
}

/// The guests of these `names`, built by the first call for this code and profile.
fn all(code: Code, profile: Profile, names: &BTreeSet<String>) -> Result<Built, Failed> {
    GUESTS.get(code, profile, || compile::guests(code, profile, names))
}

/// The guest `name`, if that is what runs at `place`, and not a hosted program.
pub(crate) fn of_place(name: &str, place: Place, profile: Profile) -> Vec<Guest> {
    match place {
        Place::Host => Vec::new(),
        Place::Machine(machine) => vec![Guest::new(name, machine.code(), profile)],
    }
}

/// Registers the guests that tests will need, in this order. Called once, before any test runs; the guests are built
/// while tests run.
pub(crate) fn want<'a>(guests: impl IntoIterator<Item = &'a Guest>) {
    let mut wanted = BTreeMap::<_, BTreeSet<_>>::new();
    let mut order = Vec::new();
    for Guest { name, code, profile } in guests {
        let key = (*code, *profile);
        if !order.contains(&key) {
            order.push(key);
        }
        wanted.entry(key).or_default().insert(name.clone());
    }
    WANTED.set(wanted).expect("it is said once");
    thread::spawn(move || {
        let wanted = WANTED.get().into_iter();
        for ((code, profile), names) in wanted.flat_map(|wanted| order.iter().map(|key| (*key, &wanted[key]))) {
            // An error is reported by the test that needs them.
            let _ = all(code, profile, names);
        }
    });
}
