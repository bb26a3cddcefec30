//! Durations, sizes and shares: whatever a policy may say, in every way of writing it, is read as the number it is; and
//! what the core writes of it is read back as the same.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]

use serde_json::Value;
use unruffled_core::Engine;
use unruffled_core::config::{self, Config, Reading};

/// SplitMix64 with a fixed seed.
struct Dice(u64);

impl Dice {
    fn upto(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % (most + 1)
    }
}

const DAY: u64 = 86_400_000;

fn read(policy: &str) -> Option<Config> {
    config::read(policy, Reading::Strict).ok()
}

/// Every way to write an amount that is a whole number of a unit, and the bare number.
fn spellings(amount: u64, units: &[(&str, u64)]) -> Vec<String> {
    let whole = units.iter().filter(|(_, size)| amount.is_multiple_of(*size));
    let mut all: Vec<String> = whole.map(|(unit, size)| format!("\"{}{unit}\"", amount / size)).collect();
    all.extend([format!("{amount}"), format!("{amount}.0"), format!("{amount}00e-2"), format!("0.{amount:020}e20")]);
    all
}

const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Times around every edge of the range and of the units, and random ones.
fn times() -> Vec<u64> {
    let mut dice = Dice(1);
    let edges = [0, 50, 1_000, 60_000, 3_600_000, DAY, 1 << 32, 1 << 53];
    let mut all: Vec<u64> = edges.iter().flat_map(|edge| edge.saturating_sub(2)..=edge + 2).collect();
    for (_, size) in TIMES {
        all.extend((0..300).map(|_| dice.upto(DAY / size + 2) * size));
    }
    all
}

#[test]
fn a_time_is_the_same_in_every_spelling_and_bounded_in_each() {
    for time in times() {
        for text in spellings(time, &TIMES) {
            let read =
                read(&format!(r#"{{"timeouts":{{"total":{text}}}}}"#)).map(|config| config.settings.timeouts.total);
            assert_eq!(read, Some(time).filter(|time| (50..=DAY).contains(time)), "{text}");
        }
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in
        ["", "s", "5", "5 s", " 5s", "5s ", "5S", "5sec", "-5s", "+5s", "5.5s", "5e3ms", "1h30m", "5d", "٥s", "0x5s"]
    {
        assert!(read(&format!(r#"{{"timeouts":{{"total":"{text}"}}}}"#)).is_none(), "{text}");
    }
    for number in ["-60000", "60000.5", "6e-1", "1e400", "true", "null", "[60000]"] {
        let total =
            read(&format!(r#"{{"timeouts":{{"total":{number}}}}}"#)).map(|config| config.settings.timeouts.total);
        assert_eq!(total, (number == "null").then_some(60_000), "{number}");
    }
}

#[test]
fn a_size_is_the_same_in_every_spelling_and_bounded_in_each() {
    let mut dice = Dice(2);
    let mut sizes: Vec<u64> = [1 << 10, 1 << 20, 1 << 30].iter().flat_map(|edge| edge - 2..=edge + 2).collect();
    for (_, unit) in SIZES {
        sizes.extend((0..200).map(|_| dice.upto((1 << 30) / unit + 1) * unit));
    }
    for size in sizes {
        for text in spellings(size, &SIZES) {
            let policy = format!(r#"{{"maxBody":{text}}}"#);
            let host = read(&policy).map(|config| serde_json::from_str::<Value>(&config.settings.host).unwrap());
            let expected = Some(size).filter(|size| (1 << 10..=1 << 30).contains(size));
            assert_eq!(host.map(|host| host["maxBody"].as_u64().unwrap()), expected, "{text}");
        }
    }
}

/// A share in millionths as a plain decimal, and with an exponent.
fn shares(millionths: u64) -> [String; 4] {
    let plain = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    let short = plain.trim_end_matches('0').trim_end_matches('.').to_owned();
    [short, plain, format!("{millionths}e-6"), format!("{}.{:03}E-003", millionths / 1_000, millionths % 1_000)]
}

#[test]
fn a_share_is_exact_to_the_sixth_decimal_in_every_spelling() {
    let mut dice = Dice(3);
    let mut all: Vec<u64> = (0..20).chain(999_990..1_000_003).chain([500_000, 333_333, 2_000_000]).collect();
    all.extend((0..2_000).map(|_| dice.upto(1_000_100)));
    for share in all {
        for text in shares(share) {
            let policy = format!(r#"{{"breaker":{{"failureRate":{text}}}}}"#);
            let rate = read(&policy).and_then(|config| config.settings.breaker).map(|breaker| breaker.failure_rate);
            assert_eq!(rate.map(u64::from), Some(share).filter(|share| (1..=1_000_000).contains(share)), "{text}");
        }
        // One decimal more is refused, unless it is a 0.
        for (digit, fits) in [("0", true), ("1", false), ("9", false)] {
            let policy = format!(r#"{{"retry":{{"budget":{{"perCall":{}{digit}}}}}}}"#, shares(share)[1]);
            let fits = fits && share <= 1_000_000;
            assert_eq!(read(&policy).map(|config| config.budget.per_call), fits.then_some(share), "{policy}");
        }
    }
}

/// A message about two times that do not fit each other shows the larger bound; that text is a time again.
#[test]
fn a_time_in_a_message_is_read_back_as_the_same() {
    for time in times().into_iter().filter(|time| (50..DAY).contains(time)) {
        let policy = format!(r#"{{"timeouts":{{"total":{time},"attempt":{}}}}}"#, DAY);
        let issues = config::read(&policy, Reading::Strict).unwrap_err();
        let text = &issues[0].text;
        let (_, shown) = text.split_once("longer than timeouts.total (").unwrap_or_else(|| panic!("{text}"));
        let (shown, _) = shown.split_once(')').unwrap();
        let again = read(&format!(r#"{{"timeouts":{{"total":"{shown}"}}}}"#)).unwrap();
        assert_eq!(again.settings.timeouts.total, time, "{text}");
    }
}

/// What an engine tells hosts of its settings is a JSON text with the same times.
#[test]
fn the_settings_tell_the_times_that_were_written() {
    let mut dice = Dice(4);
    for _ in 0..300 {
        let (connect, idle) = (dice.upto(DAY - 10) + 10, dice.upto(DAY - 10) + 10);
        let policy = format!(r#"{{"timeouts":{{"connect":{connect},"idle":"{idle}ms"}}}}"#);
        let engine = Engine::open(&policy, Reading::Strict).unwrap();
        let settings: Value = serde_json::from_str(&engine.settings()).unwrap();
        let text = settings.to_string();
        assert!(
            text.contains(&format!("\"connect\":{connect}")) && text.contains(&format!("\"idle\":{idle}")),
            "{text}"
        );
    }
}
