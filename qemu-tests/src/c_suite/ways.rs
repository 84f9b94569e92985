//! The ways to compile programs in C, and to run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::{FAMILIES, LIMIT, PROGRAMS, Program, TOOL_LIMIT, package, run_tool, text};
use crate::machine::{self, Machine};
use crate::process::{self, Status};
use crate::tools::{self, Needs};
use crate::{environment, places};

/// The warnings with which everything must compile.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

/// Where programs run.
#[derive(Debug)]
struct Platform {
    /// The machine of QEMU's; none for this computer.
    machine: Option<&'static str>,
    /// The flags of all compilers for it.
    flags: &'static [&'static str],
    /// Its files in `tests/c`. With `alarm` it has what the hub needs.
    files: &'static [&'static str],
    /// The linker's arguments for it, with a script of that folder.
    script: &'static [&'static str],
}

static HOSTED: Platform = Platform { machine: None, flags: &[], files: &["hosted", "alarm"], script: &[] };
static AARCH64: Platform = Platform {
    machine: Some("aarch64"),
    flags: &[],
    files: &["bare", "aarch64", "alarm"],
    script: &["-T", "aarch64.ld"],
};
static CORTEX_M4: Platform = Platform {
    machine: Some("thumbv7em"),
    flags: &["-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    ..CORTEX_M3
};
static CORTEX_M33: Platform = Platform {
    machine: Some("thumbv8m"),
    flags: &["-mthumb", "-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"],
    script: &["--defsym=an505=1", "-T", "cortex_m.ld"],
    ..CORTEX_M3
};
static CORTEX_M3: Platform = Platform {
    machine: Some("thumbv7m"),
    flags: &["-mthumb", "-mcpu=cortex-m3", "-mfloat-abi=soft"],
    files: &["bare", "cortex_m"],
    script: &["-T", "cortex_m.ld"],
};

/// A way to compile programs and to run them.
#[derive(Debug)]
pub struct Way {
    /// What the user calls it.
    pub name: &'static str,
    /// The programs that it needs besides QEMU, with their packages.
    takes: &'static [(&'static str, &'static str)],
    /// The compiler of programs, with its flags.
    compiler: &'static [&'static str],
    /// The compiler of the platform's files, which are C.
    platform: &'static [&'static str],
    /// The linker, with its flags.
    linker: &'static [&'static str],
    on: &'static Platform,
}

/// Every way; the first is that of the suite.
pub static WAYS: [Way; 18] = [
    Way {
        name: "cc",
        takes: &[],
        compiler: &["cc", "-std=c99", "-O2"],
        platform: &["cc", "-std=c99", "-O2"],
        linker: &["cc", "-Wl,--gc-sections"],
        on: &HOSTED,
    },
    hosted("cc-unoptimized", &[], &["cc", "-std=c17", "-O0"], &["cc"]),
    hosted("gcc-asan", &[("gcc", "gcc")], &["gcc", "-std=c11", ASAN, "-O1"], &["gcc", ASAN]),
    hosted("g++", &[("g++", "g++")], &["g++", "-std=c++17", "-xc++", "-O2"], &["g++"]),
    hosted("g++-asan", &[("g++", "g++")], &["g++", "-std=c++17", "-xc++", ASAN, "-O1"], &["g++", ASAN]),
    hosted("clang", &[("clang", "clang")], &["clang", "-std=c11", "-O2"], &["clang"]),
    hosted("clang++", &[("clang++", "clang")], &["clang++", "-std=c++17", "-xc++", "-O2"], &["clang++"]),
    Way {
        name: "aarch64-gcc",
        takes: &[("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")],
        compiler: &AARCH64_GCC,
        platform: &AARCH64_GCC,
        linker: &["aarch64-linux-gnu-ld", "--gc-sections"],
        on: &AARCH64,
    },
    clang("aarch64-clang", &AARCH64_CLANG, &AARCH64_CLANG, &AARCH64),
    clang("aarch64-clang++", &AARCH64_CLANGXX, &AARCH64_CLANG, &AARCH64),
    arm_gcc("thumbv7em-gcc", &ARM_GCC, &CORTEX_M4),
    arm_gcc("thumbv7em-g++", &ARM_GXX, &CORTEX_M4),
    clang("thumbv7em-clang", &ARM_CLANG, &ARM_CLANG, &CORTEX_M4),
    clang("thumbv7em-clang++", &ARM_CLANGXX, &ARM_CLANG, &CORTEX_M4),
    arm_gcc("thumbv7m-gcc", &ARM_GCC, &CORTEX_M3),
    clang("thumbv7m-clang", &ARM_CLANG, &ARM_CLANG, &CORTEX_M3),
    arm_gcc("thumbv8m-gcc", &ARM_GCC, &CORTEX_M33),
    clang("thumbv8m-clang++", &ARM_CLANGXX, &ARM_CLANG, &CORTEX_M33),
];

