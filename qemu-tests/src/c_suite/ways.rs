//! The ways to compile programs in C, and to run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::{FAMILIES, LIMIT, TOOL_LIMIT, package, run_tool, text};
use crate::process::{self, Status};
use crate::tools::{self, Needs};
use crate::{environment, machine, places};

/// The warnings with which everything must compile.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

/// A way to compile programs and to run them.
#[derive(Debug)]
pub struct Way {
    /// What the user calls it.
    pub name: &'static str,
    /// The programs that it needs besides QEMU, with their packages.
    takes: &'static [(&'static str, &'static str)],
    /// The compiler of programs, with its flags.
    compiler: &'static [&'static str],
    /// The compiler of the platform's file, which is C.
    platform: &'static [&'static str],
    /// The linker, with its flags.
    linker: &'static [&'static str],
    /// Whether its programs run on bare metal.
    pub is_bare: bool,
}

/// Every way; the first is that of the suite.
pub static WAYS: [Way; 10] = [
    Way {
        name: "cc",
        takes: &[],
        compiler: &["cc", "-std=c99", "-O2"],
        platform: &["cc", "-std=c99", "-O2"],
        linker: &["cc", "-Wl,--gc-sections"],
        is_bare: false,
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
        is_bare: true,
    },
    Way {
        name: "aarch64-clang",
        takes: &[("clang", "clang"), ("ld.lld", "lld")],
        compiler: &AARCH64_CLANG,
        platform: &AARCH64_CLANG,
        linker: &["ld.lld", "--gc-sections"],
        is_bare: true,
    },
    Way {
        name: "aarch64-clang++",
        takes: &[("clang", "clang"), ("ld.lld", "lld")],
        compiler: &[
            "clang++",
            "-std=c++17",
            "-xc++",
            "--target=aarch64-none-elf",
            "-ffreestanding",
            "-fno-exceptions",
            "-O2",
        ],
        platform: &AARCH64_CLANG,
        linker: &["ld.lld", "--gc-sections"],
        is_bare: true,
    },
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

const fn hosted(
    name: &'static str,
    takes: &'static [(&'static str, &'static str)],
    compiler: &'static [&'static str],
    linker: &'static [&'static str],
) -> Way {
    Way { name, takes, compiler, platform: &["cc", "-std=c11", "-O2"], linker, is_bare: false }
}

impl Way {
    /// The tools that it needs.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.takes.iter().for_each(|&(program, package)| needs.program(program, package));
        if self.is_bare {
            needs.machine(machine::ONE_OF_EACH[0]);
        }
        needs
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
        compile(self.compiler, source, &object, flags)?;
        let mut link = command(self.linker);
        link.arg(&object);
        if with_platform {
            for file in [if self.is_bare { "bare" } else { "hosted" }, "alarm"] {
                let platform = folder.join(format!("{name}.{file}.o"));
                compile(self.platform, &own.join(file).with_extension("c"), &platform, &[])?;
                link.arg(platform);
            }
        }
        if self.is_bare {
            link.arg("-T").arg(own.join("bare.ld"));
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
    pub fn run(&self, archive: &Path, (name, status, last): (&str, i32, &str)) -> Result<()> {
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
        if !self.is_bare {
            return Command::new(program);
        }
        let mut qemu = Command::new(machine::ONE_OF_EACH[0].qemu);
        qemu.args([
            "-M",
            "virt",
            "-cpu",
            "cortex-a72",
            "-m",
            "64M",
            "-accel",
            "tcg",
            "-nodefaults",
            "-display",
            "none",
        ]);
        qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(program);
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
