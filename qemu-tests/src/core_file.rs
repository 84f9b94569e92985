//! A core file of the machine, for GDB: written when a guest fails, before QEMU ends, or reaches its limit.
//!
//! A machine that resets itself leaves no state to examine.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::boot::Boot;
use crate::moment::{self, EXIT, Moment};
use crate::process::Ended;
use crate::stub::Stub;

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
    let (ended, written) = moment::run(boot, moment, move |stub| dump(stub, &file), seen)?;
    Ok((ended, written.is_some()))
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