const ASAN: &str = "-fsanitize=address,undefined";
const AARCH64_GCC: [&str; 8] = [
    "aarch64-linux-gnu-gcc",
    "-std=c11",
    "-ffreestanding",
    "-fno-pie",
    "-fno-stack-protector",
    "-fno-builtin",
    "-mno-outline-atomics",
    "-O2",
];
const AARCH64_CLANG: [&str; 5] = ["clang", "-std=c11", "--target=aarch64-none-elf", "-ffreestanding", "-O2"];
const AARCH64_CLANGXX: [&str; 7] =
    ["clang++", "-std=c++17", "-xc++", "--target=aarch64-none-elf", "-ffreestanding", "-fno-exceptions", "-O2"];
const ARM_GCC: [&str; 4] = ["arm-none-eabi-gcc", "-std=c11", "-ffreestanding", "-O2"];
const ARM_GXX: [&str; 6] = ["arm-none-eabi-g++", "-std=c++17", "-xc++", "-ffreestanding", "-fno-exceptions", "-O2"];
const ARM_CLANG: [&str; 5] = ["clang", "-std=c11", "--target=arm-none-eabi", "-ffreestanding", "-O2"];
const ARM_CLANGXX: [&str; 7] =
    ["clang++", "-std=c++17", "-xc++", "--target=arm-none-eabi", "-ffreestanding", "-fno-exceptions", "-O2"];

const fn hosted(
    name: &'static str,
    takes: &'static [(&'static str, &'static str)],
    compiler: &'static [&'static str],
    linker: &'static [&'static str],
) -> Way {
    Way { name, takes, compiler, platform: &["cc", "-std=c11", "-O2"], linker, on: &HOSTED }
}

/// By Clang and lld, for a platform without an operating system.
const fn clang(
    name: &'static str,
    compiler: &'static [&'static str],
    platform: &'static [&'static str],
    on: &'static Platform,
) -> Way {
    let takes = &[("clang", "clang"), ("ld.lld", "lld")];
    Way { name, takes, compiler, platform, linker: &["ld.lld", "--gc-sections"], on }
}

