//! The server of `examples/unikernel`, built for each machine with pages that go wrong, and driven by clients over this
//! computer's loopback interface.
//!
//! One build and one boot for all that is asked of a machine: the build takes most of the time.

mod cable;
mod client;
mod contained;
mod load;
mod patience;
mod protocol;
mod shown;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use qemu_tests::limit::Limit;
use qemu_tests::process::{self, Status};
use qemu_tests::serve::{self, Cable, Network, SERVERS, Server};
use qemu_tests::tools::Needs;
use qemu_tests::{environment, places};

use crate::{Case, browser, builds};

/// Of the guest's own time: the usual tests of a server take some thirty seconds, most of them time-outs.
const LIMIT: Limit = Limit::of_all(Duration::from_secs(240));
/// When more is asked for.
const LONG: Limit = Limit::of_all(Duration::from_secs(1800));
/// For a build of the package's tests.
const BUILD: Limit = Limit::of_silence(Duration::from_secs(300));

/// What the server prints last, if it is told to end.
const ENDED: &str = "ended, 32 of 32 stacks free, 48 of 48 sockets closed\n";

/// What the least program prints.
const LEAST: &str = "blink 1\nblink 1\nOk(Ok(3))\nblink 1\n  lamp       waits for the signal beat\n\nOk(Err(Killed: \"the task \
                     is asked to end; return from the body, `?` does\"))\nOk(()), 2 stacks free\n";

/// The outcome of an exchange with the server. The error names what was not as expected.
type Outcome<T = ()> = Result<T, String>;
/// What clients do, one after the other.
type Step = fn(SocketAddr) -> Outcome;

/// What is asked of a server. The last step ends it.
const USUAL: &[(&str, Step)] = &[
    ("pages", protocol::pages),
    ("keep-alive", protocol::keep_alive),
    ("the timeline", protocol::timeline),
    ("malformed requests", protocol::malformed),
    ("half-closed connections", protocol::half_closed),
    ("Prometheus' format", protocol::exposition),
    ("a slow reader", load::slow_reader),
    ("clients that leave", load::leavers),
    ("more connections than stacks", load::more_than_stacks),
    ("panics and overflows", |server| contained::in_a_row(server, 300)),
    ("a timeline while others are served", protocol::whole_timeline),
    ("some thousand requests", |server| load::nothing_grows(server, 2_400)),
    ("the end", contained::end),
];
/// The same at full size, and the clients that have the server wait.
const WIDE: &[(&str, Step)] = &[
    ("panics and overflows", |server| contained::in_a_row(server, 10_000)),
    ("a hundred thousand requests", |server| load::nothing_grows(server, 100_000)),
    ("clients that have the server wait", patience::all_at_once),
    ("more connections than stacks", load::more_than_stacks),
    ("the end", contained::end),
];

pub(crate) fn cases() -> Vec<Case> {
    let parser = |name: &str, arguments| {
        Case::new(format!("serve::{name}"), Needs::default(), move || parser(arguments)) //
    };
    let mut cases = vec![
        parser("parser", &[("--lib", &[], 8), ("--doc", &[], 4)]),
        parser("parser_wide", &[("--lib", &["--", "--ignored"], 1)]).when_asked_for(),
    ];
    for server in &SERVERS {
        let case = |name: &str, test: fn(&'static Server) -> Result<(), Failed>| {
            let name = format!("serve::{}{name}", server.name);
            Case::new(name, server.needs().unwrap_or_default(), move || test(server))
        };
        cases.push(case("", |server| drive(server, &["faults"], LIMIT, None, USUAL)));
        cases.push(case("_least", least));
        cases.push(case("_wide", |server| drive(server, &["faults"], LONG, None, WIDE)).when_asked_for());
        cases.push(case("_cable", on_a_cable).when_asked_for());
        let mut needs = server.needs().unwrap_or_default();
        browser::needed(&mut needs);
        let looked_at = || {
            drive(server, &["faults"], LIMIT, None, &[("a browser", shown::page as Step), ("the end", contained::end)])
        };
        let looked_at = Case::new(format!("serve::{}_in_a_browser", server.name), needs, looked_at);
        cases.push(looked_at.usual_if(browser::is_installed() && server.name == SERVERS[0].name));
        cases.push(
            case("_without_faults", |server| {
                drive(server, &[], LIMIT, None, &[("pages", contained::no_faults as Step)])
            })
            .when_asked_for(),
        );
    }
    let needs = SERVERS[0].needs().unwrap_or_default();
    cases.push(Case::new("bench_peers::server".to_owned(), needs, peer).when_asked_for());
    cases
}

/// The least program on the server's board, which users begin with.
fn least(server: &'static Server) -> Result<(), Failed> {
    let command = {
        let _turn = builds::turn("unikernel");
        server.blink()?
    };
    let ended = process::run(command, Limit::of_all(Duration::from_secs(20)), |_| Ok(()))?;
    let output = String::from_utf8_lossy(&ended.output);
    match ended.status {
        Status::Exited(_) if output.ends_with(LEAST) => Ok(()), // of microvm 1, of `virt` 0
        status => Err(format!("{status:?}\n{output}{}", String::from_utf8_lossy(&ended.errors)).into()),
    }
}

