//! A trace as lanes: what each greenlet did, and when.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{Key, Record, Trace};
use super::tasks::Tasks;

/// A run of a guest, as pictures show it.
#[derive(Debug)]
pub(super) struct Run {
    /// Its greenlets: the main greenlets, then the others, by core and in the order of creation.
    pub(super) lanes: Vec<Lane>,
    /// Its transfers, by time.
    pub(super) arrows: Vec<Arrow>,
    /// What the tasks of a hub did, also outside of the time that is shown.
    pub(super) tasks: Tasks,
    /// How many transfers are missing.
    pub(super) lost: u64,
    /// Whether the deepest use of a stack was measured, and is not only a lower bound.
    pub(super) has_marks: bool,
    /// Whether stacks were painted for it in this run, which takes time.
    pub(super) is_painted: bool,
    /// The time that is shown, in nanoseconds: from a little before the first transfer to a little after the last one.
    pub(super) shown: (u64, u64),
}

/// A greenlet.
#[derive(Debug)]
pub(super) struct Lane {
    /// Which it is.
    pub(super) key: Key,
    /// Its name; with its id if the name is not unique, and with its core if there are several.
    pub(super) label: String,
    /// Its name, or `main`, or `#` and its id.
    pub(super) name: String,
    /// When it appeared first.
    pub(super) born: u64,
    /// When its body ended.
    pub(super) died: Option<u64>,
    /// When it ran.
    pub(super) stretches: Vec<Stretch>,
    /// Bytes of its stack in use, whenever it left.
    pub(super) levels: Vec<(u64, u32)>,
    /// Bytes of its whole stack; 0 for main.
    pub(super) stack: u32,
    /// The most bytes of it that are known to have been used.
    pub(super) deepest: u32,
}

/// A time in which a greenlet ran.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Stretch {
    /// The beginning.
    pub(super) from: u64,
    /// The end.
    pub(super) to: u64,
    /// The transfer that began it, an index of [`Run::arrows`]; `None` at the beginning, and where transfers were lost.
    pub(super) by: Option<usize>,
}

/// A transfer.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Arrow {
    /// When.
    pub(super) time: u64,
    /// The lane that it leaves.
    pub(super) origin: usize,
    /// The lane that it reaches.
    pub(super) target: usize,
    /// Whether it is an error or an exit.
    pub(super) is_throw: bool,
    /// Whether it is the end of the origin's body.
    pub(super) ends: bool,
}

impl Run {
    /// Arranges the last transfers of `trace`, which has at least one: as many as have at most `most` greenlets, and
    /// are no more than a hundred times that. The others count as lost.
    #[must_use]
    pub(super) fn of(trace: &Trace, most: usize) -> Self {
        let mut records: Vec<&Record> = trace.records.iter().collect();
        // Stable: those of a core stay in their order.
        records.sort_by_key(|record| record.time);
        let mut seen = BTreeSet::new();
        let fits = |record: &&&Record| {
            seen.extend([record.origin.key, record.target.key]);
            seen.len() <= most
        };
        let kept = records.iter().rev().take_while(fits).count().min(most.saturating_mul(100));
        let left_out = records.len() - kept;
        records.drain(..left_out);

        let (first, last) = match (records.first(), records.last()) {
            (Some(first), Some(last)) => (first.time, last.time),
            _ => (0, 0),
        };
        let margin = ((last - first) / 40).max(1);
        let shown = (first.saturating_sub(margin), last.saturating_add(margin));
        let (mut lanes, places) = lanes(&records, shown.0);
        let mut arrows = Vec::with_capacity(records.len());
        // The greenlet that runs on each core, since when, and by which transfer.
        let mut running = BTreeMap::<u32, (usize, u64, Option<usize>)>::new();
        for record in &records {
            let (origin, target) = (places[&record.origin.key], places[&record.target.key]);
            let core = record.origin.key.core;
            let (runs, from, by) = running.get(&core).copied().unwrap_or((origin, shown.0, None));
            // Another greenlet than the last target: transfers in between were lost, and nothing is known of that time.
            let (from, by) = if runs == origin { (from, by) } else { (record.time, None) };
            let lane = &mut lanes[origin];
            lane.stretches.push(Stretch { from, to: record.time, by });
            lane.stack = lane.stack.max(record.stack);
            lane.deepest = lane.deepest.max(record.in_use);
            if record.stack > 0 {
                lane.levels.push((record.time, if record.ends { 0 } else { record.in_use }));
            }
            if record.ends {
                lane.died = Some(record.time);
            }
            running.insert(core, (target, record.time, Some(arrows.len())));
            let Record { time, is_throw, ends, .. } = **record;
            arrows.push(Arrow { time, origin, target, is_throw, ends });
        }
        for (lane, from, by) in running.into_values() {
            lanes[lane].stretches.push(Stretch { from, to: shown.1, by });
        }
        let (lost, is_painted) = (trace.lost + left_out as u64, trace.has_marks);
        let tasks = Tasks::of(trace);
        Self { lanes, arrows, tasks, lost, has_marks: is_painted, is_painted, shown }
    }

