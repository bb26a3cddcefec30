//! Answers the questions of a host: settings, events, the record of a call, a snapshot. JSON, the same bytes in
//! every language; nothing here changes what is decided.

use crate::config;
use crate::defaults::MAX_NOW;
use crate::engine::Engine;
use crate::failure::Reason;
use crate::headers;
use crate::observe::event::{Event, Kind, Names};
use crate::observe::explain::{self, CallSummary};
use crate::observe::stats::{self, Totals};
use crate::state::call::CallState;
use crate::step::NO_TIME;
use alloc::string::String;
use alloc::vec::Vec;

impl Engine {
    /// What the host needs of the policy, as JSON.
    #[must_use]
    pub fn settings(&self) -> String {
        let gauges: Vec<_> = self.config.limits.iter().map(|limit| (&limit.gauge, limit.name.as_str())).collect();
        let rules = || {
            let routes = self.config.routes.iter().flat_map(|route| &route.settings.classify);
            self.config.settings.classify.iter().chain(routes)
        };
        let mut extra: Vec<String> = Vec::new();
        for name in rules().filter_map(|wait_reason| wait_reason.header.as_ref()) {
            if !extra.contains(name) {
                extra.push(name.clone());
            }
        }
        config::settings_json(&self.config, &headers::watch_success(&gauges), &headers::watch_error(&gauges, &extra))
    }

    /// Records these kinds of events from now on: a set of `1 << Kind`. What lenient reading left out of the policy is
    /// reported at the first subscription to warnings.
    pub fn subscribe(&mut self, kinds: u32) {
        let reported = self.ring.wants(Kind::Warning);
        self.ring.subscribe(kinds);
        if !reported {
            (0..self.config.warnings.len()).for_each(|i| self.ring.push(self.now, Event::Warning { issue: i as u16 }));
        }
    }

    /// The recorded events as JSON, oldest first, and how many were dropped.
    pub fn events(&mut self) -> String {
        let mut ring = core::mem::take(&mut self.ring);
        let text = self.with_names(|names| ring.drain(names));
        self.ring = ring;
        text
    }

    /// Hands over the words for what events and the snapshot only number.
    fn with_names(&self, write: impl FnOnce(&Names<'_>) -> String) -> String {
        let Self { config, scopes, endpoints, .. } = self;
        let route = |number: u16| {
            let place = usize::from(number).checked_sub(1);
            place.and_then(|place| config.routes.get(place)).map_or("", |route| route.pattern.as_str())
        };
        let limit = |place: u8| config.limits.get(usize::from(place)).map_or("", |limit| limit.name.as_str());
        let warning = |place: u16| config.warnings.get(usize::from(place)).map_or("", |issue| issue.text.as_str());
        let scope_of = |upstream| scopes.first_of(upstream);
        let endpoint = |number| endpoints.name(number);
        let (limit, warning, scope_of) = (&limit, &warning, &scope_of);
        write(&Names { route: &route, endpoint: &endpoint, limit, warning, scope_of })
    }

    /// The record of a call as JSON; that of an ended one is freed.
    pub fn report(&mut self, call: u32) -> String {
        let Some(slot) = self.calls.find(call) else { return String::from("{\"misuse\":\"unknown\"}") };
        let call = self.calls.at(slot);
        let kept = call.state == CallState::Retained;
        let mut summary = CallSummary { reason: None, elapsed: self.now.saturating_sub(call.begun), retry_after: None };
        if kept {
            // An ended call has no use for these fields any more, so they hold how it ended.
            summary.elapsed = call.sent_at;
            summary.reason = Reason::from_code(u64::from(call.generation));
            summary.retry_after = u32::try_from(call.sequence).ok().filter(|ms| *ms != NO_TIME);
        }
        let text = explain::report(call, &summary);
        if kept {
            self.forget_record(slot);
            self.move_to(slot, CallState::Gone);
            self.calls.remove(slot);
        }
        text
    }

    /// Calls, breakers, budgets, buckets and queues at this moment, as JSON.
    #[must_use]
    pub fn snapshot(&self, now: u64) -> String {
        let live = self.calls.len().saturating_sub(self.kept.len as usize) as u64;
        let waiting = u64::from(self.waiting);
        let totals = Totals { begun: self.begun, attempts: self.sequence, live, waiting };
        let upstreams = [core::slice::from_ref(&self.home), &self.others];
        let now = now.min(MAX_NOW).max(self.now);
        self.with_names(|names| stats::snapshot(&self.config, names, &totals, upstreams, now))
    }
}
