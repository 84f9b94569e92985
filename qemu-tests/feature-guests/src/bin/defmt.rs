//@ defmt
#![no_std]
#![no_main]
//! Transfers, greenlets and errors as defmt logs them; the host decodes what it gets, with the place in the source.

use board::{check, interrupts, println};
use greenlet::{DefmtTrace, Recorder, StackPool, Thrown, Tree};

board::guest!(main);
greenlet::core_identity!(feature_guests::OneCore);

static STACKS: StackPool<2, 32768> = StackPool::new();
static TREE: Tree<u32> = Tree::new();
static RECORDER: Recorder<2> = Recorder::new(|| 7);

fn main() {
    interrupts::on(|| defmt::warn!("interrupted, in the middle of no frame"));
    interrupts::enable();
    defmt::info!("begins");
    let entered = TREE.enter(|main| {
        check!(main.set_trace(Some(&DefmtTrace)).is_none());
        let parser = main.build(&STACKS).name("parser").spawn(|me, mut x| {
            loop {
                defmt::debug!("{} has {=u32}", **me, x);
                interrupts::raise();
                x = me.up(x + 1)?;
            }
        });
        let parser = parser.expect("a stack is free");
        check!(parser.switch(1) == Ok(2));
        check!(parser.switch(2) == Ok(3));
        let thrown = parser.throw("stop");
        defmt::info!("main got {}", thrown);
        check!(thrown == Err(Thrown::Error("stop")));

        let nameless = main.bare(&STACKS).expect("a stack is free");
        check!(nameless.switch(5) == Err(Thrown::NoRun));
        defmt::info!("{} is {}", nameless, nameless.state());
        check!(nameless.set_run(|_, x| Ok(x)).is_ok());
        check!(nameless.switch(6) == Ok(6));
        defmt::info!("{} is {}", nameless, nameless.state());

        // What a recorder remembers can be logged later.
        check!(main.set_trace(Some(&RECORDER)).is_some());
        check!(nameless.switch(7) == Ok(7));
        check!(RECORDER.for_each(|record| defmt::info!("remembered: {}", record)) == Ok(()));
        check!(main.set_trace(None).is_some());
    });
    check!(entered.is_ok());
    if let Err(refused) = TREE.enter(|_| TREE.enter(|_| ()).map_err(|refused| refused.reason)).unwrap_or(Ok(())) {
        defmt::error!("{}", refused);
    }
    println!("logged on a channel of its own");
}
