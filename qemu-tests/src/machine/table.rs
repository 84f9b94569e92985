//! The table of machines.

use super::{Coverage, ExitDevice, Machine, firmware};

/// Every machine; the first is the default of `cargo run`.
pub static MACHINES: [Machine; 17] = [
    Machine { name: "aarch64", about: "QEMU's `virt` with a Cortex-A72", target: "aarch64-unknown-none", ..AARCH64 },
    Machine {
        name: "x86_64",
        about: "q35, a PC with PCI, entered by PVH",
        arguments: &["-M", "q35", "-cpu", "max"],
        ..X86_64
    },
    Machine {
        name: "microvm",
        about: "QEMU's smallest x86_64, the same guest files as x86_64",
        arguments: &["-M", "microvm", "-cpu", "max"],
        coverage: Coverage::Once,
        ..X86_64
    },
    Machine {
        name: "aarch64-softfloat",
        about: "`virt` again, with guests that use no floating-point register",
        target: "aarch64-unknown-none-softfloat",
        coverage: Coverage::Optimized,
        ..AARCH64
    },
    Machine {
        name: "riscv64",
        about: "`virt` with a 64-bit RISC-V processor, in machine mode",
        // The next one has its instructions and more.
        coverage: Coverage::Core(&[]),
        ..RISCV64
    },
    Machine {
        name: "riscv64gc",
        about: "the same, with guests that use floating-point registers",
        target: "riscv64gc-unknown-none-elf",
        ..RISCV64
    },
    RISCV64_SUPERVISOR,
    Machine {
        name: "riscv32",
        about: "`virt` with a 32-bit RISC-V processor, in machine mode",
        target: "riscv32imac-unknown-none-elf",
        qemu: "qemu-system-riscv32",
        ..RISCV64
    },
    Machine {
        name: "riscv32imc",
        about: "the same, with guests that use no atomic instruction",
        target: "riscv32imc-unknown-none-elf",
        qemu: "qemu-system-riscv32",
        coverage: Coverage::Core(&["tour"]),
        ..RISCV64
    },
    Machine { name: "thumbv7em", about: "a Cortex-M4 with floating-point registers: `mps2-an386`", ..CORTEX_M },
    Machine {
        name: "thumbv7em-softfloat",
        about: "the same, with guests that use no floating-point register",
        target: "thumbv7em-none-eabi",
        coverage: Coverage::Core(&[]),
        ..CORTEX_M
    },
    Machine {
        name: "thumbv7m",
        about: "a Cortex-M3: `mps2-an385`",
        target: "thumbv7m-none-eabi",
        arguments: &["-M", "mps2-an385", "-nic", NO_NETWORK],
        coverage: Coverage::Core(&[]),
        ..CORTEX_M
    },
    Machine {
        name: "thumbv8m",
        about: "a Cortex-M33 in the secure state: `mps2-an505`",
        target: "thumbv8m.main-none-eabihf",
        arguments: &["-M", "mps2-an505", "-nic", NO_NETWORK],
        input_at: 0x80c0_0000,
        coverage: Coverage::Core(&["stack_limit"]),
        ..CORTEX_M
    },
    Machine {
        name: "thumbv6m",
        about: "a Cortex-M3 again, with guests for a Cortex-M0: v7-M executes all of v6-M",
        target: "thumbv6m-none-eabi",
        arguments: &["-M", "mps2-an385", "-nic", NO_NETWORK],
        coverage: Coverage::Core(&["registers", "tour"]),
        ..CORTEX_M
    },
    Machine {
        name: "armv7a",
        about: "`virt` with a 32-bit processor, a Cortex-A15, in Arm state",
        target: "armv7a-none-eabi",
        qemu: "qemu-system-arm",
        arguments: &["-M", "virt", "-cpu", "cortex-a15"],
        coverage: Coverage::Core(&["tour"]),
        ..AARCH64
    },
    Machine {
        name: "uefi",
        about: "x86_64's q35, with guests that the UEFI firmware OVMF loads",
        target: "x86_64-unknown-uefi",
        arguments: &["-M", "q35", "-cpu", "max"],
        firmware: Some(&firmware::OVMF),
        coverage: Coverage::Core(&["tour"]),
        ..X86_64
    },
    Machine {
        name: "uefi-aarch64",
        about: "aarch64's `virt`, with guests that UEFI firmware loads",
        target: "aarch64-unknown-uefi",
        firmware: Some(&firmware::AAVMF),
        coverage: Coverage::Core(&[]),
        ..AARCH64
    },
];

