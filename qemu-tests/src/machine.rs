//! The machines that guests boot on: which QEMU, with which arguments, and what its exit status means.

mod firmware;
mod more;
mod table;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

pub use self::firmware::Firmware;
pub use self::more::MORE;
use self::table::BY_NAME;
pub use self::table::{MACHINES, MICROBIT, ONE_OF_EACH, OTHERS};
use crate::compile::Profile;
use crate::tools;

/// A machine of QEMU's that the board supports.
#[derive(Debug)]
pub struct Machine {
    /// The name that users write.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// The target that its guests are built for.
    pub target: &'static str,
    /// The program that emulates it.
    pub qemu: &'static str,
    /// The Debian package that has this program.
    pub package: &'static str,
    /// The physical address at which the board looks for input from the host.
    input_at: u64,
    /// QEMU's arguments, without the guest.
    arguments: &'static [&'static str],
    /// How the board passes an exit code to QEMU.
    exit: ExitDevice,
    /// What loads the guests, if it is not QEMU.
    pub firmware: Option<&'static Firmware>,
    /// How much RAM it has.
    memory: &'static str,
    /// How its guests are linked, if not like those of others with this target: a name that the linker script uses.
    layout: Option<&'static str>,
    /// A feature with which its guests are built.
    feature: Option<&'static str>,
    /// Whether it may have another number of cores than its usual one.
    chooses_cores: bool,
    coverage: Coverage,
}

/// What guests are built for: machines with the same boot the same files.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Code {
    /// The target of rustc.
    pub target: &'static str,
    pub(crate) layout: Option<&'static str>,
    pub(crate) feature: Option<&'static str>,
}

/// In which profiles the suite boots guests on a machine.
#[derive(Clone, Copy, Debug)]
enum Coverage {
    /// In all.
    Whole,
    /// In all; by default in debug only where a guest's head names its profiles, and not for size: a machine that is
    /// `Whole` boots the others, and without optimization the instruction sets differ in the switch and in what the
    /// debugger tests show.
    Second,
    /// Not in debug, unless a guest's head names its profiles. Unoptimized code keeps no value in a register across a
    /// switch, and registers are what distinguishes this machine from one that has all profiles.
    Optimized,
    /// In release: a machine that has all profiles boots the same files.
    Once,
    /// Only these guests, in release. The others are booted on request, also in the profiles that their heads name.
    Core(&'static [&'static str]),
}

/// Guests for features that machines with RISC-V or a Cortex-M do not have: vectors in the targets of rustc, and probes
/// of large frames.
const WITH_MORE: &[&str] = &["lanes", "large_frame"];

/// Guests for features that machines with a Cortex-M run. The guest `abandon` has more guard pages than these have
/// regions.
const ON_CORTEX_M: &[&str] = &["abandon_sweep", "contain"];

/// The guest for the processors that have a limit for each stack.
const OF_V8: &str = "stack_limit";

/// The beginnings of the names of guests that need 64 bits, for an address.
const NOT_ON_32_BITS: &[&str] = &["fault", "hello"];

/// The beginnings of the names of guests that need compare-and-swap, and the machines without.
const NOT_WITHOUT_SWAP: &[&str] = &["hub"];
const WITHOUT_SWAP: &[&str] = &["riscv32imc", "thumbv6m"];

/// Arguments with which every machine is started.
///
/// TCG even where KVM exists: it is the same everywhere, counts instructions, and nested KVM can be hundreds of times
/// slower. No default devices, so that only the guest writes to the serial port. No reboot, so that a triple fault ends
/// QEMU instead of restarting it for ever.
const COMMON: &[&str] = &["-accel", "tcg", "-nodefaults", "-display", "none", "-no-reboot"];

/// Makes the timer of every AArch64 or Armv7-A processor count nanoseconds; otherwise it counts at 62.5 MHz. So it can be set to
/// each instruction if an instruction takes a nanosecond.
const TIMER_COUNTS_NANOSECONDS: &str = "arm-cpu.cntfrq=1000000000";

