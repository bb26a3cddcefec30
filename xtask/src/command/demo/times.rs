//! How long calls took, and the text of a time.

use serde_json::Value;
use unruffled_quantile::quantile;

/// A call that has ended, in ms on its client's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub start: u64,
    pub took: u64,
    pub succeeded: bool,
}

impl Call {
    /// Reads a demo program's `[start, end, 1 or 0, "read" or "write"]`.
    pub fn read(value: &Value) -> Option<Self> {
        let (start, end) = (millis(&value[0])?, millis(&value[1])?);
        Some(Self { start, took: end.saturating_sub(start), succeeded: value[2] == 1 })
    }
}

/// Reads the whole milliseconds of a time that may have a fraction.
pub fn millis(value: &Value) -> Option<u64> {
    value.as_f64().filter(|ms| *ms >= 0.0).map(|ms| ms as u64)
}

/// Quantiles of the times of some calls, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
}

impl Quantiles {
    /// Takes the quantiles of the calls that succeeded. There are none without such a call.
    pub fn of_successes<'a>(calls: impl Iterator<Item = &'a Call>) -> Option<Self> {
        let times = sorted(calls.filter(|call| call.succeeded));
        let time = |percent| quantile(&times, percent);
        Some(Self { p50: time(50)?, p90: time(90)?, p99: time(99)? })
    }
}

/// Takes the median time of some calls, ms.
pub fn median<'a>(calls: impl Iterator<Item = &'a Call>) -> Option<u64> {
    quantile(&sorted(calls), 50)
}

/// Writes a time with its unit: `23 ms`, `1.04 s`, `12.4 s`.
pub fn text(ms: u64) -> String {
    let seconds = ms as f64 / 1000.0;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..9995 => format!("{seconds:.2} s"),
        _ => format!("{seconds:.1} s"),
    }
}

fn sorted<'a>(calls: impl Iterator<Item = &'a Call>) -> Vec<u64> {
    let mut times: Vec<u64> = calls.map(|call| call.took).collect();
    times.sort_unstable();
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(start: u64, took: u64, succeeded: bool) -> Call {
        Call { start, took, succeeded }
    }

    #[test]
    fn a_call_is_read_from_the_line_of_a_program() {
        assert_eq!(Call::read(&json!([100.4, 130.9, 1, "read"])), Some(call(100, 30, true)));
        assert_eq!(Call::read(&json!([100, 90, 0, "write"])), Some(call(100, 0, false)));
        assert_eq!(Call::read(&json!([100])), None);
    }

    #[test]
    fn quantiles_are_those_of_the_successes_and_the_median_that_of_all() {
        let calls = [call(0, 20, true), call(0, 20, true), call(0, 5_000, true), call(0, 1, false)];
        assert_eq!(Quantiles::of_successes(calls.iter()), Some(Quantiles { p50: 20, p90: 5_000, p99: 5_000 }));
        assert_eq!(Quantiles::of_successes(calls[3..].iter()), None);
        assert_eq!((median(calls.iter()), median([].iter())), (Some(20), None));
    }

    #[test]
    fn a_time_has_a_unit() {
        let texts = [0, 999, 1_000, 1_044, 9_994, 9_995, 12_400].map(text);
        assert_eq!(texts, ["0 ms", "999 ms", "1.00 s", "1.04 s", "9.99 s", "10.0 s", "12.4 s"]);
    }
}
