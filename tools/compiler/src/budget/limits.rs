//! What a user can spend: `flash=40KB, arena=64KB, drop=1.0`.

use core::fmt;

/// Limits that an artifact must keep; at least one is given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes of the file as it is stored.
    pub flash: Option<u64>,
    /// Bytes of arena.
    pub arena: Option<u64>,
    /// Points of the metric that the artifact may be below the float model; see [`super::Judge`].
    pub drop: Option<f64>,
}

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// [`Limits::flash`].
    Flash,
    /// [`Limits::arena`].
    Arena,
    /// [`Limits::drop`].
    Drop,
}

impl Constraint {
    /// The word of `--budget`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Constraint::Flash => "flash",
            Constraint::Arena => "arena",
            Constraint::Drop => "drop",
        }
    }
}

impl core::str::FromStr for Limits {
    type Err = String;

    fn from_str(s: &str) -> Result<Limits, String> {
        let mut limits = Limits::default();
        for word in s.split(',').map(str::trim).filter(|w| !w.is_empty()) {
            limits.set(word)?;
        }
        if limits == Limits::default() {
            return Err("no limit is given: flash=40KB, arena=64KB, drop=1.0, or some of them".into());
        }
        Ok(limits)
    }
}

impl Limits {
    fn set(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once('=').map_or((word, ""), |(n, v)| (n.trim(), v.trim()));
        let fail = |what: &str| format!("'{word}': {what}");
        let again = match name {
            "flash" => self.flash.replace(bytes(value).map_err(|e| fail(&e))?).is_some(),
            "arena" => self.arena.replace(bytes(value).map_err(|e| fail(&e))?).is_some(),
            "drop" => {
                let points = value.parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0);
                self.drop.replace(points.ok_or_else(|| fail("points of the metric expected, 0 or more"))?).is_some()
            }
            _ => return Err(fail("flash=BYTES, arena=BYTES or drop=POINTS expected")),
        };
        if again { Err(fail("given twice")) } else { Ok(()) }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |name: &str, n: Option<u64>| n.map(|n| format!("{name}={n}B"));
        let drop = self.drop.map(|d| format!("drop={d}"));
        let words = [bytes("flash", self.flash), bytes("arena", self.arena), drop];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// A number of bytes: `40KB` and `40KiB` are 40 · 1024, as linkers have it, `40kB` is 40,000; `MB`, `MiB`, `B` or nothing.
fn bytes(s: &str) -> Result<u64, String> {
    let expected = "a number of bytes above 0 expected, such as 40KB (of 1024), 40kB (of 1000), 1.5MB or 40960";
    let at = s.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(s.len());
    let (number, unit) = (s[..at].trim(), &s[at..]);
    let unit = match unit {
        "" | "B" => 1.0,
        "kB" => 1000.0,
        "KB" | "KiB" | "K" => 1024.0,
        "MB" | "MiB" | "M" => 1024.0 * 1024.0,
        _ => return Err(format!("no unit '{unit}': {expected}")),
    };
    let n = number.parse().ok().map(|n: f64| n * unit);
    n.filter(|n| (1.0..1e15).contains(n)).map(|n| n as u64).ok_or_else(|| expected.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn words_and_units() {
        let limits: Limits = "flash=40KB, arena = 1.5MB,drop=1.0".parse().unwrap();
        assert_eq!(limits, Limits { flash: Some(40_960), arena: Some(1_572_864), drop: Some(1.0) });
        assert_eq!(limits.to_string(), "flash=40960B, arena=1572864B, drop=1");
        let flash = |s: &str| format!("flash={s}").parse::<Limits>().map(|l| l.flash.unwrap());
        assert_eq!([flash("40kB"), flash("40KiB"), flash("7"), flash("7B")], [Ok(40_000), Ok(40_960), Ok(7), Ok(7)]);
        assert_eq!("drop=0".parse::<Limits>().unwrap().drop, Some(0.0));
    }

    #[test]
    fn what_is_no_limit_is_refused_by_name() {
        for (words, part) in [
            ("", "no limit"),
            (" , ", "no limit"),
            ("flash", "above 0"),
            ("flash=0", "above 0"),
            ("flash=-4KB", "above 0"),
            ("flash=nanKB", "above 0"),
            ("arena=4GB", "'GB'"),
            ("drop=-1", "0 or more"),
            ("drop=inf", "0 or more"),
            ("speed=3", "'speed=3'"),
            ("flash=1KB,flash=2KB", "twice"),
        ] {
            let error = words.parse::<Limits>().unwrap_err();
            assert!(error.contains(part), "{words}: {error}");
        }
    }
}
