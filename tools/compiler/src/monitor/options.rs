//! What a user decides about a monitor: `arl=100000,coverage=0.9`.

use siskin::format::MonitorRecord;

/// What a user decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Mean inferences between false alarms.
    pub arl: u32,
    /// The probability that a prediction set holds the right class.
    pub coverage: f32,
    /// Abstain below this confidence; 0 never does.
    pub abstain: f32,
    /// Inferences from one look of the detectors to the next; found from the order of the reference if not given.
    pub stride: Option<u32>,
    /// What the memory holds beside histograms.
    pub parts: u16,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            arl: 100_000,
            coverage: 0.9,
            abstain: 0.0,
            stride: None,
            parts: MonitorRecord::ADAPT | MonitorRecord::MOMENTS | MonitorRecord::HEALTH,
        }
    }
}

impl core::str::FromStr for Options {
    type Err = String;

    fn from_str(s: &str) -> Result<Options, String> {
        let mut options = Options::default();
        for word in s.split(',').filter(|w| !w.is_empty()) {
            options.set(word)?;
        }
        Ok(options)
    }
}

impl Options {
    fn set(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let fail = |what: &str| format!("{word}: {what}");
        let whole = |least: u32, most: u32| {
            let n = value.parse().ok().filter(|n| (least..=most).contains(n));
            n.ok_or_else(|| fail(&format!("a whole number from {least} to {most} expected")))
        };
        let share = || {
            let v = value.parse().ok().filter(|v| (0.0..1.0).contains(v));
            v.ok_or_else(|| fail("a number from 0 to 1 expected"))
        };
        match name {
            "arl" => self.arl = whole(100, 1_000_000_000)?,
            "stride" => self.stride = Some(whole(1, 1_000_000)?),
            "coverage" => self.coverage = share()?,
            "abstain" => self.abstain = share()?,
            // Histograms and the detectors of shifts alone.
            "minimal" if value.is_empty() => self.parts = 0,
            _ => return Err(fail("one of arl=N, coverage=P, abstain=P, stride=N, minimal expected")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_set_options() {
        let options: Options = "arl=5000,coverage=0.95,minimal".parse().unwrap_or_default();
        assert_eq!(options, Options { arl: 5000, coverage: 0.95, parts: 0, ..Options::default() });
        for wrong in ["arl=1", "arl", "coverage=2", "nothing=1", "minimal=1"] {
            let error = wrong.parse::<Options>();
            assert!(error.is_err_and(|e| e.starts_with(wrong)), "{wrong}");
        }
    }
}
