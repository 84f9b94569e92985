//! The machines of `cargo xtask machines`: other processors, boards, interrupt controllers and exception levels than
//! the suite has.

use super::Machine;
use super::table::{AARCH64, RISCV64_SUPERVISOR, X86_64};

/// Each differs from a machine of the suite in one point. The image of a guest is the same for all machines of an
/// architecture, except for the Raspberry Pi.
pub static MORE: [Machine; 22] = [
    aarch64("virt cortex-a53", &["-M", "virt", "-cpu", "cortex-a53"]),
    aarch64("virt cortex-a72", &["-M", "virt", "-cpu", "cortex-a72"]),
    aarch64("virt a64fx", &["-M", "virt", "-cpu", "a64fx"]),
    aarch64("virt neoverse-n1", &["-M", "virt", "-cpu", "neoverse-n1"]),
    aarch64("virt max", &["-M", "virt", "-cpu", "max"]),
    aarch64("virt GICv2", &["-M", "virt,gic-version=2", "-cpu", "cortex-a72"]),
    aarch64("virt GICv3", &["-M", "virt,gic-version=3", "-cpu", "cortex-a72"]),
    aarch64("virt EL2", &["-M", "virt,virtualization=on", "-cpu", "cortex-a72"]),
    aarch64("virt GICv3 a64fx", &["-M", "virt,gic-version=3", "-cpu", "a64fx"]),
    aarch64("virt EL2 GICv3", &["-M", "virt,virtualization=on,gic-version=3", "-cpu", "max"]),
    Machine {
        name: "raspi3b",
        target: "aarch64-unknown-none",
        arguments: &["-M", "raspi3b"],
        memory: "1G",
        input_at: 0x0800_0000,
        layout: Some("raspi3b"),
        chooses_cores: false,
        ..AARCH64
    },
    x86_64("q35 qemu64", &["-M", "q35", "-cpu", "qemu64"]),
    x86_64("q35 Haswell", &["-M", "q35", "-cpu", "Haswell"]),
    x86_64("q35 Skylake-Server", &["-M", "q35", "-cpu", "Skylake-Server"]),
    x86_64("q35 Cascadelake-Server", &["-M", "q35", "-cpu", "Cascadelake-Server"]),
    x86_64("q35 Icelake-Server", &["-M", "q35", "-cpu", "Icelake-Server"]),
    x86_64("q35 EPYC-Rome", &["-M", "q35", "-cpu", "EPYC-Rome"]),
    x86_64("q35 EPYC-Milan", &["-M", "q35", "-cpu", "EPYC-Milan"]),
    x86_64("q35 max", &["-M", "q35", "-cpu", "max"]),
    x86_64("pc max", &["-M", "pc", "-cpu", "max"]),
    x86_64("microvm max", &["-M", "microvm", "-cpu", "max"]),
    RISCV64_SUPERVISOR,
];

const fn aarch64(name: &'static str, arguments: &'static [&'static str]) -> Machine {
    Machine { name, target: "aarch64-unknown-none", arguments, ..AARCH64 }
}

const fn x86_64(name: &'static str, arguments: &'static [&'static str]) -> Machine {
    Machine { name, arguments, ..X86_64 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        let names: BTreeSet<_> = MORE.iter().map(|machine| machine.name).collect();
        assert_eq!(names.len(), MORE.len());
    }

    #[test]
    fn each_tells_what_qemu_must_know() {
        let asked = |name: &str| {
            let machine = MORE.iter().find(|machine| machine.name == name).unwrap();
            (machine.board(), machine.processor())
        };
        assert_eq!(asked("virt GICv3"), (Some("virt"), Some("cortex-a72")));
        assert_eq!(asked("raspi3b"), (Some("raspi3b"), None));
        assert!(MORE.iter().all(|machine| machine.board().is_some()));
    }
}
