//! HTTP dates beside the crate `httpdate`, RFC 3339 beside a reader that cuts the text at fixed places.

use crate::calendar::{MONTHS, digits, unix};
use httpdate::HttpDate;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use unruffled_core::headers::date::{http_date, rfc3339};

const SHORT: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const LONG: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const FIFTY_YEARS: u64 = 50 * 31_556_952_000;

/// The first eight bytes are the wall clock (kept below the year 10,000 or left as they are), the rest is the text.
pub fn target(data: &[u8]) {
    let Some((wall, rest)) = data.split_first_chunk::<8>() else { return };
    let wall = u64::from_le_bytes(*wall);
    let wall = if wall & 1 == 0 { wall % 253_402_300_800_000 } else { wall };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let found = http_date(text, wall);
    assert_eq!(found, plain(text, wall), "{text:?} at {wall}");
    beside_httpdate(text, found);
    assert_eq!(rfc3339(text), plain_rfc3339(text), "{text:?}");
}

/// What `httpdate` reads, we read as the same; what we read of the two forms with a whole year, it reads once the weekday
/// is right (it insists on that) and there is no leap second (it knows none).
fn beside_httpdate(text: &str, found: Option<u64>) {
    let two_digits = text.contains("day, ");
    if let Ok(date) = text.parse::<HttpDate>()
        && text.trim() == text
        && !two_digits
    {
        let time = SystemTime::from(date).duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        assert_eq!(found, Some(time), "{text:?}");
    }
    if let Some(time) = found
        && !two_digits
        && !text.contains(":60")
    {
        let right = SHORT[(time / 86_400_000 % 7) as usize];
        let text = format!("{right}{}", &text[3..]);
        let date = text.parse::<HttpDate>().unwrap_or_else(|_| panic!("{text:?}"));
        assert_eq!(SystemTime::from(date), UNIX_EPOCH + Duration::from_millis(time), "{text:?}");
    }
}

/// The three forms of RFC 9110 section 5.6.7, by cutting at fixed places.
fn plain(text: &str, wall: u64) -> Option<u64> {
    let month = |name: &str| MONTHS.iter().position(|month| *month == name).map(|place| place as u64 + 1);
    let clock = |text: &str| {
        let fields: Vec<&str> = text.split(':').collect();
        let [hour, minute, second] = fields[..] else { return None };
        let two = |text: &str| (text.len() == 2).then(|| digits(text)).flatten();
        Some((two(hour)?, two(minute)?, two(second)?))
    };
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        [weekday, day, name, year, time, "GMT"] if day.len() == 2 && year.len() == 4 => {
            let weekday = weekday.strip_suffix(',')?;
            let (hour, minute, second) = clock(time)?;
            SHORT.contains(&weekday).then_some(())?;
            unix(digits(year)?, month(name)?, digits(day)?, hour, minute, second)
        }
        [weekday, name, "", day, time, year] if day.len() == 1 && year.len() == 4 => {
            let (hour, minute, second) = clock(time)?;
            SHORT.contains(&weekday).then_some(())?;
            unix(digits(year)?, month(name)?, digits(day)?, hour, minute, second)
        }
        [weekday, name, day, time, year] if day.len() == 2 && year.len() == 4 => {
            let (hour, minute, second) = clock(time)?;
            SHORT.contains(&weekday).then_some(())?;
            unix(digits(year)?, month(name)?, digits(day)?, hour, minute, second)
        }
        [weekday, date, time, "GMT"] => {
            let fields: Vec<&str> = date.split('-').collect();
            let [day, name, year] = fields[..] else { return None };
            LONG.contains(&weekday.strip_suffix(',')?).then_some(())?;
            (day.len() == 2 && year.len() == 2).then_some(())?;
            let (hour, minute, second) = clock(time)?;
            let (day, month, year) = (digits(day)?, month(name)?, digits(year)?);
            let all = (1900..10_000)
                .step_by(100)
                .filter_map(|century| unix(century + year, month, day, hour, minute, second));
            all.filter(|time| *time <= wall.saturating_add(FIFTY_YEARS)).max()
        }
        _ => None,
    }
}

/// RFC 3339 section 5.6, where the seconds may be missing.
fn plain_rfc3339(text: &str) -> Option<u64> {
    let upper = text.to_ascii_uppercase();
    let (date, time) = upper.split_once('T')?;
    let fields: Vec<&str> = date.split('-').collect();
    let [year, month, day] = fields[..] else { return None };
    let lengths = (year.len(), month.len(), day.len()) == (4, 2, 2);
    let two = |text: &str| (text.len() == 2).then(|| digits(text)).flatten();
    let (clock, offset) = match time.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let place = time.rfind(['+', '-'])?;
            let (hour, minute) = time[place + 1..].split_once(':')?;
            let (hour, minute) = (two(hour)?, two(minute)?);
            (hour < 24 && minute < 60).then_some(())?;
            let offset = (hour * 60 + minute) as i64 * 60_000;
            (&time[..place], if time[place..].starts_with('+') { -offset } else { offset })
        }
    };
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => {
            let fine = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) && clock.len() == 8;
            fine.then_some(())?;
            let first: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
            let more = fraction.bytes().skip(3).any(|byte| byte != b'0');
            (clock, first + u64::from(more))
        }
        None => (clock, 0),
    };
    let fields: Vec<&str> = clock.split(':').collect();
    let (hour, minute, second) = match fields[..] {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    lengths.then_some(())?;
    let time = unix(digits(year)?, digits(month)?, digits(day)?, two(hour)?, two(minute)?, two(second)?)?;
    u64::try_from((time + fraction) as i64 + offset).ok()
}
