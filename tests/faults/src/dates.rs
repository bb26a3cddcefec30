//! The three forms of an HTTP date (RFC 9110 section 5.6.7) and that of RFC 3339, written by the server only.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::script::DateForm;

const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The preferred form: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn imf(time: SystemTime) -> String {
    write(time, DateForm::Imf)
}

pub fn write(time: SystemTime, form: DateForm) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = seconds / 86_400;
    let (year, month, day) = civil(days);
    let name = DAYS[(days % 7) as usize];
    let short = &name[..3];
    let month = MONTHS[month as usize - 1];
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match form {
        DateForm::Imf => format!("{short}, {day:02} {month} {year} {clock} GMT"),
        DateForm::Rfc850 => format!("{name}, {day:02}-{month}-{:02} {clock} GMT", year % 100),
        DateForm::Asctime => format!("{short} {month} {day:2} {clock} {year}"),
    }
}

/// Writes RFC 3339 in UTC: `1994-11-06T08:49:37Z`.
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day count since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_three_forms_of_the_standard_s_example() {
        let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(imf(time), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(write(time, DateForm::Rfc850), "Sunday, 06-Nov-94 08:49:37 GMT");
        assert_eq!(write(time, DateForm::Asctime), "Sun Nov  6 08:49:37 1994");
        assert_eq!(rfc3339(time), "1994-11-06T08:49:37Z");
    }

    #[test]
    fn a_leap_day() {
        assert_eq!(imf(UNIX_EPOCH + Duration::from_secs(951_782_400)), "Tue, 29 Feb 2000 00:00:00 GMT");
    }
}
