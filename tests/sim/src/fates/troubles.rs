//! Draws what goes wrong at a server.

use super::effect::{Does, Effect, Fail, Flap, GaugeForm, InFlight, Limit, LimitKind, Queue, Slow};
use super::how::{How, RetryAfter};
use super::world::NEVER;
use crate::world::dice::Dice;

/// Milliseconds that an outage lasts.
pub const DURATIONS: [u64; 10] = [100, 300, 500, 1_000, 2_000, 5_000, 20_000, 60_000, 300_000, 600_000];

/// Ways in which a whole server fails.
const HARD: [How; 10] = [
    How::Status(503),
    How::Status(503),
    How::Status(500),
    How::Status(502),
    How::Status(529),
    How::Reset,
    How::Refused,
    How::Timeout,
    How::Connect,
    How::Cut,
];

/// What the draws of one world share.
#[derive(Debug)]
pub struct Draw {
    pub dice: Dice,
    /// Milliseconds from the first call to the last one.
    pub span: u64,
    pub calls: u64,
    /// Share of part 1, once an effect touches only that.
    pub share: f64,
}

impl Draw {
    /// Draws a span of time that the calls can notice.
    pub fn when(&mut self, durations: &[u64]) -> (u64, u64) {
        let fit: Vec<u64> = durations.iter().copied().filter(|duration| *duration <= 3 * self.span).collect();
        let duration = if fit.is_empty() { durations[0] } else { self.dice.pick(&fit) };
        let anywhere = self.dice.range(0, self.span);
        let from = self.dice.pick(&[0, 0, anywhere, self.span / 2]);
        (from, from + duration)
    }

    /// Draws a rate limit.
    pub fn limit(&mut self) -> Limit {
        let dice = &mut self.dice;
        let allows = dice.pick(&[1, 5, 20, 100]);
        let left = Some(RetryAfter::Left);
        let (one, none) = (Some(RetryAfter::Seconds(1)), Some(RetryAfter::Seconds(0)));
        Limit {
            kind: dice.pick(&[LimitKind::Window, LimitKind::Bucket]),
            allows,
            per: dice.pick(&[1_000, 1_000, 10_000, 60_000]),
            burst: dice.pick(&[1, allows, (allows / 5).max(1)]),
            how: How::Status(429),
            retry_after: dice.pick(&[left, left, None, one, none, Some(RetryAfter::Past)]),
            gauge: dice.pick(&[None, None, Some(GaugeForm::X), Some(GaugeForm::Ietf)]),
            each: dice.chance(200_000),
            date: dice.chance(200_000),
        }
    }

    /// Makes an effect one of part 1 only, in a quarter of the worlds.
    fn maybe_part(&mut self, effect: Effect) -> Effect {
        if !self.dice.chance(250_000) {
            return effect;
        }
        if self.share == 0.0 {
            self.share = self.dice.pick(&[0.02, 0.1, 0.3, 0.5]);
        }
        effect.of_part(1)
    }

    /// Draws an effect in a span of time, of all calls or of part 1.
    fn some_time(&mut self, does: impl Into<Effect>, durations: &[u64]) -> Effect {
        let (from, until) = self.when(durations);
        self.maybe_part(does.into().during(from, until))
    }
}

/// Draws an effect.
pub fn effect(draw: &mut Draw) -> Effect {
    match draw.dice.range(0, 23) {
        0..=3 => {
            let fail = Fail::all(draw.dice.pick(&HARD));
            draw.some_time(fail, &DURATIONS)
        }
        4 | 5 => {
            let share = draw.dice.pick(&[0.1, 0.3, 0.5, 0.7, 0.9]);
            let fail = Fail { share, ..Fail::all(draw.dice.pick(&HARD)) };
            draw.some_time(fail, &[2_000, 20_000, 60_000, 600_000])
        }
        6 | 7 => slow(draw),
        8 => {
            let flap =
                Flap { on: draw.dice.pick(&[500, 2_000, 5_000]), off: draw.dice.pick(&[500, 2_000, 5_000, 20_000]) };
            let fail = Fail { flap: Some(flap), ..Fail::all(draw.dice.pick(&HARD)) };
            draw.some_time(fail, &[20_000, 60_000, 600_000])
        }
        9 => {
            let (from, until) = draw.when(&[1_000, 5_000, 20_000, 60_000]);
            Effect::from(Does::WarmUp { how: draw.dice.pick(&HARD) }).during(from, until)
        }
        10 => {
            let share = draw.dice.pick(&[1.0 / 2.0, 1.0 / 3.0, 1.0 / 5.0, 1.0 / 10.0]);
            Fail { share, ..Fail::all(draw.dice.pick(&HARD)) }.into()
        }
        11 => {
            let how = draw.dice.pick(&[How::Status(500), How::Status(500), How::Status(503), How::Timeout, How::Cut]);
            Effect { ids: Some(draw.dice.pick(&[2, 3, 5, 20])), ..Effect::from(Fail::all(how)) }
        }
        12 => first_attempts(draw),
        13 => refused_until(draw),
        14..=16 => {
            let limit = Does::Limit(draw.limit());
            draw.maybe_part(limit.into())
        }
        17 => day_limit(draw),
        18 => in_flight(draw),
        19 => queue(draw),
        20 => one_429(draw),
        _ => odd_status(draw),
    }
}

