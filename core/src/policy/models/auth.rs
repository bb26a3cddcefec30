//! A credential against a plain record of who leads and what is held.

use super::Dice;
use crate::policy::auth::{Admission, Credential, TokenFailure};
use std::vec::Vec;

const NEVER: u64 = (1 << 40) - 1;

#[derive(Default)]
struct Model {
    generation: u32,
    /// Since when somebody fetches the present generation.
    leader: Option<u64>,
    /// The present generation and the time it ends; a plain string has none.
    held: Option<Option<u64>>,
    failed: Vec<u32>,
}

impl Model {
    fn check(&self, now: u64) -> Admission {
        match (self.leader, self.held) {
            (Some(since), _) if now < since + 60_000 => Admission::Wait(since + 60_000 - now),
            (None, Some(None)) => Admission::Pass(self.generation),
            (None, Some(Some(end))) if now < end => Admission::Pass(self.generation),
            _ => Admission::Lead,
        }
    }

    fn lead(&mut self, now: u64) {
        self.generation += 1;
        (self.leader, self.held) = (Some(now), None);
    }

    fn token(&mut self, now: u64, generation: u64, expires_in: u64) -> bool {
        let asked = self.leader.is_some() && generation == u64::from(self.generation) | 5 << 20;
        if asked {
            self.leader = None;
            self.held = Some(match expires_in {
                0 => None,
                NEVER.. => Some(u64::MAX),
                _ => Some(now + expires_in),
            });
        }
        asked
    }

    fn token_failed(&mut self, generation: u64, failure: TokenFailure) -> bool {
        let asked = self.leader.is_some() && generation == u64::from(self.generation) | 5 << 20;
        if asked {
            self.leader = None;
            if failure == TokenFailure::ForAll {
                self.failed.push(self.generation);
            }
        }
        asked
    }

    fn refused(&mut self, generation: u32) -> bool {
        if self.held == Some(None) {
            return false;
        }
        if self.held.is_some() && generation == self.generation {
            self.held = None;
        }
        true
    }
}

#[test]
fn it_leads_waits_and_passes_as_a_plain_record_says() {
    let mut passed = 0;
    for seed in 0..300 {
        let mut dice = Dice::new(seed);
        let (mut credential, mut model) = (Credential::new(5), Model::default());
        let mut asked: Vec<u64> = Vec::new();
        let mut now = 0;
        for step in 0..600 {
            now += if dice.one_in(30) { dice.upto(70_000) } else { dice.upto(300) };
            let place = std::format!("seed {seed}, step {step}, {now}");
            let breaker_queue = credential.check(now);
            assert_eq!(breaker_queue, model.check(now), "{place}");
            assert_eq!(credential.generation(), model.generation, "{place}");
            passed += u32::from(matches!(breaker_queue, Admission::Pass(_)));
            let any = asked.get(dice.upto(asked.len() as u64) as usize).copied().unwrap_or(7);
            let latest = if dice.one_in(4) { any } else { asked.last().copied().unwrap_or(0) };
            match dice.upto(9) {
                0..3 if breaker_queue == Admission::Lead => {
                    asked.push(credential.lead(now));
                    model.lead(now);
                }
                3..6 => {
                    let expires = dice.of(&[0, 1, 500, 20_000, NEVER - 1, NEVER, u64::MAX]);
                    let expires = if expires == 0 && !dice.one_in(10) { 900 } else { expires };
                    assert_eq!(credential.token(now, latest, expires), model.token(now, latest, expires), "{place}");
                }
                6 => {
                    let failure = if dice.upto(1) == 0 { TokenFailure::ForAll } else { TokenFailure::ForLeader };
                    let failed = credential.token_failed(latest, failure);
                    assert_eq!(failed, model.token_failed(latest, failure), "{place}");
                }
                7 => {
                    let back = dice.upto(2) as u32;
                    let generation = model.generation.saturating_sub(back);
                    assert_eq!(credential.refused(generation), model.refused(generation), "{place}");
                }
                _ => {}
            }
            // Only the latest failure is kept: who waits waits for the latest.
            let latest_failed = model.failed.last().copied();
            for generation in model.generation.saturating_sub(3)..=model.generation {
                assert_eq!(credential.failed(generation), latest_failed == Some(generation), "{place}");
            }
        }
    }
    assert!(passed > 20_000, "{passed}");
}

#[test]
fn a_token_that_does_not_expire_outlives_the_longest_that_does() {
    for (expires_in, outlives) in [(NEVER - 1, false), (NEVER, true), (NEVER + 1, true), (u64::MAX, true)] {
        let mut credential = Credential::new(0);
        let generation = credential.lead(0);
        assert!(credential.token(5, generation, expires_in));
        assert_eq!(credential.check(NEVER + 3), Admission::Pass(1), "{expires_in}");
        assert_eq!(credential.check(1 << 41) == Admission::Pass(1), outlives, "{expires_in}");
    }
}

#[test]
fn generations_come_round_without_the_number_that_means_none() {
    let mut credential = Credential::new(5);
    let mut seen = 0;
    for count in 1_u64..(1 << 20) + 3 {
        let generation = credential.lead(0);
        assert_eq!(Credential::place_of(generation), 5);
        let bits = generation & 0xf_ffff;
        assert_ne!(bits, 0);
        seen += u64::from(bits == count);
    }
    assert_eq!(seen, (1 << 20) - 1);
}
