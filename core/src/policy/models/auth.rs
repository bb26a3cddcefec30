//! A credential against a plain record of all that happened to it: each question is answered from the whole list.

use super::Dice;
use crate::failure::Fault;
use crate::policy::auth::{Admission, Credential, Demand, Draws, Need, Refusal, Sent};
use std::vec::Vec;

const NEVER: u64 = (1 << 40) - 1;
const LEAST: Draws = Draws { seed: 1, jitter: false };
const ANY: Demand = Demand { once: false, units: 0 };

/// What happened, with its time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happened {
    Led(u32, Need),
    Came(u32, u64),
    Failed(u32, Fault, u64),
    /// A 401 gave the held token up.
    GivenUp(u32),
    /// The token of this generation, fetched after a 401, was refused too.
    Useless(u32),
    Helped,
}

#[derive(Default)]
struct Model {
    happened: Vec<(u64, Happened)>,
}

impl Model {
    fn generation(&self) -> u32 {
        self.happened.iter().filter(|(_, event)| matches!(event, Happened::Led(..))).count() as u32
    }

    /// Since when the latest fetch is under way, and why.
    fn running(&self) -> Option<(u64, Need)> {
        let latest = self
            .happened
            .iter()
            .rev()
            .find(|(_, event)| matches!(event, Happened::Led(..) | Happened::Came(..) | Happened::Failed(..)));
        match latest {
            Some((at, Happened::Led(_, why))) => Some((*at, *why)),
            _ => None,
        }
    }

    /// The latest token: its place in the list, generation, arrival and life.
    fn latest(&self) -> Option<(usize, u32, u64, u64)> {
        self.happened.iter().enumerate().rev().find_map(|(place, (at, event))| match event {
            Happened::Came(generation, life) => Some((place, *generation, *at, *life)),
            _ => None,
        })
    }

    /// Whether a 401 gave the latest token up, and no fetch failed since.
    fn refused(&self) -> bool {
        let Some((place, ..)) = self.latest() else { return false };
        self.happened[place..].iter().fold(false, |refused, (_, event)| match event {
            Happened::GivenUp(_) => true,
            Happened::Failed(_, fault, _) if *fault != Fault::Cancelled => false,
            _ => refused,
        })
    }

    fn end(&self) -> Option<u64> {
        self.latest().map(|(_, _, at, life)| if life == 0 || life >= NEVER { u64::MAX } else { at + life })
    }

    fn holds(&self, now: u64) -> bool {
        self.end().is_some_and(|end| now < end) && !self.refused()
    }

    /// When the fetch may be tried again.
    fn rests_until(&self) -> u64 {
        let after = self.latest().map_or(0, |(place, ..)| place);
        let counted = |event: &Happened| {
            !matches!(event, Happened::Failed(_, Fault::Cancelled | Fault::Offline | Fault::Unchanged, _))
                && matches!(event, Happened::Failed(..))
        };
        let failures = self.happened[after..].iter().filter(|(_, event)| counted(event)).count() as u32;
        // A lead ends the rest before it.
        let Some((at, Happened::Failed(_, fault, retry_after))) = self
            .happened
            .iter()
            .rev()
            .find(|(_, event)| matches!(event, Happened::Led(..) | Happened::Came(..) | Happened::Failed(..)))
        else {
            return 0;
        };
        if !counted(&Happened::Failed(0, *fault, 0)) {
            return 0;
        }
        // The 401 that asked for the fetch is forgiven with its failure.
        let lives = self.end().is_some_and(|end| *at < end);
        let least = match (*fault, if lives { failures } else { failures - 1 }) {
            (Fault::Rejected, _) => 60_000,
            (_, 0) => 0,
            (_, n) => [1_000, 2_000, 4_000].get(n as usize - 1).copied().unwrap_or(5_000),
        };
        at + least.max(*retry_after)
    }

    fn useless_until(&self) -> u64 {
        let from = self.happened.iter().rposition(|(_, event)| *event == Happened::Helped).map_or(0, |place| place + 1);
        let useless = self.happened[from..]
            .iter()
            .filter(|(_, event)| matches!(event, Happened::Useless(_) | Happened::Failed(_, Fault::Unchanged, _)));
        let times: Vec<u64> = useless.map(|(at, _)| *at).collect();
        let rest = [0, 1_000, 2_000, 4_000, 8_000].get(times.len()).copied().unwrap_or(10_000);
        times.last().map_or(0, |at| at + rest)
    }

    fn check(&self, now: u64) -> Admission {
        let leads = self.running().map(|(since, _)| since + 60_000).filter(|until| now < *until);
        let rests = Some(self.rests_until()).filter(|until| now < *until);
        if let Some((_, generation, at, life)) = self.latest().filter(|_| self.holds(now)) {
            if life == 0 || life >= NEVER {
                return Admission::Pass(generation);
            }
            let late = at + life - (life / 10).min(10_000);
            let early = late.min(at + life - (life / 4).min(60_000));
            if now < early
                || (now < late && (leads.is_some() || rests.is_some()))
                || (leads.is_none() && rests.is_some())
            {
                return Admission::Pass(generation);
            }
            if now < late {
                return Admission::Renew(generation);
            }
        }
        match (leads, rests) {
            (Some(until), _) => Admission::Wait(until - now),
            (None, Some(until)) => Admission::Rest(until - now),
            (None, None) => Admission::Lead,
        }
    }

    fn lead(&mut self, now: u64) {
        let why = match self.latest() {
            None => Need::First,
            Some(_) if self.refused() => Need::Refused,
            Some(_) => Need::Expired,
        };
        self.happened.push((now, Happened::Led(self.generation() + 1, why)));
    }

