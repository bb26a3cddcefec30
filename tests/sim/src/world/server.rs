//! What is at the other end: phases of a server's day, shared by all clients of a world.

use super::dice::Dice;
use super::input::{Gauge, Headers};
use super::options::Options;
use unruffled_core::{Cause, Fault};

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Status(u32, Headers),
    Fault(Fault, Cause),
    /// Nothing ever comes; the attempt's timeout ends it.
    Silence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Healthy,
    /// Every request fails: refused, reset or 503.
    Down(End),
    /// This many millionths fail.
    Brownout(u32),
    /// A pool of workers; beyond its queue 503, which costs work too.
    Overload {
        workers: u64,
        service: u64,
        queue: u64,
    },
    /// A token bucket that tells its state: per second, and whether with a policy header.
    Bucket {
        rate: u64,
        policy: bool,
    },
    /// So many requests at once; one more is refused with 429, and nothing else is told.
    Crowd {
        most: usize,
        service: u64,
    },
    /// So many requests in a window; more are refused with 429, and nothing else is told.
    Window {
        most: u64,
        every: u64,
    },
    /// Answers come late or never.
    Stalling(u32),
    /// Up and down by the second.
    Flapping(u64),
    /// One client of two cannot reach it.
    Partition,
    /// Credentials expire while it fails: this many millionths are refused with 401.
    Expired(u32),
    /// One endpoint of so many fails.
    Partly {
        of: u32,
        end: End,
    },
    /// Slower and slower, or faster and faster.
    Slope {
        from: u64,
        to: u64,
    },
}

/// The server of a world.
#[derive(Debug)]
pub struct Server {
    /// When each phase begins.
    phases: Vec<(u64, Mood)>,
    latency: u64,
    busy_until: Vec<u64>,
    tokens: u64,
    counted: u64,
    at: u64,
    healed: bool,
}

impl Server {
    /// Draws a day of so many milliseconds.
    #[must_use]
    pub fn draw(dice: &mut Dice, length: u64) -> Self {
        let count = dice.range(1, 4);
        let phases = (0..count).map(|i| (length * i / count, mood(dice))).collect();
        Self {
            phases,
            latency: dice.magnitude(1, 8_000),
            busy_until: Vec::new(),
            tokens: u64::MAX,
            counted: 0,
            at: 0,
            healed: false,
        }
    }

    /// From now on nothing fails any more.
    pub fn heal(&mut self, now: u64) {
        self.phases = vec![(now, Mood::Healthy)];
        self.healed = true;
    }

    /// A request arrives; how it ends and after how many milliseconds.
    pub fn request(
        &mut self,
        dice: &mut Dice,
        options: &Options,
        now: u64,
        client: usize,
        endpoint: u32,
    ) -> (u64, End) {
        let (since, mood) =
            self.phases.iter().rev().find(|(from, _)| *from <= now).copied().unwrap_or((0, Mood::Healthy));
        let quick = dice.magnitude(1, self.latency);
        let fine = End::Status(200, Headers::default());
        let (after, end) = match mood {
            Mood::Healthy => (quick, fine),
            Mood::Down(end) => (quick.min(50), end),
            Mood::Brownout(share) if dice.chance(share) => (quick, End::Status(503, Headers::default())),
            Mood::Brownout(_) => (quick, fine),
            Mood::Overload { workers, service, queue } => self.work(now, workers, service, queue),
            Mood::Bucket { rate, policy } => (quick, self.draw_token(now, rate, policy)),
            Mood::Crowd { most, service } => self.crowd(now, most, service),
            Mood::Window { most, every } => (quick, self.count_in_window(now, most, every)),
            Mood::Stalling(share) if dice.chance(share) => (quick, End::Silence),
            Mood::Stalling(_) => (quick * 4, fine),
            Mood::Flapping(every) if now / every % 2 == 1 => (quick, End::Status(502, Headers::default())),
            Mood::Flapping(_) => (quick, fine),
            Mood::Partition if client.is_multiple_of(2) => (quick, End::Fault(Fault::Lost, Cause::None)),
            Mood::Partition => (quick, fine),
            Mood::Expired(share) if dice.chance(share) => (quick, End::Status(401, Headers::default())),
            Mood::Expired(_) => (quick, End::Status(503, Headers::default())),
            Mood::Partly { of, end } if endpoint.is_multiple_of(of) => (quick, end),
            Mood::Partly { .. } => (quick, fine),
            Mood::Slope { from, to } => {
                let passed = (now - since).min(10_000);
                ((from * (10_000 - passed) + to * passed) / 10_000, fine)
            }
        };
        (after.max(1), if self.healed { end } else { odd(dice, options, end) })
    }

    fn work(&mut self, now: u64, workers: u64, service: u64, queue: u64) -> (u64, End) {
        self.busy_until.resize(workers as usize, 0);
        let Some(free) = self.busy_until.iter_mut().min() else { return (1, End::Silence) };
        let begins = (*free).max(now);
        if begins - now > queue * service {
            *free = begins + service / 4;
            return (5, End::Status(503, Headers::default()));
        }
        *free = begins + service;
        (begins + service - now, End::Status(200, Headers::default()))
    }

    fn crowd(&mut self, now: u64, most: usize, service: u64) -> (u64, End) {
        self.busy_until.retain(|until| *until > now);
        if self.busy_until.len() >= most {
            return (5, End::Status(429, Headers::default()));
        }
        self.busy_until.push(now + service);
        (service, End::Status(200, Headers::default()))
    }

