//! What the client gave back.

use serde_json::Value;

use super::{contains, within};
use crate::scenario::{Crowd, ErrorKind, Is, Range};

/// One call.
pub fn one(is: &Is, ms: Range, result: &Value, failures: &mut Vec<String>) {
    within("ms", Some(ms), number(result, "ms"), failures);
    compare(is, result, failures);
}

/// Many calls of one action.
pub fn together(count: usize, crowd: &Crowd, ms: Range, result: &Value, failures: &mut Vec<String>) {
    let none = Vec::new();
    let calls = result.get("calls").and_then(Value::as_array).unwrap_or(&none);
    if calls.len() != count {
        failures.push(format!("{} results for {count} calls", calls.len()));
    }
    let (good, bad): (Vec<&Value>, Vec<&Value>) = calls.iter().partition(|call| succeeded(call));
    let counts = failures.len();
    within("succeeded", crowd.succeeded, good.len() as f64, failures);
    within("failed", crowd.failed, bad.len() as f64, failures);
    if crowd.succeeded.is_none() && crowd.failed.is_none() && crowd.each.is_none() && !bad.is_empty() {
        failures.push(format!("failed: {} of {count}", bad.len()));
    }
    for (field, wanted) in [("reason", &crowd.reasons), ("outcome", &crowd.outcomes)] {
        for (name, range) in wanted {
            let found = bad.iter().filter(|call| text(call, field) == name).count();
            within(&format!("{field} {name}"), Some(*range), found as f64, failures);
        }
    }
    within("attempts", crowd.attempts, calls.iter().map(|call| number(call, "attempts")).sum(), failures);
    let end = calls.iter().map(ended).fold(0.0, f64::max);
    within("ms", Some(ms), end, failures);
    within("ms", crowd.ms, end, failures);
    if let Some(from) = &crowd.from {
        let first = good.iter().map(|call| ended(call)).filter(|end| *end >= from.at).fold(f64::INFINITY, f64::min);
        within("first success", Some(up_to(from.at + from.first_success)), first, failures);
        let last = bad.iter().map(|call| ended(call)).fold(0.0, f64::max);
        within("last failure", Some(up_to(from.at + from.last_failure)), last, failures);
    }
    if let Some(is) = &crowd.each {
        for (index, call) in calls.iter().enumerate() {
            let mut found = Vec::new();
            compare(is, call, &mut found);
            failures.extend(found.into_iter().map(|text| format!("call {index} {text}")));
        }
    }
    // One failure in words helps more than its count.
    if failures.len() > counts
        && let Some(call) = bad.first()
    {
        failures.push(format!("the first call that failed: {}", short(call)));
    }
}

fn up_to(max: f64) -> Range {
    Range { min: None, max: Some(max) }
}

fn succeeded(call: &Value) -> bool {
    call.get("error").is_none() && number(call, "status") < 400.0
}

fn ended(call: &Value) -> f64 {
    number(call, "start") + number(call, "ms")
}

fn number(result: &Value, key: &str) -> f64 {
    result.get(key).and_then(Value::as_f64).unwrap_or(0.0)
}

fn text<'a>(result: &'a Value, key: &str) -> &'a str {
    result.get(key).and_then(Value::as_str).unwrap_or("")
}

fn short(result: &Value) -> String {
    result.to_string().chars().take(600).collect()
}

fn compare(is: &Is, result: &Value, failures: &mut Vec<String>) {
    let before = failures.len();
    compare_end(is, result, failures);
    if let Some(json) = &is.json
        && !result.get("json").is_some_and(|value| contains(value, json))
    {
        failures.push(format!("json: expected {json}"));
    }
    if let Some(wanted) = &is.text
        && text(result, "text") != wanted
    {
        failures.push(format!("text: expected {wanted:?}"));
    }
    if let Some(reason) = &is.reason
        && !reason.has(text(result, "reason"))
    {
        failures.push(format!("reason: {:?}, expected {reason:?}", text(result, "reason")));
    }
    for (key, wanted) in [("outcome", &is.outcome), ("name", &is.name)] {
        if let Some(wanted) = wanted
            && text(result, key) != wanted
        {
            failures.push(format!("{key}: {:?}, expected {wanted:?}", text(result, key)));
        }
    }
    if let Some(family) = is.family
        && text(result, "family") != family.name()
    {
        failures.push(format!("family: {:?}, expected {:?}", text(result, "family"), family.name()));
    }
    compare_numbers(is, result, failures);
    let said = text(result, "text");
    for hidden in is.hides.iter().filter(|hidden| said.contains(hidden.as_str())) {
        failures.push(format!("text: {hidden:?} occurs in it"));
    }
    for shown in is.tells.iter().filter(|shown| !said.contains(shown.as_str())) {
        failures.push(format!("text: {shown:?} does not occur in it"));
    }
    if failures.len() > before {
        let last = failures.len() - 1;
        failures[last].push_str(&format!("; the result: {}", short(result)));
    }
}

/// Compares whether the call ended with an error, and with which status.
fn compare_end(is: &Is, result: &Value, failures: &mut Vec<String>) {
    match (is.error, text(result, "error")) {
        (None, "") => {
            let status = number(result, "status");
            let fits = is.status.map_or(status < 400.0 && status > 0.0, |wanted| f64::from(wanted) == status);
            if !fits {
                failures.push(format!(
                    "status: {status}, expected {}",
                    is.status.map_or("below 400".into(), |s| s.to_string())
                ));
            }
        }
        (Some(wanted), found) if fits(wanted, found, text(result, "reason")) => {
            if let Some(status) = is.status {
                within(
                    "status",
                    Some(Range { min: Some(status.into()), max: Some(status.into()) }),
                    number(result, "status"),
                    failures,
                );
            }
        }
        (wanted, found) => failures.push(format!("error: {found:?}, expected {wanted:?}")),
    }
}

fn compare_numbers(is: &Is, result: &Value, failures: &mut Vec<String>) {
    let ranges = [
        ("bytes", is.bytes),
        ("attempts", is.attempts),
        ("retryAfterMs", is.retry_after_ms),
        ("broke", is.broke),
        ("readMs", is.read_ms),
    ];
    for (key, range) in ranges {
        match result.get(key).and_then(Value::as_f64) {
            Some(value) => within(key, range, value, failures),
            None if range.is_some() => failures.push(format!("{key}: absent")),
            None => {}
        }
    }
}

fn fits(wanted: ErrorKind, found: &str, reason: &str) -> bool {
    match wanted {
        ErrorKind::Call => matches!(found, "call" | "status"),
        ErrorKind::Status => found == "status",
        ErrorKind::Parse => found == "parse",
        ErrorKind::Cancelled => found == "cancelled",
        ErrorKind::Native => found == "native",
        // A platform may have a class of its own for it, or only the reason.
        ErrorKind::Misuse => found == "misuse" || reason == "misuse",
    }
}
