//! Between a debugger and a gdbstub: every greenlet is a thread.
//!
//! ```text
//!   GDB, LLDB, an editor ──► proxy ──► gdbstub of QEMU
//!                              │
//!                     types of the ELF file
//! ```
//!
//! Whatever speaks GDB's remote protocol then lists greenlets, selects them and shows their stacks without any script.
//! A step stays in its greenlet: when that switches away, the others run until it goes on.
//!
//! | packet | answer |
//! |---|---|
//! | `qSupported` | that of the stub, without what would number threads in another way |
//! | `qfThreadInfo`, `qC`, `T` | greenlets that run or are suspended, by their ids plus 1; the running one first |
//! | `qThreadExtraInfo`, `qThreadStopInfo` | name, state, what it waits in, stack |
//! | `g`, `p` of one that is suspended | the registers of its context, `x` for those that are dead at a switch |
//! | `G`, `P` of one | an error: it has few registers, and they are in its control block |
//! | stop replies | with the greenlet that runs |
//! | `s`, `vCont` | steps; when another greenlet runs then, until the first one goes on |
//! | others | those of the stub |

mod debugger;
mod packet;
mod registers;
mod resume;
mod session;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use anyhow::{Context, Result, anyhow, ensure};

use self::debugger::Debugger;
use self::session::Session;
use crate::debugger::{self as debuggers, Waiting};
use crate::greenlets::Program;
use crate::machine::Machine;
use crate::stub::Stub;

/// How long a stub is waited for.
const START: Duration = Duration::from_secs(10);

/// Where a stub listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `HOST:PORT`.
    Tcp(String),
    /// A socket of this computer.
    Socket(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Target {
    fn connect(&self) -> io::Result<Stub> {
        match self {
            Self::Tcp(address) => Stub::connect_tcp(address),
            Self::Socket(path) => Stub::connect(path),
        }
    }

    /// Connects to a stub that may be about to start.
    fn connected(&self) -> Result<Stub> {
        let begun = Instant::now();
        loop {
            match self.connect() {
                Ok(stub) => return Ok(stub),
                Err(error) => {
                    ensure!(
                        begun.elapsed() < START,
                        "no gdbstub listens at {self}: {error}; start QEMU with `-S -gdb tcp::PORT`"
                    );
                }
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A proxy that listens.
pub struct Proxy {
    program: Program,
    listener: TcpListener,
}

impl Proxy {
    /// Reads the program, and listens at a port of this computer's loopback interface: one that is free if none is
    /// given.
    ///
    /// # Errors
    ///
    /// When it is no program with greenlets, and when the port is taken.
    pub fn new(elf: &Path, port: Option<u16>) -> Result<Self> {
        let program = Program::of(elf)?;
        // Not by a port that was free a moment ago: another proxy may have taken it.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let listener = listener.with_context(|| match port {
            Some(port) => format!("cannot use port {port} of 127.0.0.1; give another one, or leave out --port"),
            None => "cannot get a port of 127.0.0.1".to_owned(),
        })?;
        Ok(Self { program, listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves the next debugger, until that leaves.
    ///
    /// # Errors
    ///
    /// When the stub is not there, or goes while the debugger does not.
    pub fn serve(&self, target: &Target) -> Result<()> {
        let (stream, _) = self.listener.accept().context("no debugger can connect")?;
        let stub = target.connected()?;
        Session::new(Debugger::new(stream)?, stub, &self.program).serve()
    }

    /// What to type into debuggers.
    fn how(&self, elf: &Path) -> Result<String> {
        let (elf, port) = (elf.display(), self.address()?.port());
        let gdb = if self.program.isa.is_riscv() { "-iex 'set osabi none' " } else { "" };
        Ok(format!(
            "gdb-multiarch {gdb}{elf} -ex 'target remote :{port}' -ex 'info threads'\n\
             {} {elf} -o 'gdb-remote {port}' -o 'thread list'",
            debuggers::Debugger::Lldb.program()
        ))
    }
}

/// `cargo xtask debug-proxy`: serves one debugger after another until the stub is gone.
///
/// # Errors
///
/// As [`Proxy::new`] and [`Proxy::serve`].
pub fn show(elf: &Path, target: &str, port: Option<u16>) -> Result<()> {
    let (proxy, target) = (Proxy::new(elf, port)?, Target::Tcp(target.to_owned()));
    println!("{}", proxy.how(elf)?);
    loop {
        proxy.serve(&target)?;
    }
}

/// `cargo run -- MACHINE GUEST --proxy`: boots `elf` with so many `cores`, waits for a debugger, and
/// ends when that has left.
///
/// # Errors
///
/// As [`Proxy::new`] and [`Proxy::serve`]; when QEMU cannot be started.
pub fn boot(machine: &'static Machine, elf: &Path, cores: u32, port: Option<u16>) -> Result<()> {
    let proxy = Proxy::new(elf, port)?;
    let qemu = Waiting::start(machine, elf, cores, Stdio::inherit())?;
    println!("{}", proxy.how(elf)?);
    proxy.serve(&Target::Socket(qemu.socket().to_owned()))
}

/// Boots `elf` under a debugger with the proxy between them; returns what `commands` print.
///
/// # Errors
///
/// As [`at_a_guest`]; when the debugger cannot be started, or fails.
pub fn shown(
    debugger: debuggers::Debugger,
    machine: &'static Machine,
    elf: &Path,
    commands: &[&str],
) -> Result<String> {
    at_a_guest(machine, elf, |address| {
        let connect = debugger.connect_to_port(address.port());
        debugger.run(elf, connect.iter().map(String::as_str).chain(commands.iter().copied()))
    })
}

/// Boots `elf`, which waits for a debugger, with a proxy; returns what `client` returns, which connects to its address.
///
/// # Errors
///
/// As [`boot`]; those of `client`.
pub fn at_a_guest<T: Send>(
    machine: &'static Machine,
    elf: &Path,
    client: impl FnOnce(SocketAddr) -> Result<T> + Send,
) -> Result<T> {
    let proxy = Proxy::new(elf, None)?;
    let qemu = Waiting::start(machine, elf, 1, Stdio::null())?;
    let (target, address) = (Target::Socket(qemu.socket().to_owned()), proxy.address()?);
    thread::scope(|scope| {
        let running = scope.spawn(move || {
            let _knock = Knock(address);
            client(address)
        });
        let served = proxy.serve(&target);
        let done = running.join().unwrap_or_else(|_| Err(anyhow!("the thread with the debugger panicked")))?;
        served.context("the proxy failed")?;
        Ok(done)
    })
}

/// Connects to the address when it is dropped: a client that has not even connected, or panicked before, is not to be
/// waited for.
struct Knock(SocketAddr);

impl Drop for Knock {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.0));
    }
}
