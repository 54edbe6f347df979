//! Links `runtime/examples/bare`, which uses every operator, for cores without an operating system.
//!
//! In the linked image there must be no panic and no allocator. The example's entry takes the model and all
//! memory as arguments, so the optimizer knows nothing about them and the proof holds for any file.
//! A last build adds one panic on purpose: a check that misses it is no check.
//!
//! What is absent: running the image. Firmware that runs is an example of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::elf::Image;
use crate::shell;

/// The smallest Arm core, the usual one with an FPU, and RISC-V with neither FPU nor atomics.
const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7em-none-eabihf", "riscv32imc-unknown-none-elf"];

/// Profiles of the example: optimised for speed and for size.
const PROFILES: [&str; 2] = ["release", "small"];

const EXAMPLE: &str = "runtime/examples/bare";
const PROGRAM: &str = "siskin-bare";

/// Builds and inspects each image, then the control.
pub(crate) fn run() -> Result<()> {
    shell::need_targets(&TARGETS)?;
    println!("{:30} {:8} {:>8} {:>10} {:>7}", "target", "profile", "code", "constants", "memory");
    let mut broken = Vec::new();
    for target in TARGETS {
        for profile in PROFILES {
            let image = build(target, profile, &[])?;
            let Image { code, constants, memory, .. } = image;
            println!("{target:30} {profile:8} {code:8} {constants:10} {memory:7}");
            broken.extend(complaint(&image).map(|text| (format!("{target} {profile}"), text)));
        }
    }
    // The images mostly fail together, for the same reason.
    if let Some((_, text)) = broken.first() {
        let images: Vec<_> = broken.iter().map(|(image, _)| image.as_str()).collect();
        bail!("{} can panic or allocate; the first has\n{text}", images.join(", "));
    }
    control()
}

/// What is wrong with an image, if anything is.
pub(crate) fn complaint(image: &Image) -> Option<String> {
    let list = |title: &str, lines: &[String]| format!("{title}\n    {}", lines.join("\n    "));
    (!image.forbidden.is_empty())
        .then(|| [list("forbidden symbols", &image.forbidden), list("panics at", &image.sites)].join("\n"))
}

/// A panic put there on purpose must be found, with its place.
fn control() -> Result<()> {
    let image = build(TARGETS[0], PROFILES[0], &["--features", "control"])?;
    let place = image.sites.iter().any(|site| site.contains("src/main.rs:"));
    ensure!(!image.forbidden.is_empty() && place, "the check misses the panic of the feature `control`");
    println!("the control's panic was found");
    Ok(())
}

fn build(target: &str, profile: &str, more: &[&str]) -> Result<Image> {
    let out = shell::target_dir();
    let mut command = shell::cargo();
    command.args(["build", "--quiet", "--target", target, "--profile", profile]).args(more);
    command.arg("--manifest-path").arg(Path::new(EXAMPLE).join("Cargo.toml"));
    shell::run(command.arg("--target-dir").arg(&out))?;
    let path = out.join(target).join(profile).join(PROGRAM);
    let bytes = fs::read(&path).with_context(|| format!("cargo left no {}", path.display()))?;
    Image::parse(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(forbidden: &[&str]) -> Image {
        let forbidden = forbidden.iter().map(|name| name.to_string()).collect();
        let sites = vec!["src/op/conv.rs:7:5".to_string()];
        Image { forbidden, sites, code: 0, constants: 0, memory: 0 }
    }

    #[test]
    fn a_forbidden_symbol_is_reported_with_the_place_of_the_panic() {
        assert!(complaint(&image(&[])).is_none());
        let text = complaint(&image(&["rust_begin_unwind"])).unwrap_or_default();
        assert!(text.contains("rust_begin_unwind") && text.contains("src/op/conv.rs:7:5"), "{text}");
    }
}
