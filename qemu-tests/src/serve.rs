//! The server of `examples/unikernel`: builds it, and boots it with a port of this computer's loopback interface.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::limit::Limit;
use crate::machine::{self, Machine};
use crate::process::{Ended, Status};
use crate::tools::{self, Needs};
use crate::{compile, environment, places, process};

/// A machine that the server is built for.
#[derive(Debug, PartialEq)]
pub struct Server {
    /// Its name on the command line.
    pub name: &'static str,
    /// The machine of the table that it runs on, and further arguments for QEMU.
    machine: &'static str,
    arguments: &'static [&'static str],
}

/// Every machine that the server is built for; the first is the default.
pub static SERVERS: [Server; 2] = [
    Server { name: "aarch64", machine: "aarch64-softfloat", arguments: &["-machine", "gic-version=3"] },
    Server { name: "x86_64", machine: "microvm", arguments: &["-machine", "acpi=off"] },
];

/// How a server is reached.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// The address at which this computer's clients connect.
    pub address: SocketAddr,
    /// For tests: more on the cable of its card.
    pub cable: Option<Cable>,
}

/// What else there is on the cable between QEMU's user network and the card, all on the loopback interface.
#[derive(Clone, Copy, Debug)]
pub struct Cable {
    /// Where QEMU listens for commands (QMP); `net` is the name of the card's end of the cable.
    pub monitor: SocketAddr,
    /// A computer on the same Ethernet: QEMU sends every frame there, one a datagram, and takes more from it.
    pub peer: SocketAddr,
    /// Where QEMU takes those from.
    pub card: SocketAddr,
}

/// The line that the server prints when it serves.
const SERVES: &[u8] = b"serving\n";

/// The network card, with the registers of virtio 1 only.
const CARD: [&str; 4] = ["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-net-device,netdev=net"];

/// The folder of the package.
#[must_use]
pub fn project() -> PathBuf {
    places::root().join("examples/unikernel")
}

/// The target directory of the package.
///
/// # Errors
///
/// When the operating system does not report the path of this program.
pub fn built() -> io::Result<PathBuf> {
    Ok(places::built()?.with_file_name("unikernel"))
}

/// The server with this name on the command line.
#[must_use]
pub fn named(name: &str) -> Option<&'static Server> {
    SERVERS.iter().find(|server| server.name == name)
}

/// Builds the server, boots it, and prints its address. Returns when it ends, which is a failure. Ctrl-C ends both.
///
/// # Errors
///
/// When a tool is missing, when the server does not build, when the port is taken, and when the server ends.
pub fn show(server: &Server, port: Option<u16>) -> Result<()> {
    tools::ensure(&server.needs()?)?;
    // Before the build, which takes longer.
    let address = address(port)?;
    let elf = server.build(&[])?;
    let print = |piece: &[u8]| {
        let mut out = io::stdout().lock();
        out.write_all(piece).and_then(|()| out.flush())
    };
    let serves = |address: SocketAddr| print(format!("http://{address}\n").as_bytes());
    match server.run(&elf, Network { address, cable: None }, Limit::of_all(Duration::MAX), || false, serves, print)? {
        Some(ended) => bail!(explain(ended.status, &String::from_utf8_lossy(&ended.errors))),
        None => unreachable!("it is never over"),
    }
}

/// Why the server has ended, for the user.
fn explain(status: Status, errors: &str) -> String {
    let how = match status {
        Status::Exited(code) => format!("QEMU exited with status {code}"),
        Status::Signalled(signal) => format!("signal {signal} ended QEMU"),
        Status::TimedOut(overrun) => format!("its time is up, {overrun}"),
    };
    let remedy = if errors.contains("host forwarding") {
        "; another program has just taken its port: start it again"
    } else if errors.is_empty() {
        "; its console says why"
    } else {
        ""
    };
    format!("the server ended: {how}{remedy}\n{errors}").trim_end().to_owned()
}

impl Server {
    /// The tools that building and booting it take.
    ///
    /// # Errors
    ///
    /// When the table of machines lacks it.
    pub fn needs(&self) -> Result<Needs> {
        let mut needs = Needs::default();
        needs.machine(self.machine()?);
        Ok(needs)
    }

