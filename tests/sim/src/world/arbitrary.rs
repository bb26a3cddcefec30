//! Inputs from arbitrary bytes instead of from a world: what no host would do, judged by the same oracle. For fuzzing.

use super::checked::{Broken, Checked};
use super::dice::Dice;
use super::input::{Gauge, Headers, Input};
use super::rules::Rules;
use std::rc::Rc;
use unruffled_core::Step;

/// Inputs of one run: what takes longer finds nothing that a shorter one does not.
const MOST: usize = 1_000;

/// Eight bytes choose the policy, each input takes some of the rest. All calls share eight ids, so that most inputs meet
/// a call; at the end every call is given up and nothing may be left.
///
/// # Errors
/// The sentence that an answer broke.
pub fn judge(bytes: &[u8]) -> Result<(), Box<Broken>> {
    let (head, rest) = bytes.split_at(bytes.len().min(8));
    let mut seed = [0; 8];
    seed[..head.len()].copy_from_slice(head);
    let seed = u64::from_le_bytes(seed);
    let rules = Rc::new(Rules::draw(&mut Dice::new(seed)));
    let mut feed = Feed(rest);
    let mut checked = Checked::open(&rules, seed);
    let mut now = 0;
    let mut generation = 1;
    while !feed.0.is_empty() && checked.tape.len() < MOST {
        let input = feed.input(&mut now, generation, &rules);
        if let super::input::Output::Word(answer) = checked.play(input)?
            && let Step::Refresh { generation: asked } = answer.step()
        {
            generation = asked;
        }
    }
    let left: Vec<u32> = checked.shadow.calls.keys().copied().collect();
    for call in left {
        checked.word(Input::Abandon { call, now })?;
    }
    checked.at_rest(now)
}

/// Bytes; when they are used up, zeros.
struct Feed<'a>(&'a [u8]);

impl Feed<'_> {
    fn byte(&mut self) -> u64 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        u64::from(*first)
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.byte() as usize % choices.len()]
    }

    /// Half the steps of time are none or small.
    fn pass(&mut self, now: &mut u64) -> u64 {
        let byte = self.byte();
        *now += match byte >> 6 {
            0 => 0,
            1 => byte & 63,
            2 => (byte & 63) * 50,
            _ => (byte & 63) * (byte & 63) * 20,
        };
        if byte == 255 { now.saturating_sub(self.byte() * 10) } else { *now }
    }

    fn input(&mut self, now: &mut u64, generation: u64, rules: &Rules) -> Input {
        let kind = self.byte();
        let call = (kind & 7) as u32;
        let now = self.pass(now);
        match kind >> 3 {
            0..=7 => {
                let what = self.of(&[0, 0, 7, 4, 5, 8, 6, 15, 9]) | (self.byte() as u32 & 127) << 4;
                let deadline = if self.byte() < 64 { now + self.byte() * 100 } else { 0 };
                let route = self.byte() as u32 % (rules.routes.len() as u32 + 1);
                let route = route | (self.byte() as u32 % 71) << 16;
                Input::Begin { call, now, route, scope: self.of(&[0, 0, 0, 1, 2]), what, deadline }
            }
            8..=15 => Input::Respond { call, now, status: self.status(), headers: self.headers() },
            16..=18 => {
                let byte = self.byte() as u32;
                Input::Fault { call, now, fault: (byte % 13) | (byte / 13 % 10) << 8 }
            }
            19..=23 => Input::Resume { call, now },
            24 | 25 => Input::Abandon { call, now },
            26 => Input::Token { now, generation, expires_in: self.of(&[1_000, 0, 50, 100_000, 1 << 40]) },
            27 => match self.byte() {
                0..48 => Input::Renew { now, scope: self.of(&[0, 0, 1, 2]) },
                48..64 => Input::Reset { now, scope: self.of(&[0, 0, 1, 2]) },
                byte => {
                    let retry_after = if byte < 96 { self.byte() * 100 } else { 0 };
                    let fault = self.of(&[0, 1, 4, 6, 9, 10, 12]);
                    Input::TokenFailed { now, generation, fault, retry_after }
                }
            },
            28 => Input::Scope { origin: self.of(&[0, 1, 2]), credential: self.of(&[0, 1, 2]) },
            29 => Input::Report { call },
            30 => Input::Wake,
            _ => match self.byte() {
                0..16 => Input::Close { now },
                16..128 => Input::Online { now },
                128..200 => Input::Events,
                _ => Input::Snapshot { now },
            },
        }
    }

    fn status(&mut self) -> u32 {
        match self.byte() {
            byte @ 0..96 => [200, 503, 429, 500, 401, 404][byte as usize % 6],
            byte => (byte - 96) as u32 * 7,
        }
    }

    fn headers(&mut self) -> Headers {
        let bits = self.byte();
        let gauge = (bits & 3 == 3).then(|| Gauge {
            remaining: self.byte() & 15,
            limit: self.byte() + 1,
            reset: self.byte() & 7,
            window: (bits & 4 == 4).then_some(1 + (bits >> 3 & 3)),
        });
        let retry_after = (bits & 0x60 == 0x60).then(|| self.of(&[0, 1, 500, 1_000, 60_000]));
        let should_retry = (bits & 0x90 == 0x90).then_some(bits & 8 == 8);
        let reset = (bits & 0x18 == 0x18).then_some(bits >> 5);
        Headers { retry_after, reset, should_retry, gauge }
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::world::dice::Dice;

    #[test]
    fn arbitrary_inputs_break_no_sentence() {
        for seed in 0..3_000 {
            let mut dice = Dice::new(seed);
            let length = dice.range(16, 3_000);
            let bytes: Vec<u8> = (0..length).map(|_| dice.bits() as u8).collect();
            if let Err(broken) = judge(&bytes) {
                panic!("seed {seed}: {broken:#?}");
            }
        }
    }
}