/// How the board passes an exit code to QEMU, and so what QEMU's exit status is.
#[derive(Clone, Copy, Debug)]
enum ExitDevice {
    /// `SYS_EXIT_EXTENDED`: the status is what the guest wrote.
    Semihosting,
    /// SiFive's test device: the status is what the guest wrote.
    SifiveTest,
    /// Port 0xf4: the status is what the guest wrote, shifted left, plus one.
    IsaDebugExit,
    /// The power switch: the status is 0.
    Power,
}

/// The number that the board adds to a guest's exit code, so that neither QEMU's own failure (status 1) nor a reset
/// (status 0) can be mistaken for an exit code of the guest.
const EXIT_CODE_OFFSET: i32 = 16;

/// How a guest ended, by QEMU's exit status alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GuestExit {
    /// The board ended QEMU with a code: 0 pass, 1 failed checks, 2 panic, 3 fault.
    Code(i32),
    /// Status 0: the machine reset itself (on x86_64 a triple fault), or QEMU ended for another reason than a request
    /// of the board.
    Reset,
    /// Status 0 of a machine that ends so always: the transcript tells how the guest ended.
    PoweredOff,
    /// Status 1: QEMU refused its command line, or failed by itself.
    QemuFailed,
    /// A status that neither QEMU nor the board returns.
    Unknown(i32),
}

impl Machine {
    /// What its guests are built for.
    #[must_use]
    pub fn code(&self) -> Code {
        let &Self { target, layout, feature, .. } = self;
        Code { target, layout, feature }
    }

    /// Whether the suite boots a guest in `profile`, which is one of the guest's; `is_named` if its head names its
    /// profiles.
    #[must_use]
    pub fn covers(&self, profile: Profile, is_named: bool) -> bool {
        match self.coverage {
            Coverage::Whole | Coverage::Second => true,
            Coverage::Optimized => is_named || profile != Profile::Debug,
            Coverage::Core(_) => is_named || profile == Profile::Release,
            Coverage::Once => profile == Profile::Release,
        }
    }

    /// Whether `guest` can run on this machine; `takes_features` if it needs features of the library: all such guests
    /// are built with all features that any of them needs on the machine's instruction set, and RISC-V and Cortex-M
    /// lack `watchpoint`.
    #[must_use]
    pub fn boots(&self, guest: &str, takes_features: bool) -> bool {
        if self.firmware.is_some() {
            return firmware::GUESTS.contains(&guest);
        }
        if guest == OF_V8 {
            return self.target.starts_with("thumbv8m");
        }
        // Packages that these take have no code for v6-M.
        let has_features = self.target.starts_with("thumbv") && !self.target.starts_with("thumbv6");
        let has_features = has_features && ON_CORTEX_M.contains(&guest);
        let is_of_another = !self.is_recorded() && (takes_features && !has_features || WITH_MORE.contains(&guest));
        let is_one_of = |names: &[&str]| names.iter().any(|it| guest.starts_with(it));
        let is_too_wide = self.has_32_bits() && is_one_of(NOT_ON_32_BITS);
        let lacks_swap = WITHOUT_SWAP.contains(&self.name) && is_one_of(NOT_WITHOUT_SWAP);
        !is_of_another && !is_too_wide && !lacks_swap
    }

    /// Whether the suite boots `guest` on it by default.
    #[must_use]
    pub fn boots_by_default(&self, guest: &str) -> bool {
        if let Coverage::Core(guests) = self.coverage { guests.contains(&guest) } else { true }
    }

    /// Whether it is of an instruction set whose counts and sizes are recorded, which has all features.
    fn is_recorded(&self) -> bool {
        ["qemu-system-aarch64", "qemu-system-x86_64"].contains(&self.qemu)
    }

    fn has_32_bits(&self) -> bool {
        ["qemu-system-arm", "qemu-system-riscv32"].contains(&self.qemu)
    }