    fn asked(&self, generation: u64) -> bool {
        self.running().is_some() && generation == u64::from(self.generation()) | 5 << 20
    }

    fn refuse(&mut self, now: u64, generation: u32, sent: Sent) -> Refusal {
        let held = self.latest();
        if held.is_some_and(|(.., life)| life == 0) {
            return Refusal::Delivered;
        }
        if held.is_none_or(|(_, held, ..)| held != generation) {
            return if sent == Sent::Replay { Refusal::Delivered } else { Refusal::Replay };
        }
        if sent == Sent::Replay {
            let after_refusal =
                self.happened.iter().any(|(_, event)| *event == Happened::Led(generation, Need::Refused));
            let counted = self.happened.iter().any(|(_, event)| *event == Happened::Useless(generation));
            if !after_refusal || counted {
                return Refusal::Delivered;
            }
            self.happened.push((now, Happened::Useless(generation)));
            return Refusal::Useless;
        }
        if now < self.useless_until() || now < self.rests_until() {
            return Refusal::Delivered;
        }
        let again = self.refused();
        self.happened.push((now, Happened::GivenUp(generation)));
        if again { Refusal::Replay } else { Refusal::GivenUp }
    }
}

fn kind(admission: Admission) -> usize {
    match admission {
        Admission::Pass(_) => 0,
        Admission::Renew(_) => 1,
        Admission::Lead => 2,
        Admission::Wait(_) => 3,
        Admission::Rest(_) => 4,
    }
}

#[test]
fn it_leads_waits_and_passes_as_the_whole_record_says() {
    let mut seen = [0_u32; 5];
    for seed in 0..120 {
        let mut dice = Dice::new(seed);
        let (mut credential, mut model) = (Credential::new(5), Model::default());
        let mut asked: Vec<u64> = Vec::new();
        let mut now = 0;
        for step in 0..400 {
            now += if dice.one_in(30) { dice.upto(70_000) } else { dice.upto(300) };
            let (place, admission) = (std::format!("seed {seed}, step {step}, {now}"), credential.check(now, ANY));
            assert_eq!(admission, model.check(now), "{place}");
            assert_eq!(credential.generation(), model.generation(), "{place}");
            assert_eq!(credential.held(now).is_some(), model.holds(now), "{place}");
            seen[kind(admission)] += 1;
            let any = asked.get(dice.upto(asked.len() as u64) as usize).copied().unwrap_or(7);
            let latest = if dice.one_in(4) { any } else { asked.last().copied().unwrap_or(0) };
            match dice.upto(9) {
                0..3 if matches!(admission, Admission::Lead | Admission::Renew(_)) => {
                    model.lead(now);
                    let (generation, why) = credential.lead(now);
                    assert_eq!(Some(why), model.running().map(|(_, why)| why), "{place}");
                    asked.push(generation);
                }
                3..5 => {
                    let expires = dice.of(&[0, 1, 500, 2_000, 20_000, 200_000, NEVER - 1, NEVER, u64::MAX]);
                    let expires = if expires == 0 && !dice.one_in(10) { 900 } else { expires };
                    let awaited = model.asked(latest);
                    assert_eq!(credential.token(now, latest, expires, LEAST), awaited, "{place}");
                    if awaited {
                        model.happened.push((now, Happened::Came(model.generation(), expires)));
                    }
                }
                5 => {
                    let fault = dice.of(&[
                        Fault::Lost,
                        Fault::Lost,
                        Fault::Rejected,
                        Fault::Unchanged,
                        Fault::Cancelled,
                        Fault::Offline,
                    ]);
                    let after = dice.of(&[0, 0, 0, 700, 9_000]);
                    let awaited = model.asked(latest);
                    assert_eq!(credential.token_failed(now, latest, fault, after, LEAST), awaited, "{place}");
                    if awaited {
                        model.happened.push((now, Happened::Failed(model.generation(), fault, after)));
                    }
                }
                6..8 => {
                    let back = dice.upto(1) as u32;
                    let sent = if dice.one_in(3) { Sent::Replay } else { Sent::First };
                    let generation = model.latest().map_or(0, |(_, generation, ..)| generation).saturating_sub(back);
                    let refusal = credential.refused(now, generation, sent);
                    assert_eq!(refusal, model.refuse(now, generation, sent), "{place}");
                }
                8 if dice.one_in(4) => {
                    credential.replay_helped();
                    model.happened.push((now, Happened::Helped));
                }
                _ => {}
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 200), "{seen:?}");
}

#[test]
fn a_token_that_does_not_expire_outlives_the_longest_that_does() {
    for (expires_in, outlives) in [(NEVER - 1, false), (NEVER, true), (NEVER + 1, true), (u64::MAX, true)] {
        let mut credential = Credential::new(0);
        let (generation, _) = credential.lead(0);
        assert!(credential.token(5, generation, expires_in, LEAST));
        assert_eq!(credential.check(NEVER - 60_000, ANY), Admission::Pass(1), "{expires_in}");
        assert_eq!(credential.check(1 << 41, ANY) == Admission::Pass(1), outlives, "{expires_in}");
    }
}

#[test]
fn generations_come_round_without_the_number_that_means_none() {
    let mut credential = Credential::new(5);
    let mut seen = 0;
    for count in 1_u64..(1 << 20) + 3 {
        let (generation, _) = credential.lead(0);
        assert_eq!(Credential::place_of(generation), 5);
        let bits = generation & 0xf_ffff;
        assert_ne!(bits, 0);
        seen += u64::from(bits == count);
    }
    assert_eq!(seen, (1 << 20) - 1);
}
