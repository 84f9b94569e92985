//! What the build script makes of targets, including targets that the compilers here do not have.

#[path = "../../build/target.rs"]
mod target;

use target::{Ground, Target, code_of_arm, ground, has_stack_limit};

/// By the names that a target file gives.
fn of<'a>(arch: &'a str, os: &'a str) -> Target<'a> {
    let pointer_width = if ["arm", "riscv32"].contains(&arch) { "32" } else { "64" };
    let endian = "little";
    Target { name: "", arch, os, pointer_width, endian, said_bare: false, said_hosted: false, std: false }
}

const ARCHS: [&str; 2] = ["x86_64", "aarch64"];

#[test]
fn firmware_is_bare_and_a_system_by_whatever_name_hosted() {
    for arch in ARCHS {
        for os in ["none", "uefi"] {
            assert_eq!(ground(&of(arch, os)), Ok(Ground::Bare), "{arch} {os}");
        }
        for os in ["linux", "macos", "ios", "freebsd", "netbsd", "hermit", "redox", "nuttx", "unknown", "mykernel", ""]
        {
            assert_eq!(ground(&of(arch, os)), Ok(Ground::Hosted), "{arch} {os}");
        }
    }
}

#[test]
fn the_build_may_say_which_it_is() {
    for arch in ARCHS {
        for os in ["none", "uefi", "linux", "hermit", "mykernel"] {
            assert_eq!(ground(&Target { said_bare: true, ..of(arch, os) }), Ok(Ground::Bare));
            assert_eq!(ground(&Target { said_hosted: true, ..of(arch, os) }), Ok(Ground::Hosted));
            let both = ground(&Target { said_bare: true, said_hosted: true, ..of(arch, os) }).unwrap_err();
            assert!(both.contains("leave one of them out"), "{both}");
        }
    }
}

#[test]
fn bare_with_std_is_refused_and_every_other_ground_has_it() {
    for arch in ARCHS {
        for os in ["none", "uefi", "linux", "hermit", "mykernel"] {
            let with_std = Target { std: true, ..of(arch, os) };
            let why = ground(&Target { said_bare: true, ..with_std }).unwrap_err();
            assert!(why.contains("greenlet_bare") && why.contains("the feature `std`"), "{why}");
            assert_eq!(ground(&Target { said_hosted: true, ..with_std }), Ok(Ground::Hosted));
            assert_eq!(ground(&with_std), ground(&of(arch, os)), "what is not said by the builder is the target's");
        }
    }
}

#[test]
fn another_instruction_set_is_refused_and_named_whatever_the_system() {
    let others = [
        of("loongarch32", "none"),
        of("x86", "linux"),
        of("wasm32", "unknown"),
        of("arm64ec", "windows"),
        Target { pointer_width: "32", ..of("x86_64", "linux") },
        Target { pointer_width: "32", ..of("aarch64", "linux") },
        Target { endian: "big", ..of("aarch64", "linux") },
        Target { pointer_width: "32", ..of("riscv64", "none") },
    ];
    for target in others {
        for said_bare in [false, true] {
            let named = format!("({}, {}-bit pointers, {}-endian)", target.arch, target.pointer_width, target.endian);
            let why = ground(&Target { said_bare, ..target }).unwrap_err();
            assert!(why.contains("no stack switch for this instruction set") && why.contains(&named), "{why}");
        }
    }
}

#[test]
fn risc_v_is_bare_or_refused() {
    for arch in ["riscv64", "riscv32"] {
        let riscv = of(arch, "none");
        assert_eq!(ground(&riscv), Ok(Ground::Bare));
        assert_eq!(ground(&Target { said_bare: true, ..of(arch, "mykernel") }), Ok(Ground::Bare));
        for refused in [of(arch, "linux"), of(arch, "mykernel"), Target { said_hosted: true, ..riscv }] {
            let why = ground(&refused).unwrap_err();
            assert!(why.contains("machine mode") && why.contains("--cfg greenlet_bare"), "{why}");
        }
    }
}

#[test]
fn a_cortex_m_and_armv7a_are_bare_and_other_arm_processors_are_refused() {
    let named = |name| Target { name, ..of("arm", "none") };
    let names = [
        "thumbv6m-none-eabi",
        "thumbv7m-none-eabi",
        "thumbv7em-none-eabi",
        "thumbv7em-none-eabihf",
        "thumbv8m.main-none-eabi",
        "armv7a-none-eabi",
    ];
    for name in names {
        let code = match name {
            "thumbv6m-none-eabi" => Some("thumb_1"),
            "armv7a-none-eabi" => Some("a32"),
            _ => None,
        };
        assert_eq!(code_of_arm(name), code);
        assert_eq!(has_stack_limit(name), name.starts_with("thumbv8m.main"));
        assert_eq!(ground(&named(name)), Ok(Ground::Bare));
        assert_eq!(ground(&Target { os: "mykernel", said_bare: true, ..named(name) }), Ok(Ground::Bare));
        for refused in [Target { os: "nuttx", ..named(name) }, Target { said_hosted: true, ..named(name) }] {
            let why = ground(&refused).unwrap_err();
            let mode = if code == Some("a32") { "in a privileged mode" } else { "privileged thread mode" };
            assert!(why.contains(mode) && why.contains("--cfg greenlet_bare"), "{why}");
        }
    }
    for other in [named("thumbv8m.base-none-eabi"), named("armv7r-none-eabi"), named("thumbv7a-none-eabi")] {
        let why = ground(&other).unwrap_err();
        assert!(
            why.contains(other.name) && why.contains("thumbv6m or thumbv7m or thumbv7em or thumbv8m.main or armv7a"),
            "{why}"
        );
    }
    assert!(ground(&Target { endian: "big", ..named("thumbv7m-none-eabi") }).is_err());
}

#[test]
fn a_system_that_looks_at_stacks_is_refused_and_the_reason_named() {
    for arch in ARCHS {
        for (os, reason) in
            [("windows", "the limits of its stack"), ("cygwin", "the limits of its stack"), ("openbsd", "MAP_STACK")]
        {
            for said_hosted in [false, true] {
                let why = ground(&Target { said_hosted, ..of(arch, os) }).unwrap_err();
                assert!(why.contains(reason) && why.contains("It is not the instruction set"), "{why}");
            }
        }
    }
}
