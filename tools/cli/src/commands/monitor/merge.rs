//! `siskin monitor merge`: the reports of a fleet as one.

use crate::Failure;
use crate::args::{Args, Merge};
use crate::model::read;
use crate::output::{count, print};
use serde_json::json;
use siskin::format::Totals;
use siskin_compiler::data::atomic;

pub(crate) fn merge(args: &Args, a: &Merge) -> Result<(), Failure> {
    let mut sum: Option<Vec<u8>> = None;
    for path in &a.reports {
        let bytes = read(path)?;
        let file = path.display();
        let next = Totals::new_checked(&bytes).map_err(|e| format!("{file}: {e}"))?;
        sum = Some(match sum {
            None => bytes.clone(),
            Some(so_far) => {
                let mut out = vec![0; so_far.len().max(bytes.len())];
                let len = Totals::new_checked(&so_far)
                    .and_then(|t| t.merge(&next, &mut out))
                    .map_err(|e| format!("{file}: {e}"))?;
                out.truncate(len);
                out
            }
        });
    }
    let sum = sum.unwrap_or_default();
    let head = Totals::new_checked(&sum)?.head();
    atomic::write(&a.output, |w| w.write_all(&sum))?;
    let object =
        json!({ "reports": a.reports.len(), "devices": head.devices, "n": head.seen, "alarmed": head.alarmed });
    let text = format!(
        "wrote {}: {} devices, {} inferences, {} with an alarm\n",
        a.output.display(),
        head.devices,
        count(head.seen),
        head.alarmed
    );
    print(args.json, &object, &text)
}
