//! Points in time as text: the three HTTP dates (RFC 9110 section 5.6.7) and RFC 3339. Strict in form, because a wait
//! read out of a broken date is worse than plain backoff. Knows nothing of the header that the text stood in.

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Days before the month in a year without a leap day.
const BEFORE: [u32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
/// 50 mean Gregorian years of 365.2425 days, in milliseconds.
const FIFTY_YEARS: u64 = 50 * 31_556_952_000;

/// Reads an HTTP date in any of its three forms: Unix milliseconds; `None` also before 1970.
///
/// Case-sensitive, GMT only. The weekday must be a weekday's name but need not be the right one: the other fields fix
/// the instant, and to drop the date would mean to come back earlier than asked. A two-digit year is the latest one
/// that is at most 50 years after `wall_ms`. Second 60 exists at 23:59 only and is the midnight after it.
#[must_use]
#[inline(never)]
pub fn http_date(text: &str, wall_ms: u64) -> Option<u64> {
    let Some((weekday, rest)) = text.split_once(", ") else { return asctime(text) };
    let rest = rest.strip_suffix(" GMT")?;
    if is_short_weekday(weekday) && rest.len() == 20 {
        // 06 Nov 1994 08:49:37
        let (day, month) = day_and_month(rest, " ")?;
        let year = number(rest.get(7..11)?)?;
        return unix(year, month, day, clock(rest.get(11..)?.strip_prefix(' ')?)?);
    }
    // 06-Nov-94 08:49:37
    if !WEEKDAYS.contains(&weekday) || rest.len() != 18 {
        return None;
    }
    let (day, month) = day_and_month(rest, "-")?;
    let in_century = number(rest.get(7..9)?)?;
    let seconds = clock(rest.get(9..)?.strip_prefix(' ')?)?;
    let horizon = wall_ms.saturating_add(FIFTY_YEARS);
    let mut latest = None;
    for century in 19_u32..=99 {
        let year = century.saturating_mul(100).saturating_add(in_century);
        latest = unix(year, month, day, seconds).filter(|time| *time <= horizon).or(latest);
    }
    latest
}

/// Reads `2026-03-01T12:00:00Z`: Unix milliseconds, a fraction rounded up; `None` before 1970.
///
/// RFC 3339 section 5.6 with `T` and `Z` in either case; beyond it the seconds may be missing, as Atlassian sends it.
#[must_use]
#[inline(never)]
pub fn rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let (year, rest) = date.split_at_checked(4)?;
    let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
    let (time, ahead) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0),
        None => {
            let (time, zone) = time.split_at_checked(time.len().checked_sub(6)?)?;
            let minutes = i64::from(clock(zone.get(1..)?)?).saturating_mul(1_000);
            match zone.get(..1)? {
                "+" => (time, minutes),
                "-" => (time, minutes.saturating_neg()),
                _ => return None,
            }
        }
    };
    let (time, fraction) = match time.split_once('.') {
        Some((time, _)) if time.len() != 8 => return None,
        // "0" and the fraction from its dot on.
        Some((whole, fraction)) => (whole, fraction_ms(fraction)?),
        None => (time, 0),
    };
    if time.len() != 8 && time.len() != 5 {
        return None;
    }
    let day = unix(number(year)?, two(month)?, two(day)?, clock(time)?)?.saturating_add(fraction);
    day.checked_add_signed(ahead.saturating_neg())
}

/// `Sun Nov  6 08:49:37 1994`
#[inline(never)]
fn asctime(text: &str) -> Option<u64> {
    let (weekday, rest) = text.split_once(' ')?;
    let (month, rest) = (month(rest.get(..3)?)?, rest.get(3..)?.strip_prefix(' ')?);
    let day = rest.get(..2)?;
    let day = number(day.strip_prefix(' ').unwrap_or(day))?;
    let rest = rest.get(2..)?.strip_prefix(' ')?;
    let year = rest.get(8..)?.strip_prefix(' ')?;
    if !is_short_weekday(weekday) || year.len() != 4 {
        return None;
    }
    unix(number(year)?, month, day, clock(rest.get(..8)?)?)
}

fn is_short_weekday(text: &str) -> bool {
    text.len() == 3 && WEEKDAYS.iter().any(|name| name.starts_with(text))
}

/// `06 Nov ` or `06-Nov-`.
fn day_and_month(text: &str, between: &str) -> Option<(u32, u32)> {
    if text.get(2..3)? != between || text.get(6..7)? != between {
        return None;
    }
    Some((number(text.get(..2)?)?, month(text.get(3..6)?)?))
}

/// 1 to 12.
fn month(text: &str) -> Option<u32> {
    let place = MONTHS.iter().position(|name| *name == text)?;
    u32::try_from(place).ok()?.checked_add(1)
}

