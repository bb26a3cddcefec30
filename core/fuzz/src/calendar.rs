//! Days since 1970 by counting whole years and months, which shares nothing with the core's arithmetic.

pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn length(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Unix milliseconds of a moment that exists; second 60 only at 23:59.
pub fn unix(year: u64, month: u64, day: u64, hour: u64, minute: u64, second: u64) -> Option<u64> {
    let exists = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=length(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && (second < 60 || (hour, minute, second) == (23, 59, 60));
    if !exists {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).map(|month| length(year, month)).sum();
    Some((((years + months + day - 1) * 24 + hour) * 60 + minute) * 60_000 + second * 1_000)
}

/// Digits as a number, and nothing else.
pub fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.len() < 12 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap())
}
