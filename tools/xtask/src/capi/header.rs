//! `include/siskin.h`: cbindgen over the sources, then the operators that the library exports.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::DIR;
use crate::shell;

/// The sources in the order in which the header shows them.
const SOURCES: [&str; 4] = ["status.rs", "ops.rs", "session.rs", "port.rs"];

fn path() -> PathBuf {
    shell::root().join(DIR).join("include/siskin.h")
}

/// Writes the header if it differs, or refuses to.
pub(super) fn renew(operators: &[String], check: bool) -> Result<()> {
    let wanted = generate(operators)?;
    if fs::read_to_string(path()).is_ok_and(|found| found == wanted) {
        println!("{DIR}/include/siskin.h is fresh, with {} operators", operators.len());
        return Ok(());
    }
    ensure!(!check, "{DIR}/include/siskin.h is stale: run `cargo xtask capi --header`");
    fs::create_dir_all(path().parent().unwrap_or(Path::new(".")))?;
    fs::write(path(), wanted).context("cannot write the header")?;
    println!("renewed {DIR}/include/siskin.h, with {} operators", operators.len());
    Ok(())
}

fn generate(operators: &[String]) -> Result<String> {
    let dir = shell::root().join(DIR);
    let config = cbindgen::Config::from_file(dir.join("cbindgen.toml"));
    let config = config.map_err(|error| anyhow::anyhow!("{DIR}/cbindgen.toml: {error}"))?;
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(dir.join("src").join(source));
    }
    let mut bytes = Vec::new();
    builder.generate().with_context(|| format!("cbindgen refuses {DIR}/src"))?.write(&mut bytes);
    let text = String::from_utf8(bytes).context("cbindgen wrote no UTF-8")?;
    insert(&text.replace(" * # Safety\n", " * The caller's promise:\n"), operators)
}

/// Puts the operators before the end of the C++ block.
fn insert(header: &str, operators: &[String]) -> Result<String> {
    let Some(end) = header.rfind("#ifdef __cplusplus\n}") else {
        bail!("cbindgen closed no C++ block: is cpp_compat off?");
    };
    let (before, after) = header.split_at(end);
    let lines: String = operators.iter().map(|name| format!("extern const siskin_op {name};\n")).collect();
    Ok(format!("{before}/* Every operator of this library. */\n{lines}\n{after}"))
}

/// The functions that the header declares.
pub(super) fn functions() -> Result<Vec<String>> {
    let text = fs::read_to_string(path()).context("there is no siskin.h")?;
    let found = functions_in(&text);
    ensure!(found.len() > 10, "siskin.h declares only {} functions", found.len());
    Ok(found)
}

fn functions_in(header: &str) -> Vec<String> {
    let names = header.match_indices('(').filter_map(|(at, _)| {
        let before = &header[..at];
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')? + 1;
        let line = &before[before.rfind('\n')? + 1..start];
        // Comments mention functions too.
        let declares = !line.trim_start().starts_with('*') && !line.starts_with(['#', '/']);
        (declares && before[start..].starts_with("siskin_")).then(|| before[start..].to_string())
    });
    names.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const HEADER: &str = "/**\n * See siskin_no(x).\n */\nsiskin_status siskin_run(siskin_session *session);\n\
        const char *siskin_version(void);\n\n#ifdef __cplusplus\n}  // extern \"C\"\n#endif\n\n#endif\n";

    #[test]
    fn operators_stand_in_the_block_that_is_c_to_cpp() {
        let text = insert(HEADER, &["siskin_op_Add".to_string()]).unwrap();
        let (op, end) = (text.find("siskin_op siskin_op_Add;\n").unwrap(), text.find("}  //").unwrap());
        assert!(op < end);
        assert!(insert("int x;\n", &[]).is_err());
    }

    #[test]
    fn declarations_are_found_and_comments_are_not() {
        assert_eq!(functions_in(HEADER), ["siskin_run", "siskin_version"]);
    }
}
