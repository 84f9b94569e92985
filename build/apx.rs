//! Refuses to build for APX, whose registers `asm!` cannot declare as clobbered.
//!
//! APX gives x86_64 sixteen more general registers, r16 to r31. `asm!` has no names for them, so the switch cannot
//! declare that it changes them: code that is compiled for APX would keep values there across a switch, and lose them.
//! There is no stable `cfg` for the feature. So this compiles a probe with the flags of the build, a function that
//! needs many registers, and checks whether it uses r16.

use std::env;
use std::error::Error;
use std::io::Write;
use std::process::{Command, Stdio, exit};

/// The probe: a function with 24 live values.
const PROBE: &[u8] = b"
    #![no_std]
    #[unsafe(no_mangle)]
    pub unsafe extern \"C\" fn probe(at: *mut u64) {
        let mut values = [0; 24];
        for (n, value) in values.iter_mut().enumerate() {
            *value = unsafe { at.add(n).read_volatile() };
        }
        for (n, value) in values.iter().rev().enumerate() {
            unsafe { at.add(n).write_volatile(*value) };
        }
    }";

/// Ends the build with an error if it is for APX.
pub(super) fn refuse() {
    println!("cargo::rerun-if-changed=build/apx.rs");
    let all_flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let flags = processor_flags(&all_flags);
    let is_x86_64 = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    if flags.is_empty() || !is_x86_64 || env::var_os("CARGO_CFG_MIRI").is_some() {
        return;
    }
    match assembly(&flags) {
        Ok(text) if text.contains("%r16") => {
            eprintln!(
                "error: greenlet cannot be built for processors with APX: values in r16 to r31 would be lost in a \
                 switch, because `asm!` has no names for these registers.\n\
                 The flags of this build are `{}`: choose another target-cpu, or add -C target-feature=-apxf",
                flags.join(" ")
            );
            exit(1)
        }
        Ok(_) => {}
        Err(error) => println!("cargo::warning=greenlet could not determine whether this build is for APX: {error}"),
    }
}

/// Returns the flags that select the processor, from all flags in cargo's encoding.
fn processor_flags(encoded: &str) -> Vec<&str> {
    let chooses = |value: &str| value.starts_with("target-cpu=") || value.starts_with("target-feature=");
    let mut flags = Vec::new();
    let mut words = encoded.split('\x1f').peekable();
    while let Some(word) = words.next() {
        if ["-C", "--codegen"].contains(&word) {
            flags.extend(words.next_if(|value| chooses(value)).into_iter().flat_map(|value| [word, value]));
        } else if ["-C", "--codegen="].iter().any(|option| word.strip_prefix(option).is_some_and(chooses)) {
            flags.push(word);
        }
    }
    flags
}

/// Compiles the probe with `flags`, and returns the assembly.
fn assembly(flags: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut rustc = Command::new(env::var_os("RUSTC").ok_or("cargo has not set RUSTC")?);
    rustc.args(["--crate-type=lib", "--crate-name=probe", "--emit=asm=-", "-Copt-level=3", "-Cpanic=abort"]);
    rustc.arg("--target").arg(env::var("TARGET")?).args(flags).arg("-");
    let mut child = rustc.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no pipe")?.write_all(PROBE)?;
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("no error message").into()),
    }
}
