//! A record of a hub's tasks over time: their waits, the objects of these, and the source of each wake.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use greenlet::{Identity, RecorderBusy};
use heapless::HistoryBuf;
use spin::mutex::SpinMutex;

/// Gets a record of each step of a hub's tasks. An argument of [`Hub::traced`](crate::Hub::traced).
///
/// [`Recorder`] is one. Another passes the records to a tool, for example.
///
/// # Safety
///
/// Its functions return. They call nothing of this crate and of `greenlet` that switches, or that the documentation
/// does not allow in an interrupt handler: the hub calls them while it changes its lists. With the feature `abandon`
/// none of them takes more than 384 bytes of stack: the hub has made sure of that much, and of no more.
///
/// ```
/// use greenlet_hub::{Hub, Place, Record, Threads, Trace};
/// # use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// # use std::time::Duration;
/// # static PLATFORM: Threads = Threads::new();
/// /// Counts the records, and takes their number for the time.
/// struct Counter(AtomicU64);
///
/// // SAFETY: each function returns, and calls nothing.
/// unsafe impl Trace for Counter {
///     fn now(&self) -> u64 { self.0.load(Relaxed) }
///     fn place(&self) -> Place { Place::Core(0) }
///     fn record(&self, _: &Record) { self.0.fetch_add(1, Relaxed); }
/// }
///
/// static COUNTER: Counter = Counter(AtomicU64::new(0));
/// static HUB: Hub<1> = Hub::new(&PLATFORM).traced(&COUNTER);
///
/// HUB.run(|main| main.sleep(Duration::from_micros(1)).unwrap()).unwrap();
/// assert!(COUNTER.now() > 1);
/// ```
pub unsafe trait Trace: Sync {
    /// Returns the time, in a unit of the program's choice. Called on any core, and in interrupt handlers.
    fn now(&self) -> u64;

    /// Returns where the code runs that calls it. Called on any core, and in interrupt handlers.
    ///
    /// A wake from the place where the run began counts as one by the task that runs. So each thread, core and handler
    /// needs a place of its own.
    fn place(&self) -> Place;

    /// Takes a record. Called on the hub's core, and not in handlers.
    fn record(&self, record: &Record);
}

/// Where code runs.
///
/// ```
/// use greenlet_hub::Place;
/// assert_eq!(Place::Interrupt(30).to_string(), "interrupt 30");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In no interrupt handler, on the core or thread of this number, of which 15 bits are kept.
    Core(u16),
    /// In the handler of the interrupt of this number, of which 15 bits are kept.
    Interrupt(u16),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, number) = match self {
            Self::Core(number) => ("core ", number),
            Self::Interrupt(number) => ("interrupt ", number),
        };
        f.write_str(kind)?;
        number.fmt(f)
    }
}

/// The source of a wake.
///
/// ```
/// use greenlet_hub::{Place, WokenBy};
/// assert_eq!(WokenBy::Outside(Place::Core(1)).to_string(), "core 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WokenBy {
    /// A task of the same hub.
    Task(Identity),
    /// The hub, when it found that the time of a sleep or a timeout was over.
    Timer,
    /// An interrupt handler, or another core.
    Outside(Place),
}

impl fmt::Display for WokenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => task.fmt(f),
            Self::Timer => f.write_str("the timer"),
            Self::Outside(place) => place.fmt(f),
        }
    }
}

/// What happened to a task.
///
/// ```
/// use greenlet_hub::{Step, WokenBy};
/// let is_wake = |step| matches!(step, Step::Ready { .. });
/// assert!(is_wake(Step::Ready { by: WokenBy::Timer }) && !is_wake(Step::Runs));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// It begins a wait.
    Waits {
        /// The words of the report, such as `waits for the lock`.
        what: &'static str,
        /// The name of the object, or of the task that it joins.
        on: Option<&'static str>,
    },
    /// It is ready to run: it was woken, or has just been created. A task that is ready already may become so again.
    Ready {
        /// The source of the wake: of several wakes before the hub takes them, the first. A wake that comes while the
        /// hub takes them replaces it, and its time too.
        by: WokenBy,
    },
    /// It begins, or its wait is over or tests its condition.
    Runs,
    /// The core sleeps, on the stack of this task, until something is ready.
    Sleeps,
    /// The core sleeps no more.
    Awake,
}

/// A step of a task.
///
/// ```
/// use greenlet_hub::{Record, Step};
/// /// What a task waits for from now on, if it does.
/// fn wait(record: &Record) -> Option<&'static str> {
///     let Step::Waits { on, .. } = record.step else { return None };
///     on
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it happened. Of [`Step::Ready`], when the task was woken, which can be before the previous record.
    pub time: u64,
    /// The greenlet of the task.
    pub task: Identity,
    /// What happened.
    pub step: Step,
}

impl Record {
    pub(crate) fn new(time: u64, task: Identity, step: Step) -> Self {
        Self { time, task, step }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ", self.time, self.task)?;
        match self.step {
            Step::Waits { what, on: Some(on) } => write!(f, "{what} {on}"),
            Step::Waits { what, on: None } => f.write_str(what),
            Step::Ready { by } => write!(f, "is ready, by {by}"),
            Step::Runs => f.write_str("runs"),
            Step::Sleeps => f.write_str("sleeps, as nothing is ready"),
            Step::Awake => f.write_str("sleeps no more"),
        }
    }
}

