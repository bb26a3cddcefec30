//! What a caller reads of a call that ended: what happened, which rule ended it, what may have been done, what to do. The
//! same in every language; the host puts method and path before it. Never a token, a query value or a body.

use super::explain::CallSummary;
use crate::config::json::write::digits;
use crate::failure::{Cause, Fault, Outcome, Reason};
use crate::state::call::LastResult;
use alloc::string::String;

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub attempts: u64,
    pub outcome: Outcome,
    pub last: LastResult,
    pub cause: Cause,
    /// Its waits hold a slot of the host: a shorter time may have ended it.
    pub is_held: bool,
}

/// Returns what to do, in one sentence.
#[must_use]
pub fn advice(call: &Ended, summary: &CallSummary) -> String {
    let mut text = String::new();
    let server = match (summary.reason, call.last) {
        (Some(Reason::RateLimited), LastResult::Status(_)) => summary.retry_after,
        (Some(Reason::Deadline), LastResult::Status(429)) if !call.is_held => summary.retry_after,
        _ => None,
    };
    if let Some(ms) = server {
        text.push_str("The server asks for ");
        digits(&mut text, u64::from(ms).div_ceil(1_000));
        text.push_str(" s, and this call may not wait so long; call again then, or raise timeouts.total.");
    } else {
        text.push_str(of_cause(call, summary).unwrap_or_else(|| of_reason(call, summary.reason)));
    }
    text
}

/// Returns what to check when the platform says how the last attempt broke.
fn of_cause(call: &Ended, summary: &CallSummary) -> Option<&'static str> {
    let (LastResult::Fault(_), Some(Reason::Network | Reason::RetriesExhausted)) = (call.last, summary.reason) else {
        return None;
    };
    Some(match call.cause {
        Cause::None | Cause::Reset | Cause::Credential => return None,
        Cause::ConnectionRefused => "Check that the server is running, and the host and port of the URL.",
        Cause::NoSuchName => "Check the host of the URL, and the network.",
        Cause::Certificate => {
            "It would fail each time; check the host of the URL, and which certificates the client trusts."
        }
        Cause::NoTls => "It would fail each time; check the scheme and the port of the URL.",
        Cause::Protocol => "It would fail each time; the server has to be mended.",
        Cause::Unreachable => "Check the network, a VPN or a proxy.",
    })
}

fn of_reason(call: &Ended, reason: Option<Reason>) -> &'static str {
    match reason {
        None | Some(Reason::Status) => match call.last {
            LastResult::Status(400..) => "The answer is final; the error holds its body.",
            _ => "The answer was delivered.",
        },
        Some(Reason::RetriesExhausted) => {
            "Every attempt failed; try later, or raise retry.attempts if it is known to recover."
        }
        Some(Reason::Deadline) if call.is_held => {
            "What would come next does not fit timeouts.wait or the deadline; raise the one that is short or call again \
             later."
        }
        Some(Reason::Deadline) => {
            "What would come next does not fit the deadline; raise timeouts.total or call again later."
        }
        Some(Reason::CircuitOpen) if call.attempts == 0 => {
            "The server is failing, so nothing was sent; call again at the time that the error names."
        }
        Some(Reason::CircuitOpen) => {
            "The server is failing, so it was not sent again; call again at the time that the error names."
        }
        Some(Reason::RateLimited) => {
            "The rate limit leaves no room in time; call again at the time that the error names."
        }
        Some(Reason::BudgetExhausted) => "Retries do not help at present, so this one was not sent; call again later.",
        Some(Reason::Overloaded) => "Too many calls wait already; start fewer at once or raise maxWaiting.",
        Some(Reason::NotReplayable) => {
            "Sending it again might do the work twice; give an idempotency key, or mark the route repeatable."
        }
        Some(Reason::Network) => "No answer came; check the network and the URL, then call again.",
        Some(Reason::Timeout) => "Raise timeouts.attempt, or call again.",
        Some(Reason::Offline) => "The device is offline; call again when it is back.",
        Some(Reason::Auth) => "Check the credentials function.",
        Some(Reason::Pagination) => "The pages do not end properly; check the policy's pages.",
        Some(Reason::Closed) => "The client is closed; open a new one.",
        Some(Reason::Misuse) => match call.last {
            LastResult::Fault(Fault::TooLarge) => "Raise maxBody, or stream the answer.",
            _ => "The request could not be made as asked; fix the call.",
        },
    }
}

/// Returns `503 Service Unavailable after 4 attempts in 1402 ms (retries-exhausted, outcome rejected). Every attempt failed; …`
#[must_use]
pub fn message(call: &Ended, summary: &CallSummary, advice: &str) -> String {
    let mut text = String::new();
    match call.last {
        LastResult::Status(status) => {
            digits(&mut text, u64::from(status));
            let phrase = phrase(status);
            if !phrase.is_empty() {
                text.push(' ');
                text.push_str(phrase);
            }
        }
        LastResult::Fault(fault) => text.push_str(how(fault, call.cause)),
        LastResult::None if summary.reason == Some(Reason::Auth) => text.push_str(NO_CREDENTIAL),
        LastResult::None => text.push_str("nothing was sent"),
    }
    if call.attempts > 1 {
        text.push_str(" after ");
        digits(&mut text, call.attempts);
        text.push_str(" attempts in ");
        digits(&mut text, summary.elapsed);
        text.push_str(" ms");
    }
    text.push_str(" (");
    if let Some(reason) = summary.reason.filter(|reason| *reason != Reason::Status) {
        text.push_str(reason.text());
        text.push_str(", ");
    }
    text.push_str("outcome ");
    text.push_str(call.outcome.text());
    text.push_str("). ");
    text.push_str(advice);
    text
}

const NO_CREDENTIAL: &str = "no credential could be had";

/// Returns how an attempt broke.
const fn how(fault: Fault, cause: Cause) -> &'static str {
    match (cause, fault) {
        (Cause::ConnectionRefused, _) => "the connection was refused",
        (Cause::NoSuchName, _) => "the host name was not found",
        (Cause::Certificate, _) => "the server's certificate was not accepted",
        (Cause::NoTls, _) => "the server speaks no TLS at this port",
        (Cause::Protocol, _) => "the answer breaks the protocol",
        (Cause::Unreachable, _) => "the network has no way to the host",
        (Cause::Reset, _) => "the server ended the connection",
        (Cause::Credential, _) => NO_CREDENTIAL,
        (Cause::None, Fault::Lost) => "the connection broke",
        (Cause::None, Fault::Timeout) => "no answer came in time",
        (Cause::None, Fault::Unsent) => "no connection was made",
        (Cause::None, Fault::ConnectTimeout) => "no connection was made in time",
        (Cause::None, Fault::Offline) => "the device is offline",
        (Cause::None, Fault::Truncated) => "the answer broke off",
        (Cause::None, Fault::TooLarge) => "the answer is larger than maxBody",
        (Cause::None, Fault::Permanent) => "the attempt failed for good",
        (Cause::None, Fault::Refused | Fault::Cancelled | Fault::Rejected | Fault::Unchanged) => {
            "the request could not be made"
        }
    }
}

/// Returns the name of a status by RFC 9110 (428 and 429 by RFC 6585), for those that callers meet.
const fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