    /// Whether the suite boots such a guest by default, if the machine [covers](Self::covers) it. The other boots
    /// differ little from these, and all together take an hour. A head names profiles where registers matter.
    #[must_use]
    pub fn covers_by_default(&self, profile: Profile, is_named: bool, is_long: bool) -> bool {
        match self.coverage {
            Coverage::Whole => !is_long || profile == Profile::Release,
            Coverage::Second => profile == Profile::Release || profile == Profile::Debug && is_named && !is_long,
            Coverage::Optimized | Coverage::Once => profile == Profile::Release && is_named && !is_long,
            Coverage::Core(_) => profile == Profile::Release && !is_long,
        }
    }

    /// QEMU's arguments for a boot of `elf`, which is a PE file if firmware loads it: with `input` in the guest's
    /// memory, with its logs written to the file `log`, with `-icount shift=0` if instructions are `counted`, and with
    /// `-smp` for more than one of `cores`. If they are counted, an instruction takes a nanosecond, and timers count
    /// nanoseconds.
    #[must_use]
    pub fn arguments(
        &self,
        elf: &Path,
        input: Option<&Path>,
        log: Option<&Path>,
        counted: bool,
        cores: u32,
    ) -> Vec<OsString> {
        let memory = ["-m", self.memory];
        let mut all: Vec<OsString> = self.arguments.iter().chain(&memory).chain(COMMON).map(OsString::from).collect();
        // Firmware prints to the serial port itself.
        let (console, channel) = match (self.firmware, log) {
            (Some(firmware), _) => {
                let file = tools::data_file(firmware.file).unwrap_or_else(|| firmware.file.into());
                all.extend(["-bios".into(), file.into(), "-chardev".into(), "stdio,id=transcript".into()]);
                ("null", Some("transcript"))
            }
            (None, log) => ("stdio", log.map(|_| "log")),
        };
        all.extend(["-serial", console].map(OsString::from));
        match self.exit {
            // The test device has no channel for a log: semihosting has.
            ExitDevice::Semihosting | ExitDevice::SifiveTest => {
                let channel = channel.map_or(String::new(), |id| format!(",chardev={id}"));
                all.extend(["-semihosting-config".into(), format!("enable=on,target=native{channel}").into()]);
            }
            ExitDevice::IsaDebugExit => {
                all.extend(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"].map(OsString::from));
                if let Some(id) = channel {
                    all.extend(["-device".into(), format!("isa-debugcon,iobase=0xe9,chardev={id}").into()]);
                }
            }
            ExitDevice::Power => {}
        }
        if let Some(file) = log
            && !matches!(self.exit, ExitDevice::Power)
        {
            let mut channel = OsString::from("file,id=log,path=");
            channel.push(comma_doubled(file));
            all.extend(["-chardev".into(), channel]);
        }
        if counted {
            all.extend(["-icount", "shift=0"].map(OsString::from));
            // The timer of x86-64 counts nanoseconds anyway, the board compensates for the coarse one of RISC-V, and
            // that of a Cortex-M stays coarse.
            if self.qemu == "qemu-system-aarch64" || self.target.starts_with("armv7a") {
                all.extend(["-global", TIMER_COUNTS_NANOSECONDS].map(OsString::from));
            }
        }
        if cores > 1 && self.chooses_cores {
            all.extend(["-smp".into(), cores.to_string().into()]);
        }
        if let Some(file) = input {
            let (option, place) = match self.firmware {
                None => ("-device", format!("loader,addr={:#x},force-raw=on,file=", self.input_at)),
                // Firmware may use that memory.
                Some(_) => ("-fw_cfg", "name=opt/greenlet/input,file=".to_owned()),
            };
            let mut value = OsString::from(place);
            value.push(comma_doubled(file));
            all.extend([option.into(), value]);
        }
        all.extend(["-kernel".into(), elf.into()]);
        all
    }

    /// QEMU's name for the board of this machine.
    #[must_use]
    pub fn board(&self) -> Option<&'static str> {
        self.value_of("-M")
    }