/// A machine that is booted by its name alone. Not every mirror has rustc's library for its target, so `cargo xtask
/// setup` does not ask for it either.
pub(super) static BY_NAME: [Machine; 1] = [Machine {
    name: "loongarch64",
    about: "`virt` with a LoongArch processor; only by this name, not in the suite",
    target: "loongarch64-unknown-none",
    qemu: "qemu-system-loongarch64",
    input_at: 0x0800_0000,
    arguments: &["-M", "virt"],
    exit: ExitDevice::Power,
    // The least that it accepts.
    memory: "1G",
    chooses_cores: false,
    coverage: Coverage::Core(&[]),
    ..RISCV64
}];

/// A machine for one program of `qemu-tests/sizes`: guests do not fit.
pub static MICROBIT: Machine = Machine {
    name: "microbit",
    about: "a Cortex-M0 with 16 KiB of RAM",
    target: "thumbv6m-none-eabi",
    arguments: &["-M", "microbit"],
    memory: "16K",
    ..CORTEX_M
};

/// One machine for each instruction set whose counts and sizes are recorded: for results that are the same on the other
/// machines of that set.
pub static ONE_OF_EACH: [&Machine; 2] = [&MACHINES[0], &MACHINES[1]];

/// The other machines whose counts are recorded, and the sizes of programs without features.
pub static OTHERS: [&Machine; 4] = [&MACHINES[4], &MACHINES[7], &MACHINES[9], &MACHINES[13]];

/// The common values of the AArch64 machines.
pub(super) const AARCH64: Machine = Machine {
    name: "",
    about: "",
    target: "",
    qemu: "qemu-system-aarch64",
    package: "qemu-system-arm",
    input_at: 0x4800_0000,
    arguments: &["-M", "virt", "-cpu", "cortex-a72"],
    exit: ExitDevice::Semihosting,
    firmware: None,
    memory: "256M",
    layout: None,
    feature: None,
    chooses_cores: true,
    coverage: Coverage::Whole,
};

/// The network of the boards with a Cortex-M, which reaches nothing. They always have a network card, and QEMU prints a
/// warning if it is not connected.
const NO_NETWORK: &str = "user,restrict=on";

/// The common values of the machines with a Cortex-M.
const CORTEX_M: Machine = Machine {
    name: "",
    about: "",
    target: "thumbv7em-none-eabihf",
    qemu: "qemu-system-arm",
    package: "qemu-system-arm",
    input_at: 0x21c0_0000,
    arguments: &["-M", "mps2-an386", "-nic", NO_NETWORK],
    exit: ExitDevice::Semihosting,
    firmware: None,
    memory: "16M",
    layout: None,
    feature: None,
    chooses_cores: false,
    coverage: Coverage::Core(&["contain", "masked", "registers", "tour"]),
};

/// The common values of the RISC-V machines.
const RISCV64: Machine = Machine {
    name: "",
    about: "",
    target: "riscv64imac-unknown-none-elf",
    qemu: "qemu-system-riscv64",
    package: "qemu-system-misc",
    input_at: 0x8800_0000,
    arguments: &["-M", "virt", "-bios", "none"],
    exit: ExitDevice::SifiveTest,
    firmware: None,
    memory: "256M",
    layout: None,
    feature: None,
    chooses_cores: true,
    coverage: Coverage::Core(&["masked", "pool", "registers", "tour"]),
};

/// The first core of a RISC-V machine; also among those of `cargo xtask machines`.
pub(super) const RISCV64_SUPERVISOR: Machine = Machine {
    name: "riscv64-supervisor",
    about: "`virt` with a 64-bit RISC-V processor, in supervisor mode",
    feature: Some("supervisor-mode"),
    chooses_cores: false,
    coverage: Coverage::Core(&["masked", "tour"]),
    ..RISCV64
};

/// The common values of the x86-64 machines.
pub(super) const X86_64: Machine = Machine {
    name: "",
    about: "",
    target: "x86_64-unknown-none",
    qemu: "qemu-system-x86_64",
    package: "qemu-system-x86",
    input_at: 0x0400_0000,
    arguments: &[],
    exit: ExitDevice::IsaDebugExit,
    firmware: None,
    memory: "256M",
    layout: None,
    feature: None,
    chooses_cores: true,
    coverage: Coverage::Second,
};