fn slow(draw: &mut Draw) -> Effect {
    let by = draw.dice.pick(&[1_000, 4_000, 9_000, 9_900, 10_500, 20_000]);
    let slow = Slow { by, share: draw.dice.pick(&[1.0, 1.0, 0.3, 0.05]), drift: draw.dice.chance(300_000) };
    let (from, until) = draw.when(&[1_000, 5_000, 30_000, 300_000]);
    draw.maybe_part(Effect::from(Does::Slow(slow)).during(from, until))
}

/// The first attempts of each call fail.
fn first_attempts(draw: &mut Draw) -> Effect {
    let soft = [408, 425, 421, 429].map(How::Status);
    let how = draw.dice.pick(&[&HARD[..], &soft[..]].concat());
    let (from, until) = draw.when(&[1_000, 20_000, 600_000]);
    let first = Some(draw.dice.pick(&[1, 1, 2]));
    Effect::from(Fail { first, ..Fail::all(how) }).during(from, until)
}

/// The server refuses and says when it wants the request again.
fn refused_until(draw: &mut Draw) -> Effect {
    let seconds = RetryAfter::Seconds;
    let dates = [RetryAfter::Past, RetryAfter::Date(2), RetryAfter::Date(20)];
    let after = [&[0, 1, 1, 2, 5, 30, 120, 3_600].map(seconds)[..], &dates[..]].concat();
    let fail = Fail {
        share: draw.dice.pick(&[1.0, 1.0, 0.2]),
        retry_after: Some(draw.dice.pick(&after)),
        ..Fail::all(draw.dice.pick(&[How::Status(503), How::Status(429)]))
    };
    draw.some_time(fail, &[500, 2_000, 20_000, 60_000])
}

/// A limit of a day, which the calls reach or nearly reach.
fn day_limit(draw: &mut Draw) -> Effect {
    let allows = draw.dice.pick(&[draw.calls / 2 + 1, draw.calls + 5]);
    let hour = Some(RetryAfter::Seconds(3_600));
    let limit = Limit {
        kind: LimitKind::Window,
        allows,
        per: 86_400_000,
        retry_after: draw.dice.pick(&[Some(RetryAfter::Left), None, hour]),
        gauge: draw.dice.pick(&[None, Some(GaugeForm::X)]),
        each: false,
        ..draw.limit()
    };
    Does::Limit(limit).into()
}

fn in_flight(draw: &mut Draw) -> Effect {
    let seconds = |seconds| Some(RetryAfter::Seconds(seconds));
    let in_flight = InFlight {
        most: draw.dice.pick(&[1, 2, 5, 20]),
        how: draw.dice.pick(&[How::Status(429), How::Status(429), How::Status(503)]),
        retry_after: draw.dice.pick(&[None, seconds(1), seconds(0), seconds(5)]),
    };
    draw.maybe_part(Does::InFlight(in_flight).into())
}

fn queue(draw: &mut Draw) -> Effect {
    let queue = Queue {
        workers: draw.dice.pick(&[1, 4, 16]),
        places: draw.dice.pick(&[5, 50, 500]),
        how: How::Status(draw.dice.pick(&[503, 429, 529])),
        retry_after: draw.dice.pick(&[None, Some(RetryAfter::Seconds(1))]),
    };
    Does::Queue(queue).into()
}

/// A call now and then gets one 429.
fn one_429(draw: &mut Draw) -> Effect {
    let seconds = |seconds| Some(RetryAfter::Seconds(seconds));
    let after = [None, seconds(0), seconds(1), seconds(5), seconds(30), seconds(3_600), Some(RetryAfter::Past)];
    let fail = Fail { first: Some(1), retry_after: draw.dice.pick(&after), ..Fail::all(How::Status(429)) };
    let calls = draw.calls as u32;
    let effect = Effect { ids: Some(draw.dice.pick(&[calls, calls, 20, 50])), until: NEVER, ..Effect::from(fail) };
    draw.maybe_part(effect)
}

fn odd_status(draw: &mut Draw) -> Effect {
    let how = How::Status(draw.dice.pick(&[408, 425, 421, 409, 429, 501]));
    let fail = Fail { share: draw.dice.pick(&[1.0, 0.3]), ..Fail::all(how) };
    let (from, until) = draw.when(&[1_000, 20_000, 600_000]);
    Effect::from(fail).during(from, until)
}
