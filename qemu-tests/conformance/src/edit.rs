//! Scenarios made smaller: what is left is well formed, too.

use heapless::String;

use crate::op::Op;
use crate::scenario::Scenario;

impl Scenario {
    /// Returns how many ops there are in all scripts.
    #[must_use]
    pub fn ops(&self) -> usize {
        (0..self.slots()).map(|slot| self.script(slot).len()).sum()
    }

    /// Returns the scenario with those ops for which `keep` returns `true`: it is called for each one, by the slot and
    /// the index of the op in that slot's script.
    #[must_use]
    pub fn with_ops(&self, mut keep: impl FnMut(u8, usize) -> bool) -> Self {
        self.rewritten(self.slots(), |slot, at, op| keep(slot, at).then_some((slot, op)))
    }

    /// Returns the scenario without a slot. Ops that name it name another one `instead`, or are gone, too, if there is
    /// none or it cannot stand there; so does its script, unless that one has a script. The slots above move down.
    ///
    /// # Panics
    ///
    /// When `slot` is 0, which is main's, when it is to be its own replacement, and when one of the two is not one of
    /// the scenario's [`slots`](Self::slots).
    #[must_use]
    pub fn without_slot(&self, slot: u8, instead: Option<u8>) -> Self {
        assert!((1..self.slots()).contains(&slot), "slot {slot} cannot be taken out of {} slots", self.slots());
        assert!(instead != Some(slot), "slot {slot} cannot replace itself");
        let moved = |named: u8| if named > slot { named - 1 } else { named };
        let name = |named: u8| if named == slot { instead.map(moved) } else { Some(moved(named)) };
        let heir = instead.filter(|&instead| self.script(instead).is_empty()).map(moved);
        let script = |script: u8| if script == slot { heir } else { Some(moved(script)) };
        self.rewritten(self.slots() - 1, |of, _, op| Some((script(of)?, op.renamed(name)?)))
    }

    /// Puts each op where `place` says, and in the form that it says, or leaves it out.
    fn rewritten(&self, slots: u8, mut place: impl FnMut(u8, usize, Op) -> Option<(u8, Op)>) -> Self {
        let mut written = Self::new(String::try_from(self.name()).unwrap_or_default(), slots);
        for slot in 0..self.slots() {
            for (at, &op) in self.script(slot).iter().enumerate() {
                if let Some((script, op)) = place(slot, at, op) {
                    let pushed = written.push(script, op);
                    debug_assert!(pushed.is_ok(), "no script gets longer");
                }
            }
        }
        written
    }
}

impl Op {
    /// The op with other names for its slots; `None` when one of them has none that can stand there.
    fn renamed(self, name: impl Fn(u8) -> Option<u8>) -> Option<Self> {
        let child = |slot: u8| name(slot).filter(|&slot| slot != 0);
        let parent = |parent: Option<u8>| match parent {
            Some(parent) => name(parent).map(Some),
            None => Some(None),
        };
        Some(match self {
            Self::New { slot, parent: p } => Self::New { slot: child(slot)?, parent: parent(p)? },
            Self::Bare { slot, parent: p } => Self::Bare { slot: child(slot)?, parent: parent(p)? },
            Self::Parent { slot, parent: p } => Self::Parent { slot: name(slot)?, parent: parent(p)? },
            Self::Run { slot } => Self::Run { slot: name(slot)? },
            Self::State { slot } => Self::State { slot: name(slot)? },
            Self::Drop { slot } => Self::Drop { slot: child(slot)? },
            Self::Context { slot, sharing } => Self::Context { slot: name(slot)?, sharing },
            Self::Switch { target, value, catch } => Self::Switch { target: name(target)?, value, catch },
            Self::Throw { target, code, catch } => Self::Throw { target: name(target)?, code, catch },
            Self::Kill { target, payload, catch } => Self::Kill { target: name(target)?, payload, catch },
            Self::Up { .. }
            | Self::Current
            | Self::Return { .. }
            | Self::Raise { .. }
            | Self::Exit { .. }
            | Self::Hold
            | Self::Trace { .. }
            | Self::Boom { .. }
            | Self::TraceQuery
            | Self::ContextSet { .. }
            | Self::ContextGet => self,
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString as _;

    use crate::parse::Scenarios;

    const TEXT: &str = "\
scenario a
slots 4
script 0
new 1 -
new 2 1
new 3 2
sw 3 5 a
par 3 -
script 2
up - -
script 3
ctx 0 copy
drop 1
end
";

    fn scenario() -> crate::Scenario {
        Scenarios::new(TEXT.as_bytes()).next().expect("a scenario").unwrap()
    }

    #[test]
    fn a_slot_goes_with_all_that_names_it() {
        let expected = "\
scenario a
slots 3
script 0
new 1 -
sw 2 5 a
par 2 -
script 2
ctx 0 copy
drop 1
end
";
        assert_eq!(scenario().without_slot(2, None).to_string(), expected);
    }

    #[test]
    fn another_slot_takes_the_place_of_one_where_it_can() {
        let expected = "\
scenario a
slots 3
script 0
new 1 0
new 2 1
sw 2 5 a
par 2 -
script 1
up - -
script 2
ctx 0 copy
end
";
        assert_eq!(scenario().without_slot(1, Some(0)).to_string(), expected);
        // A script finds a new place, too.
        let moved = scenario().without_slot(2, Some(1)).to_string();
        assert!(moved.contains("script 1\nup - -\n"), "{moved}");
    }

    #[test]
    fn ops_go_one_by_one() {
        let kept = scenario().with_ops(|slot, at| slot == 0 && at < 2);
        assert_eq!(kept.to_string(), "scenario a\nslots 4\nscript 0\nnew 1 -\nnew 2 1\nend\n");
        assert_eq!((scenario().ops(), kept.ops()), (8, 2));
    }
}
