//! What the server saw.

use serde_json::Value;

use super::{contains, within};
use crate::run::{Entry, Log};
use crate::scenario::{Compared, Expect, HeaderIs, Like, Seen};

pub fn seen(expect: &Expect, credential_calls: u64, log: &Log, failures: &mut Vec<String>) {
    let before = failures.len();
    let totals = &log.totals;
    let counts = [
        ("requests", expect.requests, totals.requests),
        ("commits", expect.commits, totals.commits),
        ("duplicates", expect.duplicates, totals.duplicates),
        ("replays", expect.replays, totals.replays),
        ("connections", expect.connections, totals.connections),
        ("inFlight", expect.in_flight, totals.in_flight),
        ("gone", expect.gone, totals.gone),
        ("credentials", expect.credentials, credential_calls),
    ];
    for (name, range, value) in counts {
        within(name, range, value as f64, failures);
    }
    within("span", expect.span, log.requests.last().map_or(0.0, |last| last.at.round()), failures);
    for (status, range) in &expect.statuses {
        let found = totals.statuses.get(status).copied().unwrap_or(0);
        within(&format!("statuses {status}"), Some(*range), found as f64, failures);
    }
    for (index, range) in expect.phases.iter().enumerate() {
        let found = totals.phases.get(index).copied().unwrap_or(0);
        within(&format!("phases[{index}]"), Some(*range), found as f64, failures);
    }
    if let Some(pace) = &expect.pace {
        for pair in log.requests.windows(pace.most + 1) {
            let (first, last) = (pair[0].at, pair[pace.most].at);
            if last - first < pace.window {
                let most = pace.most + 1;
                failures.push(format!("pace: {most} requests in {:.0} ms, from {first:.0} ms on", last - first));
                break;
            }
        }
    }
    for (index, wanted) in expect.seen.iter().enumerate() {
        match log.requests.get(index) {
            Some(_) => compare(wanted, index, &log.requests, failures),
            None => failures.push(format!("seen[{index}]: there were {} requests", log.requests.len())),
        }
    }
    if let Some(wanted) = &expect.every {
        (0..log.requests.len()).for_each(|index| compare(wanted, index, &log.requests, failures));
    }
    if failures.len() > before {
        failures.push(format!("the server saw: {}", story(&log.requests)));
    }
}

fn compare(wanted: &Seen, index: usize, requests: &[Entry], failures: &mut Vec<String>) {
    let entry = &requests[index];
    let place = format!("seen[{index}]");
    let texts = [
        ("method", &wanted.method, &entry.method),
        ("path", &wanted.path, &entry.path),
        ("query", &wanted.query, &entry.query),
        ("body", &wanted.body, &entry.body),
    ];
    for (name, wanted, found) in texts {
        if let Some(wanted) = wanted
            && wanted != found
        {
            failures.push(format!("{place}.{name}: {found:?}, expected {wanted:?}"));
        }
    }
    if let Some(json) = &wanted.json {
        let found: Value = serde_json::from_str(&entry.body).unwrap_or(Value::Null);
        if !contains(&found, json) {
            failures.push(format!("{place}.json: {found}, expected {json}"));
        }
    }
    within(&format!("{place}.bytes"), wanted.bytes, entry.bytes as f64, failures);
    let since = index.checked_sub(1).and_then(|before| requests.get(before)).map_or(0.0, |before| entry.at - before.at);
    within(&format!("{place}.after"), wanted.after, since, failures);
    for (name, wanted) in &wanted.headers {
        let name = name.to_ascii_lowercase();
        if let Some(problem) = header(wanted, &name, index, requests) {
            failures.push(format!("{place}.headers.{name}: {problem}"));
        }
    }
}

fn header(wanted: &HeaderIs, name: &str, index: usize, requests: &[Entry]) -> Option<String> {
    let value = |index: usize| requests.get(index).and_then(|entry| entry.headers.get(name)).map(String::as_str);
    let found = value(index);
    let fits = match wanted {
        HeaderIs::Text(text) => found == Some(text),
        HeaderIs::There(there) => found.is_some() == *there,
        HeaderIs::Compared(Compared::Same(other)) => found.is_some() && found == value(*other),
        HeaderIs::Compared(Compared::Differs(other)) => found.is_some() && found != value(*other),
        HeaderIs::Compared(Compared::Starts(start)) => found.is_some_and(|found| found.starts_with(start.as_str())),
        HeaderIs::Compared(Compared::Like(like)) => found.is_some_and(|found| is_like(found, *like)),
    };
    (!fits).then(|| format!("{found:?}, expected {wanted:?}"))
}

fn is_like(found: &str, like: Like) -> bool {
    match like {
        Like::Uuid => is_uuid(found),
        Like::QuotedUuid => found.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).is_some_and(is_uuid),
    }
}

/// Version 4, lower-case, RFC 9562.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

fn story(requests: &[Entry]) -> String {
    let line = |entry: &Entry| {
        let gone = if entry.gone { " gone" } else { "" };
        format!("{:.0} ms {} {} → {}{gone}", entry.at, entry.method, entry.path, entry.answer)
    };
    let mut text = requests.iter().take(20).map(line).collect::<Vec<_>>().join("; ");
    if requests.len() > 20 {
        text.push_str(&format!("; … ({} in all)", requests.len()));
    }
    text
}
