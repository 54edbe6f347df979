//! C programs over the library: checks and examples, on the host and in QEMU.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::library::{FAST, Library, SMALL};
use super::{CORTEX_M4, DIR};
use crate::shell;

/// The model of the checks, and what they print of its answers: the Rust runtime is held to the same lines.
const MODEL: &str = "tests/golden/digits-1.0.siskin";
const ANSWERS: &str = "runtime/capi/tests/c/digits.out";

/// A model with a state, answers likewise.
const STATE_MODEL: &str = "runtime/capi/tests/c/state.siskin";
const STATE_ANSWERS: &str = "runtime/capi/tests/c/state.out";

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"];
const CORE: [&str; 4] = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];

/// Where programs and generated sources go.
fn build_dir() -> Result<PathBuf> {
    let dir = shell::target_dir().join("capi-programs");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

pub(super) fn run(host: &Library) -> Result<()> {
    let device = Library::build(CORTEX_M4, FAST)?;
    for (model, answers, name) in [(MODEL, ANSWERS, "digits"), (STATE_MODEL, STATE_ANSWERS, "state")] {
        let dir = build_dir()?.join(name);
        fs::create_dir_all(&dir)?;
        generate(model, "SISKIN", &dir, "model")?;
        compiles(&dir)?;
        same(answers, "the host", &check_on_host(host, model, &dir)?)?;
        same(answers, "QEMU", &check_in_qemu(&device, &dir)?)?;
    }
    configure("tests/cmake", &build_dir()?.join("integrations"), &[])?;
    linux_example(host)?;
    cortex_m_example(&Library::build(CORTEX_M4, SMALL)?)
}

/// `siskin inspect --c-header` and `--c-model`: `NAME.h` and `NAME.c` in `dir`.
fn generate(model: &str, prefix: &str, dir: &Path, name: &str) -> Result<()> {
    let mut command = Command::new(shell::siskin()?);
    command.args(["--quiet", "inspect", model, "--c-header"]).current_dir(shell::root());
    command.args(["--c-prefix", prefix, "--output"]).arg(dir.join(name).with_extension("h"));
    shell::run(command.arg("--c-model").arg(dir.join(name).with_extension("c")))
}

/// The library's header and a generated one are clean C99 and C++17.
fn compiles(dir: &Path) -> Result<()> {
    for (compiler, language) in [("cc", ["-std=c99", "-xc"]), ("c++", ["-std=c++17", "-xc++"])] {
        let mut command = Command::new(compiler);
        command.args(STRICT).args(language).arg("-fsyntax-only").arg(include()).arg(dir.join("model.h"));
        shell::run(&mut command)?;
        let mut command = Command::new(compiler);
        shell::run(command.args(STRICT).args(language).arg("-fsyntax-only").arg(include()).arg(dir.join("model.c")))?;
    }
    Ok(())
}

/// The option that finds siskin.h.
fn include() -> String {
    format!("-I{}", shell::root().join(DIR).join("include").display())
}

fn source(path: &str) -> PathBuf {
    shell::root().join(DIR).join(path)
}

/// Builds the checks with the compiler's sanitizers and runs them over the model's file.
fn check_on_host(library: &Library, model: &str, dir: &Path) -> Result<String> {
    let out = dir.join("check");
    let mut command = Command::new("cc");
    command.args(STRICT).args(["-std=c99", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    command.arg(include()).args(["tests/c/check.c", "tests/c/linux.c"].map(source));
    shell::run(command.arg(&library.path).args(["-lm", "-o"]).arg(&out))?;
    shell::output(Command::new(out).arg(shell::root().join(model)))
}

fn check_in_qemu(library: &Library, dir: &Path) -> Result<String> {
    let sources = ["tests/c/check.c", "tests/c/cortex-m.c", "examples/cortex-m/startup.c"].map(source);
    qemu(&firmware(library, &[&sources[..], &[dir.join("model.c")]].concat(), dir, "check.elf")?)
}

/// Links firmware with arm-none-eabi-gcc.
fn firmware(library: &Library, sources: &[PathBuf], dir: &Path, name: &str) -> Result<PathBuf> {
    let out = dir.join(name);
    let mut command = Command::new("arm-none-eabi-gcc");
    command.args(CORE).args(STRICT).args(["-std=c99", "-Os", "-ffunction-sections", "-fdata-sections"]);
    command.arg(include()).arg("-I").arg(source("examples/cortex-m")).arg("-I").arg(dir).args(sources);
    command.arg(&library.path).arg("-T").arg(source("examples/cortex-m/mps2-an386.ld"));
    command.args(["-nostartfiles", "-specs=nano.specs", "-Wl,--gc-sections,-z,noexecstack,--fatal-warnings", "-o"]);
    shell::run(command.arg(&out))?;
    let bytes = fs::read(&out)?;
    let image = crate::elf::Image::parse(&bytes)?;
    ensure!(image.forbidden.is_empty(), "{name} can panic or allocate: {}", image.forbidden.join(", "));
    println!("{name}: {} bytes of code and constants, {} of memory", image.code + image.constants, image.memory);
    Ok(out)
}

/// Runs firmware and returns what it printed.
fn qemu(image: &Path) -> Result<String> {
    let mut command = Command::new("timeout");
    command.args(["120", "qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none"]);
    command.args(["-serial", "none", "-chardev", "stdio,id=console", "-semihosting-config"]);
    shell::output(command.args(["enable=on,target=native,chardev=console", "-kernel"]).arg(image))
}

/// Demands the answers of the file; the other lines tell of the checks.
fn same(answers: &str, place: &str, printed: &str) -> Result<()> {
    let wanted = fs::read_to_string(shell::root().join(answers)).with_context(|| format!("cannot read {answers}"))?;
    let found: String =
        printed.lines().filter(|line| line.starts_with("run ")).map(|line| format!("{line}\n")).collect();
    ensure!(found == wanted, "{place} gives other answers than {answers}:\n{found}");
    let last = printed.lines().last().unwrap_or_default();
    ensure!(last.starts_with("checks passed"), "{place}: {printed}");
    println!("{place}: the answers of {answers}; {last}");
    Ok(())
}

/// Runs CMake, which says more than anybody wants to read.
fn cmake(words: &[&dyn AsRef<OsStr>]) -> Result<()> {
    let mut command = Command::new("cmake");
    shell::output(command.args(words.iter().map(|word| word.as_ref()))).map(drop)
}

/// Configures `build` anew: its cache belongs to one checkout, and checkouts share the build directory.
fn configure(source: &str, build: &Path, options: &[&dyn AsRef<OsStr>]) -> Result<()> {
    let source = self::source(source);
    cmake(&[&[&"--fresh" as &dyn AsRef<OsStr>, &"-S", &source, &"-B", &build], options].concat())
}

/// Installs the library with CMake and builds the example against what was installed.
fn linux_example(library: &Library) -> Result<()> {
    let dir = build_dir()?;
    let (build, prefix, example) = (dir.join("cmake"), dir.join("prefix"), dir.join("linux"));
    let define = |name: &str, value: &Path| format!("-D{name}={}", value.display());
    let target_dir = define("SISKIN_CARGO_TARGET_DIR", &shell::target_dir());
    configure("", &build, &[&define("CMAKE_INSTALL_PREFIX", &prefix), &target_dir])?;
    cmake(&[&"--build", &build])?;
    cmake(&[&"--install", &build])?;
    let found = define("CMAKE_PREFIX_PATH", &prefix);
    configure("examples/linux", &example, &[&found, &"-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"])?;
    cmake(&[&"--build", &example])?;

    let classify = example.join("classify");
    let tested = shell::output(Command::new(&classify).arg(shell::root().join(MODEL)))?;
    ensure!(tested == "1 golden vectors gave the recorded answers\n", "classify printed {tested}");
    let one: Vec<u8> = ONE.iter().flat_map(|v| v.to_le_bytes()).collect();
    let input = dir.join("one.f32");
    fs::write(&input, one)?;
    let classes = shell::output(Command::new(&classify).arg(shell::root().join(MODEL)).arg(&input))?;
    ensure!(classes.starts_with("class 1: "), "classify printed {classes}");
    println!(
        "{}: classify found its library by find_package; {}",
        library.target,
        classes.lines().next().unwrap_or("")
    );
    Ok(())
}

/// The image of a 1 that the example for Cortex-M draws too.
const ONE: [f32; 64] = {
    let mut image = [0.0; 64];
    let mut row = 0;
    while row < 8 {
        image[row * 8 + 3] = 1.0;
        image[row * 8 + 4] = 1.0;
        row += 1;
    }
    image
};

fn cortex_m_example(library: &Library) -> Result<()> {
    let dir = build_dir()?;
    generate(MODEL, "DIGITS", &dir, "digits")?;
    let sources = ["examples/cortex-m/main.c", "examples/cortex-m/startup.c"].map(source);
    let image = firmware(library, &[&sources[..], &[dir.join("digits.c")]].concat(), &dir, "digits.elf")?;
    let printed = qemu(&image)?;
    ensure!(printed.trim() == "self-test passed; this is a 1", "the example printed {printed}");
    println!("QEMU: {}", printed.trim());
    Ok(())
}
