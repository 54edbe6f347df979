//! `siskin verify`: everything that a device would check, and the digest.

use crate::Failure;
use crate::args::{Args, Verify};
use crate::model::read;
use crate::output::print;
use serde_json::json;
use siskin_compiler::run::{Loaded, content_digest};

pub(crate) fn verify(args: &Args, a: &Verify) -> Result<(), Failure> {
    let name = a.model.display();
    let bytes = read(&a.model)?;
    let mut loaded = Loaded::new(&bytes).map_err(|e| format!("{name}: {e}"))?;
    let stored = loaded.model()?.artifact().header().digest;
    if content_digest(&bytes) != stored {
        return Err(
            format!("{name}: the digest differs from the content: the file was altered after it was written").into()
        );
    }
    let test = loaded.session()?.self_test().map_err(|e| format!("{name}: {e}"))?;
    let digest: String = stored.iter().map(|b| format!("{b:02x}")).collect();
    let object = json!({ "ok": true, "digest": digest, "goldens": test.vectors, "file_bytes": bytes.len() });
    print(args.json, &object, &format!("{name}: whole, {} golden vectors pass, digest {digest}\n", test.vectors))
}
