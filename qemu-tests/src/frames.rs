//! Logs that guests write with defmt: frames on a channel of their own, decoded by the tables in the ELF file.
//!
//! A guest that logs has a section `.defmt`. For such a guest QEMU writes the channel to a file. When the guest has
//! ended, the decoded contents follow its transcript as a block:
//!
//! ```text
//! DONE 3/3
//! defmt:
//! TRACE switch from main greenlet to greenlet 1 "parser"
//! # at src/api/trace/logged.rs:25
//! ```
//!
//! The places are notes, which are not compared. The order of lines on two channels is not known, so the log is a block
//! after the transcript. The verdict depends only on what the guest itself printed.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

use anyhow::{Context, Result, bail, ensure};
use defmt_decoder::{DecodeError, Encoding, Frame, Locations, Table};

use crate::places;

/// The line with which the block begins.
const HEAD: &str = "defmt:\n";

/// The section with the strings of a program that logs.
const SECTION: &[u8] = b".defmt";

/// How many logs this process has prepared, so that each file has a name of its own.
static PREPARED: AtomicU32 = AtomicU32::new(0);

/// A guest's log: its decoder, and the file to which QEMU writes it. The file is removed on drop.
pub struct Log {
    table: Table,
    places: Locations,
    file: PathBuf,
}

impl Log {
    /// Prepares for the log of the guest in the file `elf`; `None` when it does not log.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, its tables are of another version of defmt, or there is no folder for the log.
    pub fn of(elf: &Path) -> Result<Option<Self>> {
        let name = elf.display();
        let elf = fs::read(elf).with_context(|| format!("cannot read {name}"))?;
        // Its section would be named in the file. One that only looks like an ELF file, as the self-tests have, is not
        // parsed.
        if !elf.windows(SECTION.len()).any(|bytes| bytes == SECTION) {
            return Ok(None);
        }
        let table = Table::parse(&elf).with_context(|| format!("cannot read the defmt tables of {name}"))?;
        let Some(table) = table else { return Ok(None) };
        ensure!(table.encoding() == Encoding::Rzcobs, "{name} logs with defmt, but not in rzCOBS: frames have no ends");
        let places = table.get_locations(&elf).with_context(|| format!("cannot read the debug info of {name}"))?;

        let folder = places::built()?.join("logs");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let file = folder.join(format!("{}-{}", process::id(), PREPARED.fetch_add(1, Ordering::Relaxed)));
        Ok(Some(Self { table, places, file }))
    }

    /// Where QEMU writes it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The block of what was logged.
    ///
    /// # Errors
    ///
    /// When QEMU wrote no file, or there is anything but whole frames in it. The message has what came before.
    pub fn block(&self) -> Result<String> {
        let bytes = fs::read(&self.file).context("QEMU has not written the guest's defmt frames")?;
        let mut block = HEAD.to_owned();
        match self.decode(&bytes, &mut block) {
            Ok(()) => Ok(block),
            Err(problem) => bail!("{problem:#}; before that came\n{}", block.trim_end()),
        }
    }

    /// Adds a line and a place to `block` for each frame in `bytes`.
    fn decode(&self, bytes: &[u8], block: &mut String) -> Result<()> {
        /// The byte that ends a frame. It does not occur inside a frame.
        const END: u8 = 0;
        ensure!(!bytes.is_empty(), "the guest logs with defmt, and not a frame has come");
        let mut decoder = self.table.new_stream_decoder();
        decoder.received(bytes);
        for number in 1.. {
            match decoder.decode() {
                Ok(frame) => self.add(&frame, block)?,
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => bail!("defmt frame {number} is malformed"),
            }
        }
        let left = bytes.iter().rev().take_while(|&&byte| byte != END).count();
        ensure!(left == 0, "the defmt frames end in the middle of one, {left} bytes into it");
        Ok(())
    }

    fn add(&self, frame: &Frame<'_>, block: &mut String) -> Result<()> {
        let level = frame.level().map_or("PRINT", |level| level.as_str());
        let message = frame.display_message();
        let place = self.places.get(&frame.index());
        let place = place.with_context(|| {
            format!("`{message}` has no place in the source: `//@ defmt` in the guest's head has it built with one")
        })?;
        let file = place.file.strip_prefix(places::root()).unwrap_or(&place.file);
        writeln!(block, "{} {message}\n# at {}:{}", level.to_uppercase(), file.display(), place.line)?;
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _never_written = fs::remove_file(&self.file);
    }
}
