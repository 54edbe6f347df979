//! `siskin firmware`: a project of its own around a model, for one core, that builds and runs in QEMU.
//!
//! ```text
//! MODEL.siskin + target -> files in memory -> a folder beside DIR -> renamed to DIR
//! ```
//!
//! What the examples of the repository have, the project has from there, byte by byte: boards, start-up code, console. Its
//! own are the templates of `templates/firmware`.
//!
//! What is absent: sizes of code and stack. They depend on the build, and `cargo xtask firmware` holds them to budgets.

mod c;
mod ports;
mod rust;
mod target;

pub(crate) use target::{Lang, Target};

use crate::Failure;
use crate::args::{Args, Firmware};
use crate::model::{read, sizes};
use crate::output::{count, print, table};
use serde_json::{Map, Value, json};
use siskin::Model;
use siskin_compiler::data::temporary::Temporary;
use siskin_compiler::run::Loaded;
use std::fs;
use std::path::{Path, PathBuf};
use target::Board;

/// The files of a project by their paths in it.
type Files = Vec<(String, Vec<u8>)>;

pub(crate) fn firmware(args: &Args, a: &Firmware) -> Result<(), Failure> {
    let name = name(&a.model);
    let folder = a.output.clone().unwrap_or_else(|| format!("{name}-{}", a.target.board().name).into());
    free(&folder)?;
    let bytes = read(&a.model)?;
    let refused = |e| format!("{}: {e}", a.model.display());
    let mut loaded = Loaded::new(&bytes).map_err(refused)?;
    loaded.session()?.self_test().map_err(refused)?;
    let model = loaded.model()?;
    let facts = sizes(&model, bytes.len());
    let project = Project {
        name,
        board: a.target.board(),
        model: &model,
        bytes: &bytes,
        sizes: &facts,
        runtime: a.siskin.as_deref().map(checkout).transpose()?,
    };
    let mut files = match a.lang {
        Lang::Rust => project.rust(),
        Lang::C => project.c()?,
    };
    files.sort();
    write(&folder, &files).map_err(|e| format!("{}: cannot be written: {e}", folder.display()))?;

    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    let text = format!(
        "{}\nwrote {} files to {}; README.md there says how to build and run them\n",
        table(&project.rows()),
        names.len(),
        folder.display()
    );
    let mut object = json!({ "folder": folder.display().to_string(), "target": project.board.name, "files": names });
    for key in ["file_bytes", "weights_bytes", "arena_bytes", "state_bytes", "macs"] {
        object[key] = json!(facts.get(key));
    }
    print(args.json, &object, &text)
}

/// What a project is made from.
struct Project<'a> {
    /// A lower-case identifier, of Rust and of C.
    name: String,
    board: &'static Board,
    model: &'a Model<'a>,
    bytes: &'a [u8],
    sizes: &'a Map<String, Value>,
    /// The folder `runtime` of a checkout; none for a published version.
    runtime: Option<String>,
}

impl Project<'_> {
    /// What is known exactly.
    fn rows(&self) -> Vec<Vec<String>> {
        let size = |key: &str| count(self.sizes.get(key).and_then(Value::as_u64).unwrap_or(0));
        let rows = [
            ("bytes of the model, in flash", "file_bytes"),
            ("of these, weights", "weights_bytes"),
            ("bytes of arena, in RAM", "arena_bytes"),
            ("bytes of state, in RAM", "state_bytes"),
            ("multiply-accumulates of a run", "macs"),
        ];
        let rows = rows.map(|(text, key)| vec![text.to_string(), size(key)]);
        [vec![vec!["what".to_string(), "how much".to_string()]], rows.to_vec()].concat()
    }

    /// The same in Markdown.
    fn table(&self) -> String {
        let mut lines: Vec<_> = self.rows().iter().map(|row| format!("| {} |", row.join(" | "))).collect();
        lines.insert(1, "|---|---:|".into());
        lines.join("\n")
    }
}

/// The template with every `@key@` replaced, in one pass: a value may hold anything.
fn fill(template: &str, values: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('@') {
        out += before;
        let key = after.split_once('@');
        let found = key.and_then(|(key, tail)| Some((values.iter().find(|(name, _)| *name == key)?.1, tail)));
        rest = match found {
            Some((value, tail)) => {
                out += value;
                tail
            }
            None => {
                out.push('@');
                after
            }
        };
    }
    (out + rest).into_bytes()
}

/// The model's file name as an identifier.
fn name(model: &Path) -> String {
    let stem = model.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let word: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if word.starts_with(|c: char| c.is_ascii_alphabetic()) { word } else { format!("model_{word}") }
}

/// The folder of the crate `siskin`, absolute, as the project names it.
fn checkout(runtime: &Path) -> Result<String, Failure> {
    let manifest = fs::read_to_string(runtime.join("Cargo.toml")).unwrap_or_default();
    if !manifest.lines().any(|line| line.trim() == "name = \"siskin\"") {
        let shown = runtime.display();
        return Err(
            format!("--siskin {shown}: the crate siskin is not there: name the folder runtime of a checkout").into()
        );
    }
    let path = std::path::absolute(runtime).map_err(|e| format!("--siskin {}: {e}", runtime.display()))?;
    let path = path.into_os_string().into_string();
    Ok(path.map_err(|path| format!("--siskin {}: the path is no Unicode", path.display()))?)
}

/// Refuses a place where something is already.
fn free(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|entries| entries.count()) {
        Ok(1..) => Err(format!("{shown}: the folder is not empty: remove it, or name another one with -o").into()),
        Err(_) if fs::symlink_metadata(folder).is_ok() => {
            Err(format!("{shown}: is there and no folder: remove it, or name another one with -o").into())
        }
        _ => Ok(()),
    }
}

/// Writes all files, or nothing.
fn write(folder: &Path, files: &Files) -> std::io::Result<()> {
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let whole = Temporary::folder(beside)?;
    for (name, bytes) in files {
        let path: PathBuf = whole.path().join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, bytes)?;
    }
    // Only an empty folder can be removed, and not every system renames onto one.
    if folder.is_dir() {
        fs::remove_dir(folder)?;
    }
    whole.keep(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_templates() {
        assert_eq!(fill("a@b@ @c@ d@e.f @", &[("b", "@c@"), ("c", "1")]), b"a@c@ 1 d@e.f @");
    }

    #[test]
    fn any_file_name_becomes_an_identifier() {
        for (path, wanted) in [("x/KWS-1.siskin", "kws_1"), ("2.siskin", "model_2"), ("ä b.siskin", "model___b")] {
            assert_eq!(name(Path::new(path)), wanted);
        }
    }
}
