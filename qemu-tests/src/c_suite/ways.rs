//! The ways to compile programs in C, and to run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Result, ensure};

use super::{FAMILIES, LIMIT, Program, TOOL_LIMIT, package, run_tool, text};
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
    /// Its files in `tests/c`.
    files: &'static [&'static str],
    /// The linker's arguments for it, with a script of that folder.
    script: &'static [&'static str],
    /// Clang's target.
    triple: &'static str,
    gcc: Gcc,
}

/// GCC and binutils for a machine.
#[derive(Clone, Copy, Debug)]
struct Gcc {
    /// Its compiler, and the package of that.
    compiler: (&'static str, &'static str),
    /// The same of C++, where the platform is compiled for it, too.
    cxx: Option<(&'static str, &'static str)>,
    linker: &'static str,
    flags: &'static [&'static str],
}

static HOSTED: Platform = Platform {
    machine: None,
    flags: &[],
    files: &["hosted", "alarm"],
    script: &[],
    triple: "",
    gcc: Gcc { compiler: ("gcc", "gcc"), cxx: Some(("g++", "g++")), linker: "ld", flags: &[] },
};
static AARCH64: Platform = Platform {
    machine: Some("aarch64"),
    flags: &[],
    files: &["bare", "aarch64", "alarm"],
    script: &["--defsym=origin=0x40100000", "-T", "ram.ld"], // RAM begins at 0x40000000, with the device tree
    triple: "aarch64-none-elf",
    gcc: Gcc {
        compiler: ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        cxx: None,
        linker: "aarch64-linux-gnu-ld",
        flags: &["-fno-pie", "-fno-stack-protector", "-fno-builtin", "-mno-outline-atomics"],
    },
};
static X86_64: Platform = Platform {
    machine: Some("x86_64"),
    flags: &["-mno-red-zone", "-mgeneral-regs-only", "-fno-pie"],
    files: &["bare", "x86_64", "alarm"],
    script: &["--defsym=origin=0x100000", "-T", "ram.ld"],
    triple: "x86_64-none-elf",
    gcc: Gcc { flags: &["-fno-stack-protector", "-fno-builtin", "-fcf-protection=none"], ..HOSTED.gcc },
};
const RISCV64: Platform = Platform {
    machine: Some("riscv64"),
    flags: &["-march=rv64imac", "-mabi=lp64", "-mcmodel=medany"],
    files: &["bare", "riscv", "alarm"],
    script: &["--defsym=origin=0x80000000", "-T", "ram.ld"],
    triple: "riscv64-none-elf",
    gcc: RISCV_GCC,
};
static RISCV32: Platform = Platform {
    machine: Some("riscv32"),
    flags: &["-march=rv32imac", "-mabi=ilp32", "-mcmodel=medany"],
    // The linker of GCC for both has 64 bits as its default.
    script: &["-m", "elf32lriscv", "--defsym=origin=0x80000000", "-T", "ram.ld"],
    triple: "riscv32-none-elf",
    ..RISCV64
};
const RISCV_GCC: Gcc = Gcc {
    compiler: ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
    cxx: Some(("riscv64-unknown-elf-g++", "gcc-riscv64-unknown-elf")),
    linker: "riscv64-unknown-elf-ld",
    flags: &["-misa-spec=2.2"], // control registers are part of what `-march` names
};
static CORTEX_M4: Platform = Platform {
    machine: Some("thumbv7em"),
    flags: &["-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    ..CORTEX_M3
};
const CORTEX_M33: Platform = Platform {
    machine: Some("thumbv8m"),
    flags: &["-mthumb", "-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"],
    script: &["--defsym=an505=1", "-T", "cortex_m.ld"],
    ..CORTEX_M3
};
const CORTEX_M3: Platform = Platform {
    machine: Some("thumbv7m"),
    flags: &["-mthumb", "-mcpu=cortex-m3", "-mfloat-abi=soft"],
    files: &["bare", "cortex_m", "alarm"],
    script: &["-T", "cortex_m.ld"],
    triple: "arm-none-eabi",
    gcc: Gcc {
        compiler: ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
        cxx: Some(("arm-none-eabi-g++", "gcc-arm-none-eabi")),
        linker: "arm-none-eabi-ld",
        flags: &[],
    },
};

/// A way to compile programs and to run them.
#[derive(Debug)]
pub struct Way {
    /// What the user calls it.
    pub name: String,
    /// The programs that it needs besides QEMU, with their packages.
    takes: Vec<(&'static str, &'static str)>,
    /// The compiler of programs, with its flags.
    compiler: Vec<String>,
    /// The compiler of the platform's files, which are C.
    platform: Vec<String>,
    /// The linker, with its flags.
    linker: Vec<String>,
    on: &'static Platform,
}

/// Every way; the first is that of the suite.
pub static WAYS: LazyLock<Vec<Way>> = LazyLock::new(|| {
    const ASAN: &str = "-fsanitize=address,undefined";
    let mut ways = vec![
        hosted("cc", None, &["cc", "-std=c99", "-O2"], &["cc", "-Wl,--gc-sections"]),
        hosted("cc-calls", None, &["cc", "-std=c11", "-O2", "-DGREENLET_CALLS=1"], &["cc", "-Wl,--gc-sections"]),
        hosted("cc-unoptimized", None, &["cc", "-std=c17", "-O0"], &["cc"]),
        hosted("gcc-asan", Some("gcc"), &["gcc", "-std=c11", ASAN, "-O1"], &["gcc", ASAN]),
        hosted("g++", Some("g++"), &["g++", "-std=c++17", "-xc++", "-O2"], &["g++"]),
        hosted("g++-asan", Some("g++"), &["g++", "-std=c++17", "-xc++", ASAN, "-O1"], &["g++", ASAN]),
        hosted("clang", Some("clang"), &["clang", "-std=c11", "-O2"], &["clang"]),
        hosted("clang++", Some("clang"), &["clang++", "-std=c++17", "-xc++", "-O2"], &["clang++"]),
    ];
    for on in [&AARCH64, &X86_64, &RISCV64, &RISCV32, &CORTEX_M4, &CORTEX_M3, &CORTEX_M33] {
        ways.push(by_gcc(on, false));
        ways.extend(on.gcc.cxx.map(|_| by_gcc(on, true)));
        ways.push(by_clang(on, false));
        ways.push(by_clang(on, true));
    }
    ways
});

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().copied().map(String::from).collect()
}

