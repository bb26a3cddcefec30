//! "Why did this call take 8 s?": the record of one call as JSON, with a short table for people in `text`.

use super::event::last_fields;
use super::message::{self, Ended};
use crate::config::json::write::{Json, digits};
use crate::failure::{Cause, Fault, Outcome, Reason};
use crate::state::call::{Call, CallFlags, LastResult};
use crate::state::timeline::{Entry, EntryKind, WaitReason, Whose};
use alloc::string::String;

/// What a report says beside the call's own record.
#[derive(Debug, Clone, Copy)]
pub struct CallSummary {
    /// `None` = delivered.
    pub reason: Option<Reason>,
    pub elapsed: u64,
    /// Milliseconds; `None` = not known.
    pub retry_after: Option<u32>,
}

/// The record of an ended (or running) call.
#[must_use]
pub fn report(call: &Call, summary: &CallSummary) -> String {
    let mut json = Json::new();
    json.object();
    let ended = Ended {
        attempts: u64::from(call.attempts),
        outcome: call.outcome,
        last: call.last,
        cause: call.timeline.iter().filter(|entry| entry.what == EntryKind::Fault).last().map_or(Cause::None, cause_of),
        is_held: call.call_flags.has(CallFlags::SLOT),
    };
    head(&mut json, &ended, summary);
    json.key("entries").array();
    for entry in call.timeline.iter() {
        json.object().field_number("at", u64::from(entry.at)).field_text("what", entry.what.text());
        match entry.what {
            EntryKind::Status => json.field_number("value", u64::from(entry.code)),
            EntryKind::Fault => {
                json.field_text("value", fault_text(entry.code));
                let cause = cause_of(entry);
                if cause != Cause::None {
                    json.field_text("cause", cause.text());
                }
                &mut json
            }
            EntryKind::Send | EntryKind::Wait | EntryKind::Queue | EntryKind::Refresh => {
                json.field_number("value", u64::from(entry.value))
            }
        };
        json.key("rule").maybe_text((entry.wait_reason != WaitReason::None).then(|| entry.wait_reason.text()));
        if let Some(whose) = whose(entry) {
            json.field_text("of", whose.text());
        }
        json.end_object();
    }
    json.end_array().field_number("dropped", u64::from(call.timeline.dropped()));
    let mut text = sentence(u64::from(call.attempts), call.last, summary);

    let mut skipped = call.timeline.dropped();
    for (i, entry) in call.timeline.iter().enumerate() {
        if i == 4 && skipped > 0 {
            text.push_str("\n      …  ");
            digits(&mut text, u64::from(skipped));
            text.push_str(" more");
            skipped = 0;
        }
        line(&mut text, entry);
    }
    json.field_text("text", &text).end_object();
    json.finish()
}

/// The report of a call that was answered at once: such a call has no record.
#[must_use]
pub fn brief(status: u32, elapsed: u64) -> String {
    let status = u16::try_from(status).unwrap_or(u16::MAX);
    let summary = CallSummary { reason: None, elapsed, retry_after: None };
    let outcome = if status >= 400 { Outcome::Rejected } else { Outcome::NotSent };
    let mut json = Json::new();
    json.object();
    let ended = Ended { attempts: 1, outcome, last: LastResult::Status(status), cause: Cause::None, is_held: false };
    head(&mut json, &ended, &summary);
    json.key("entries").array().end_array().field_number("dropped", 0);
    json.field_text("text", &sentence(1, LastResult::Status(status), &summary)).end_object();
    json.finish()
}

fn head(json: &mut Json, ended: &Ended, summary: &CallSummary) {
    let advice = message::advice(ended, summary);
    json.field_number("attempts", ended.attempts).field_number("elapsed", summary.elapsed);
    json.field_text("outcome", ended.outcome.text()).key("reason").maybe_text(summary.reason.map(Reason::text));
    last_fields(json, ended.last);
    json.key("retryAfterMs").maybe_number(summary.retry_after.map(u64::from));
    json.field_text("message", &message::message(ended, summary, &advice)).field_text("advice", &advice);
}

/// Whose bucket the call waited for, if it waited for one.
fn whose(entry: &Entry) -> Option<Whose> {
    let waited = entry.what == EntryKind::Queue && entry.wait_reason == WaitReason::Limiter;
    Whose::from_code(u64::from(entry.code)).filter(|_| waited)
}

fn fault_text(code: u16) -> &'static str {
    Fault::from_code(u64::from(code & 255)).map_or("", Fault::text)
}

/// Returns what the platform said of how an attempt broke.
fn cause_of(entry: &Entry) -> Cause {
    Cause::from_code(u64::from(entry.code >> 8)).unwrap_or(Cause::None)
}

/// `3 attempts, 1234 ms, last 503: retries-exhausted`
fn sentence(attempts: u64, last: LastResult, summary: &CallSummary) -> String {
    let mut text = String::new();
    digits(&mut text, attempts);
    text.push_str(if attempts == 1 { " attempt, " } else { " attempts, " });
    digits(&mut text, summary.elapsed);
    text.push_str(" ms");
    match last {
        LastResult::None => {}
        LastResult::Status(status) => {
            text.push_str(", last ");
            digits(&mut text, u64::from(status));
        }
        LastResult::Fault(fault) => {
            text.push_str(", last ");
            text.push_str(fault.text());
        }
    }
    text.push_str(": ");
    text.push_str(summary.reason.map_or("delivered", Reason::text));
    text
}

fn line(text: &mut String, entry: &Entry) {
    text.push('\n');
    // To the right in 8 columns.
    let mut edge = 10_000_000;
    while edge > entry.at.max(1) {
        text.push(' ');
        edge /= 10;
    }
    digits(text, u64::from(entry.at));
    text.push_str(" ms  ");
    match entry.what {
        EntryKind::Send => {
            text.push_str("send");
            if entry.value > 0 {
                text.push_str(", at most ");
                digits(text, u64::from(entry.value));
                text.push_str(" ms");
            }
        }
        EntryKind::Status => {
            digits(text, u64::from(entry.code));
            text.push_str(" after ");
            digits(text, u64::from(entry.value));
            text.push_str(" ms");
        }
        EntryKind::Fault => {
            text.push_str(fault_text(entry.code));
            let cause = cause_of(entry);
            if cause != Cause::None {
                text.push_str(": ");
                text.push_str(cause.text());
            }
            text.push_str(" after ");
            digits(text, u64::from(entry.value));
            text.push_str(" ms");
        }
        EntryKind::Wait => {
            text.push_str("wait ");
            digits(text, u64::from(entry.value));
            text.push_str(" ms: ");
            text.push_str(entry.wait_reason.text());
        }
        EntryKind::Queue => {
            text.push_str("queued: ");
            text.push_str(entry.wait_reason.text());
            match whose(entry) {
                None => {}
                Some(Whose::Limit) => text.push_str(" of a limit"),
                Some(Whose::Endpoint) => text.push_str(" of the endpoint"),
                Some(Whose::Api) => text.push_str(" of the API"),
            }
        }
        EntryKind::Refresh => text.push_str("refresh the credential"),
    }
}