/// The servers that `cargo xtask bench-peers --server` counts compile.
fn peer() -> Result<(), Failed> {
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root().join("benches/server")).args(["check", "--quiet", "--locked"]);
    cargo.args(["--target", "aarch64-unknown-none-softfloat", "--target-dir"]).arg(serve::built()?);
    let _turn = builds::turn("unikernel");
    let ended = process::run(cargo, BUILD, |_| Ok(()))?;
    match ended.status {
        Status::Exited(0) => Ok(()),
        status => Err(format!("{status:?}\n{}", String::from_utf8_lossy(&ended.errors)).into()),
    }
}

/// A call of `cargo test`: which tests, further arguments, and how many pass.
type Tests = (&'static str, &'static [&'static str], usize);

/// The package's own tests and examples, hosted.
fn parser(calls: &[Tests]) -> Result<(), Failed> {
    for (kind, arguments, count) in calls {
        let mut cargo = environment::cargo();
        cargo.current_dir(places::root()).args(["test", "--quiet", "--locked", kind, "--manifest-path"]);
        cargo.arg(serve::project().join("Cargo.toml")).arg("--target-dir").arg(serve::built()?).args(*arguments);
        let _turn = builds::turn("unikernel");
        let ended = process::run(cargo, BUILD, |_| Ok(()))?;
        let output = String::from_utf8_lossy(&ended.output);
        if ended.status != Status::Exited(0) || !output.contains(&format!("test result: ok. {count} passed")) {
            let errors = String::from_utf8_lossy(&ended.errors);
            return Err(format!("{kind}, {:?}\n{output}{errors}", ended.status).into());
        }
    }
    Ok(())
}

/// What happens to frames on their way, and what sends frames of its own.
fn on_a_cable(server: &'static Server) -> Result<(), Failed> {
    let (cable, peer) = cable::lay()?;
    let steps: [(&str, &Interference<'_>); 7] = [
        ("clients that connect at once", &|server| cable::oldest_first(server, &cable)),
        ("a cable that is cut for a moment", &|server| cable::cut_for_a_moment(server, &cable)),
        ("a cable that is cut", &|server| cable::cut(server, &cable)),
        ("a flood of SYNs", &|server| cable::flood(server, &cable, &peer)),
        ("a computer that vanishes", &|server| cable::vanished(server, &cable, &peer)),
        ("clients that connect and reset", &cable::resets),
        ("the end", &contained::end),
    ];
    drive(server, &["faults"], LONG, Some(cable), &steps)
}

/// A step with what is on the cable.
type Interference<'a> = dyn Fn(SocketAddr) -> Outcome + Sync + 'a;

/// Builds the server with `features`, boots it and runs the clients. If the last step does not end it, QEMU is ended
/// when this returns.
fn drive<S>(
    server: &'static Server,
    features: &[&str],
    limit: Limit,
    cable: Option<Cable>,
    steps: &[(&str, S)],
) -> Result<(), Failed>
where
    S: Fn(SocketAddr) -> Outcome + Sync,
{
    let elf = {
        let _turn = builds::turn("unikernel");
        server.build(features)?
    };
    let ends = steps.last().is_some_and(|(name, _)| *name == "the end");
    let is_over = &AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let clients = scope.spawn(move || {
            /// Ends QEMU when the clients are done, also when one panics.
            struct Over<'a>(&'a AtomicBool, bool);
            impl Drop for Over<'_> {
                fn drop(&mut self) {
                    self.0.store(self.1, Ordering::Relaxed);
                }
            }
            let mut over = Over(is_over, true);
            // If the server has not served, `ran` has the reason.
            let Ok(address) = receiver.recv() else { return Ok(()) };
            for (name, step) in steps {
                step(address).map_err(|error| format!("{name}: {error}"))?;
            }
            over.1 = !ends;
            Ok(())
        });
        let serves = |address| {
            let _over_already = sender.send(address);
            Ok(())
        };
        let mut console = Vec::new();
        let seen = |piece: &[u8]| {
            console.extend_from_slice(piece);
            Ok(())
        };
        let network = Network { address: serve::address(None)?, cable };
        let ran = server.run(&elf, network, limit, || is_over.load(Ordering::Relaxed), serves, seen);
        drop(sender);
        let clients: Outcome = clients.join().unwrap_or_else(|_| Err("a client panicked".to_owned()));
        let console = String::from_utf8_lossy(&console);
        let last = || console.get(console.len().saturating_sub(2000)..).unwrap_or(&console);
        match (ran, clients) {
            (Ok(None), Ok(())) if !ends => Ok(()),
            (Ok(Some(ended)), Ok(())) if ends && console.ends_with(ENDED) => match ended.status {
                Status::Exited(_) => Ok(()), // of microvm 1, of `virt` 0
                status => Err(format!("the server has ended by {status:?}").into()),
            },
            (Ok(None), Err(found)) => Err(format!("{found}\n{}", last()).into()),
            (ran, clients) => {
                let ran = ran.map(|ended| {
                    ended.map(|ended| (ended.status, String::from_utf8_lossy(&ended.errors).into_owned()))
                });
                Err(format!("the server ended: {ran:?}\n{clients:?}\n{}", last()).into())
            }
        }
    })
}