    /// Copies the deepest uses of stacks from another run of the same guest, in which they were measured.
    pub(super) fn measure(&mut self, other: &Trace) {
        let mut deepest = BTreeMap::<Key, u32>::new();
        for record in &other.records {
            let known = deepest.entry(record.origin.key).or_default();
            *known = record.in_use.max(*known);
        }
        for lane in &mut self.lanes {
            lane.deepest = deepest.get(&lane.key).copied().unwrap_or(0).max(lane.deepest);
        }
        self.has_marks = other.has_marks;
    }

    /// The lane of a greenlet, if it is in the picture.
    #[must_use]
    pub(super) fn place(&self, key: Key) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.key == key)
    }

    /// The part of a time that is shown, if any is.
    #[must_use]
    pub(super) fn clip(&self, from: u64, to: u64) -> Option<(u64, u64)> {
        let (from, to) = (from.max(self.shown.0), to.min(self.shown.1));
        (from <= to).then_some((from, to))
    }

    /// The name of a task for a table, in which namesakes are together.
    #[must_use]
    pub(super) fn task(&self, key: Key) -> String {
        match self.place(key) {
            Some(place) if self.lanes[place].name.starts_with('#') => "tasks without name".to_owned(),
            Some(place) => self.lanes[place].name.clone(),
            None => key.id.map_or("main".to_owned(), |_| "tasks that are not shown".to_owned()),
        }
    }

    /// The unit in which times are shown: its nanoseconds and its name.
    #[must_use]
    pub(super) fn unit(&self) -> (f64, &'static str) {
        if self.shown.1 - self.shown.0 < 10_000_000 { (1e3, "µs") } else { (1e6, "ms") }
    }

    /// The microseconds from its beginning to `time`.
    #[must_use]
    pub(super) fn micros(&self, time: u64) -> f64 {
        (time - self.shown.0) as f64 / 1000.0
    }

    /// The note about missing transfers.
    #[must_use]
    pub(super) fn lost_note(&self) -> Option<String> {
        (self.lost > 0).then(|| {
            let all = self.lost + self.arrows.len() as u64;
            format!("{} of {all} transfers are not shown: the last ones are kept", self.lost)
        })
    }
}

/// A lane for each greenlet in `records`, and which one it is.
fn lanes(records: &[&Record], begin: u64) -> (Vec<Lane>, BTreeMap<Key, usize>) {
    let mut born = BTreeMap::new();
    for record in records {
        for party in [&record.origin, &record.target] {
            born.entry(party.key).or_insert((record.time, party.name.as_str()));
        }
    }
    // Main greenlets before the others, as `None` is less than any id.
    let mut keys: Vec<_> = born.keys().copied().collect();
    keys.sort_by_key(|key| (key.id.is_some(), key.core, key.id));
    let cores = keys.iter().map(|key| key.core).collect::<BTreeSet<_>>().len();
    let name = |key: &Key| match (key.id, born[key].1) {
        (None, _) => "main".to_owned(),
        (Some(id), "") => format!("#{id}"),
        (Some(_), name) => name.to_owned(),
    };
    let mut namesakes = BTreeMap::<String, u32>::new();
    keys.iter().for_each(|key| *namesakes.entry(name(key)).or_default() += 1);
    let lane = |key: &Key| {
        let mut label = name(key);
        match key.id {
            Some(id) if namesakes[&label] > 1 => label = format!("{label} #{id}"),
            None if cores > 1 => label = format!("{label} of core {}", key.core),
            _ => {}
        }
        Lane {
            key: *key,
            label,
            name: name(key),
            born: if key.id.is_some() { born[key].0 } else { begin },
            died: None,
            stretches: Vec::new(),
            levels: Vec::new(),
            stack: 0,
            deepest: 0,
        }
    };
    let places = keys.iter().enumerate().map(|(place, key)| (*key, place)).collect();
    (keys.iter().map(lane).collect(), places)
}