/// For this computer; with the package of the compiler, unless the suite cannot do without that.
fn hosted(name: &str, package: Option<&'static str>, compiler: &[&'static str], linker: &[&str]) -> Way {
    Way {
        name: name.into(),
        takes: package.map(|package| (compiler[0], package)).into_iter().collect(),
        compiler: owned(compiler),
        platform: owned(&["cc", "-std=c11", "-O2"]),
        linker: owned(linker),
        on: &HOSTED,
    }
}

/// What a compiler is told of programs without an operating system.
fn freestanding(compiler: &[&str], flags: &[&str], is_cxx: bool) -> Vec<String> {
    let language: &[&str] =
        if is_cxx { &["-std=c++17", "-xc++", "-fno-exceptions", "-fno-rtti"] } else { &["-std=c11"] };
    owned(&[compiler, flags, language, &["-ffreestanding", "-O2"]].concat())
}

/// By Clang and lld, for a platform without an operating system.
fn by_clang(on: &'static Platform, is_cxx: bool) -> Way {
    let name = if is_cxx { "clang++" } else { "clang" };
    let target = format!("--target={}", on.triple);
    Way {
        name: format!("{}-{name}", on.machine.unwrap_or("hosted")),
        takes: vec![(name, "clang"), ("ld.lld", "lld")],
        compiler: freestanding(&[name, &target], &[], is_cxx),
        platform: freestanding(&["clang", &target], &[], false),
        linker: owned(&["ld.lld", "--gc-sections"]),
        on,
    }
}

/// By GCC and binutils, for a platform without an operating system.
fn by_gcc(on: &'static Platform, is_cxx: bool) -> Way {
    let Gcc { compiler: of_c, cxx, linker, flags } = on.gcc;
    let compiler = cxx.filter(|_| is_cxx).unwrap_or(of_c);
    Way {
        name: format!("{}-{}", on.machine.unwrap_or("hosted"), if is_cxx { "g++" } else { "gcc" }),
        takes: vec![compiler],
        compiler: freestanding(&[compiler.0], flags, is_cxx),
        platform: freestanding(&[of_c.0], flags, false),
        linker: owned(&[linker, "--gc-sections"]),
        on,
    }
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
    ///
    /// # Panics
    ///
    /// If no machine has the name: what is meant for it would run on this computer instead.
    #[must_use]
    pub fn machine(&self) -> Option<&'static Machine> {
        let named = |name| machine::named(name).unwrap_or_else(|| panic!("no machine has the name {name}"));
        self.on.machine.map(named)
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
        let folder = archive.with_file_name("programs").join(&self.name);
        fs::create_dir_all(&folder)?;
        let (object, program) = (folder.join(name).with_extension("o"), folder.join(name));
        compile(&self.compiler, source, &object, &[self.on.flags, flags].concat())?;
        let mut link = command(&self.linker);
        link.arg(&object).arg("-L").arg(&own).args(self.on.script);
        for file in self.on.files.iter().filter(|_| with_platform) {
            let platform = folder.join(format!("{name}.{file}.o"));
            compile(&self.platform, &own.join(file).with_extension("c"), &platform, self.on.flags)?;
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
        let fits = told.lines().any(|line| line.starts_with(last)) && self.exited(&ended.status, status);
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
            self.exited(&ended.status, 0) && told == expected,
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

    /// Whether the program has ended with that status, as the machine passes it on.
    fn exited(&self, ended: &Status, status: i32) -> bool {
        *ended == Status::Exited(self.machine().map_or(status, |machine| machine.passes_on(status)))
    }

    fn execute(&self, program: &Path) -> Command {
        let Some(machine) = self.machine() else { return Command::new(program) };
        let mut qemu = Command::new(machine.qemu);
        qemu.args(machine.arguments(program, None, None, false, 1));
        qemu
    }
}

fn command(words: &[String]) -> Command {
    let mut command = environment::clean(Command::new(&words[0]));
    command.args(&words[1..]);
    command
}

fn compile(compiler: &[String], source: &Path, object: &Path, flags: &[&str]) -> Result<()> {
    let mut compiler = command(compiler);
    compiler.args(STRICT).args(["-ffunction-sections", "-I"]).arg(package().join("include")).args(flags);
    compiler.arg("-c").arg(source).arg("-o").arg(object);
    run_tool(compiler, TOOL_LIMIT).map(drop)
}
