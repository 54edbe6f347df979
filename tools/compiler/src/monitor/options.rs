//! What a user decides about a monitor: `arl=100000,coverage=0.9`.

use siskin::format::MonitorRecord;

/// When not to answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Abstain {
    /// Below this confidence; 0 never does.
    Below(f32),
    /// So that this share of inputs like the reference is answered.
    Answer(f32),
}

/// What a user decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Mean inferences between false alarms.
    pub arl: u32,
    /// The probability that a prediction set holds the right class.
    pub coverage: f32,
    /// When not to answer.
    pub abstain: Abstain,
    /// What weighs the evidence: [`MonitorRecord::E_DETECTOR`] or another.
    pub detector: u16,
    /// Looks of a window, for detectors on windows.
    pub window: u32,
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
            abstain: Abstain::Below(0.0),
            detector: MonitorRecord::E_DETECTOR,
            window: 500,
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

/// Detectors by name.
pub const DETECTORS: [(&str, u16); 6] = [
    ("e-detector", MonitorRecord::E_DETECTOR),
    ("cusum", MonitorRecord::CUSUM),
    ("psi", MonitorRecord::PSI),
    ("chi-square", MonitorRecord::CHI_SQUARE),
    ("ks", MonitorRecord::KS),
    ("wasserstein", MonitorRecord::WASSERSTEIN),
];

/// How many abstentions an error costs.
fn cost(value: &str) -> Option<f32> {
    value.parse().ok().filter(|&c: &f32| c > 1.0 && c.is_finite())
}

impl Options {
    /// Whether as little is to be watched as possible.
    pub(super) const fn is_minimal(&self) -> bool {
        self.parts == 0
    }

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
            "abstain" => self.abstain = Abstain::Below(share()?),
            "answer" => self.abstain = Abstain::Answer(share()?),
            // An answer is worth its risk while the chance of an error times its cost is less than that of none.
            "cost" => {
                self.abstain = Abstain::Below(1.0 - 1.0 / cost(value).ok_or_else(|| fail("more than 1 expected"))?)
            }
            "detector" => {
                let known = DETECTORS.iter().find(|(name, _)| *name == value);
                let names = DETECTORS.map(|(name, _)| name).join(", ");
                self.detector = known.ok_or_else(|| fail(&format!("one of {names} expected")))?.1;
            }
            "window" => self.window = whole(20, MonitorRecord::LONGEST)?,
            // Histograms and the detectors of shifts alone, of the input, the class and its confidence.
            "minimal" if value.is_empty() => self.parts = 0,
            _ => {
                let names =
                    "arl=N, coverage=P, abstain=P, answer=P, cost=C, detector=NAME, window=N, stride=N, minimal";
                return Err(fail(&format!("one of {names} expected")));
            }
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
        let options: Options = "cost=4,detector=psi,window=100".parse().unwrap_or_default();
        let wanted = (Abstain::Below(0.75), MonitorRecord::PSI, 100);
        assert_eq!((options.abstain, options.detector, options.window), wanted);
        for wrong in
            ["arl=1", "arl", "coverage=2", "nothing=1", "minimal=1", "cost=1", "cost=inf", "detector=x", "window=5"]
        {
            let error = wrong.parse::<Options>();
            assert!(error.is_err_and(|e| e.starts_with(wrong)), "{wrong}");
        }
    }
}
