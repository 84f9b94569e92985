//! The programs in C of `crates/greenlet-c/tests/c`: compiled in several ways, linked with the archive, run hosted and
//! on bare metal.
//!
//! The suite uses the C compiler that rustc links with; `cargo xtask c-suite` uses all of [`WAYS`].

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::limit::Limit;
use crate::process::{self, Ended, Status};
use crate::tools::{self, Needs};
use crate::{environment, machine, places};

const LIMIT: Limit = Limit::of_silence(Duration::from_secs(60));

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

/// A program, the exit status with which it ends, and how its last line begins.
pub const PROGRAMS: [(&str, i32, &str); 4] = [
    ("suite", 0, "DONE 185/185"),
    ("misuse", 0, "DONE 58/58"),
    ("overflow", 0, "DONE 5/5"),
    ("panics", 101, "panic: greenlet_unref: this reference was given up before"),
];

/// The families of scenarios, and how many each has.
pub const FAMILIES: [(&str, usize); 4] = [("core", 198), ("ctx", 55), ("drop", 126), ("trace", 99)];

/// The package.
#[must_use]
pub fn package() -> PathBuf {
    places::root().join("crates/greenlet-c")
}

/// Builds the archive for the host, or for bare metal; returns its path.
///
/// # Errors
///
/// When it does not build; with what cargo said.
pub fn archive(is_bare: bool) -> Result<PathBuf> {
    let mut target = places::built()?.with_file_name("c");
    let mut cargo = environment::cargo();
    cargo.current_dir(places::root()).args(["rustc", "--quiet", "--package", "greenlet-c", "--profile", "archive"]);
    cargo.args(["--crate-type", "staticlib", "--features", "panic-handler"]).arg("--target-dir").arg(&target);
    if is_bare {
        cargo.args(["--target", machine::ONE_OF_EACH[0].target]);
        target.push(machine::ONE_OF_EACH[0].target);
    }
    run_tool(cargo)?;
    Ok(target.join("archive/libgreenlet_c.a"))
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
            let file = if self.is_bare { "bare" } else { "hosted" };
            let platform = folder.join(format!("{name}.{file}.o"));
            compile(self.platform, &own.join(file).with_extension("c"), &platform, &[])?;
            link.arg(platform);
        }
        if self.is_bare {
            link.arg("-T").arg(own.join("bare.ld"));
        }
        link.arg(archive).arg("-o").arg(&program);
        run_tool(link)?;
        Ok(program)
    }

    /// Compiles and runs one of [`PROGRAMS`].
    ///
    /// # Errors
    ///
    /// When it does not build, or ends in another way; with what it printed.
    pub fn run(&self, archive: &Path, (name, status, last): (&str, i32, &str)) -> Result<()> {
        let source = package().join("tests/c").join(name).with_extension("c");
        let program = self.build(archive, name, &source, true, &[])?;
        let ended = process::run(self.execute(&program), LIMIT, |_| Ok(()))?;
        // Where semihosting is the console, it goes to standard error.
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
        let program =
            self.build(archive, &format!("conformance-{family}"), &source, false, &["-Wno-unused-function"])?;
        let file = places::corpus().join(family);
        let mut command = Command::new(program);
        command.arg(file.with_extension("scn"));
        let ended = process::run(command, LIMIT, |_| Ok(()))?;
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

/// Runs all programs and scenarios in all ways, a row for each way.
///
/// # Errors
///
/// When one fails, after all have run.
pub fn show() -> Result<()> {
    let mut needs = Needs::default();
    WAYS.iter().for_each(|way| needs.all_of(&way.needs()));
    tools::ensure(&needs)?;
    let archives = [archive(false)?, archive(true)?];
    let mut failures = 0;
    for way in &WAYS {
        let archive = &archives[usize::from(way.is_bare)];
        let mut row = format!("{:<16}", way.name);
        let mut note = |name: &str, result: Result<()>| {
            if let Err(error) = result {
                eprintln!("{error:#}");
                row += &format!(" {name} FAILED");
                failures += 1;
            } else {
                row += &format!(" {name}");
            }
        };
        PROGRAMS.iter().for_each(|&program| note(program.0, way.run(archive, program)));
        if !way.is_bare {
            let ran: Result<usize> = FAMILIES.iter().map(|(family, _)| way.conform(archive, family)).sum();
            let expected: usize = FAMILIES.iter().map(|(_, count)| count).sum();
            let all =
                ran.and_then(|ran| if ran == expected { Ok(()) } else { bail!("{ran} scenarios, not {expected}") });
            note("conformance", all);
        }
        println!("{row}");
    }
    ensure!(failures == 0, "{failures} failed");
    Ok(())
}

/// What a program has printed.
fn text(ended: &Ended) -> String {
    String::from_utf8_lossy(&ended.output).into_owned() + &String::from_utf8_lossy(&ended.errors)
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
    run_tool(compiler)
}

fn run_tool(mut command: Command) -> Result<()> {
    let name = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", name.display()))?;
    if !output.status.success() {
        let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} {}\n{said}", name.display(), words.join(" "));
    }
    Ok(())
}
