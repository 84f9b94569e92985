//! What the tasks of a hub did: waits, wakes, and how long a task that was woken had to wait for its turn.

use std::collections::BTreeMap;

use super::parse::{Key, Step, Trace, What};

/// A time in which a task did not run.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Pause {
    /// The task.
    pub(super) task: Key,
    /// The beginning.
    pub(super) from: u64,
    /// The end.
    pub(super) to: u64,
    /// What it waited for; `None`: it was ready.
    pub(super) what: Option<String>,
}

/// A wake, and when the task ran.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wake {
    /// When it was made.
    pub(super) time: u64,
    /// The task.
    pub(super) task: Key,
    /// What made it: a task, or something else, by its name.
    pub(super) by: Result<Key, String>,
    /// Since when it counts: a task that still ran begins to wait later.
    pub(super) since: u64,
    /// When the task ran; `None` if it has not.
    pub(super) ran: Option<u64>,
}

impl Wake {
    /// The nanoseconds from the wake until the task ran.
    pub(super) fn latency(&self) -> Option<u64> {
        Some(self.ran?.saturating_sub(self.since))
    }

    /// What made it, as a kind: `a task`, or the name of something else.
    pub(super) fn kind(&self) -> &str {
        self.by.as_ref().map_or_else(|name| name.as_str(), |_task| "a task")
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Waits, and times between a wake and a turn.
    pub(super) pauses: Vec<Pause>,
    /// Wakes of tasks that waited or were new, by time.
    pub(super) wakes: Vec<Wake>,
    /// Times in which a core slept: the task on whose stack, from and to.
    pub(super) sleeps: Vec<(Key, u64, u64)>,
    /// Whether older steps are missing.
    pub(super) lost: bool,
}

/// What is known of a task.
#[derive(Default)]
struct State {
    /// It waits, since then and for that.
    waits: Option<(u64, String)>,
    /// It was woken: an index of the wakes.
    woken: Option<usize>,
    /// The core sleeps on its stack, since then.
    sleeps: Option<u64>,
}

impl Tasks {
    /// Arranges the steps of `trace`.
    pub(super) fn of(trace: &Trace) -> Self {
        let mut steps: Vec<&Step> = trace.steps.iter().collect();
        // Stable. A wake from outside has the time when it was made, and is seen later.
        steps.sort_by_key(|step| step.time);
        let (mut all, mut states) = (Self { lost: trace.lost_steps, ..Self::default() }, BTreeMap::<Key, State>::new());
        for step in steps {
            let (time, task) = (step.time, step.task.key);
            let state = states.entry(task).or_default();
            let wake = |by| Wake { time, task, by, since: time, ran: None };
            match &step.what {
                What::Waits(what) => {
                    state.waits = Some((time, what.clone()));
                    if let Some(woken) = state.woken {
                        all.wakes[woken].since = time;
                    }
                }
                // It is ready already.
                What::WokenBy(_) | What::WokenFrom(_) if state.woken.is_some() => {}
                What::WokenBy(by) => {
                    state.woken = Some(all.wakes.len());
                    all.wakes.push(wake(Ok(*by)));
                }
                What::WokenFrom(by) => {
                    state.woken = Some(all.wakes.len());
                    all.wakes.push(wake(Err(by.clone())));
                }
                What::Runs => {
                    let woken = state.woken.take();
                    let waited = state.waits.take();
                    let ready = woken.map_or(time, |woken| all.wakes[woken].since);
                    if let Some((from, what)) = waited {
                        all.pauses.push(Pause { task, from, to: ready.max(from), what: Some(what) });
                    }
                    if let Some(woken) = woken {
                        all.wakes[woken].ran = Some(time);
                        all.pauses.push(Pause { task, from: ready, to: time, what: None });
                    }
                }
                What::Sleeps => state.sleeps = Some(time),
                What::Awake => all.sleeps.extend(state.sleeps.take().map(|from| (task, from, time))),
            }
        }
        for (task, State { waits, .. }) in states {
            if let Some((from, what)) = waits {
                all.pauses.push(Pause { task, from, to: u64::MAX, what: Some(what) });
            }
        }
        all
    }

    /// Whether nothing is known of tasks: there is no hub, or it was not recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.wakes.is_empty() && self.pauses.is_empty()
    }

    /// The latencies, by the kind of the waker and the task that was woken. `name` gives the task's name.
    pub(super) fn pairs(&self, name: impl Fn(Key) -> String) -> BTreeMap<(String, String), Latencies> {
        let mut pairs = BTreeMap::<_, Latencies>::new();
        for wake in &self.wakes {
            let Some(latency) = wake.latency() else { continue };
            pairs.entry((wake.kind().to_owned(), name(wake.task))).or_default().0.push(latency);
        }
        pairs.values_mut().for_each(|latencies| latencies.0.sort_unstable());
        pairs
    }

    /// The latencies of all wakes.
    pub(super) fn latencies(&self) -> Latencies {
        let mut all: Vec<_> = self.wakes.iter().filter_map(Wake::latency).collect();
        all.sort_unstable();
        Latencies(all)
    }
}

/// Times from wake to run, in nanoseconds, the shortest first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Latencies(pub(super) Vec<u64>);

impl Latencies {
    /// The one below or at which `percent` of them are; 0 if there is none.
    pub(super) fn at(&self, percent: usize) -> u64 {
        let place = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(place).copied().unwrap_or(0)
    }

