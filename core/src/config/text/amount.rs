//! Times, sizes, integers and shares: one number in its range.

use crate::config::issues::{Path, push_range};
use crate::config::json::write;
use crate::config::json::{Node, Number, Value};
use crate::config::keys::Form;
use crate::config::read::Reader;

impl Reader<'_> {
    /// A time, size, integer or share in its range.
    #[inline(never)]
    pub(in crate::config) fn amount(&mut self, form: &Form, value: &Value, path: &Path) -> Option<u64> {
        let (least, most) = form.range();
        let text = value.text();
        let number = match (form, &value.node) {
            (Form::Time(..), Node::Text(text)) => measured(text, TIMES),
            (Form::Size(..), Node::Text(text)) => measured(text, SIZES),
            (Form::Ratio(..), Node::Number(Number::Millionths(number))) => {
                Some(u64::try_from(*number).unwrap_or(u64::MAX))
            }
            (Form::Ratio(..), _) => integer(value).map(|number| number.saturating_mul(1_000_000)),
            _ => integer(value),
        };
        if let Some(number) = number
            && number >= least
            && number <= most
        {
            return Some(number);
        }
        let unit = match form {
            Form::Time(..) if text.is_none() => " (numbers are ms)",
            Form::Size(..) if text.is_none() => " (numbers are bytes)",
            _ => "",
        };
        let what = match (form, &value.node) {
            _ if number.is_some() => " is out of range; ",
            (Form::Time(..), _) => {
                let out = self.wrong(value, path, " is not a duration; write \"");
                match text.and_then(meant) {
                    Some((number, unit)) => {
                        write::digits(out, number);
                        out.push_str(unit);
                    }
                    None => out.push_str("200ms\", \"3s\", \"5m\" or \"1h\""),
                }
                return None;
            }
            (Form::Size(..), _) => {
                return self.refuse(value, path, " is not a size; write bytes, \"64KiB\" or \"8MiB\"");
            }
            (Form::Ratio(..), Node::Number(_)) => " has more than six decimals; ",
            (Form::Ratio(..), _) => " is not a number; ",
            _ => " is not an integer; ",
        };
        let out = self.wrong(value, path, what);
        push_range(out, form);
        out.push_str(unit);
        None
    }
}

/// The integer of a value; a negative one or one that does not fit is above every range.
fn integer(value: &Value) -> Option<u64> {
    match value.node {
        Node::Number(Number::Integer(number)) => Some(u64::try_from(number).unwrap_or(u64::MAX)),
        Node::Number(Number::Huge) => Some(u64::MAX),
        _ => None,
    }
}

const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: &[(&str, u64)] = &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Digits at a text's begin, and what follows. Too large is above every range.
fn digits(text: &str) -> Option<(u64, &str)> {
    let (mut number, mut end) = (0_u64, 0_usize);
    while let Some(digit @ b'0'..=b'9') = text.as_bytes().get(end) {
        number = number.saturating_mul(10).saturating_add((digit & 15).into());
        end = end.saturating_add(1);
    }
    Some((number, text.get(end..)?)).filter(|_| end > 0)
}

/// `3s`: digits and one unit.
#[inline(never)]
fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, name) = digits(text)?;
    let (_, unit) = units.iter().find(|(unit, _)| *unit == name)?;
    Some(unit.saturating_mul(number))
}

/// The duration that a text such as `1 hour` most likely means, and its unit with a closing quote.
fn meant(text: &str) -> Option<(u64, &'static str)> {
    const NAMES: &[(&str, u64, &str)] = &[
        ("ms", 1, "ms\""),
        ("milliseconds", 1, "ms\""),
        ("s", 1, "s\""),
        ("seconds", 1, "s\""),
        ("m", 1, "m\""),
        ("minutes", 1, "m\""),
        ("h", 1, "h\""),
        ("hr", 1, "h\""),
        ("hours", 1, "h\""),
        ("d", 24, "h\""),
        ("days", 24, "h\""),
    ];
    let (number, name) = digits(text.trim_ascii())?;
    let name = name.trim_ascii();
    // Long names may be cut: min, sec, hour.
    let names = |full: &str| {
        let short = name.len() > 2 || name.len() == full.len();
        short && full.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    };
    let (_, times, unit) = NAMES.iter().find(|(full, ..)| !name.is_empty() && names(full))?;
    Some((number.saturating_mul(*times), unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_digits_and_one_unit() {
        for (text, expected) in [
            ("200ms", Some(200)),
            ("3s", Some(3_000)),
            ("007m", Some(420_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("99999999999999999999h", Some(u64::MAX)),
            ("", None),
            ("s", None),
            ("3", None),
            ("3 s", None),
            ("-3s", None),
            ("+3s", None),
            ("3S", None),
            ("1.5s", None),
            ("1h30m", None),
            ("3s ", None),
        ] {
            assert_eq!(measured(text, TIMES), expected, "{text}");
        }
        assert_eq!(measured("64KiB", SIZES), Some(65_536));
        assert_eq!(measured("8MB", SIZES), None);
    }

    #[test]
    fn what_was_meant_is_guessed_from_a_number_and_a_unit_only() {
        for (text, expected) in [
            ("1 hour", Some((1, "h\""))),
            ("90 min", Some((90, "m\""))),
            ("30 SECONDS", Some((30, "s\""))),
            ("2d", Some((48, "h\""))),
            (" 250 millis ", Some((250, "ms\""))),
            ("1 mile", None),
            ("hour", None),
            ("1", None),
            ("1.5s", None),
            ("1 hour or so", None),
        ] {
            assert_eq!(meant(text), expected, "{text}");
        }
    }
}
