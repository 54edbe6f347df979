//! `siskin pack` and `siskin unpack`: an artifact in fewer bytes, and back.

use super::inspect::ledger_object;
use crate::Failure;
use crate::args::{Args, Convert};
use crate::model::{read, read_stored};
use crate::output::{count, print, table};
use serde_json::json;
use siskin::format::unpacked_len;
use siskin_compiler::data::atomic;
use siskin_compiler::ledger::{Entry, ledger};
use siskin_compiler::packing;
use siskin_compiler::run::Loaded;

pub(crate) fn pack(args: &Args, a: &Convert) -> Result<(), Failure> {
    let (name, file) = (a.model.display(), read(&a.model)?);
    let packed = packing::pack(&file).map_err(|e| format!("{name}: {e}"))?;
    let before = ledger(&file, &Loaded::new(&file)?.model()?);
    atomic::write(&a.output, |w| w.write_all(&packed.file))?;
    let output = a.output.display().to_string();
    let object = json!({
        "output": output, "file_bytes": packed.file.len(), "unpacked_bytes": file.len(),
        "ledger": ledger_object(&packed.ledger),
    });
    let text = both(&before, &packed.ledger) + &format!("wrote {output}, {} bytes\n", count(packed.file.len() as u64));
    print(args.json, &object, &text)
}

pub(crate) fn unpack(args: &Args, a: &Convert) -> Result<(), Failure> {
    let (name, stored) = (a.model.display(), read_stored(&a.model)?);
    if unpacked_len(&stored).is_err() {
        return Err(format!("{name}: not a packed artifact: `siskin pack` makes one").into());
    }
    let file = read(&a.model)?;
    // Whoever unpacks wants to know now whether it is whole.
    Loaded::new(&file).map_err(|e| format!("{name}: {e}"))?;
    atomic::write(&a.output, |w| w.write_all(&file))?;
    let output = a.output.display().to_string();
    let object = json!({ "output": output, "file_bytes": file.len(), "packed_bytes": stored.len() });
    print(args.json, &object, &format!("wrote {output}, {} bytes\n", count(file.len() as u64)))
}

/// Bytes of each part before and after.
fn both(before: &[Entry], after: &[Entry]) -> String {
    let mut rows = vec![["part of the file", "bytes", "packed"].map(String::from).to_vec()];
    let bytes = |entries: &[Entry], name: &str| entries.iter().find(|e| e.name == name).map_or(0, |e| e.bytes);
    let only = after.iter().filter(|e| !before.iter().any(|b| b.name == e.name));
    for e in before.iter().chain(only) {
        rows.push(vec![e.name.clone(), count(bytes(before, &e.name)), count(bytes(after, &e.name))]);
    }
    table(&rows)
}
