//! `Debug` of the error types of this layer, which shows name and remedy as `records/debug.rs` describes; and tests
//! of all error types.

#[cfg(feature = "recorder")]
use crate::RecorderBusy;
use crate::records::debug::named;
#[cfg(feature = "abandon")]
use crate::{AbandonError, ReclaimError};
use crate::{Gone, LocalError, TooSmall};
use core::fmt;

impl fmt::Debug for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Full { .. } = self;
        named(f, "Full", self)
    }
}

impl fmt::Debug for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, "TooSmall", self)
    }
}

impl fmt::Debug for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, "Gone", self)
    }
}

#[cfg(feature = "recorder")]
impl fmt::Debug for RecorderBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, "RecorderBusy", self)
    }
}

#[cfg(feature = "abandon")]
impl fmt::Debug for ReclaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Alive => "Alive",
            Self::Ended => "Ended",
        };
        named(f, name, self)
    }
}

#[cfg(feature = "abandon")]
impl fmt::Debug for AbandonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::NotEntered => "NotEntered",
            Self::Main => "Main",
            Self::NotCurrent => "NotCurrent",
            Self::TooLate => "TooLate",
            Self::NotAtLimit => "NotAtLimit",
            Self::Busy => "Busy",
            Self::Masked => "Masked",
            Self::OnStack => "OnStack",
            Self::NotOnStack => "NotOnStack",
            Self::State => "State",
            Self::Interrupt => "Interrupt",
        };
        named(f, name, self)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::{EnterError, ParentError, Refusal, Refused, RunError, SpawnError, Thrown};
    use core::error::Error;
    use core::iter::successors;
    use std::boxed::Box;
    use std::collections::BTreeSet;
    use std::string::{String, ToString};
    use std::vec::Vec;
    use std::{eprintln, format, fs};

    type Down = Thrown<u32, &'static str>;

    /// All error types, with each variant. Each list steps from one variant to the next by a `match`, so a new
    /// variant fails to compile until it is listed.
    fn all() -> Vec<(&'static str, Box<dyn Error>)> {
        let mut all: Vec<(&str, Box<dyn Error>)> = Vec::new();
        macro_rules! each {
            ($type:ty, $first:expr, $next:expr) => {{
                let next: fn(&$type) -> Option<$type> = $next;
                all.extend(
                    successors(Some($first), next).map(|it| (stringify!($type), Box::new(it) as Box<dyn Error>)),
                );
            }};
        }
        each!(EnterError, EnterError::NoCore, |at| match at {
            EnterError::NoCore => Some(EnterError::CoreBusy),
            EnterError::CoreBusy => Some(EnterError::OtherCore),
            EnterError::OtherCore => Some(EnterError::StillReferred),
            EnterError::StillReferred => None,
        });
        each!(SpawnError, SpawnError::PoolEmpty { stacks: 3, dead: 1, leaked: 0, abandoned: 0 }, |at| match at {
            SpawnError::PoolEmpty { .. } => Some(SpawnError::OtherCore),
            SpawnError::OtherCore => Some(SpawnError::StackTooSmall { needs: 2, stack: 1 }),
            SpawnError::StackTooSmall { .. } => Some(SpawnError::NoMemory { bytes: 7 }),
            SpawnError::NoMemory { .. } => Some(SpawnError::Ended),
            SpawnError::Ended => None,
        });
        each!(RunError, RunError::Main, |at| match at {
            RunError::Main => Some(RunError::Started),
            RunError::Started => Some(RunError::TooLarge { needs: 2, stack: 1 }),
            RunError::TooLarge { .. } => Some(RunError::Busy),
            RunError::Busy => Some(RunError::Ended),
            RunError::Ended => None,
        });
        each!(ParentError, ParentError::Main, |at| match at {
            ParentError::Main => Some(ParentError::Cycle),
            ParentError::Cycle => Some(ParentError::Ended),
            ParentError::Ended => None,
        });
        each!(Refusal, Refusal::Ended, |at| match at {
            Refusal::Ended => Some(Refusal::Main),
            Refusal::Main => Some(Refusal::Cycle),
            Refusal::Cycle => Some(Refusal::Masked),
            Refusal::Masked => Some(Refusal::Overflow),
            Refusal::Overflow => Some(Refusal::Exit),
            Refusal::Exit => Some(Refusal::Gone),
            Refusal::Gone => None,
        });
        each!(LocalError, LocalError::Full { capacity: 3 }, |LocalError::Full { .. }| None);
        each!(TooSmall, TooSmall { bytes: 1, needs: 2 }, |_| None);
        each!(Gone, Gone, |_| None);
        #[cfg(feature = "recorder")]
        each!(RecorderBusy, RecorderBusy, |_| None);
        #[cfg(feature = "abandon")]
        each!(AbandonError, AbandonError::NotEntered, |at| match at {
            AbandonError::NotEntered => Some(AbandonError::Main),
            AbandonError::Main => Some(AbandonError::NotCurrent),
            AbandonError::NotCurrent => Some(AbandonError::TooLate),
            AbandonError::TooLate => Some(AbandonError::NotAtLimit),
            AbandonError::NotAtLimit => Some(AbandonError::Busy),
            AbandonError::Busy => Some(AbandonError::Masked),
            AbandonError::Masked => Some(AbandonError::OnStack),
            AbandonError::OnStack => Some(AbandonError::NotOnStack),
            AbandonError::NotOnStack => Some(AbandonError::State),
            AbandonError::State => Some(AbandonError::Interrupt),
            AbandonError::Interrupt => None,
        });
        #[cfg(feature = "abandon")]
        each!(ReclaimError, ReclaimError::Alive, |at| match at {
            ReclaimError::Alive => Some(ReclaimError::Ended),
            ReclaimError::Ended => None,
        });
        each!(Down, Down::Exit(7), |at| match at {
            Down::Exit(_) => Some(Down::Error("of the user's")),
            Down::Error(_) => Some(Down::NoRun),
            Down::NoRun => Some(Down::Refused(Refusal::Masked, Some(crate::Sent::Value(7)))),
            Down::Refused(..) => None,
        });
        all
    }

    #[test]
    fn what_unwrap_prints_of_an_error_is_its_name_and_the_remedy() {
        for (name, error) in all() {
            let (debug, remedy) = (format!("{error:?}"), error.to_string());
            eprintln!("{name}: {debug}");
            assert!(debug.contains(&remedy) && debug.starts_with(|first: char| first.is_uppercase()), "{debug}");
            assert!(
                remedy.contains(';') || remedy.contains("cannot") || remedy == "of the user's",
                "no remedy in {remedy}"
            );
        }
        let refused = Refused { reason: RunError::Main, returned: || () };
        assert_eq!(format!("{refused:?}"), format!("Refused {{ reason: Main: \"{}\", .. }}", RunError::Main));
        let exit: Result<u32, Down> = Err(Thrown::Exit(7));
        assert!(format!("{exit:?}").starts_with("Err(Exit(7): \"the greenlet was asked to exit; return from its body"));
        let masked = Down::Refused(Refusal::Masked, Some(crate::Sent::Value(7)));
        let debug = format!("{masked:?}");
        assert!(
            debug.starts_with("Refused(Masked: \"interrupts are") && debug.ends_with("\", Some(Value(7)))"),
            "{debug}"
        );
    }

    #[test]
    fn a_second_tree_names_threads_and_the_feature_where_there_are_some() {
        let told = EnterError::CoreBusy.to_string();
        assert_eq!(told.contains("the feature `std`"), cfg!(not(feature = "std")), "{told}");
        assert!(told.contains("thread"), "{told}");
    }

    /// The types in the list are those that implement `Error` in these sources.
    #[test]
    #[cfg_attr(miri, ignore = "reads the sources")]
    fn no_error_type_is_missing_in_the_list() {
        fn collect(folder: &str, found: &mut BTreeSet<String>) {
            for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
                if file.is_dir() {
                    collect(file.to_str().unwrap(), found);
                    continue;
                }
                let text = fs::read_to_string(file).unwrap();
                let lines = text.lines().filter(|line| line.starts_with("impl"));
                let lines = lines.filter_map(|line| line.split_once("core::error::Error for "));
                let names = lines.map(|(_, name)| name.split(['<', ' ']).next().unwrap().into());
                found.extend(names);
            }
        }
        let mut found = BTreeSet::new();
        collect(concat!(env!("CARGO_MANIFEST_DIR"), "/src"), &mut found);
        let absent: [(&str, bool); 3] = [
            ("AbandonError", cfg!(feature = "abandon")),
            ("ReclaimError", cfg!(feature = "abandon")),
            ("RecorderBusy", cfg!(feature = "recorder")),
        ];
        found.retain(|name| absent.iter().all(|&(absent, is_there)| is_there || absent != name));
        let mut listed: BTreeSet<String> = all().into_iter().map(|(name, _)| name.replace("Down", "Thrown")).collect();
        listed.insert("Refused".into()); // its `Debug` is that of the reason it holds
        assert_eq!(found, listed);
    }
}
