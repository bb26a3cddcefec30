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
    for pattern in ["w, dd N yyyy hh:mm:ss GMT", "w N _d hh:mm:ss yyyy"] {
        if let Some(fields) = whole(text, pattern) {
            return fields.unix();
        }
    }
    let mut fields = whole(text, "W, dd-N-yy hh:mm:ss GMT")?;
    let horizon = wall_ms.saturating_add(FIFTY_YEARS);
    fields.year = fields.year.saturating_add(1_900);
    let mut latest = None;
    while fields.year <= 9_999 {
        latest = fields.unix().filter(|time| *time <= horizon).or(latest);
        fields.year = fields.year.saturating_add(100);
    }
    latest
}

/// Reads `2026-03-01T12:00:00Z`: Unix milliseconds, a fraction rounded up; `None` before 1970.
///
/// RFC 3339 section 5.6 with `T` and `Z` in either case; beyond it the seconds may be missing, as Atlassian sends it.
#[must_use]
#[inline(never)]
pub fn rfc3339(text: &str) -> Option<u64> {
    let mut fields = Fields::default();
    let rest = fields.scan(text.as_bytes(), "yyyy-nn-dd")?;
    let rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b"t"))?;
    let mut rest = fields.scan(rest, "hh:mm")?;
    let mut fraction = 0_u64;
    if rest.starts_with(b":") {
        rest = fields.scan(rest, ":ss")?;
        if let Some(digits) = rest.strip_prefix(b".") {
            let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
            let (digits, after) = digits.split_at_checked(end)?;
            let (mut unit, mut is_over) = (100_u64, false);
            for digit in digits {
                fraction = fraction.saturating_add(u64::from(digit.wrapping_sub(b'0')).saturating_mul(unit));
                // Anything beyond the third digit is one millisecond more.
                is_over |= unit == 0 && *digit != b'0';
                unit /= 10;
            }
            if end == 0 {
                return None;
            }
            fraction = fraction.saturating_add(u64::from(is_over));
            rest = after;
        }
    }
    let time = fields.unix()?.saturating_add(fraction);
    if matches!(rest, b"Z" | b"z") {
        return Some(time);
    }
    let mut zone = Fields::default();
    let (sign, rest) = rest.split_first()?;
    if !zone.scan(rest, "hh:mm")?.is_empty() {
        return None;
    }
    let offset = u64::from(zone.seconds()?).saturating_mul(1_000);
    match sign {
        b'+' => time.checked_sub(offset),
        b'-' => time.checked_add(offset),
        _ => None,
    }
}

/// A date as it is written.
#[derive(Default)]
struct Fields {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

/// The fields of a text that is the pattern from end to end.
fn whole(text: &str, pattern: &str) -> Option<Fields> {
    let mut fields = Fields::default();
    fields.scan(text.as_bytes(), pattern)?.is_empty().then_some(fields)
}

impl Fields {
    /// Reads the start of a text by a pattern and returns the rest: `y n d h m s` a digit of that field, `_` a digit
    /// of the day or a space, `N` a month's name, `w` and `W` a short and a long weekday, all else itself.
    #[inline(never)]
    fn scan<'a>(&mut self, mut text: &'a [u8], pattern: &str) -> Option<&'a [u8]> {
        for letter in pattern.bytes() {
            let field = match letter {
                b'y' => &mut self.year,
                b'n' => &mut self.month,
                b'd' | b'_' => &mut self.day,
                b'h' => &mut self.hour,
                b'm' => &mut self.minute,
                b's' => &mut self.second,
                b'N' => {
                    let place = MONTHS.iter().position(|name| text.starts_with(name.as_bytes()))?;
                    self.month = u32::try_from(place).ok()?.saturating_add(1);
                    text = text.get(3..)?;
                    continue;
                }
                b'w' | b'W' => {
                    let name = WEEKDAYS.iter().map(|name| name.as_bytes());
                    let mut name = name.map(|name| if letter == b'w' { name.get(..3).unwrap_or(name) } else { name });
                    text = name.find_map(|name| text.strip_prefix(name))?;
                    continue;
                }
                _ => {
                    text = text.strip_prefix(&[letter])?;
                    continue;
                }
            };
            let (byte, rest) = text.split_first()?;
            text = rest;
            match byte {
                b'0'..=b'9' => {
                    *field = field.saturating_mul(10).saturating_add(u32::from(byte.wrapping_sub(b'0')));
                }
                b' ' if letter == b'_' => {}
                _ => return None,
            }
        }
        Some(text)
    }

    /// Seconds of the day.
    fn seconds(&self) -> Option<u32> {
        let is_leap = self.hour == 23 && self.minute == 59 && self.second == 60;
        if self.hour > 23 || self.minute > 59 || (self.second > 59 && !is_leap) {
            return None;
        }
        let minutes = self.hour.saturating_mul(60).saturating_add(self.minute);
        Some(minutes.saturating_mul(60).saturating_add(self.second))
    }

    /// Unix milliseconds of a day that exists, 1970 to 9999.
    #[inline(never)]
    fn unix(&self) -> Option<u64> {
        if !(1_970..=9_999).contains(&self.year) {
            return None;
        }
        let place = usize::try_from(self.month).ok()?;
        let (before, after) = (*BEFORE.get(place.checked_sub(1)?)?, *BEFORE.get(place)?);
        let leap_days = leap_years(self.year.saturating_sub(1));
        let is_leap = leap_years(self.year) != leap_days;
        let length = after.saturating_sub(before).saturating_add(u32::from(is_leap && self.month == 2));
        if self.day == 0 || self.day > length {
            return None;
        }
        // 1970 began after 477 leap days; the day counts from 1: 478.
        let days = self.year.saturating_sub(1_970).saturating_mul(365).saturating_add(leap_days);
        let days = days.saturating_add(before).saturating_add(u32::from(is_leap && self.month > 2));
        let days = u64::from(days.saturating_add(self.day).saturating_sub(478));
        Some(days.saturating_mul(86_400).saturating_add(u64::from(self.seconds()?)).saturating_mul(1_000))
    }
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