    fn count_in_window(&mut self, now: u64, most: u64, every: u64) -> End {
        if self.at / every != now / every {
            self.counted = 0;
        }
        self.at = now;
        self.counted += 1;
        End::Status(if self.counted > most { 429 } else { 200 }, Headers::default())
    }

    fn draw_token(&mut self, now: u64, rate: u64, policy: bool) -> End {
        self.tokens = self.tokens.saturating_add((now - self.at) * rate).min(rate * 1_000);
        self.at = now;
        let took = self.tokens >= 1_000;
        if took {
            self.tokens -= 1_000;
        }
        let remaining = self.tokens / 1_000;
        let gauge = Gauge { remaining, limit: rate, reset: 1, window: policy.then_some(1) };
        let retry_after = (!took).then_some(1_000);
        let headers = Headers { retry_after, gauge: Some(gauge), ..Headers::default() };
        End::Status(if took { 200 } else { 429 }, headers)
    }
}

fn mood(dice: &mut Dice) -> Mood {
    let status = |status| End::Status(status, Headers::default());
    match dice.range(0, 16) {
        0 | 1 => Mood::Healthy,
        2 | 3 => Mood::Down(dice.pick(&[
            status(503),
            status(500),
            End::Fault(Fault::Lost, Cause::None),
            End::Fault(Fault::Unsent, Cause::None),
            End::Silence,
        ])),
        4 => Mood::Brownout(dice.range(50_000, 900_000) as u32),
        5 | 6 => {
            Mood::Overload { workers: dice.range(1, 8), service: dice.magnitude(5, 500), queue: dice.range(1, 50) }
        }
        7 => Mood::Bucket { rate: dice.magnitude(1, 200), policy: dice.chance(500_000) },
        8 => Mood::Stalling(dice.range(50_000, 1_000_000) as u32),
        9 => Mood::Flapping(dice.range(100, 5_000)),
        10 => Mood::Partition,
        11 => Mood::Expired(dice.range(50_000, 500_000) as u32),
        12 | 13 => {
            Mood::Partly { of: dice.range(2, 3) as u32, end: dice.pick(&[status(503), status(500), End::Silence]) }
        }
        14 => Mood::Crowd { most: dice.range(1, 8) as usize, service: dice.magnitude(5, 500) },
        15 => Mood::Window { most: dice.magnitude(1, 100), every: dice.pick(&[1_000, 10_000, 60_000]) },
        _ => Mood::Slope { from: dice.magnitude(1, 15_000), to: dice.magnitude(1, 15_000) },
    }
}

/// What may happen to any answer.
fn odd(dice: &mut Dice, options: &Options, end: End) -> End {
    for (chance, fault) in [
        (options.lost, Fault::Lost),
        (options.unsent, Fault::Unsent),
        (options.connect_timeout, Fault::ConnectTimeout),
        (options.offline, Fault::Offline),
        (options.truncated, Fault::Truncated),
        (options.refused / 8, Fault::Refused),
        (options.too_large / 8, Fault::TooLarge),
        (options.permanent / 8, Fault::Permanent),
    ] {
        if dice.chance(chance) {
            let cause = if dice.chance(options.caused) { dice.pick(Cause::ALL) } else { Cause::None };
            return End::Fault(fault, cause);
        }
    }
    if dice.chance(options.no_such_name / 4) {
        return End::Fault(Fault::Unsent, Cause::NoSuchName);
    }
    if dice.chance(options.stalled) {
        return End::Silence;
    }
    let End::Status(mut status, mut headers) = end else { return end };
    if dice.chance(options.odd_status) {
        status =
            dice.pick(&[0, 204, 304, 400, 403, 404, 408, 409, 410, 412, 500, 501, 502, 505, 511, 529, 599, 600, 999]);
    }
    if dice.chance(options.unauthorized) {
        status = 401;
    }
    if dice.chance(options.limited) {
        status = 429;
        headers.retry_after = Some(dice.pick(&[1, 250, 1_000, 2_000, 5_000]));
    }
    if dice.chance(options.limited_nameless) {
        status = 429;
    }
    if dice.chance(options.reset_alone) {
        status = 429;
        headers.reset = Some(dice.pick(&[0, 1, 2, 3, 30]));
    }
    if dice.chance(options.misdirected) {
        status = dice.pick(&[421, 425]);
    }
    if dice.chance(options.gone) {
        status = dice.pick(&[404, 410, 412]);
    }
    if dice.chance(options.retry_after) {
        headers.retry_after = Some(dice.pick(&[0, 1, 99, 1_000, 3_000]));
    }
    if dice.chance(options.long_retry_after) {
        headers.retry_after = Some(dice.pick(&[30_000, 45_000, 3_600_000, 86_400_000]));
    }
    if dice.chance(options.should_retry) {
        headers.should_retry = Some(dice.chance(500_000));
    }
    if dice.chance(options.gauge) {
        let limit = dice.magnitude(1, 5_000);
        let remaining = if dice.chance(options.gauge_empty) { 0 } else { dice.range(0, limit) };
        let window = dice.chance(400_000).then(|| dice.pick(&[1, 2, 10, 60]));
        headers.gauge = Some(Gauge { remaining, limit, reset: dice.pick(&[0, 1, 1, 2, 10, 60]), window });
    }
    End::Status(status, headers)
}