    fn machine(&self) -> Result<&'static Machine> {
        machine::named(self.machine).with_context(|| format!("no machine is called `{}`", self.machine))
    }

    /// Builds it, in release, with features of its package.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started or fails; cargo has printed the reason on standard error then.
    pub fn build(&self, features: &[&str]) -> Result<PathBuf> {
        self.build_program("unikernel", features)
    }

    /// Builds the least program on the same board, and returns it with the command that boots it.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn blink(&self) -> Result<Command> {
        let (elf, machine) = (self.build_program("blink", &[])?, self.machine()?);
        let mut command = Command::new(machine.qemu);
        command.args(machine.arguments(&elf, None, None, false, 1)).args(self.arguments).stdin(Stdio::null());
        Ok(command)
    }

    fn build_program(&self, name: &str, features: &[&str]) -> Result<PathBuf> {
        let mut cargo = environment::cargo();
        cargo.current_dir(project()).args(["build", "--release", "--locked", "--target", self.machine()?.target]);
        cargo.args(["--bin", name, "--features", &features.join(",")]);
        let mut built = compile::executables(cargo, "bin", &built()?)?;
        built.remove(name).with_context(|| format!("cargo built no `{name}`"))
    }

    /// Boots it with `network`, and calls `serves` with its address when it serves. Passes what its console prints to
    /// `seen`. Returns when the server has ended, also by its `limit`, and `None` when `is_over` returns `true`. Ends
    /// QEMU when this returns, and when the calling thread ends.
    ///
    /// # Errors
    ///
    /// When QEMU cannot be started, and when `serves` or `seen` fails.
    pub fn run(
        &self,
        elf: &Path,
        network: Network,
        limit: Limit,
        is_over: impl FnMut() -> bool,
        mut serves: impl FnMut(SocketAddr) -> io::Result<()>,
        mut seen: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Option<Ended>> {
        let machine = self.machine()?;
        let (mut printed, mut is_serving) = (Vec::new(), false);
        let ended = process::run_until(self.command(machine, elf, network), limit, is_over, |piece| {
            seen(piece)?;
            if !is_serving {
                printed.extend_from_slice(piece);
                is_serving = printed.windows(SERVES.len()).any(|part| part == SERVES);
                if is_serving {
                    serves(network.address)?;
                }
            }
            Ok(())
        });
        ended.with_context(|| format!("cannot run {}, or pass on what it prints", machine.qemu))
    }

    fn command(&self, machine: &Machine, elf: &Path, Network { address, cable }: Network) -> Command {
        let user = format!("hostfwd=tcp:{}:{}-:80", address.ip(), address.port());
        let mut command = Command::new(machine.qemu);
        command.args(machine.arguments(elf, None, None, false, 1)).args(self.arguments).args(CARD).stdin(Stdio::null());
        match cable {
            None => _ = command.args(["-netdev", &format!("user,id=net,restrict=on,{user}")]),
            Some(Cable { monitor, peer, card }) => {
                command.args(["-qmp", &format!("tcp:{monitor},server=on,wait=off")]);
                for network in [
                    format!("user,id=user,restrict=on,{user}"),
                    format!("socket,id=peer,udp={peer},localaddr={card}"),
                    "hubport,id=net,hubid=0".to_owned(),
                    "hubport,id=to-user,hubid=0,netdev=user".to_owned(),
                    "hubport,id=to-peer,hubid=0,netdev=peer".to_owned(),
                ] {
                    command.args(["-netdev", &network]);
                }
            }
        }
        command
    }
}

/// Returns an address of the loopback interface, with this port or one that is free. If another program takes it
/// meanwhile, QEMU fails with a message.
///
/// # Errors
///
/// When the port is taken, or may not be used.
pub fn address(port: Option<u16>) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
    let address = listener.and_then(|listener| listener.local_addr());
    address.with_context(|| match port {
        Some(port) => format!("cannot use port {port} of 127.0.0.1; give another one, or leave out --port"),
        None => "cannot get a port of 127.0.0.1".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = taken.local_addr().expect("it has an address").port();
        let said = format!("{:#}", address(Some(port)).expect_err("it is taken"));
        let expected = format!("cannot use port {port} of 127.0.0.1; give another one, or leave out --port: ");
        assert!(said.starts_with(&expected) && said.len() > expected.len(), "{said}");
        drop(taken);
        assert_eq!(address(Some(port)).expect("it is free").port(), port);
    }

    #[test]
    fn a_server_that_ends_says_how_and_what_to_do() {
        let taken =
            "qemu-system-aarch64: -netdev user,id=net: Could not set up host forwarding rule 'tcp:127.0.0.1:1-:80'\n";
        let said = explain(Status::Exited(1), taken);
        assert!(said.contains("status 1; another program has just taken its port: start it again\nqemu"), "{said}");
        assert_eq!(explain(Status::Exited(0), ""), "the server ended: QEMU exited with status 0; its console says why");
        assert_eq!(explain(Status::Signalled(9), "x\n"), "the server ended: signal 9 ended QEMU\nx");
    }
}