/// By GCC and binutils, for a Cortex-M.
const fn arm_gcc(name: &'static str, compiler: &'static [&'static str], on: &'static Platform) -> Way {
    let takes = &[("arm-none-eabi-gcc", "gcc-arm-none-eabi")];
    Way { name, takes, compiler, platform: &ARM_GCC, linker: &["arm-none-eabi-ld", "--gc-sections"], on }
}

impl Way {
    /// The tools that it needs.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.takes.iter().for_each(|&(program, package)| needs.program(program, package));
        if let Some(machine) = self.machine() {
            needs.machine(machine);
        }
        needs
    }

    /// The machine of QEMU's on which its programs run; none for this computer.
    #[must_use]
    pub fn machine(&self) -> Option<&'static Machine> {
        self.on.machine.and_then(machine::named)
    }

    /// The programs that can run there.
    pub fn programs(&self) -> impl Iterator<Item = Program> {
        let has_hub = self.on.files.contains(&"alarm");
        PROGRAMS.into_iter().filter(move |&(name, ..)| has_hub || !["hub", "limits"].contains(&name))
    }

    /// Whether its compilers are installed.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.takes.iter().all(|(program, _)| tools::on_path(program).is_some())
    }

    /// Compiles the file `source` as a program of the name `name`, and links it with `archive`; with the platform of
    /// that way, or without for one that has its own. Returns the program.
    ///
    /// # Errors
    ///
    /// When the compiler or the linker complains; with what it said.
    pub fn build(
        &self,
        archive: &Path,
        name: &str,
        source: &Path,
        with_platform: bool,
        flags: &[&str],
    ) -> Result<PathBuf> {
        let own = package().join("tests/c");
        let folder = archive.with_file_name("programs").join(self.name);
        fs::create_dir_all(&folder)?;
        let (object, program) = (folder.join(name).with_extension("o"), folder.join(name));
        compile(self.compiler, source, &object, &[self.on.flags, flags].concat())?;
        let mut link = command(self.linker);
        link.arg(&object).arg("-L").arg(&own).args(self.on.script);
        for file in self.on.files.iter().filter(|_| with_platform) {
            let platform = folder.join(format!("{name}.{file}.o"));
            compile(self.platform, &own.join(file).with_extension("c"), &platform, self.on.flags)?;
            link.arg(platform);
        }
        link.arg(archive).arg("-o").arg(&program);
        run_tool(link, TOOL_LIMIT)?;
        Ok(program)
    }

    /// Compiles and runs one of [`PROGRAMS`](super::PROGRAMS).
    ///
    /// # Errors
    ///
    /// When it does not build, or ends in another way; with what it printed.
    pub fn run(&self, archive: &Path, (name, status, last): Program) -> Result<()> {
        let source = package().join("tests/c").join(name).with_extension("c");
        let program = self.build(archive, name, &source, true, &[])?;
        let ended = process::run(self.execute(&program), LIMIT, |_| Ok(()))?;
        let told = text(&ended);
        let fits = told.lines().any(|line| line.starts_with(last)) && ended.status == Status::Exited(status);
        ensure!(fits, "{name} by {}: {:?}, and not {status} after \"{last}\":\n{told}", self.name, ended.status);
        Ok(())
    }

    /// Runs the scenarios of a family through the functions of the header; returns how many there were.
    ///
    /// # Errors
    ///
    /// If a log differs from that of the package.
    pub fn conform(&self, archive: &Path, family: &str) -> Result<usize> {
        let source = package().join("tests/c/conformance.c");
        let file = places::corpus().join(family);
        let scenarios = format!("-DSCENARIOS=\"{}\"", file.with_extension("scn").display());
        let name = format!("conformance-{family}");
        let program = self.build(archive, &name, &source, true, &["-Wno-unused-function", &scenarios])?;
        let ended = process::run(self.execute(&program), LIMIT, |_| Ok(()))?;
        let (expected, told) = (fs::read_to_string(file.with_extension("log"))?, text(&ended));
        let same = expected.lines().zip(told.lines()).take_while(|(one, other)| one == other).count();
        ensure!(
            ended.status == Status::Exited(0) && told == expected,
            "{family} by {}: {:?}, and line {} is {:?}, not {:?}",
            self.name,
            ended.status,
            same + 1,
            told.lines().nth(same),
            expected.lines().nth(same)
        );
        Ok(expected.lines().filter(|line| *line == "done").count())
    }

    /// Runs all scenarios.
    ///
    /// # Errors
    ///
    /// When a log is another than the package's, or there are more or fewer than [`FAMILIES`] has.
    pub fn conforms(&self, archive: &Path) -> Result<()> {
        for (family, count) in FAMILIES {
            let ran = self.conform(archive, family)?;
            ensure!(ran == count, "{family}: {ran} scenarios, and not {count}");
        }
        Ok(())
    }

    fn execute(&self, program: &Path) -> Command {
        let Some(machine) = self.machine() else { return Command::new(program) };
        let mut qemu = Command::new(machine.qemu);
        qemu.args(machine.arguments(program, None, None, false, 1));
        qemu
    }
}

fn command(words: &[&str]) -> Command {
    let mut command = environment::clean(Command::new(words[0]));
    command.args(&words[1..]);
    command
}

fn compile(compiler: &[&str], source: &Path, object: &Path, flags: &[&str]) -> Result<()> {
    let mut compiler = command(compiler);
    compiler.args(STRICT).args(["-ffunction-sections", "-I"]).arg(package().join("include")).args(flags);
    compiler.arg("-c").arg(source).arg("-o").arg(object);
    run_tool(compiler, TOOL_LIMIT).map(drop)
}
