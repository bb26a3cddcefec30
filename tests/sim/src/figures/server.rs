//! What a modelled server answers, and the models whose state is the clock alone: healthy, outage, brown-out, lost
//! answers, stalls, blips, slow recovery, partition, the instant that breaks all in flight.

use super::chance::Chance;

/// What its headers say of a limit: whole requests and seconds, as servers write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    pub limit: u64,
    pub window: u64,
    pub remaining: u64,
    pub reset: u64,
}

/// How a request ends at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Status(u16),
    /// The connection broke; the work may be done.
    Lost,
    /// Nobody listens: proven unsent.
    Unsent,
    /// Nothing ever comes.
    Silent,
}

/// An answer, `after` milliseconds from the request's arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub after: u64,
    pub what: What,
    pub gauge: Option<Gauge>,
    /// `Retry-After` in whole seconds.
    pub retry_after: Option<u64>,
    /// `Retry-After` is written as a date of the server's clock, which is so many milliseconds ahead of the client's.
    pub skew: Option<i64>,
}

impl Reply {
    /// Without headers.
    #[must_use]
    pub fn new(after: u64, what: What) -> Self {
        Self { after, what, gauge: None, retry_after: None, skew: None }
    }
}

/// A modelled server.
pub trait Server {
    /// A request of a client arrives.
    fn arrive(&mut self, now: u64, client: usize, chance: &mut Chance) -> Reply;
}

/// Milliseconds of work for a healthy answer: uniform.
pub const WORK: (u64, u64) = (20, 40);

/// What goes wrong in a span of time.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// Each request with this probability.
    Some(f64, What),
    /// The share that is still refused falls evenly to nothing over the span.
    Fading(What),
    /// Clients below this number reach nobody.
    Cut(usize),
    /// Whatever is in flight breaks at the span's end.
    Break,
    /// Refused, with Retry-After in seconds as a date of a clock that is so many milliseconds ahead.
    Dated(u64, i64),
}

/// A server whose troubles are planned.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    pub troubles: Vec<(u64, u64, Trouble)>,
}

impl Server for Planned {
    fn arrive(&mut self, now: u64, client: usize, chance: &mut Chance) -> Reply {
        let work = chance.between(WORK.0, WORK.1);
        let present = self.troubles.iter().find(|(from, until, _)| (*from..*until).contains(&now));
        let Some(&(from, until, trouble)) = present else { return Reply::new(work, What::Status(200)) };
        match trouble {
            Trouble::Some(share, what) if chance.share() < share => Reply::new(work, what),
            Trouble::Fading(what) if chance.share() * ((until - from) as f64) < (until - now) as f64 => {
                Reply::new(work, what)
            }
            Trouble::Cut(clients) if client < clients => Reply::new(work, What::Lost),
            Trouble::Break => Reply::new(until - now, What::Lost),
            Trouble::Dated(seconds, skew) => {
                Reply { retry_after: Some(seconds), skew: Some(skew), ..Reply::new(work, What::Status(503)) }
            }
            Trouble::Some(..) | Trouble::Fading(_) | Trouble::Cut(_) => Reply::new(work, What::Status(200)),
        }
    }
}
