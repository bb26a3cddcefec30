//! On what and when something was measured, in one sentence.

use crate::tool::run::Run;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes where and when it ran: `2026-11-21: Intel(R) Xeon(R) Processor, 2 cores, Debian GNU/Linux 12; rustc 1.95.0.`
pub fn sentence(versions: Vec<String>) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let unit = if cores == 1 { "core" } else { "cores" };
    format!("{}: {}, {cores} {unit}, {}; {}.", today(), processor(), system(), versions.join(", "))
}

/// Returns the first words of a program's version, or its name if it prints none.
pub fn version(program: &str, args: &[&str]) -> String {
    let text = Run::new(program).args(args).output().unwrap_or_default();
    let line = text.lines().find(|line| line.contains(|letter: char| letter.is_ascii_digit())).unwrap_or(program);
    let words: Vec<&str> = line.split_whitespace().take(3).filter(|word| !word.starts_with('(')).collect();
    words.join(" ")
}

fn processor() -> String {
    let named = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let brand = || Run::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok();
    named.or_else(brand).map_or_else(|| std::env::consts::ARCH.to_owned(), |name| name.trim().to_owned())
}

fn system() -> String {
    let named = std::fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    });
    let kernel = || Run::new("uname").args(["-sr"]).output().ok();
    named.or_else(kernel).map_or_else(|| std::env::consts::OS.to_owned(), |name| name.trim().to_owned())
}

fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// Computes the Gregorian date of a day since 1970-01-01, by counting eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }
}
