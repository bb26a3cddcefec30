//! The numbers of rate limit headers and `Retry-After`, beside a reader that moves digits about as text.

use crate::feed::Feed;
use unruffled_core::config::Gauge;
use unruffled_core::defaults::MAX_NOW;
use unruffled_core::headers::{self, Hints, Limits, date};

/// Nothing is longer than this, whatever the digits say.
const ALL: u128 = 1 << 120;

pub fn target(data: &[u8]) {
    let mut feed = Feed(data);
    let wall = feed.of(&[0, 1, 784_111_777_000, 1_704_067_200_000, 9_000_000_000_000]);
    let Ok(text) = std::str::from_utf8(feed.rest()) else { return };
    let text = text.trim_ascii();
    if text.contains('\n') {
        return;
    }
    let named =
        |milliseconds| Gauge::Named { remaining: "a".into(), limit: None, reset: Some("b".into()), milliseconds };
    let read = |milliseconds, lines: &str| {
        headers::read(&named(milliseconds), "x", None, Limits::One, &Hints::new(lines.as_bytes()), wall)
    };
    let remaining = read(false, &format!("a: {text}\n")).map(|reading| reading.remaining);
    let before = text.split(';').next().unwrap_or_default();
    assert_eq!(remaining, scaled(before, 6).map(fits), "{text:?}");
    let reset = |milliseconds| read(milliseconds, &format!("a: 1\nb: {text}\n")).and_then(|reading| reading.reset);
    let longest = |wait: u128| wait.min(u128::from(MAX_NOW)) as u64;
    assert_eq!(reset(true), scaled(text, 0).map(longest), "{text:?}");
    assert!(near(reset(false), plain_reset(text, wall)), "{text:?} at {wall}: {:?}", reset(false));
    // Retry-After: seconds, or a date.
    for name in ["retry-after", "x-ratelimit-retry-after"] {
        let wait = headers::server_time(&Hints::new(format!("{name}: {text}\n").as_bytes()), wall);
        let dated = || date::http_date(text, wall).map(|time| u128::from(time.saturating_sub(wall)));
        let expected = scaled(text, 3).or_else(dated).filter(|wait| *wait > 0);
        assert_eq!(wait, expected.map(longest), "{text:?} at {wall}");
    }
    let wait = headers::server_time(&Hints::new(format!("retry-after-ms: {text}\n").as_bytes()), wall);
    let expected = scaled(text, 0).filter(|wait| *wait > 0);
    assert_eq!(wait, expected.map(longest), "{text:?}");
}

fn fits(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// `12` or `12.5` times 10^`places`, rounded up, at most [`ALL`].
fn scaled(text: &str, places: usize) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain(whole) && plain(fraction)).then_some(())?;
    let padded = format!("{fraction:0<places$}");
    let (kept, rest) = padded.split_at(places);
    let digits = format!("{whole}{kept}");
    let digits = digits.trim_start_matches('0');
    let number = if digits.len() > 36 { ALL } else { format!("0{digits}").parse().unwrap() };
    Some(number + u128::from(rest.bytes().any(|byte| byte != b'0')))
}

/// The least and the most that a reset may be read as, since fine fractions of long units round up one by one.
fn plain_reset(text: &str, wall: u64) -> Option<(u128, u128)> {
    let exact = |wait: u128| (wait, wait);
    // Without a `Date` a point in time lies ahead, by a day and a second at most.
    let until = |time: u128| {
        let ahead = u128::from(wall) + 1..=u128::from(wall) + 86_401_000;
        ahead.contains(&time).then(|| exact(time - u128::from(wall)))
    };
    if let Some(wait) = scaled(text, 3) {
        return match wait {
            0..1_000_000_000_000 => Some(exact(wait)),
            1_000_000_000_000..1_000_000_000_000_000 => until(wait),
            _ => until(scaled(text, 0)?),
        };
    }
    if let Some(time) = date::rfc3339(text).or_else(|| date::http_date(text, wall)) {
        return until(u128::from(time));
    }
    duration(text)
}

/// `1h2m3.5s`: pairs of a number and a unit.
fn duration(text: &str) -> Option<(u128, u128)> {
    let (mut rest, mut nanoseconds, mut pairs) = (text, 0_u128, 0_u128);
    while !rest.is_empty() {
        let number = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let unit = rest[number..].find(|letter: char| letter.is_ascii_digit()).map_or(rest.len(), |end| number + end);
        let size = match &rest[number..unit] {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        // In units of 10^-18, rounded up once.
        let fine = scaled(&rest[..number], 12)?;
        nanoseconds = nanoseconds.saturating_add(fine.saturating_mul(size).div_ceil(1_000_000_000_000));
        pairs += 1;
        rest = &rest[unit..];
    }
    let least = nanoseconds.div_ceil(1_000_000);
    (pairs > 0).then_some((least, least.saturating_add(4 * pairs)))
}

fn near(found: Option<u64>, expected: Option<(u128, u128)>) -> bool {
    match (found, expected) {
        (None, None) => true,
        (Some(found), Some((least, most))) => {
            let cap = |wait: u128| wait.min(u128::from(MAX_NOW)) as u64;
            (cap(least)..=cap(most)).contains(&found)
        }
        _ => false,
    }
}
