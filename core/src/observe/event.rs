//! Events in a bounded ring. Only subscribed kinds are recorded; when the ring is full the oldest goes and is counted.

use crate::config::json::write::Json;
use crate::defaults::RING;
use crate::failure::{Outcome, Reason, codes};
use crate::policy::breaker::Phase;
use crate::policy::limiter::Change;
use crate::state::call::LastResult;
use crate::state::timeline::WaitReason;
use crate::state::upstream::BucketOf;
use alloc::string::String;
use alloc::vec::Vec;

codes! {
    /// What kind of thing happened; `1 << code` is its bit in `subscribe`.
    Kind {
        /// An attempt ended.
        Attempt = 0 "attempt",
        /// A call waits.
        Wait = 1 "wait",
        /// A breaker moved.
        Breaker = 2 "breaker",
        /// A bucket was paused, learned a rate or lowered it.
        Limiter = 3 "limiter",
        /// A credential is asked for, has come, failed or was refused.
        Refresh = 4 "refresh",
        /// A call ended.
        Call = 5 "call",
        /// Retries of another layer were noticed.
        Stacked = 6 "stacked",
        /// Lenient reading left something out of the policy.
        Warning = 7 "warning",
    }
}

codes! {
    /// What happened to a credential, for an event.
    RefreshChange {
        /// A fetch began.
        Asked = 0 "asked",
        Came = 1 "came",
        Failed = 2 "failed",
        /// The token endpoint rejected the request.
        Rejected = 3 "rejected",
        /// The fetch brought the token that a 401 had refused.
        Unchanged = 4 "unchanged",
        /// A 401 refused the held token.
        Refused = 5 "refused",
        /// The API refused a token that was fetched after a 401: refreshes rest for a while.
        Useless = 6 "useless",
    }
}

/// Marks an `upstream` of an event that holds a scope already.
const FIXED: u32 = 1 << 31;

/// Which call an event is about.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub call: u32,
    pub route: u16,
    pub scope: u32,
}

/// One event.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    Attempt { about: About, attempt: u8, last: LastResult, elapsed: u64 },
    Wait { about: About, wait_reason: WaitReason, delay: u64 },
    Breaker { upstream: u32, route: u16, endpoint: u16, from: Phase, to: Phase },
    Limiter { upstream: u32, bucket: BucketOf, change: Change, paused: u64 },
    Refresh { credential: u32, generation: u32, change: RefreshChange },
    Call { about: About, attempts: u8, last: LastResult, reason: Option<Reason>, outcome: Outcome, elapsed: u64 },
    Stacked { about: About },
    Warning { issue: u16 },
}

impl Event {
    const fn kind(&self) -> Kind {
        match self {
            Self::Attempt { .. } => Kind::Attempt,
            Self::Wait { .. } => Kind::Wait,
            Self::Breaker { .. } => Kind::Breaker,
            Self::Limiter { .. } => Kind::Limiter,
            Self::Refresh { .. } => Kind::Refresh,
            Self::Call { .. } => Kind::Call,
            Self::Stacked { .. } => Kind::Stacked,
            Self::Warning { .. } => Kind::Warning,
        }
    }
}

/// The words for what an event only numbers.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub route: &'a dyn Fn(u16) -> &'a str,
    pub endpoint: &'a dyn Fn(u16) -> &'a str,
    pub limit: &'a dyn Fn(u8) -> &'a str,
    pub warning: &'a dyn Fn(u16) -> &'a str,
    pub scope_of: &'a dyn Fn(u32) -> u32,
}

/// The ring.
#[derive(Debug, Default)]
pub struct Ring {
    kinds: u8,
    events: Vec<(u64, Event)>,
    /// Place of the oldest, once the ring is full.
    oldest: usize,
    dropped: u64,
    /// A breaker moved, or the ring became half full, since the last time somebody pulled.
    pub due: bool,
}

impl Ring {
    /// Which kinds are recorded from now on.
    pub fn subscribe(&mut self, kinds: u32) {
        self.kinds = (kinds & 255) as u8;
    }

    /// Whether this kind is recorded: asked before an event is put together.
    #[must_use]
    pub const fn wants(&self, kind: Kind) -> bool {
        self.kinds >> kind as u8 & 1 == 1
    }

    /// Records an event if its kind is subscribed.
    pub fn push(&mut self, now: u64, event: Event) {
        if !self.wants(event.kind()) {
            return;
        }
        if self.events.len() < RING {
            self.events.push((now, event));
        } else if let Some(oldest) = self.events.get_mut(self.oldest) {
            *oldest = (now, event);
            self.oldest = self.oldest.wrapping_add(1) % RING;
            self.dropped = self.dropped.saturating_add(1);
        }
        if self.events.len() == RING / 2 || matches!(event, Event::Breaker { .. }) {
            self.due = true;
        }
    }

