//! Kills and wakes from every core to every other. Each that is left is settled once; or the greenlet was gone, and
//! that is said.
//!
//! No core waits: it answers the orders that there are, settles the requests to it, and begins anew. A request was left
//! before the sender says so; so a core that has heard and looks finds it, or it is lost.

use core::hint::spin_loop;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use board::{check, println};
use greenlet::{Gone, RemoteGreenlet, StackPool, Thrown};

use crate::held::Held;
use crate::lanes::{Answer, LANES, OWN, Request, WOKEN, lane};
use crate::{CORES, Greenlet, Main, Me, Random, STACKS, must};

/// How often each lane has an order of each kind.
const ROUNDS: u64 = if cfg!(debug_assertions) { 20 } else { 500 };
const KINDS: [Request; 3] = [Request::Kill, Request::Wake, Request::Race];
/// Orders of a lane.
const ORDERS: u64 = ROUNDS * KINDS.len() as u64;

/// What one core requested of another.
struct Pair {
    /// Requests that the sender left, by kind.
    left: [AtomicU64; 3],
    /// Requests of which it heard that the greenlet is gone.
    gone: AtomicU64,
    /// Requests to greenlets that are gone for certain; of these it heard that.
    late: AtomicU64,
    /// Orders of which the owner says that they came out right, by kind.
    settled: [AtomicU64; 3],
    /// Greenlets of [`Request::Race`] that the request ended.
    won: AtomicU64,
}

static PAIRS: [[Pair; CORES]; CORES] = [const {
    [const {
        Pair {
            left: [const { AtomicU64::new(0) }; 3],
            gone: AtomicU64::new(0),
            late: AtomicU64::new(0),
            settled: [const { AtomicU64::new(0) }; 3],
            won: AtomicU64::new(0),
        }
    }; CORES]
}; CORES];

/// The part of `core`, in its tree.
pub(crate) fn run(core: usize, main: &Main) {
    let mut senders = [const { [const { Sender::new() }; LANES] }; CORES];
    let mut owners = [const { [const { Owner::new() }; LANES] }; CORES];
    let mut random = Random(core as u64 + 11);
    // How many orders were judged when that was last said.
    let mut said = 0;
    let echo = main.spawn(&ECHOES[core], |me, mut x| {
        loop {
            x = me.up(x)?;
        }
    });
    let echo = echo.expect("a stack of its own");
    let mut done = false;
    while !done {
        done = true;
        for other in (0..CORES).filter(|&other| other != core) {
            for number in 0..LANES {
                done &= senders[other][number].step(core, other, number);
                done &= owners[other][number].step(other, core, number, main, &echo, &mut random);
            }
        }
        settle(main, &echo);
        let judged = owners.iter().flatten().map(|owner| owner.orders).sum::<u64>();
        if core == 0 && judged >= said + ORDERS {
            said = judged;
            println!("# core 0: {judged} requests judged");
        }
        spin_loop();
    }
}

/// For a greenlet of each core, to which it switches and that comes back.
static ECHOES: [StackPool<1, 16384>; CORES] = [const { StackPool::new() }; CORES];

/// Settles the requests to this core so far. Kills are settled by a plain switch, which needs no call for that.
fn settle(main: &Main, echo: &Greenlet) {
    must!(echo.switch(6) == Ok(6), "the echo fails");
    while let Some(woken) = main.woken() {
        let outcome = woken.switch(WOKEN);
        must!(outcome == Ok(0), "{woken:?} was woken, and brought {outcome:?}");
    }
}

/// One end of a lane: where requests come from.
struct Sender {
    orders: u64,
    /// The greenlet of its last request. When there is a new order, that one is gone.
    last: Option<RemoteGreenlet>,
}

impl Sender {
    const fn new() -> Self {
        Self { orders: 0, last: None }
    }

    /// Answers the order, if there is one; returns whether it was the last.
    fn step(&mut self, from: usize, to: usize, number: usize) -> bool {
        let lane = lane(from, to, number);
        if let Some((request, remote)) = lane.take() {
            let pair = &PAIRS[from][to];
            if let Some(last) = self.last.replace(remote) {
                let late = [last.kill(), last.wake()].iter().filter(|asked| **asked == Err(Gone)).count();
                pair.late.fetch_add(late as u64, Relaxed);
            }
            let asked = if request == Request::Wake { remote.wake() } else { remote.kill() };
            match asked {
                Ok(()) => pair.left[request as usize].fetch_add(1, Relaxed),
                Err(Gone) => pair.gone.fetch_add(1, Relaxed),
            };
            lane.answer(if asked.is_ok() { Answer::Left } else { Answer::Gone });
            self.orders += 1;
        }
        self.orders == ORDERS
    }
}

