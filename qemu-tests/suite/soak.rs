//! Endurance: one tree of 64 greenlets and random operations, half a million hosted, fewer where each instruction is
//! emulated; and whether all places agree.

use libtest_mimic::Failed;
use qemu_tests::compile::{self, Profile};
use qemu_tests::conformance::{EVERYWHERE, Place};
use qemu_tests::soak::{self, Ran, Request};
use qemu_tests::tools::Needs;

use crate::Case;
use crate::builds::{self, Builds};

/// The guest, and the hosted example.
const NAME: &str = "soak";

/// Places and profiles, each with a seed of its own.
const SOAKS: [(&str, Profile, u64, u64); 6] = [
    ("host", Profile::Debug, 11, 50_000),
    ("host", Profile::Release, 12, 500_000),
    ("aarch64", Profile::Debug, 13, 5_000),
    ("aarch64", Profile::Release, 14, 150_000),
    ("x86_64", Profile::Debug, 15, 5_000),
    ("x86_64", Profile::Release, 16, 150_000),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut all = Needs::default();
    for (name, profile, seed, count) in SOAKS {
        let Some(place) = Place::named(name) else { continue };
        let mut needs = Needs::default();
        place.needs(&mut needs);
        all.all_of(&needs);
        let test = move || run(place, profile, seed, count).map(drop);
        let guests = builds::of_place(NAME, place, profile);
        let case = Case::new(format!("soak::{place}::{profile}"), needs, test).with_guests(guests);
        // Optimized on bare metal, `all_places_agree` runs it.
        let is_another = place != Place::Host && profile == Profile::Release;
        cases.push(case.usual_if(place.is_usual(profile) && !is_another));
    }
    let guests = EVERYWHERE.iter().flat_map(|&place| builds::of_place(NAME, place, Profile::Release)).collect();
    cases.push(Case::new("soak::all_places_agree".to_owned(), all, all_places_agree).with_guests(guests));
    cases
}

fn run(place: Place, profile: Profile, seed: u64, count: u64) -> Result<Ran, Failed> {
    static HOSTED: Builds<std::path::PathBuf> = Builds::new();
    let program = match place {
        Place::Host => HOSTED.get("host", profile, || compile::example(NAME, NAME, profile))?,
        Place::Machine(machine) => builds::Guest::new(NAME, machine.code(), profile).file()?,
    };
    let request = Request { seed, count, places: vec![place], profile, tool: None };
    Ok(soak::run(place, &program, &request, |_| Ok(()))?)
}

/// The results depend only on the seed and the number of operations.
fn all_places_agree() -> Result<(), Failed> {
    let mut digests = Vec::new();
    for place in EVERYWHERE {
        digests.push((place.to_string(), run(place, Profile::Release, 1, 50_000)?.digest));
    }
    if digests.iter().all(|(_, digest)| *digest == digests[0].1) {
        return Ok(());
    }
    Err(format!("different things came back: {digests:?}").into())
}
