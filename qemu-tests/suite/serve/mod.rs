//! The server of `examples/unikernel`, built for each machine, and driven by clients over this computer's loopback
//! interface.

mod client;
mod load;
mod protocol;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use qemu_tests::limit::Limit;
use qemu_tests::process::{self, Status};
use qemu_tests::serve::{self, SERVERS, Server};
use qemu_tests::tools::Needs;
use qemu_tests::{environment, places};

use crate::{Case, builds};

/// Of the guest's own time: the tests of a server take some forty seconds, most of them time-outs.
const LIMIT: Limit = Limit::of_all(Duration::from_secs(240));
/// For a build of the package's tests.
const BUILD: Limit = Limit::of_silence(Duration::from_secs(300));

/// The outcome of an exchange with the server. The error names what was not as expected.
type Outcome<T = ()> = Result<T, String>;
/// What clients do, one after the other.
type Step = fn(SocketAddr) -> Outcome;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new("serve::parser".to_owned(), Needs::default(), parser)];
    cases.extend(SERVERS.iter().map(|server| {
        let needs = server.needs().unwrap_or_default();
        Case::new(format!("serve::{}", server.name), needs, || drive(server))
    }));
    cases
}

/// The package's own tests and examples, hosted.
fn parser() -> Result<(), Failed> {
    for (kind, count) in [("--lib", 6), ("--doc", 4)] {
        let mut cargo = environment::cargo();
        cargo.current_dir(places::root()).args(["test", "--quiet", "--locked", kind, "--manifest-path"]);
        cargo.arg(serve::project().join("Cargo.toml")).arg("--target-dir").arg(serve::built()?);
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

/// Boots the server and runs the clients. QEMU is ended when this returns.
fn drive(server: &'static Server) -> Result<(), Failed> {
    let elf = {
        let _turn = builds::turn("unikernel");
        server.build()?
    };
    let is_over = &AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let clients = scope.spawn(move || {
            /// Ends the server when the clients are done, also when one panics.
            struct Over<'a>(&'a AtomicBool);
            impl Drop for Over<'_> {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            let _over = Over(is_over);
            match receiver.recv() {
                Ok(address) => clients(address),
                Err(_) => Ok(()), // the server has not served: `ran` has the reason
            }
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
        let ran = server.run(&elf, LIMIT, || is_over.load(Ordering::Relaxed), serves, seen);
        drop(sender);
        let clients = clients.join().unwrap_or_else(|_| Err("a client panicked".to_owned()));
        match (ran, clients) {
            (Ok(()), Ok(())) => Ok(()),
            (Ok(()), Err(found)) => Err(found.into()),
            (Err(error), clients) => {
                Err(format!("{error:#}\n{}\n{clients:?}", String::from_utf8_lossy(&console)).into())
            }
        }
    })
}

fn clients(server: SocketAddr) -> Outcome {
    let steps: [(&str, Step); 11] = [
        ("pages", protocol::pages),
        ("keep-alive", protocol::keep_alive),
        ("malformed requests", protocol::malformed),
        ("half-closed connections", protocol::half_closed),
        ("Prometheus' format", protocol::exposition),
        ("a slow reader", load::slow_reader),
        ("a client that reads nothing", load::never_reads),
        ("clients that leave", load::leavers),
        ("more connections than stacks", load::more_than_stacks),
        ("half-open connections", load::half_open),
        ("some thousand requests", load::nothing_grows),
    ];
    steps.into_iter().try_for_each(|(name, step)| step(server).map_err(|error| format!("{name}: {error}")))
}
