#![no_std]
#![no_main]
//! What greenlets do, step by step: start here.

use board::{check, println};
use greenlet::{Outcome, ParentError, Refusal, Sent, StackPool, State, Thrown, Tree};

board::guest!(main);

type Main = greenlet::Main<u32, &'static str>;
type Me = greenlet::Me<u32, &'static str>;
type Greenlet = greenlet::Greenlet<u32, &'static str>;

static STACKS: StackPool<4, 16384> = StackPool::new(); // four stacks of 16 KiB
static TREE: Tree<u32> = Tree::new(); // its greenlets send each other a `u32`

fn main() {
    println!("A tour of greenlets. Each line begins with the current greenlet.");
    let players = TREE.enter(|main| {
        board::record(main);
        switching(main);
        values(main);
        parents(main);
        throwing(main);
        killing(main);
        dead_targets(main);
        generator(main);
        let players = ring(main);
        println!("\n9. The tree ends when main returns: each greenlet that is left is asked to exit");
        says!(main, "returns");
        players
    });
    the_end(players.expect("no tree was entered before"));
}

/// Prints what a greenlet has to say.
macro_rules! says {
    ($greenlet:expr, $($text:tt)+) => {
        println!("{:>8} | {}", $greenlet.name().unwrap_or("main"), format_args!($($text)+))
    };
}
use says;

/// Something with a destructor that can be seen.
struct Goodbye<'a>(&'a Me, &'static str);

impl Drop for Goodbye<'_> {
    fn drop(&mut self) {
        says!(self.0, "{}", self.1);
    }
}

/// A child of main with a name.
fn spawn(main: &Main, name: &'static str, body: fn(&Me, u32) -> Outcome<u32, &'static str>) -> Greenlet {
    main.build(&STACKS).name(name).spawn(body).expect("no section needs more than four stacks")
}

fn switching(main: &Main) {
    println!("\n1. A switch suspends one greenlet and resumes another");
    let ping = spawn(main, "ping", |me, _| {
        says!(me, "starts, on a stack of its own; switches to main");
        me.parent().switch(0)?;
        says!(me, "continues where it was; returns from its body");
        Ok(0)
    });
    check!(ping.state() == State::Unstarted);
    says!(main, "switches to ping, which is {}", ping.state());
    check!(ping.switch(0) == Ok(0));
    check!(ping.state() == State::Suspended);
    says!(main, "continues where it was; switches to ping, which is {}", ping.state());
    check!(ping.switch(0) == Ok(0));
    check!(ping.state() == State::Dead);
    says!(main, "sees that ping is {}", ping.state());
}

fn values(main: &Main) {
    println!("\n2. A switch carries a value");
    let doubler = spawn(main, "doubler", |me, mut x| {
        loop {
            says!(me, "got {x}; sends its double up to its parent");
            x = me.up(x * 2)?;
        }
    });
    for x in [21, 50] {
        says!(main, "sends {x}");
        let double = doubler.switch(x);
        says!(main, "got {double:?}");
        check!(double == Ok(2 * x));
    }
}

fn parents(main: &Main) {
    println!("\n3. A greenlet that ends returns to its parent, not to the one that switched to it");
    let elder = spawn(main, "elder", |me, x| {
        let x = me.up(x)?;
        says!(me, "got {x} from its child; ends with {}", x + 1);
        Ok(x + 1)
    });
    check!(elder.switch(0) == Ok(0));
    let younger = spawn(main, "younger", |me, x| {
        says!(me, "got {x}; ends with {}", x + 1);
        Ok(x + 1)
    });
    says!(main, "makes elder the parent of younger, and sends younger 5");
    check!(younger.set_parent(&elder).is_ok());
    let sum = younger.switch(5);
    says!(main, "is the parent of elder, and got {sum:?}");
    check!(sum == Ok(7));

    let refused = elder.set_parent(&younger);
    says!(main, "makes younger the parent of elder, too? {refused:?}");
    check!(refused == Err(ParentError::Cycle));
}

