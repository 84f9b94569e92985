//! A core file of the machine, for GDB: written when a guest fails, before QEMU ends, or reaches its limit.
//!
//! The board ends QEMU by the function [`EXIT`]. The debugger stops there, and continues if the exit code is that of a
//! pass. A machine that resets itself leaves no state to examine.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSymbol};

use crate::boot::Boot;
use crate::process::Ended;
use crate::stub::Stub;
use crate::symbols;
use crate::watched::{self, Stopped};

/// The function by which the board ends QEMU; its argument is the exit code.
pub const EXIT: &str = "board_exit";

/// When the core file is written, if not at the limit.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Where the board leaves with another exit code than that of a pass.
    Failure,
    /// Where this function begins.
    Function(&'static str),
}

/// Boots, and writes a core file to `file` at the `moment`, or at the limit. Returns whether it was written.
///
/// # Errors
///
/// As [`Boot::run`]; when the core file cannot be written, which is tried before.
pub fn run(
    boot: &Boot<'_>,
    file: &Path,
    moment: Moment,
    seen: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(Ended, bool)> {
    let file = std::path::absolute(file)?;
    // This also removes the core file of an earlier run.
    File::create(&file)
        .and_then(|_| fs::remove_file(&file))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let stop = Stop::of(boot.elf, moment)?;
    let watch = move |mut machine: watched::Machine| {
        if let Some(address) = stop.address {
            machine.stub().stop_at(address)?;
        }
        let stopped = machine.run()?;
        let is_meant = match (stopped, stop.code) {
            (Stopped::Gone, _) => return Ok(false),
            (Stopped::There, Some(register)) => machine.stub().register(register)? & 0xff != 0, // the code is a byte
            _ => true,
        };
        if is_meant {
            dump(machine.stub(), &file)?;
        }
        machine.leave()?;
        Ok(is_meant)
    };
    watched::run(boot, watch, seen)
}

/// [`run`] for the terminal: prints the path of the file and the command that opens it, or why there is none.
///
/// # Errors
///
/// As [`run`].
pub fn boot(boot: &Boot<'_>, file: &Path, seen: impl FnMut(&[u8]) -> io::Result<()>) -> Result<Ended> {
    let (ended, is_written) = run(boot, file, Moment::Failure, seen)?;
    if is_written {
        eprintln!("core file: gdb-multiarch {} {}", boot.elf.display(), file.display());
    } else {
        eprintln!(
            "no core file: the program passed, reset the machine, or left by another function than the board's \
             `{EXIT}`; it is also written when the limit is used up (--timeout SECONDS)"
        );
    }
    Ok(ended)
}

/// Where the machine stops, and when it continues from there.
#[derive(Clone, Copy)]
struct Stop {
    /// `None` if the program has no such function: then only the limit stops it.
    address: Option<u64>,
    /// The register with the exit code, by which a pass is recognised.
    code: Option<usize>,
}

impl Stop {
    fn of(elf: &Path, moment: Moment) -> Result<Self> {
        let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let program = symbols::parse(&bytes, elf)?;
        let name = match moment {
            Moment::Failure => EXIT,
            Moment::Function(name) => name,
        };
        let symbol = program.symbols().find(|symbol| symbol.name() == Ok(name));
        let code = matches!(moment, Moment::Failure).then(|| symbols::first_argument(&program));
        Ok(Self { address: symbol.map(|symbol| symbol.address()), code })
    }
}

/// Writes all memory and the registers of the machine to `file`.
fn dump(stub: &mut Stub, file: &Path) -> Result<()> {
    let mut whole = file.as_os_str().to_owned();
    whole.push(".whole");
    let whole = Path::new(&whole);
    let name = whole.to_str().with_context(|| format!("the path {} is not UTF-8", file.display()))?;
    let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
    let said = stub.monitor(&format!("dump-guest-memory \"{quoted}\""));
    let copied = said.and_then(|said| {
        ensure!(said.trim().is_empty(), "QEMU writes no core file: {}", said.trim());
        sparsely(whole, file).with_context(|| format!("cannot write {}", file.display()))
    });
    let _of_no_use = fs::remove_file(whole);
    copied
}

/// Copies a file without its zeros, which most of the memory is: these become holes, which take no room on disk.
fn sparsely(from: &Path, to: &Path) -> io::Result<()> {
    const BLOCK: usize = 64 * 1024;
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let (mut block, zeros) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut length = 0;
    loop {
        let count = from.read(&mut block)?;
        if count == 0 {
            return to.set_len(length);
        }
        if block[..count] == zeros[..count] {
            to.seek(SeekFrom::Current(count as i64))?;
        } else {
            to.write_all(&block[..count])?;
        }
        length += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_copy_has_the_same_bytes() {
        let folder = std::env::temp_dir();
        let [from, to] =
            ["from", "to"].map(|name| folder.join(format!("greenlet-sparse-{}-{name}", std::process::id())));
        let mut bytes = vec![0; 200_000];
        bytes[70_000] = 1;
        fs::write(&from, &bytes).unwrap();
        sparsely(&from, &to).unwrap();
        assert!(fs::read(&to).unwrap() == bytes);
        [from, to].iter().for_each(|file| fs::remove_file(file).unwrap());
    }
}
