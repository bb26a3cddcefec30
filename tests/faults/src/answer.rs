//! From an answer of the script to the headers and bytes that go over the wire.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::Value;

use crate::dates;
use crate::node::Choice;
use crate::script::{Answer, EpochUnit, Fault, HeaderText, Sdk};
use crate::sdk;

/// Length of the value of `huge-header`.
const HUGE: usize = 1 << 20;
/// Headers of `many-headers`.
const MANY: usize = 10_000;

#[derive(Debug)]
pub struct Parts {
    pub status: u16,
    /// In order, repeated names for repeated lines.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// Makes the parts of the chosen answer to a request with the body `asked`. `echo` is what an echoing answer says.
pub fn parts(choice: &Choice, asked: &[u8], echo: impl FnOnce() -> Value) -> Parts {
    let answer = &choice.answer;
    let now = SystemTime::now();
    let mut headers = choice.headers.clone();
    for (name, value) in &answer.headers {
        lines(&mut headers, name, value, now);
    }
    match answer.fault {
        Some(Fault::HugeHeader) => headers.push(("X-Huge".into(), "h".repeat(HUGE))),
        Some(Fault::ManyHeaders) => {
            headers.extend((0..MANY).map(|number| (format!("X-Many-{number}"), number.to_string())))
        }
        _ => {}
    }
    let (body, kind) = body(answer, asked, echo);
    if !body.is_empty() && !has(&headers, "content-type") {
        headers.push(("Content-Type".into(), kind.into()));
    }
    if choice.dated && !has(&headers, "date") {
        headers.push(("Date".into(), dates::imf(now)));
    }
    Parts { status: answer.status, headers, body }
}

fn has(headers: &[(String, String)], name: &str) -> bool {
    headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
}

fn lines(headers: &mut Vec<(String, String)>, name: &str, value: &HeaderText, now: SystemTime) {
    let text = match value {
        HeaderText::Text(text) => text.clone(),
        HeaderText::Number(number) => number.to_string(),
        HeaderText::List(list) => return list.iter().for_each(|value| lines(headers, name, value, now)),
        HeaderText::Date(date) => dates::write(shifted(now, date.date), date.form),
        HeaderText::Epoch(epoch) => {
            let since = shifted(now, epoch.epoch).duration_since(UNIX_EPOCH).unwrap_or_default();
            match epoch.unit {
                EpochUnit::S => since.as_secs().to_string(),
                EpochUnit::Ms => since.as_millis().to_string(),
            }
        }
    };
    headers.push((name.to_owned(), text));
}

fn shifted(now: SystemTime, millis: i64) -> SystemTime {
    let by = Duration::from_millis(millis.unsigned_abs());
    let moved = if millis < 0 { now.checked_sub(by) } else { now.checked_add(by) };
    moved.unwrap_or(now)
}

fn body(answer: &Answer, asked: &[u8], echo: impl FnOnce() -> Value) -> (Bytes, &'static str) {
    if answer.status < 200 || matches!(answer.status, 204 | 304) {
        return (Bytes::new(), "");
    }
    match answer.sdk {
        Some(Sdk::Json) => return (Bytes::from(sdk::json(answer.status, asked).to_string()), "application/json"),
        Some(Sdk::Events) => return (Bytes::from_static(sdk::EVENTS.as_bytes()), "text/event-stream"),
        None => {}
    }
    if let Some(text) = &answer.body {
        return (Bytes::from(text.clone()), "text/plain; charset=utf-8");
    }
    if let Some(bytes) = answer.bytes {
        return (Bytes::from(vec![b'x'; bytes]), "application/octet-stream");
    }
    let value =
        if answer.echo { echo() } else { answer.json.clone().unwrap_or_else(|| Value::Object(Default::default())) };
    (Bytes::from(value.to_string()), "application/json")
}

/// The head as text, for the answers that hyper would not write. `length`: `None` for a chunked body.
pub fn head(parts: &Parts, length: Option<usize>) -> String {
    let mut text = format!("HTTP/1.1 {} {}\r\n", parts.status, reason(parts.status));
    for (name, value) in &parts.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    match length {
        Some(length) => {
            let _ = write!(text, "Content-Length: {length}\r\n\r\n");
        }
        None => text.push_str("Transfer-Encoding: chunked\r\n\r\n"),
    }
    text
}

fn reason(status: u16) -> &'static str {
    hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}
