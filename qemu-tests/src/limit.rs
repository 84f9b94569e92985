//! Limits of child processes, in own time, which does not pass while other processes have the processors.
//!
//! The [own time](OwnTime) of a child and of all processes in its group is the time in which they execute, and the time
//! in which every one of them sleeps. It does not pass while one is ready to run and does not run, waits for a disk, or
//! was stopped by a signal: so it does not pass faster on a busy computer. It never passes faster than the clock,
//! however many threads execute.
//!
//! ```text
//!   executes          counts, as the kernel's processor times say
//!   all sleep         counts: a guest that halts and is never woken has to end, too
//!   one is ready      does not count: the processor is with others
//! ```

use std::fmt;
use std::fs;
use std::iter;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;

/// How much of its own time a child may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// Without any output.
    pub silence: Duration,
    /// From start to end, whatever it prints.
    pub total: Duration,
}

impl Limit {
    /// Ends a child that is silent for `silence`, and one that prints and takes four times as long.
    #[must_use]
    pub const fn of_silence(silence: Duration) -> Self {
        Self { silence, total: silence.saturating_mul(4) }
    }

    /// Ends a child that takes `total`, whether it prints or not.
    #[must_use]
    pub const fn of_all(total: Duration) -> Self {
        Self { silence: total, total }
    }
}

/// The own time of a child.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OwnTime {
    /// Executing, at most as much as the clock says.
    pub executing: Duration,
    /// Every process and thread asleep.
    pub asleep: Duration,
    /// Whether the two are not known, and `executing` is by the clock: there is no `/proc` that shows the child.
    pub is_by_clock: bool,
}

impl OwnTime {
    fn all(self) -> Duration {
        self.executing + self.asleep
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            executing: self.executing - earlier.executing,
            asleep: self.asleep - earlier.asleep,
            is_by_clock: self.is_by_clock,
        }
    }

    /// Whether most of it was sleep.
    #[must_use]
    pub fn is_sleep(self) -> bool {
        self.asleep > self.executing
    }

    /// Adds the time between two checks that are `apart` by the clock and were planned to be `period` apart.
    fn add(&mut self, apart: Duration, period: Duration, executed: Duration, is_asleep: bool) {
        let executed = executed.min(apart);
        self.executing += executed;
        if is_asleep {
            // If a check comes much later than planned, this process had no processor; then the child may have had none
            // either.
            self.asleep += apart.min(period * 2).saturating_sub(executed);
        }
    }
}

impl fmt::Display for OwnTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let executing = if self.is_by_clock { "without a look into /proc" } else { "of processor time" };
        let parts = [(self.executing, executing), (self.asleep, "asleep")];
        let counts = |(time, _): &(Duration, _)| *time >= Duration::from_millis(50);
        let told: Vec<_> =
            parts.into_iter().filter(counts).map(|(time, how)| format!("{:.1} s {how}", time.as_secs_f64())).collect();
        formatter.write_str(&told.join(" and "))
    }
}

/// What a child used up of its [`Limit`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Overrun {
    /// Which part of the limit.
    pub part: Part,
    /// Its own time, since its last output or since it started.
    pub time: OwnTime,
    /// The same by the clock, in whole seconds.
    pub clock: u64,
}

/// A part of a [`Limit`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// [`Limit::silence`].
    Silence,
    /// [`Limit::total`].
    Total,
}

impl fmt::Display for Overrun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.part {
            Part::Silence => "no output for",
            Part::Total => "no end after",
        };
        write!(formatter, "{what} {} ({} s by the clock)", self.time, self.clock)
    }
}

/// Checks a child at intervals.
pub(crate) struct Watch {
    limit: Limit,
    group: u32,
    started: Instant,
    spent: OwnTime,
    /// When the child last printed something, and what it had spent by then.
    heard: (Instant, OwnTime),
    /// The time of the last check, and the processor time that it found.
    looked: (Instant, Duration),
}

impl Watch {
    /// Watches the process group `group`, which has just been started.
    pub(crate) fn new(group: u32, limit: Limit) -> Self {
        let now = Instant::now();
        let (spent, executed) = (OwnTime::default(), Duration::ZERO);
        Self { limit, group, started: now, spent, heard: (now, spent), looked: (now, executed) }
    }

    /// How long to wait for output before the next check: often enough to be exact, and rarely enough to cost little.
    pub(crate) fn until_look(&self) -> Duration {
        self.period().saturating_sub(self.looked.0.elapsed())
    }

    fn period(&self) -> Duration {
        (self.limit.silence / 16).clamp(Duration::from_millis(20), Duration::from_millis(500))
    }

    /// Called when the child has printed something.
    pub(crate) fn heard(&mut self) {
        self.heard = (Instant::now(), self.spent);
    }

    /// Makes a check, if it is time for one; returns an overrun if the child has used up its limit. While there is
    /// output that was not read yet, the child may sleep only because the runner has not read it.
    pub(crate) fn look(&mut self, all_is_read: bool) -> Option<Overrun> {
        if !self.until_look().is_zero() {
            return None;
        }
        let (now, period) = (Instant::now(), self.period());
        let apart = now.duration_since(self.looked.0);
        self.looked.0 = now;
        match Group::seen(Path::new("/proc"), self.group) {
            Some(Group { executed, is_asleep }) => {
                // It can be less than before: a process may have left the group.
                self.spent.add(apart, period, executed.saturating_sub(self.looked.1), is_asleep && all_is_read);
                self.looked.1 = executed;
            }
            None => {
                self.spent.executing += apart;
                self.spent.is_by_clock = true;
            }
        }
        let (heard, before) = self.heard;
        let silent = self.spent.since(before);
        if silent.all() >= self.limit.silence {
            return Some(Overrun { part: Part::Silence, time: silent, clock: heard.elapsed().as_secs() });
        }
        let over = Overrun { part: Part::Total, time: self.spent, clock: self.started.elapsed().as_secs() };
        (self.spent.all() >= self.limit.total).then_some(over)
    }
}

