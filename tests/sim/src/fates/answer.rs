//! What comes back for a request.

use super::effect::GaugeForm;
use super::how::{How, RetryAfter};
use super::world::NEVER;
use crate::date::http_date;
use crate::world::input::WALL;
use std::fmt::Write;
use unruffled_core::Fault;

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    Status(u16),
    Fault(Fault),
}

/// An answer on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Milliseconds after the request; [`NEVER`] = only the client's own time limit ends the attempt.
    pub after: u64,
    pub came: Came,
    /// The body breaks off after the answer was delivered at its headers.
    pub body_breaks: bool,
    pub headers: Headers,
}

/// The headers that a client may watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// When the server wrote them.
    pub at: u64,
    pub gauges: Vec<Gauge>,
    pub retry_after: Option<RetryAfter>,
    /// There is a `Date`.
    pub date: bool,
}

/// The gauge that a rate limit of the server reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    pub form: GaugeForm,
    pub allows: u64,
    pub left: u64,
    /// Milliseconds of its window.
    pub per: u64,
    /// Milliseconds until it allows more.
    pub wait: u64,
}

impl Answer {
    /// Makes a failed answer after so many milliseconds of healthy work.
    #[must_use]
    pub fn failed(how: How, latency: u64, headers: Headers) -> Self {
        let (after, came) = match how {
            How::Status(status) => (latency, Came::Status(status)),
            How::Reset => (latency, Came::Fault(Fault::Lost)),
            How::Cut => (latency, Came::Fault(Fault::Truncated)),
            How::Refused => (1, Came::Fault(Fault::Unsent)),
            How::Connect => (3_000, Came::Fault(Fault::ConnectTimeout)),
            How::Timeout => (NEVER, Came::Fault(Fault::Timeout)),
        };
        Self { after, came, body_breaks: false, headers }
    }

    /// Replaces it by a fault after so many milliseconds.
    #[must_use]
    pub fn broken(self, fault: Fault, after: u64) -> Self {
        Self { after, came: Came::Fault(fault), body_breaks: false, headers: Headers::at(self.headers.at) }
    }

    /// Makes it the answer of a stream: it is delivered at its headers, after half of the time.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        if self.after < NEVER && matches!(self.came, Came::Status(_) | Came::Fault(Fault::Truncated)) {
            self.after = (self.after / 2).max(1);
        }
        if self.came == Came::Fault(Fault::Truncated) {
            self.came = Came::Status(200);
            self.body_breaks = true;
        }
        self
    }

    /// Returns whether the caller has what it asked for, once the answer is delivered.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.body_breaks && matches!(self.came, Came::Status(status) if status < 400)
    }
}

impl Headers {
    /// Makes headers that say nothing.
    #[must_use]
    pub fn at(now: u64) -> Self {
        Self { at: now, gauges: Vec::new(), retry_after: None, date: false }
    }

    /// Returns whether there is nothing to watch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gauges.is_empty() && self.retry_after.is_none() && !self.date
    }

    /// Reads `Retry-After` as milliseconds from now on; negative for a date in the past.
    #[must_use]
    pub fn retry_after_ms(&self, now: u64) -> Option<i64> {
        let until = |seconds: u64| (seconds * 1_000) as i64 - (WALL + now) as i64;
        Some(match self.retry_after? {
            RetryAfter::Seconds(seconds) => (seconds * 1_000) as i64,
            RetryAfter::Past => until(self.unix() - 5),
            RetryAfter::Date(seconds) => until(self.unix() + seconds),
            RetryAfter::Left => return None,
        })
    }

    /// Returns the server's time in Unix seconds.
    fn unix(&self) -> u64 {
        (WALL + self.at) / 1_000
    }

    /// Writes them as lines, as a host hands them to the engine.
    pub fn write(&self, out: &mut String) {
        out.clear();
        // A server with several limits in this form reports the tightest.
        let tightest = self.gauges.iter().filter(|gauge| gauge.form == GaugeForm::X).min_by_key(|gauge| gauge.left);
        if let Some(Gauge { allows, left, wait, .. }) = tightest {
            let reset = (WALL + self.at + wait) / 1_000 + 1;
            let _ = writeln!(out, "x-ratelimit-limit: {allows}\nx-ratelimit-remaining: {left}");
            let _ = writeln!(out, "x-ratelimit-reset: {reset}");
        }
        let ietf = |gauge: &&Gauge| gauge.form == GaugeForm::Ietf;
        if self.gauges.iter().any(|gauge| ietf(&gauge)) {
            let list = |of: fn(usize, &Gauge) -> String| {
                let items: Vec<String> =
                    self.gauges.iter().filter(ietf).enumerate().map(|(i, gauge)| of(i, gauge)).collect();
                items.join(", ")
            };
            let policy = list(|i, gauge| format!("\"l{i}\";q={};w={}", gauge.allows, (gauge.per / 1_000).max(1)));
            let state = list(|i, gauge| format!("\"l{i}\";r={};t={}", gauge.left, gauge.wait.div_ceil(1_000)));
            let _ = writeln!(out, "ratelimit-policy: {policy}\nratelimit: {state}");
        }
        if self.date || matches!(self.retry_after, Some(RetryAfter::Date(_))) {
            let _ = writeln!(out, "date: {}", http_date(self.unix()));
        }
        let _ = match self.retry_after {
            Some(RetryAfter::Seconds(seconds)) => writeln!(out, "retry-after: {seconds}"),
            Some(RetryAfter::Past) => writeln!(out, "retry-after: {}", http_date(self.unix() - 5)),
            Some(RetryAfter::Date(seconds)) => writeln!(out, "retry-after: {}", http_date(self.unix() + seconds)),
            Some(RetryAfter::Left) | None => Ok(()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_written_as_servers_write_them() {
        let gauge = Gauge { form: GaugeForm::X, allows: 10, left: 3, per: 1_000, wait: 400 };
        let mut headers = Headers::at(1_000);
        headers.gauges = vec![gauge, Gauge { form: GaugeForm::Ietf, ..gauge }];
        headers.retry_after = Some(RetryAfter::Seconds(2));
        let mut text = String::new();
        headers.write(&mut text);
        assert_eq!(
            text,
            "x-ratelimit-limit: 10\nx-ratelimit-remaining: 3\nx-ratelimit-reset: 1767225602\n\
             ratelimit-policy: \"l0\";q=10;w=1\nratelimit: \"l0\";r=3;t=1\nretry-after: 2\n"
        );
        assert_eq!(headers.retry_after_ms(1_500), Some(2_000));
        headers = Headers { retry_after: Some(RetryAfter::Date(20)), ..Headers::at(1_700) };
        headers.write(&mut text);
        assert_eq!(text, "date: Thu, 01 Jan 2026 00:00:01 GMT\nretry-after: Thu, 01 Jan 2026 00:00:21 GMT\n");
        assert_eq!(headers.retry_after_ms(1_720), Some(19_280));
    }

    #[test]
    fn a_stream_that_breaks_off_was_delivered() {
        let cut = Answer::failed(How::Cut, 20, Headers::at(0)).streamed();
        assert_eq!((cut.after, cut.came, cut.is_good()), (10, Came::Status(200), false));
    }
}
