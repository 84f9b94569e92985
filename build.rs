//! Sets `cfg(bare)` or `cfg(hosted)`, `cfg(thumb_1)` or `cfg(a32)`, `cfg(unoptimized)` and `cfg(small)`; refuses
//! targets and processors that the switch does not support; passes the directory of `greenlet.x` to the linker, and the
//! paths of the script for GDB to the assembly.

#[path = "build/apx.rs"]
mod apx;
#[path = "build/debugger.rs"]
mod debugger;
#[path = "build/optimized.rs"]
mod optimized;
#[path = "build/target.rs"]
mod target;

use std::path::PathBuf;
use std::process::exit;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build/target.rs");
    println!("cargo::rustc-check-cfg=cfg(bare, hosted, thumb_1, a32)");
    let of_target = |name| env::var(format!("CARGO_CFG_{name}")).unwrap_or_default();
    let name = env::var("TARGET").unwrap_or_default();
    let ground = target::ground(&target::Target {
        name: &name,
        arch: &of_target("TARGET_ARCH"),
        os: &of_target("TARGET_OS"),
        pointer_width: &of_target("TARGET_POINTER_WIDTH"),
        endian: &of_target("TARGET_ENDIAN"),
        said_bare: env::var_os("CARGO_CFG_GREENLET_BARE").is_some(),
        said_hosted: env::var_os("CARGO_CFG_GREENLET_HOSTED").is_some(),
        std: env::var_os("CARGO_FEATURE_STD").is_some(),
    });
    match ground {
        Ok(target::Ground::Bare) => println!("cargo::rustc-cfg=bare"),
        Ok(target::Ground::Hosted) => println!("cargo::rustc-cfg=hosted"),
        Err(why) => {
            eprintln!("error: {why}");
            exit(1)
        }
    }
    if let Some(code) = target::code_of_arm(&name) {
        println!("cargo::rustc-cfg={code}");
    }
    apx::refuse();
    optimized::emit();
    let variable =
        |name| PathBuf::from(env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for a build script")));
    debugger::emit(&variable("CARGO_MANIFEST_DIR"));
    let (from, to) = (variable("CARGO_MANIFEST_DIR").join("linker/greenlet.x"), variable("OUT_DIR"));
    println!("cargo::rerun-if-changed=linker/greenlet.x");
    println!("cargo::rerun-if-changed=build.rs");
    // A folder with no other file in it is added to the linker's search path.
    if let Err(error) = fs::copy(&from, to.join("greenlet.x")) {
        panic!("{} cannot be copied to {}: {error}", from.display(), to.display());
    }
    println!("cargo::rustc-link-search={}", to.display());
    // Build scripts of dependents read this as DEP_GREENLET_LINKER_SCRIPT.
    println!("cargo::metadata=linker_script={}", to.join("greenlet.x").display());
}