    /// Writes the scope into the events of an upstream whose place another takes: its number will mean that one.
    pub fn fix_scope(&mut self, of: u32, scope: u32) {
        for (_, event) in &mut self.events {
            if let Event::Breaker { upstream, .. } | Event::Limiter { upstream, .. } = event
                && *upstream == of
            {
                *upstream = FIXED | scope;
            }
        }
    }

    /// All events as JSON, oldest first; the ring is empty then.
    pub fn drain(&mut self, names: &Names<'_>) -> String {
        let mut json = Json::new();
        json.object().field_number("dropped", self.dropped).key("events").array();
        let (newer, older) = self.events.split_at_checked(self.oldest).unwrap_or_default();
        for (at, event) in older.iter().chain(newer) {
            json.object().field_number("at", *at).field_text("kind", event.kind().text());
            write(&mut json, event, names);
            json.end_object();
        }
        json.end_array().end_object();
        self.events.clear();
        self.oldest = 0;
        self.dropped = 0;
        self.due = false;
        json.finish()
    }
}

fn about(json: &mut Json, about: &About, names: &Names<'_>) {
    json.field_number("call", u64::from(about.call));
    json.field_text("route", (names.route)(about.route));
    json.field_number("scope", u64::from(about.scope));
}

/// Returns the scope of an event's upstream.
fn scope_of(upstream: u32, names: &Names<'_>) -> u32 {
    if upstream & FIXED == 0 { (names.scope_of)(upstream) } else { upstream & !FIXED }
}

/// Whose breaker or bucket it is: a route's, an endpoint's, or with an empty route alone the API's.
pub(super) fn whose(json: &mut Json, route: u16, endpoint: u16, names: &Names<'_>) {
    json.field_text("route", (names.route)(route));
    if endpoint > 0 {
        json.field_text("endpoint", (names.endpoint)(endpoint));
    }
}

/// `"status"` and `"fault"` of an attempt, one of them null.
pub(super) fn last_fields(json: &mut Json, last: LastResult) {
    let (status, fault) = match last {
        LastResult::None => (None, None),
        LastResult::Status(status) => (Some(u64::from(status)), None),
        LastResult::Fault(fault) => (None, Some(fault.text())),
    };
    json.key("status").maybe_number(status).key("fault").maybe_text(fault);
}

fn write(json: &mut Json, event: &Event, names: &Names<'_>) {
    match event {
        Event::Attempt { about: call, attempt, last, elapsed } => {
            about(json, call, names);
            json.field_number("attempt", u64::from(*attempt));
            last_fields(json, *last);
            json.field_number("ms", *elapsed);
        }
        Event::Wait { about: call, wait_reason, delay } => {
            about(json, call, names);
            json.field_text("rule", wait_reason.text()).field_number("ms", *delay);
        }
        Event::Breaker { upstream, route, endpoint, from, to } => {
            whose(json, *route, *endpoint, names);
            json.field_number("scope", u64::from(scope_of(*upstream, names)));
            json.field_text("from", from.text()).field_text("to", to.text());
        }
        Event::Limiter { upstream, bucket, change, paused } => {
            let (limit, route, endpoint) = match *bucket {
                BucketOf::Limit(place) => ((names.limit)(place), 0, 0),
                BucketOf::Endpoint { route, endpoint } => ("", route, endpoint),
                BucketOf::Api => ("", 0, 0),
            };
            whose(json, route, endpoint, names);
            json.field_number("scope", u64::from(scope_of(*upstream, names)));
            json.field_text("limit", limit).field_text("change", change.text());
            json.field_number("ms", *paused);
        }
        Event::Refresh { credential, generation, change } => {
            json.field_number("credential", u64::from(*credential));
            json.field_number("generation", u64::from(*generation)).field_text("change", change.text());
        }
        Event::Call { about: call, attempts, last, reason, outcome, elapsed } => {
            about(json, call, names);
            json.field_number("attempts", u64::from(*attempts));
            last_fields(json, *last);
            json.key("reason").maybe_text(reason.map(Reason::text));
            json.field_text("outcome", outcome.text()).field_number("ms", *elapsed);
        }
        Event::Stacked { about: call } => about(json, call, names),
        Event::Warning { issue } => {
            json.field_text("text", (names.warning)(*issue));
        }
    }
}