fn throwing(main: &Main) {
    println!("\n4. An error thrown into a greenlet unwinds its frames; all it takes is `?`");
    /// Calls itself until there are five frames, and waits in the fifth.
    fn descend(me: &Me, frame: usize) -> Outcome<u32, &'static str> {
        const FRAMES: [&str; 5] =
            ["leaves frame 1", "leaves frame 2", "leaves frame 3", "leaves frame 4", "leaves frame 5"];
        let _goodbye = Goodbye(me, FRAMES[frame - 1]);
        if frame < 5 { descend(me, frame + 1) } else { me.up(5) }
    }
    let diver = spawn(main, "diver", |me, _| descend(me, 1));
    check!(diver.switch(0) == Ok(5));
    says!(main, "throws \"come up\" into diver, which waits in its fifth frame");
    let thrown = diver.throw("come up");
    says!(main, "is the parent of diver, and got {thrown:?}");
    check!(thrown == Err(Thrown::Error("come up")));

    let patient = spawn(main, "patient", |me, x| match me.up(x) {
        Err(Thrown::Error(reason)) => {
            says!(me, "handles {reason:?}; ends with 1");
            Ok(1)
        }
        other => other,
    });
    check!(patient.switch(0) == Ok(0));
    says!(main, "throws \"a stone\" into patient");
    let thrown = patient.throw("a stone");
    says!(main, "got {thrown:?}");
    check!(thrown == Ok(1));
}

fn killing(main: &Main) {
    println!("\n5. A greenlet that is killed is asked to exit; its parent gets the exit's value");
    let guarded = |me: &Me, x| {
        let _goodbye = Goodbye(me, "cleans up");
        me.up(x)
    };
    let victim = spawn(main, "victim", guarded);
    check!(victim.switch(0) == Ok(0));
    says!(main, "kills victim, with 7");
    let last = victim.kill_with(7);
    says!(main, "got {last:?}; victim is {}", victim.state());
    check!(last == Ok(7) && victim.is_dead());

    let orphan = spawn(main, "orphan", guarded);
    check!(orphan.switch(0) == Ok(0));
    says!(main, "drops the only handle to orphan");
    let weak = orphan.downgrade();
    drop(orphan);
    says!(main, "continues; orphan was killed, and its stack is free");
    check!(weak.upgrade().is_none());
}

fn dead_targets(main: &Main) {
    println!("\n6. What is sent to a dead greenlet reaches its parent");
    let gone = spawn(main, "gone", |_, x| Ok(x));
    check!(gone.switch(1) == Ok(1));
    says!(main, "is the parent of gone, which is {}; sends 2 there", gone.state());
    let back = gone.switch(2);
    says!(main, "got {back:?}");
    check!(back == Ok(2));

    let heir = spawn(main, "heir", |me, x| {
        says!(me, "got {x}; ends with it");
        Ok(x)
    });
    check!(gone.set_parent(&heir).is_ok());
    says!(main, "makes heir the parent of gone; sends 3 there");
    let back = gone.switch(3);
    says!(main, "is the parent of heir, and got {back:?}");
    check!(back == Ok(3) && heir.is_dead());
}

fn generator(main: &Main) {
    println!("\n7. A generator is a greenlet that sends values up");
    let fibonacci = spawn(main, "rabbits", |me, limit| {
        let (mut a, mut b) = (1, 1);
        while a < limit {
            me.up(a)?;
            (a, b) = (b, a + b);
        }
        says!(me, "ends");
        Ok(0)
    });
    let numbers = core::iter::from_fn(|| fibonacci.switch(20).ok().filter(|_| !fibonacci.is_dead()));
    let sum: u32 = numbers.inspect(|number| says!(main, "got {number}")).sum();
    says!(main, "makes that {sum} in all");
    check!(sum == 1 + 1 + 2 + 3 + 5 + 8 + 13);
}

fn ring(main: &Main) -> [Greenlet; 3] {
    println!("\n8. Any greenlet switches to any other: three of them pass a ball round");
    let players = ["anna", "ben", "carla"].map(|name| main.build(&STACKS).name(name).bare().expect("a stack is free"));
    for (player, next) in [(0, 1), (1, 2), (2, 0)] {
        let next = players[next].clone();
        let body = move |me: &Me, mut throws| {
            let _goodbye = Goodbye(me, "goes home");
            while throws < 8 {
                says!(me, "throws to {}", next.name().unwrap_or("no name"));
                throws = next.switch(throws + 1)?;
            }
            says!(me, "keeps the ball; ends with {throws}");
            Ok(throws)
        };
        check!(players[player].set_run(body).is_ok());
    }
    let throws = players[0].switch(0);
    says!(main, "is the parent of all, and got {throws:?}");
    check!(throws == Ok(8));
    players
}

/// A handle that was kept longer than its tree is harmless.
fn the_end(players: [Greenlet; 3]) {
    println!(" outside | throws one more ball to anna");
    let refused = players[0].switch(1);
    if let Err(reason) = &refused {
        println!(" outside | is refused: {reason}");
    }
    check!(matches!(refused, Err(Thrown::Refused(Refusal::Ended, Some(Sent::Value(1))))));
    check!(players.iter().all(Greenlet::is_dead));
}
