//! Reads the watched headers of an answer: the time that a server asks for, and its gauges.

use crate::defaults::ONE;
use crate::engine::Engine;
use crate::headers::{self, Hints, Limits};
use crate::policy::classify::Class;
use crate::policy::limiter::Came;
use crate::state::call::{Call, CallIndex};

/// What the watched headers of an answer say to one call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerHints {
    /// Milliseconds that the server asks for.
    pub wait: Option<u64>,
    /// They bind this call. The reset of a gauge does not: the next token may come before it.
    pub binds: bool,
    /// The bucket whose gauge shows nothing left.
    pub empty: Option<u16>,
    /// Whether a 429 pauses (Stripe: only if its reason ends in `-rate`).
    pub pauses: bool,
}

/// How an answer went, for its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    Success,
    /// A failure that is no refusal by a rate limit.
    Failure,
    RateLimited,
}

impl AnswerKind {
    /// Tells how an answer of this status and class went.
    pub(crate) const fn of(status: u16, class: Class) -> Self {
        match class {
            Class::RateLimited => Self::RateLimited,
            Class::Deliver if status < 400 => Self::Success,
            _ => Self::Failure,
        }
    }
}

impl Engine {
    /// Reads what an answer says: of a 429 also when it names its time by a reset alone.
    #[inline]
    pub(crate) fn server_hints(
        &mut self,
        slot: CallIndex,
        hints: &Hints<'_>,
        wall: u64,
        answer: AnswerKind,
    ) -> ServerHints {
        let mut server = self.read_gauges(slot, hints, wall, answer);
        if answer == AnswerKind::RateLimited && server.wait.is_none() {
            let (config, upstream) = self.config_and_upstream(self.calls.at(slot).upstream);
            let limits = if upstream.own { config.limits.as_slice() } else { &[] };
            server.wait = headers::reset_alone(limits, hints, wall);
            server.binds = server.wait.is_some();
        }
        server
    }

    /// Reports to the buckets what their gauges say.
    fn read_gauges(&mut self, slot: CallIndex, hints: &Hints<'_>, wall: u64, answer: AnswerKind) -> ServerHints {
        let mut server = ServerHints { pauses: true, ..ServerHints::default() };
        if hints.is_empty() {
            return server;
        }
        let now = self.now;
        let Call { upstream: place, sequence, sent_at, .. } = *self.calls.at(slot);
        let (config, upstream) = self.config_and_upstream(place);
        let bound = upstream.is_limited_by(config);
        let limits = Limits::count(upstream.bucket_queues.len());
        let refused = answer != AnswerKind::Success;
        let wait = if refused { headers::server_time(hints, wall) } else { None };
        let came = Came { success: !refused, sent_at, wait };
        let mut reset = None;
        let mut hurried = 0_u32;
        for (i, bucket_queue) in upstream.bucket_queues.iter_mut().enumerate() {
            let limit = config.limits.get(i).filter(|_| bound);
            let (gauge, name) =
                limit.map_or((&crate::config::Gauge::Auto, ""), |limit| (&limit.gauge, limit.name.as_str()));
            server.pauses &= headers::pauses(gauge, hints);
            let window = limit.and_then(|limit| limit.rate).map(|(_, window)| window);
            let Some(reading) = headers::read(gauge, name, window, limits, hints, wall) else { continue };
            bucket_queue.bucket.read(now, sequence, &reading, came);
            hurried |= 1 << i;
            if reading.remaining < ONE && server.empty.is_none() {
                server.empty = Some(i as u16);
                reset = reading.reset.filter(|reset| *reset > 0);
            }
        }
        for bucket in 0..16 {
            if hurried >> bucket & 1 == 1 {
                self.wake_if_due(place, bucket);
            }
        }
        if refused {
            server.wait = came.wait.or(reset);
            server.binds = came.wait.is_some();
        }
        server
    }
}