    /// The median, the 99th of 100 and the longest, as text.
    pub(super) fn summary(&self) -> String {
        let [half, most_of_all, longest] = [50, 99, 100].map(|percent| time(self.at(percent)));
        format!("median {half}, 99 % {most_of_all}, longest {longest}")
    }

    /// A histogram: how many are below each power of two and not below the one before. From the first power that has
    /// any to the last one.
    pub(super) fn histogram(&self) -> Vec<(u64, usize)> {
        let power = |latency: u64| (latency + 1).next_power_of_two();
        let mut counts = BTreeMap::<u64, usize>::new();
        self.0.iter().for_each(|&latency| *counts.entry(power(latency)).or_default() += 1);
        let (Some((&first, _)), Some((&last, _))) = (counts.first_key_value(), counts.last_key_value()) else {
            return Vec::new();
        };
        let powers =
            std::iter::successors(Some(first), |power| power.checked_mul(2)).take_while(|&power| power <= last);
        powers.map(|power| (power, counts.get(&power).copied().unwrap_or(0))).collect()
    }
}

/// A time with its unit.
pub(super) fn time(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1000 => format!("{nanoseconds} ns"),
        1000..1_000_000 => format!("{:.2} µs", nanoseconds as f64 / 1e3),
        _ => format!("{:.2} ms", nanoseconds as f64 / 1e6),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A reader that an interrupt wakes while it waits, and once before that; a writer that it wakes.
    pub(in super::super) const STEPS: &str = "\
        1000\tready\t0\t7\tmain\t\ta\n\
        1010\truns\t0\t7\t\t\ta\n\
        1020\twaits\t0\t7\twaits for the signal\tbutton\ta\n\
        1030\tsleeps\t0\t7\t\t\ta\n\
        2030\tawake\t0\t7\t\t\ta\n\
        2000\tready\t0\t7\tinterrupt 27\t\ta\n\
        2100\truns\t0\t7\t\t\ta\n\
        2200\tready\t0\tmain\t7\ta\t\n\
        2300\twaits\t0\t7\tis parked\t\ta\n\
        2210\tready\t0\t7\tinterrupt 27\t\ta\n\
        2220\tready\t0\t7\tcore 1\t\ta\n\
        2400\truns\t0\t7\t\t\ta\n\
        2500\twaits\t0\t7\tsleeps\t\ta\n\
        hub\t13\t64\n";

    pub(in super::super) fn trace() -> Trace {
        let head = "greenlet timeline 1\n1000\tswitch\t0\tmain\tsuspended\t0\t0\t7\t\ta\n";
        let end = "2600\tswitch\t0\t7\tdead\t832\t4096\tmain\ta\t\nend\t2\t2\tmarks\n";
        let (steps, hub) = STEPS.split_at(STEPS.find("hub").unwrap());
        let (switch, end) = end.split_at(end.find("end").unwrap());
        format!("{head}{switch}{steps}{hub}{end}").parse().unwrap()
    }

    #[test]
    fn a_wake_ends_a_wait_and_its_latency_ends_with_the_run() {
        let tasks = Tasks::of(&trace());
        let (a, main) = (Key { core: 0, id: Some(7) }, Key { core: 0, id: None });
        let pause = |from, to, what: &str| Pause { task: a, from, to, what: Some(what.to_owned()) };
        let ready = |from, to| Pause { task: a, from, to, what: None };
        let expected = [
            ready(1000, 1010),
            pause(1020, 2000, "waits for the signal button"),
            ready(2000, 2100),
            pause(2300, 2300, "is parked"),
            ready(2300, 2400),
            pause(2500, u64::MAX, "sleeps"),
        ];
        assert_eq!(tasks.pauses, expected);
        let wake = |time, task, by, ran| Wake { time, task, by, since: time, ran };
        let line = || Err("interrupt 27".to_owned());
        let expected = [
            wake(1000, a, Ok(main), Some(1010)),
            wake(2000, a, line(), Some(2100)),
            wake(2200, main, Ok(a), None),
            Wake { since: 2300, ..wake(2210, a, line(), Some(2400)) },
        ];
        assert_eq!(tasks.wakes, expected);
        assert_eq!((tasks.sleeps.as_slice(), tasks.lost), ([(a, 1030, 2030)].as_slice(), false));
        let pairs = tasks.pairs(|key| format!("{:?}", key.id));
        let of = |kind: &str| &pairs[&(kind.to_owned(), "Some(7)".to_owned())].0;
        assert_eq!((pairs.len(), of("interrupt 27"), of("a task")), (2, &vec![100, 100], &vec![10]));
    }

    #[test]
    fn a_histogram_has_powers_of_two() {
        let latencies = Latencies(vec![0, 1, 3, 4, 1000, 1023, 1024]);
        let histogram = latencies.histogram();
        let filled: Vec<_> = histogram.iter().filter(|(_, count)| *count > 0).copied().collect();
        assert_eq!(filled, [(1, 1), (2, 1), (4, 1), (8, 1), (1024, 2), (2048, 1)]);
        assert_eq!(histogram.len(), 12);
        assert_eq!((latencies.at(50), latencies.at(100), Latencies::default().at(99)), (4, 1024, 0));
        assert_eq!(latencies.summary(), "median 4 ns, 99 % 1.02 µs, longest 1.02 µs");
        assert_eq!(Latencies::default().histogram(), []);
    }
}