/// Keeps the last `N` records of a hub in a ring, 80 bytes each.
///
/// A static, and the argument of [`Hub::traced`](crate::Hub::traced). With
/// [`greenlet::Recorder`], whose clock is the same function, the two tell everything: this one why tasks wait and run,
/// that one which greenlet has control.
///
/// Neither side ever waits: what happens during a read is [lost](Self::lost), and a read during a write returns
/// [`RecorderBusy`].
///
/// ```
/// use greenlet_hub::{Hub, Place, Recorder, Threads};
/// # use std::sync::atomic::{AtomicU64, Ordering};
/// # static PLATFORM: Threads = Threads::new();
/// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
/// fn ticks() -> u64 { static T: AtomicU64 = AtomicU64::new(0); T.fetch_add(1, Ordering::Relaxed) }
///
/// // SAFETY: both functions return, and call nothing.
/// static RECORDER: Recorder<64> = unsafe { Recorder::new(ticks, || Place::Core(0)) };
/// static HUB: Hub<1> = Hub::new(&PLATFORM).traced(&RECORDER);
///
/// HUB.run(|main| {
///     let task = main.build(&STACKS).name("parser").spawn(|me| me.park()).unwrap();
///     main.yield_now().unwrap();
///     task.remote().wake();
///     task.join(main).unwrap().unwrap();
/// }).unwrap();
///
/// let mut lines = Vec::new();
/// RECORDER.for_each(|record| lines.push(record.to_string())).unwrap();
/// assert_eq!(lines[..5], [
///     "0: greenlet 1 \"parser\" is ready, by main greenlet",
///     "1: greenlet 1 \"parser\" runs",
///     "2: greenlet 1 \"parser\" is parked",
///     "4: main greenlet waits for the end of parser",
///     "3: greenlet 1 \"parser\" is ready, by main greenlet",
/// ]);
/// ```
pub struct Recorder<const N: usize> {
    clock: fn() -> u64,
    place: fn() -> Place,
    records: SpinMutex<HistoryBuf<Record, N>>,
    lost: AtomicU32,
}

const _: () = assert!(size_of::<Record>() <= 80, "the doc of `Recorder` says how large a record is");

impl<const N: usize> Recorder<N> {
    /// Creates an empty recorder. `clock` and `place` are the functions of [`Trace`].
    ///
    /// # Safety
    ///
    /// Both functions do what [`Trace`] demands.
    ///
    /// ```
    /// # use greenlet_hub::{Place, Recorder};
    /// # fn read_cycle_counter() -> u64 { 0 }
    /// # fn active_interrupt() -> Option<u16> { None }
    /// fn place() -> Place { active_interrupt().map_or(Place::Core(0), Place::Interrupt) }
    /// // SAFETY: both functions read a register.
    /// static RECORDER: Recorder<64> = unsafe { Recorder::new(read_cycle_counter, place) };
    /// ```
    #[must_use]
    pub const unsafe fn new(clock: fn() -> u64, place: fn() -> Place) -> Self {
        Self { clock, place, records: SpinMutex::new(HistoryBuf::new()), lost: AtomicU32::new(0) }
    }

    /// Calls `visit` with each record, in the order in which the hub saw them. What happens meanwhile is lost.
    ///
    /// # Errors
    ///
    /// [`RecorderBusy`]: another read or a write is in progress, and `visit` was not called.
    ///
    /// ```
    /// # use greenlet_hub::{Place, Recorder};
    /// # static RECORDER: Recorder<64> = unsafe { Recorder::new(|| 0, || Place::Core(0)) };
    /// RECORDER.for_each(|record| println!("{record}")).unwrap();
    /// ```
    pub fn for_each(&self, visit: impl FnMut(&Record)) -> Result<(), RecorderBusy> {
        let records = self.records.try_lock().ok_or(RecorderBusy)?;
        records.oldest_ordered().for_each(visit);
        Ok(())
    }

    /// Returns the number of records that were lost because a read was in progress.
    ///
    /// ```
    /// # use greenlet_hub::{Place, Recorder};
    /// # static RECORDER: Recorder<64> = unsafe { Recorder::new(|| 0, || Place::Core(0)) };
    /// assert_eq!(RECORDER.lost(), 0);
    /// ```
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost.load(Relaxed)
    }
}

// SAFETY: the functions of the program do what is demanded, by the contract of `new`; the rest never waits.
unsafe impl<const N: usize> Trace for Recorder<N> {
    fn now(&self) -> u64 {
        (self.clock)()
    }

    fn place(&self) -> Place {
        (self.place)()
    }

    fn record(&self, record: &Record) {
        match self.records.try_lock() {
            Some(mut records) => records.write(*record),
            None => _ = self.lost.fetch_add(1, Relaxed),
        }
    }
}

impl<const N: usize> fmt::Debug for Recorder<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("capacity", &N).field("lost", &self.lost()).finish_non_exhaustive()
    }
}