/// Seconds of the day of `08:49:37` or `08:49`.
#[inline(never)]
fn clock(text: &str) -> Option<u32> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':').unwrap_or((rest, "00"));
    let (hour, minute, second) = (two(hour)?, two(minute)?, two(second)?);
    let leap = hour == 23 && minute == 59 && second == 60;
    if hour > 23 || minute > 59 || (second > 59 && !leap) {
        return None;
    }
    Some(hour.saturating_mul(3_600).saturating_add(minute.saturating_mul(60)).saturating_add(second))
}

fn two(text: &str) -> Option<u32> {
    if text.len() == 2 { number(text) } else { None }
}

/// Digits and nothing else, at most 9 of them.
#[inline(never)]
fn number(text: &str) -> Option<u32> {
    // `parse` alone would take a plus sign.
    if text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The digits after a dot in milliseconds, rounded up.
fn fraction_ms(digits: &str) -> Option<u64> {
    let (head, tail) = digits.split_at_checked(3).unwrap_or((digits, ""));
    let mut value = number(head)?;
    for _ in head.len()..3 {
        value = value.saturating_mul(10);
    }
    if !tail.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(u64::from(value).saturating_add(u64::from(tail.bytes().any(|byte| byte != b'0'))))
}

/// Unix milliseconds of a day that exists (1970 to 9999) and a second of it.
#[inline(never)]
fn unix(year: u32, month: u32, day: u32, seconds: u32) -> Option<u64> {
    if !(1970..=9999).contains(&year) {
        return None;
    }
    let place = usize::try_from(month).ok()?;
    let (before, after) = (*BEFORE.get(place.checked_sub(1)?)?, *BEFORE.get(place)?);
    let is_leap = leap_years(year) != leap_years(year.saturating_sub(1));
    let length = after.saturating_sub(before).saturating_add(u32::from(is_leap && month == 2));
    if day == 0 || day > length {
        return None;
    }
    // 1970 began after 477 leap days.
    let days = year.saturating_sub(1970).saturating_mul(365).saturating_add(leap_years(year.saturating_sub(1)));
    let days = days.saturating_sub(477).saturating_add(before).saturating_add(u32::from(is_leap && month > 2));
    let days = u64::from(days.saturating_add(day).saturating_sub(1));
    Some(days.saturating_mul(86_400).saturating_add(u64::from(seconds)).saturating_mul(1_000))
}

/// Leap years from year 1 to this one.
fn leap_years(year: u32) -> u32 {
    (year / 4).saturating_sub(year / 100).saturating_add(year / 400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    const WALL: u64 = 1_795_262_400_000; // 2026-11-21T12:00:00Z

    #[test]
    fn reads_the_three_forms_and_nothing_else() {
        let sample = Some(784_111_777_000);
        let rows = [
            ("Sun, 06 Nov 1994 08:49:37 GMT", sample),
            ("Sunday, 06-Nov-94 08:49:37 GMT", sample),
            ("Sun Nov  6 08:49:37 1994", sample),
            ("Sun Nov 06 08:49:37 1994", sample),
            // The weekday need not fit, but must be one.
            ("Mon, 06 Nov 1994 08:49:37 GMT", sample),
            ("Xxx, 06 Nov 1994 08:49:37 GMT", None),
            ("S, 06 Nov 1994 08:49:37 GMT", None),
            (", 06 Nov 1994 08:49:37 GMT", None),
            ("Sunday, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06-Nov-94 08:49:37 GMT", None),
            ("sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 gmt", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 08:49:37 +0000", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 94 08:49:37 GMT", None),
            ("Sun, 06 Nov 19940 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 8:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37.5 GMT", None),
            ("Sun,  06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT, 120", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:60:00 GMT", None),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Sun, 31 Nov 1994 08:49:37 GMT", None),
            ("Sun, +6 Nov 1994 08:49:37 GMT", None),
            ("Thu, 29 Feb 1996 00:00:00 GMT", Some(825_552_000_000)),
            ("Wed, 29 Feb 1995 00:00:00 GMT", None),
            ("Mon, 29 Feb 2100 00:00:00 GMT", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799_000)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", None),
            ("Sat, 01 Jan 0000 00:00:00 GMT", None),
            // Leap seconds.
            ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800_000)),
            ("Sat, 31 Dec 2016 22:59:60 GMT", None),
            ("Sat, 31 Dec 2016 23:59:61 GMT", None),
            ("Sun Nov 6 08:49:37 1994", None),
            ("Sun Nov  6 08:49:37 1994 GMT", None),
            ("Sun Nov  6 08:49:37 94", None),
            ("Sun  Nov  6 08:49:37 1994", None),
            ("", None),
            ("ä, öö ééé üüüü", None),
        ];
        for (text, expected) in rows {
            assert_eq!(http_date(text, WALL), expected, "{text}");
        }
    }

    #[test]
    fn a_two_digit_year_is_never_more_than_fifty_years_ahead() {
        let year = |time: Option<u64>| time.map(|time| 1970 + time / 31_556_952_000);
        let rows = [
            ("Sunday, 06-Nov-94 08:49:37 GMT", WALL, Some(1994)),
            ("Sunday, 06-Nov-26 08:49:37 GMT", WALL, Some(2026)),
            ("Sunday, 06-Nov-69 08:49:37 GMT", WALL, Some(2069)),
            ("Sunday, 06-Nov-76 08:49:37 GMT", WALL, Some(2076)),
            ("Sunday, 06-Dec-76 08:49:37 GMT", WALL, Some(1976)),
            ("Sunday, 06-Nov-77 08:49:37 GMT", WALL, Some(1977)),
            // Across a turn of the century: 2099 reads 00 as 2100.
            ("Sunday, 06-Nov-00 08:49:37 GMT", 4_087_000_000_000, Some(2100)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 0, Some(1994)),
            ("Sunday, 06-Nov-69 08:49:37 GMT", 0, None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", u64::MAX, Some(9994)),
            ("Tuesday, 29-Feb-00 08:49:37 GMT", WALL, Some(2000)),
            ("Sunday, 06-Nov-1994 08:49:37 GMT", WALL, None),
        ];
        for (text, wall, expected) in rows {
            assert_eq!(year(http_date(text, wall)), expected, "{text}");
        }
    }

    /// Counts days one by one, which shares no arithmetic with the code above.
    #[test]
    fn agrees_with_counting_days_for_430_years() {
        let (mut year, mut month, mut day) = (1970_u32, 1_usize, 1_u32);
        for count in 0_u64..157_000 {
            let short = WEEKDAYS[((count + 4) % 7) as usize];
            let time = count * 86_400_000 + 86_399_000;
            let name = MONTHS[month - 1];
            let imf = format!("{}, {day:02} {name} {year} 23:59:59 GMT", &short[..3]);
            assert_eq!(http_date(&imf, WALL), Some(time), "{imf}");
            let asctime = format!("{} {name} {day:2} 23:59:59 {year}", &short[..3]);
            assert_eq!(http_date(&asctime, WALL), Some(time), "{asctime}");
            let rfc850 = format!("{short}, {day:02}-{name}-{:02} 23:59:59 GMT", year % 100);
            assert_eq!(http_date(&rfc850, time), Some(time), "{rfc850}");
            assert_eq!(rfc3339(&format!("{year}-{month:02}-{day:02}T23:59:59Z")), Some(time));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!(year, 2399);
    }

    #[test]
    fn reads_rfc_3339() {
        let sample = Some(1_704_067_200_000);
        let rows = [
            ("2024-01-01T00:00:00Z", sample),
            ("2024-01-01t00:00:00z", sample),
            ("2024-01-01T02:00:00+02:00", sample),
            ("2023-12-31T16:30:00-07:30", sample),
            ("2024-01-01T00:00Z", sample),
            ("2024-01-01T02:00+02:00", sample),
            ("2024-01-01T00:00:00.000Z", sample),
            ("2024-01-01T00:00:00.5Z", Some(1_704_067_200_500)),
            ("2024-01-01T00:00:00.1230001Z", Some(1_704_067_200_124)),
            ("2024-01-01T00:00:00.123000000000000000000Z", Some(1_704_067_200_123)),
            ("2024-01-01T00:00:00.Z", None),
            ("2024-01-01T00:00:00.1x1Z", None),
            ("2024-01-01T00:00:00.123xZ", None),
            ("2024-01-01T00:00.5Z", None),
            ("2024-01-01T00:00:00", None),
            ("2024-01-01 00:00:00Z", None),
            ("2024-01-01T00:00:00+0200", None),
            ("2024-01-01T00:00:00*02:00", None),
            ("2024-1-01T00:00:00Z", None),
            ("2024-13-01T00:00:00Z", None),
            ("2024-00-01T00:00:00Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("24-01-01T00:00:00Z", None),
            ("+2024-01-01T00:00:00Z", None),
            ("1970-01-01T00:00:00+01:00", None),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("T", None),
            ("éé-01-01T00:00:00Z", None),
            ("2024-01-01T00:00:0éZ", None),
            ("2024-01-01Té2:00", None),
        ];
        for (text, expected) in rows {
            assert_eq!(rfc3339(text), expected, "{text}");
        }
    }

    #[test]
    fn every_cut_of_a_date_is_refused_without_a_panic() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            for end in 0..text.len() {
                assert_eq!(http_date(&text[..end], WALL), None);
                let broken: String =
                    text.chars().enumerate().map(|(at, char)| if at == end { 'é' } else { char }).collect();
                assert_eq!(http_date(&broken, WALL), None, "{broken}");
            }
        }
        let long: Vec<u8> = std::vec![b'9'; 10_000];
        assert_eq!(http_date(std::str::from_utf8(&long).unwrap(), WALL), None);
    }
}