/// The other end: whose greenlets are asked.
struct Owner {
    orders: u64,
    waits: bool,
    greenlet: Option<Greenlet>,
}

impl Owner {
    const fn new() -> Self {
        Self { orders: 0, waits: false, greenlet: None }
    }

    /// Gives an order or judges what came of it; returns whether the last is judged.
    fn step(
        &mut self,
        from: usize,
        to: usize,
        number: usize,
        main: &Main,
        echo: &Greenlet,
        random: &mut Random,
    ) -> bool {
        let request = KINDS[self.orders as usize % KINDS.len()];
        if self.orders == ORDERS {
            return true;
        }
        if !self.waits {
            self.give(request, from, to, number, main);
            return false;
        }
        let lane = lane(from, to, number);
        let Some(answer) = lane.answered() else {
            if request == Request::Race && random.below(4) == 0 {
                self.end();
            }
            return false;
        };
        settle(main, echo);
        let dead = self.greenlet.as_ref().is_none_or(|greenlet| greenlet.is_dead());
        let ends = lane.ends();
        let right = match (request, answer, ends) {
            (Request::Kill, Answer::Left, [1, 0, 0]) | (Request::Wake, Answer::Left, [0, 0, 1]) => dead,
            (Request::Race, Answer::Left, [1, 0, 0] | [0, 1, 0]) | (Request::Race, Answer::Gone, [0, 1, 0]) => dead,
            _ => false,
        };
        must!(
            right,
            "core {from} requested a {request:?} of core {to}: {answer:?}, and it ended {ends:?} times, dead: {dead}"
        );
        let pair = &PAIRS[from][to];
        pair.settled[request as usize].fetch_add(right.into(), Relaxed);
        pair.won.fetch_add((request == Request::Race && ends[0] == 1).into(), Relaxed);
        *self = Self { orders: self.orders + 1, ..Self::new() };
        lane.clear();
        false
    }

    /// Spawns the greenlet of a request by the other core, and orders it.
    fn give(&mut self, request: Request, from: usize, to: usize, number: usize, main: &Main) {
        let lane = lane(from, to, number);
        let serial = self.orders + 1;
        let body = move |me: &Me, x| {
            let _held = Held::by(me, to, serial);
            let outcome = me.up(x);
            match outcome {
                Ok(with) | Err(Thrown::Exit(with)) => lane.ended(with),
                Err(_) => {}
            }
            outcome.map(|_| 0)
        };
        let greenlet = main.spawn(&STACKS, body).expect("there is a slot for every lane");
        let begun = greenlet.switch(5);
        must!(begun == Ok(5), "{greenlet:?} began with {begun:?}");
        lane.give(request, greenlet.remote());
        *self = Self { waits: true, greenlet: Some(greenlet), ..*self };
    }

    /// Ends the greenlet by itself, and frees it: its slot may hold another one when it is asked.
    fn end(&mut self) {
        if let Some(greenlet) = self.greenlet.take().filter(|greenlet| !greenlet.is_dead()) {
            let ended = greenlet.kill_with(OWN);
            must!(ended == Ok(OWN), "a kill brought {ended:?}");
        }
    }
}

/// Says what came out, when all cores are done.
pub(crate) fn tell() {
    /// In all lanes of a pair.
    const EACH: u64 = ROUNDS * LANES as u64;
    let mut asked = 0;
    for (from, pairs) in PAIRS.iter().enumerate() {
        for (to, pair) in pairs.iter().enumerate().filter(|&(to, _)| to != from) {
            let count = |counts: &[AtomicU64; 3]| counts.each_ref().map(|count| count.load(Acquire));
            let (left, settled) = (count(&pair.left), count(&pair.settled));
            let (gone, late, won) = (pair.gone.load(Acquire), pair.late.load(Acquire), pair.won.load(Acquire));
            let all = left == [EACH, EACH, EACH - gone] && settled == [EACH; 3];
            check!(all, "left {left:?}, gone {gone}, settled {settled:?}");
            check!(late == 2 * LANES as u64 * (ORDERS - 1), "{late} requests came too late");
            println!("requests of core {from} to core {to}, each settled once: {}", if all { "yes" } else { "no" });
            println!("# {left:?} kills, wakes, races left; {won} races won, {gone} gone; {late} to the dead");
            asked += left.iter().sum::<u64>() + gone + late;
        }
    }
    println!("# attempts: {asked} requests");
}
