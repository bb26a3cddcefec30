//! What an answer means: the table of `core/manual/semantics.md`, section 3, the should-retry headers above it, the policy's rules above both.

use crate::config::json::{self, Found};
use crate::config::{Rule, RuleClass, Scalar};
use crate::headers::{Hints, decimal};
use crate::policy::breaker::Count;

/// What to do with an answer or a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Hand it to the caller.
    Deliver,
    /// A rule says that it is final.
    Final,
    /// Send again if replayable.
    Retry,
    /// The server counts: unprocessed, again after its time.
    RateLimited,
    /// 421, 425: as `Retry`, on a new connection.
    Afresh,
    /// 401: refresh and replay, if the credential can be refreshed.
    Unauthorized,
}

/// A class and how the breaker counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub class: Class,
    pub count: Count,
}

const fn verdict(class: Class, count: Count) -> Verdict {
    Verdict { class, count }
}

/// The table, by status alone. 0 is an opaque answer of a browser; above 599 counts as 5xx (RFC 9110, 15).
#[must_use]
pub const fn table(status: u16) -> Verdict {
    match status {
        401 => verdict(Class::Unauthorized, Count::Success),
        408 => verdict(Class::Retry, Count::Failure),
        421 | 425 => verdict(Class::Afresh, Count::Nothing),
        429 => verdict(Class::RateLimited, Count::Nothing),
        501 | 505 | 511 => verdict(Class::Deliver, Count::Nothing),
        500.. => verdict(Class::Retry, Count::Failure),
        _ => verdict(Class::Deliver, Count::Success),
    }
}

/// The verdict on an answer whose watched headers and, where a rule asks, first bytes of the body are at hand.
#[must_use]
pub fn classify(status: u16, rules: &[Rule], hints: &Hints<'_>, body: &[u8], should_retry: Option<bool>) -> Verdict {
    let table = table(status);
    let milder = if status < 500 { Count::Nothing } else { table.count };
    if let Some(rule) = rules.iter().find(|rule| matches(rule, status, hints, body)) {
        return match rule.class {
            RuleClass::Fail => verdict(Class::Final, milder),
            RuleClass::Retry => verdict(Class::Retry, milder),
            RuleClass::RateLimited => verdict(Class::RateLimited, Count::Nothing),
        };
    }
    match (status >= 400, should_retry, table.class) {
        (true, Some(true), Class::Deliver | Class::Unauthorized) => verdict(Class::Retry, milder),
        (true, Some(false), _) => verdict(Class::Deliver, table.count),
        _ => table,
    }
}

fn matches(rule: &Rule, status: u16, hints: &Hints<'_>, body: &[u8]) -> bool {
    rule.status.contains(&status)
        && rule.header.as_deref().is_none_or(|name| {
            let mut values = hints.all(name);
            if rule.is.is_empty() { values.next().is_some() } else { values.any(|value| equals_text(&rule.is, value)) }
        })
        && rule.json.as_deref().is_none_or(|pointer| match json::find(body, pointer) {
            Found::Scalar(value) => rule.is.is_empty() || rule.is.contains(&value),
            Found::Other => rule.is.is_empty(),
            Found::Missing | Found::Undecided | Found::Null => false,
        })
}

/// A header's value is text; a rule that names an integer or a bool means its text.
fn equals_text(is: &[Scalar], value: &str) -> bool {
    is.iter().any(|scalar| match scalar {
        Scalar::Text(text) => text == value,
        Scalar::Integer(number) => {
            let (digits, negative) = match value.strip_prefix('-') {
                Some(digits) => (digits, true),
                None => (value.strip_prefix('+').unwrap_or(value), false),
            };
            let size = if digits.contains('.') { None } else { decimal(digits, 0) };
            size == Some(number.unsigned_abs()) && (*number == 0 || negative == (*number < 0))
        }
        Scalar::Bool(flag) => value == if *flag { "true" } else { "false" },
    })
}

/// GET HEAD OPTIONS TRACE PUT DELETE QUERY.
pub const IDEMPOTENT: u16 = 0b111_1111;
/// GET HEAD OPTIONS TRACE QUERY: they change nothing at the server.
pub const SAFE: u16 = 0b100_1111;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_row_by_row() {
        use Class::{Afresh, Deliver, RateLimited, Retry, Unauthorized};
        use Count::{Failure, Nothing, Success};
        let rows: &[(&[u16], Class, Count)] = &[
            (&[0, 100, 200, 204, 301, 304, 400, 403, 404, 409, 422, 499], Deliver, Success),
            (&[401], Unauthorized, Success),
            (&[408, 500, 502, 503, 504, 507, 520, 524, 529, 599, 600, 999], Retry, Failure),
            (&[421, 425], Afresh, Nothing),
            (&[429], RateLimited, Nothing),
            (&[501, 505, 511], Deliver, Nothing),
        ];
        for (statuses, class, count) in rows {
            for status in *statuses {
                assert_eq!(table(*status), verdict(*class, *count), "{status}");
            }
        }
    }
}
