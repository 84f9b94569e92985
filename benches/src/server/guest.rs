//! The programs: how they are built, booted, and how large they are.

use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const TARGET: &str = "aarch64-unknown-none-softfloat";
/// As `cargo run -- serve` boots the server, and an instruction takes a nanosecond of the machine's time.
const QEMU: &[&str] = &[
    "-M",
    "virt,gic-version=3",
    "-cpu",
    "cortex-a72",
    "-m",
    "256M",
    "-display",
    "none",
    "-monitor",
    "none",
    "-serial",
    "stdio",
    "-icount",
    "shift=0",
    "-global",
    "virtio-mmio.force-legacy=false",
    "-device",
    "virtio-net-device,netdev=net",
];
/// How long a boot may take. It takes a second on an idle computer.
const BOOT: Duration = Duration::from_secs(120);

/// A program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The folder of its package, from that of this one, and its name there.
    package: &'static str,
    binary: &'static str,
    /// The files that another program on the same board, with the same parser, does not have.
    pub(crate) sources: &'static [&'static str],
}

const OURS: &[&str] = &["main.rs", "net.rs", "serve.rs", "stream.rs"];

/// What is compared. The last has the version of smoltcp that embassy-net does not take yet.
pub(crate) const PROGRAMS: [Program; 3] = [
    Program { name: "greenlets", package: "server", binary: "greenlets", sources: OURS },
    Program {
        name: "embassy",
        package: "server",
        binary: "embassy",
        sources: &["main.rs", "driver.rs", "serve.rs", "time.rs"],
    },
    Program { name: "as served", package: "../examples/unikernel", binary: "unikernel", sources: OURS },
];

impl Program {
    /// Builds it, in release.
    ///
    /// # Errors
    ///
    /// When it does not build.
    pub(crate) fn build(&self) -> Result<PathBuf> {
        let package = crate::images::package();
        let target = package.join("target/server");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(package.join(self.package)).args(["build", "--quiet", "--release", "--locked"]);
        cargo.args(["--target", TARGET, "--bin", self.binary, "--target-dir"]).arg(&target);
        let status = cargo.status().context("cannot start cargo")?;
        ensure!(status.success(), "`{}` did not build ({status}); it takes `rustup target add {TARGET}`", self.binary);
        Ok(target.join(TARGET).join("release").join(self.binary))
    }

    /// The lines of its own files that are neither empty nor comments.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub(crate) fn lines(&self) -> Result<usize> {
        let folder = match self.binary {
            "embassy" => crate::images::package().join("server/src"),
            _ => crate::images::package().join("../examples/unikernel/src"),
        };
        let mut lines = 0;
        for source in self.sources {
            let file = folder.join(source);
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            lines += text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        }
        Ok(lines)
    }
}

/// A program that runs. Ended when dropped.
pub(crate) struct Guest {
    qemu: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ended = self.qemu.kill().and_then(|()| self.qemu.wait());
    }
}

impl Guest {
    /// Boots a program, and waits until it serves.
    ///
    /// # Errors
    ///
    /// When QEMU is missing, or the program ends or does not serve.
    pub(crate) fn boot(elf: &Path) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = listener.context("cannot get a port of 127.0.0.1")?;
        let mut command = Command::new("qemu-system-aarch64");
        command.args(QEMU).arg("-kernel").arg(elf).stdin(Stdio::null()).stdout(Stdio::piped());
        command.args(["-netdev", &format!("user,id=net,restrict=on,hostfwd=tcp:{address}-:80")]);
        let mut qemu =
            command.spawn().context("cannot start qemu-system-aarch64; `apt-get install qemu-system-arm`")?;
        let console = BufReader::new(qemu.stdout.take().context("QEMU has no output")?);
        let guest = Self { qemu, address };
        let (line, lines) = mpsc::channel();
        // Ends with QEMU.
        thread::spawn(move || console.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        let mut said = String::new();
        loop {
            match lines.recv_timeout(BOOT) {
                Ok(text) if text == "serving" => break,
                Ok(text) => said += &format!("{text}\n"),
                Err(_) => bail!("{} does not serve; its console:\n{said}", elf.display()),
            }
        }
        // What it says later is for the user: a panic.
        thread::spawn(move || lines.iter().for_each(|text| eprintln!("{text}")));
        Ok(guest)
    }
}

/// The bytes of the sections of an ELF file of 64 bits that have code.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn code(elf: &Path) -> Result<u64> {
    let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    sum_of_code(&bytes).with_context(|| format!("{} is no ELF file", elf.display()))
}

fn sum_of_code(elf: &[u8]) -> Option<u64> {
    const EXECUTABLE: u64 = 4;
    let word = |at: usize| Some(u64::from_le_bytes(elf.get(at..)?.first_chunk().copied()?));
    let half = |at: usize| Some(usize::from(u16::from_le_bytes(elf.get(at..)?.first_chunk().copied()?)));
    let (table, entry, count) = (word(0x28)? as usize, half(0x3a)?, half(0x3c)?);
    let size = |number| {
        let section = table + number * entry;
        Some(if word(section + 8)? & EXECUTABLE != 0 { word(section + 32)? } else { 0 })
    };
    (0..count).map(size).sum()
}