/// A sufficient stack size: the used bytes and a quarter, in steps of 64 bytes, by the rule of `docs/stack-sizing.md`.
#[must_use]
pub(super) fn suggested(deepest: u32) -> u32 {
    (deepest.saturating_add(deepest / 4)).div_ceil(64).saturating_mul(64)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The trace of these records, without their heads: `TIME EVENT CORE ORIGIN STATE IN_USE STACK TARGET NAME NAME`.
    pub(in super::super) fn trace(records: &[&str], happened: usize) -> Trace {
        let lines: String = records.iter().map(|line| line.replace(' ', "\t").replace('-', "") + "\n").collect();
        let written = records.len();
        format!("greenlet timeline 1\n{lines}end\t{written}\t{happened}\tmarks\n").parse().unwrap()
    }

    /// main switches to `a`, which answers; main throws into it, and it ends with an error.
    pub(in super::super) const SHORT: [&str; 4] = [
        "1000 switch 0 main suspended 0 0 7 - a",
        "1500 switch 0 7 suspended 640 4096 main a -",
        "2000 throw 0 main suspended 0 0 7 - a",
        "3000 throw 0 7 dead 900 4096 main a -",
    ];

    #[test]
    fn stretches_follow_each_other_and_fill_the_time() {
        let run = Run::of(&trace(&SHORT, 4), 9);
        assert_eq!((run.shown, run.lost, run.lost_note()), ((950, 3050), 0, None));
        let [main, a] = &run.lanes[..] else { panic!("{:?}", run.lanes) };
        assert_eq!((main.label.as_str(), a.label.as_str(), a.born, a.died), ("main", "a", 1000, Some(3000)));
        let stretch = |from, to, by| Stretch { from, to, by };
        assert_eq!(
            main.stretches,
            [stretch(950, 1000, None), stretch(1500, 2000, Some(1)), stretch(3000, 3050, Some(3))]
        );
        assert_eq!(a.stretches, [stretch(1000, 1500, Some(0)), stretch(2000, 3000, Some(2))]);
        assert_eq!((a.stack, a.deepest, &a.levels[..]), (4096, 900, &[(1500, 640), (3000, 0)][..]));
        let arrow = Arrow { time: 3000, origin: 1, target: 0, is_throw: true, ends: true };
        assert_eq!((run.arrows.len(), &run.arrows[3]), (4, &arrow));
    }

    #[test]
    fn nothing_is_said_of_the_time_in_which_transfers_were_lost() {
        // It is not known which greenlet ran in between: main received last, and `b` sends now.
        let run =
            Run::of(&trace(&["10 switch 0 7 suspended 1 9 main a -", "90 switch 0 8 suspended 1 9 main b -"], 5), 9);
        let of = |label: &str| &run.lanes.iter().find(|lane| lane.label == label).unwrap().stretches;
        assert_eq!(of("b"), &[Stretch { from: 90, to: 90, by: None }]);
        assert_eq!(of("main"), &[Stretch { from: 90, to: 92, by: Some(1) }]);
        assert_eq!(run.lost_note().unwrap(), "3 of 5 transfers are not shown: the last ones are kept");
    }

    #[test]
    fn the_last_transfers_are_kept() {
        // Two greenlets in the last three transfers: the first one has a third.
        let records: Vec<_> = ["500 switch 0 main suspended 0 0 6 - b"].into_iter().chain(SHORT).collect();
        let run = Run::of(&trace(&records, 5), 2);
        assert_eq!((run.arrows.len(), run.lost, run.lanes.len()), (4, 1, 2));
        assert_eq!(run.lanes[0].stretches[0], Stretch { from: 950, to: 1000, by: None });
        let many: Vec<_> = ["1 switch 0 main running 0 0 main - -"].into_iter().cycle().take(150).collect();
        let run = Run::of(&trace(&many, 150), 1);
        assert_eq!((run.arrows.len(), run.lost), (100, 50));
    }

    #[test]
    fn stacks_are_measured_in_another_run() {
        let measured = trace(&[SHORT[0], "3000 throw 0 7 dead 1200 4096 main a -"], 2);
        let plain = Trace { has_marks: false, ..trace(&SHORT, 4) };
        let mut run = Run::of(&plain, 9);
        assert_eq!((run.lanes[1].deepest, run.has_marks), (900, false));
        run.measure(&measured);
        assert_eq!((run.lanes[1].deepest, run.lanes[0].deepest, run.has_marks, run.is_painted), (1200, 0, true, false));
    }

    #[test]
    fn each_core_has_its_main_and_namesakes_have_ids() {
        let records = [
            "5 switch 0 main suspended 0 0 1 - w",
            "6 switch 1 main suspended 0 0 2 - w",
            "7 switch 0 1 suspended 1 64 3 w -",
            "8 switch 1 2 suspended 1 64 main w -",
        ];
        let run = Run::of(&trace(&records, 4), 9);
        let labels: Vec<_> = run.lanes.iter().map(|lane| lane.label.as_str()).collect();
        assert_eq!(labels, ["main of core 0", "main of core 1", "w #1", "#3", "w #2"]);
        assert!(run.lanes.iter().all(|lane| lane.stretches.iter().all(|stretch| stretch.from <= stretch.to)));
    }

    #[test]
    fn a_suggestion_has_a_quarter_more_in_steps() {
        assert_eq!([0, 1, 64, 1312].map(suggested), [0, 64, 128, 1664]);
        assert!(suggested(u32::MAX) > u32::MAX - 64);
    }
}