    /// QEMU's name for its processor, if it is not the board's default.
    #[must_use]
    pub fn processor(&self) -> Option<&'static str> {
        self.value_of("-cpu")
    }

    /// The value of an option, up to the first comma.
    fn value_of(&self, option: &str) -> Option<&'static str> {
        let at = self.arguments.iter().position(|&word| word == option)?;
        self.arguments.get(at + 1)?.split(',').next()
    }

    /// QEMU's exit status, if the guest's device for that is given `status`.
    #[must_use]
    pub(crate) fn passes_on(&self, status: i32) -> i32 {
        if matches!(self.exit, ExitDevice::IsaDebugExit) { status << 1 | 1 } else { status }
    }

    /// How the guest ended, by QEMU's exit `status`.
    #[must_use]
    pub fn decode(&self, status: i32) -> GuestExit {
        let written = match (status, self.exit) {
            (0, ExitDevice::Power) => return GuestExit::PoweredOff,
            (0, _) => return GuestExit::Reset,
            (1, _) => return GuestExit::QemuFailed,
            (_, ExitDevice::Semihosting | ExitDevice::SifiveTest) => Some(status),
            (_, ExitDevice::Power) => None,
            (_, ExitDevice::IsaDebugExit) => (status % 2 == 1).then_some(status >> 1),
        };
        match written {
            Some(written) if written >= EXIT_CODE_OFFSET => GuestExit::Code(written - EXIT_CODE_OFFSET),
            _ => GuestExit::Unknown(status),
        }
    }
}

/// Two machines are the same when their names are.
impl PartialEq for Machine {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// The machine with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Machine> {
    all().find(|machine| machine.name == name)
}

/// The machines that a name can mean.
pub fn all() -> impl Iterator<Item = &'static Machine> {
    MACHINES.iter().chain(&BY_NAME)
}

/// The names of all machines, for a message.
#[must_use]
pub fn names() -> String {
    all().map(|machine| machine.name).collect::<Vec<_>>().join(", ")
}

/// `path` as a value in one of QEMU's comma-separated lists, where `,,` stands for a comma.
fn comma_doubled(path: &Path) -> OsString {
    match path.to_str() {
        Some(text) => text.replace(',', ",,").into(),
        None => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instruction_set_has_its_machine() {
        assert_eq!(ONE_OF_EACH.map(|machine| machine.name), ["aarch64", "x86_64"]);
        assert_eq!(OTHERS.map(|machine| machine.name), ["riscv64", "riscv32", "thumbv7em", "thumbv6m"]);
        let recorded = MACHINES.iter().filter(|machine| machine.is_recorded());
        assert!(recorded.into_iter().all(|machine| ONE_OF_EACH.iter().any(|one| one.qemu == machine.qemu)));
    }

    #[test]
    fn a_status_is_decoded_by_the_device_that_made_it() {
        let decode = |name: &str, status| named(name).unwrap().decode(status);
        for code in 0..4 {
            assert_eq!(decode("aarch64", code + 16), GuestExit::Code(code));
            assert_eq!(decode("riscv64", code + 16), GuestExit::Code(code));
            assert_eq!(decode("thumbv7em", code + 16), GuestExit::Code(code));
            assert_eq!(decode("x86_64", ((code + 16) << 1) | 1), GuestExit::Code(code));
        }
    }

    #[test]
    fn no_failure_of_qemu_looks_like_a_pass() {
        // Of that one the transcript decides.
        assert_eq!(named("loongarch64").unwrap().decode(0), GuestExit::PoweredOff);
        for machine in &MACHINES {
            assert_eq!(machine.decode(0), GuestExit::Reset, "{machine}");
            assert_eq!(machine.decode(1), GuestExit::QemuFailed, "{machine}");
            for status in 2..16 {
                assert_eq!(machine.decode(status), GuestExit::Unknown(status), "{machine}");
            }
        }
        // An even status cannot come from isa-debug-exit: 32 would be code 0 without the marker bit.
        assert_eq!(named("x86_64").unwrap().decode(32), GuestExit::Unknown(32));
    }

    #[test]
    fn a_comma_in_a_path_does_not_end_the_value() {
        let arguments = MACHINES[0].arguments(Path::new("elf"), Some(Path::new("a,b")), None, false, 1);
        assert!(arguments.iter().any(|word| word == "loader,addr=0x48000000,force-raw=on,file=a,,b"), "{arguments:?}");
    }
}
