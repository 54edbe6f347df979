//! `siskin label-queue`: which samples of a pool to label next.

use crate::Failure;
use crate::args::{Args, ImportArgs, LabelBy, LabelQueue};
use crate::model::{dataset, open};
use crate::output::{count, print};
use crate::progress::Bar;
use core::fmt::Write;
use serde_json::json;
use siskin_compiler::data::atomic;
use siskin_compiler::label_queue::{Asked, By, choose};

pub(crate) fn label_queue(args: &Args, a: &LabelQueue) -> Result<(), Failure> {
    atomic::check(&a.output)?;
    let mut model = open(&a.model, &ImportArgs::default())?;
    let mut second = a.second.as_ref().map(|path| open(path, &ImportArgs::default())).transpose()?;
    let pool = dataset(&a.data, &model, &a.input, false)?;
    let by = match a.by.unwrap_or(if second.is_some() { LabelBy::Disagreement } else { LabelBy::Margin }) {
        LabelBy::Margin => By::Margin,
        LabelBy::Entropy => By::Entropy,
        LabelBy::Disagreement => By::Disagreement,
        LabelBy::Random => By::Random(a.seed),
    };
    let other = second.as_mut().map(|s| &mut s.loaded);
    let chosen = choose(&mut model.loaded, other, &pool, a.budget as usize, by, &mut Bar::new(args.quiet))?;
    let text = csv(&chosen);
    atomic::write(&a.output, |w| w.write_all(text.as_bytes()))?;
    let path = a.output.display();
    let mean = |of: fn(&Asked) -> f64| chosen.iter().map(of).sum::<f64>() / chosen.len() as f64;
    let (confidence, margin) = (mean(|c| c.opinion.confidence), mean(|c| c.opinion.margin));
    let object = json!({
        "n": pool.len(), "budget": chosen.len(), "output": path.to_string(), "confidence": confidence, "margin": margin,
        "indices": chosen.iter().map(|c| c.index).collect::<Vec<_>>(),
    });
    let text = format!(
        "{} of {} samples, mean confidence {confidence:.3}, mean margin {margin:.3}\nwrote {path}\n",
        count(chosen.len() as u64),
        count(pool.len() as u64)
    );
    print(args.json, &object, &text)
}

fn csv(chosen: &[Asked]) -> String {
    let groups = chosen.iter().any(|c| c.group.is_some());
    let second = chosen.iter().any(|c| c.second.is_some());
    let mut out = format!(
        "rank,index{},class,confidence,margin{}\n",
        if groups { ",group" } else { "" },
        if second { ",second_class" } else { "" }
    );
    for (rank, c) in (1..).zip(chosen) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{rank},{}", c.index);
        if groups {
            let _ = write!(out, ",{}", c.group.map_or(String::new(), |g| g.to_string()));
        }
        let _ = write!(out, ",{},{:.6},{:.6}", c.opinion.class, c.opinion.confidence, c.opinion.margin);
        if let Some(class) = c.second {
            let _ = write!(out, ",{class}");
        }
        out.push('\n');
    }
    out
}