/// What a check finds out about a process group.
#[derive(Debug, PartialEq)]
struct Group {
    /// The processor time of its processes and of their children that have ended.
    executed: Duration,
    /// Whether all threads sleep and wait for an event.
    is_asleep: bool,
}

impl Group {
    /// Examines the processes of `group`; `None` if `proc` shows none of them.
    fn seen(proc: &Path, group: u32) -> Option<Self> {
        let mut found = None;
        for process in numbered(proc) {
            let Some(stat) = Stat::read(&process).filter(|stat| stat.group == group) else { continue };
            let (ticks, is_asleep) = found.get_or_insert((0, true));
            *ticks += stat.ticks;
            // The state of a process is that of its first thread.
            *is_asleep &=
                numbered(&process.join("task")).all(|task| Stat::read(&task).is_none_or(|stat| stat.is_asleep));
        }
        let (ticks, is_asleep): (u64, bool) = found?;
        let executed = Duration::from_millis(ticks.saturating_mul(1000) / clock_ticks_per_second().max(1));
        Some(Self { executed, is_asleep })
    }
}

/// The folders in `folder` whose name is a number.
fn numbered(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let is_number = |path: &std::path::PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // What cannot be read has ended meanwhile.
    iter::once(fs::read_dir(folder)).flatten().flatten().flatten().map(|entry| entry.path()).filter(is_number)
}

/// The contents of `/proc/N/stat` for a process or a thread.
#[derive(Debug, PartialEq)]
struct Stat {
    group: u32,
    ticks: u64,
    is_asleep: bool,
}

impl Stat {
    fn read(folder: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(folder.join("stat")).ok()?)
    }

    /// `NUMBER (NAME) STATE PARENT GROUP ...`, and the name may hold anything.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.rsplit_once(')')?.1.split_whitespace().collect();
        // utime, stime, and those of children that were waited for.
        let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>());
        Some(Self {
            group: fields[2].parse().ok()?,
            ticks: ticks.sum::<Result<_, _>>().ok()?,
            // Sleeps, or has ended. All others are ready, wait for a disk, or were stopped.
            is_asleep: matches!(fields[0], "S" | "I" | "Z" | "X"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(executed: Duration, is_asleep: bool) -> OwnTime {
        let mut time = OwnTime::default();
        time.add(SECOND, SECOND, executed, is_asleep);
        time
    }

    #[test]
    fn what_executes_or_sleeps_uses_its_time_up() {
        assert_eq!(after(SECOND, false), OwnTime { executing: SECOND, ..OwnTime::default() });
        assert_eq!(after(Duration::ZERO, true), OwnTime { asleep: SECOND, ..OwnTime::default() });
        assert_eq!(after(SECOND / 4, true).all(), SECOND);
    }

    #[test]
    fn what_waits_for_a_processor_does_not() {
        assert_eq!(after(Duration::ZERO, false), OwnTime::default());
        assert_eq!(after(SECOND / 16, false).all(), SECOND / 16);
    }

    #[test]
    fn own_time_is_never_faster_than_the_clock() {
        assert_eq!(after(SECOND * 4, false).all(), SECOND);
        // The watcher itself was without a processor for a minute.
        let mut time = OwnTime::default();
        time.add(SECOND * 60, SECOND, Duration::ZERO, true);
        assert_eq!(time.all(), SECOND * 2);
    }

    #[test]
    fn the_message_names_what_was_measured() {
        let said = |part, executing, asleep, is_by_clock| {
            let (executing, asleep) = (Duration::from_secs(executing), Duration::from_secs(asleep));
            let time = OwnTime { executing, asleep, is_by_clock };
            Overrun { part, time, clock: 500 }.to_string()
        };
        for (time, told) in [
            (
                said(Part::Silence, 119, 1, false),
                "no output for 119.0 s of processor time and 1.0 s asleep (500 s by the clock)",
            ),
            (said(Part::Silence, 0, 60, false), "no output for 60.0 s asleep (500 s by the clock)"),
            (
                said(Part::Total, 70, 50, false),
                "no end after 70.0 s of processor time and 50.0 s asleep (500 s by the clock)",
            ),
            (said(Part::Silence, 60, 0, true), "no output for 60.0 s without a look into /proc (500 s by the clock)"),
        ] {
            assert_eq!(time, told);
        }
    }

    #[test]
    fn a_line_of_proc_is_read_whatever_the_name() {
        let line = |name, state| format!("7 ({name}) {state} 1 5 5 0 -1 4194304 9 9 0 0 10 20 3 4 20 0 1 0 99 1 1\n");
        for name in ["qemu-system-x86", "a b) R 1 2", "(("] {
            assert_eq!(Stat::parse(&line(name, "S")), Some(Stat { group: 5, ticks: 37, is_asleep: true }), "{name}");
        }
        for state in ["R", "D", "T", "t"] {
            assert!(!Stat::parse(&line("x", state)).unwrap().is_asleep, "{state}");
        }
        assert_eq!(Stat::parse("7 (x) S 1 5"), None);
    }

    #[test]
    fn without_proc_the_clock_has_to_do() {
        assert_eq!(Group::seen(Path::new("/nosuch"), std::process::id()), None);
        let own = Stat::read(Path::new("/proc/self")).unwrap();
        assert!(Group::seen(Path::new("/proc"), own.group).is_some());
    }
}
