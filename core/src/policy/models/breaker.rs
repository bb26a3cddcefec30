//! The breaker against the list of everything that ever happened to it.

use super::Dice;
use crate::config;
use crate::policy::breaker::{Admission, Breaker, Count, From, Guards, Permit, Phase};
use std::vec::Vec;

/// What happened since the breaker opened.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    /// Opened, or opened again.
    Opened {
        at: u64,
        cool_until: u64,
    },
    TurnedAway,
    /// An attempt from before the opening ended.
    Older {
        at: u64,
    },
    Sent {
        probe: usize,
        at: u64,
    },
    Ended {
        probe: usize,
        at: u64,
        count: Count,
    },
}

/// An outcome that was counted.
#[derive(Clone, Copy, PartialEq)]
enum Counted {
    Good,
    Bad,
    /// A failure that was taken back.
    Taken,
}

/// A permit of the model: how often the breaker had changed, and the number of the probe.
#[derive(Clone, Copy)]
struct Ticket {
    era: u32,
    probe: usize,
}

struct Model {
    settings: config::Breaker,
    era: u32,
    openings: u64,
    probes: usize,
    /// Outcomes since it closed.
    outcomes: Vec<(u64, Counted)>,
    /// It closed after a silence, and nothing was counted since.
    trial: bool,
    /// `None` = closed.
    history: Option<Vec<Moment>>,
}

fn jitter(openings: u64, most: u64) -> u64 {
    openings * 7 % (most + 1)
}

/// What `Model::standing` finds.
enum Standing {
    /// By time and by refused calls.
    Later,
    Leased(u64),
    AtOnce,
}

impl Model {
    fn new(settings: config::Breaker) -> Self {
        Self { settings, era: 0, openings: 0, probes: 0, outcomes: Vec::new(), trial: false, history: None }
    }

    fn opened(history: &[Moment]) -> (usize, u64, u64) {
        let opening = history.iter().enumerate().rev().find_map(|(place, moment)| match moment {
            Moment::Opened { at, cool_until } => Some((place, *at, *cool_until)),
            _ => None,
        });
        opening.unwrap()
    }

    fn standing(history: &[Moment]) -> Standing {
        let (place, ..) = Self::opened(history);
        let sent = history[place..].iter().rev().find_map(|moment| match moment {
            Moment::Sent { probe, at } => Some((*probe, *at)),
            _ => None,
        });
        let Some((last, at)) = sent else { return Standing::Later };
        let ended = history.iter().any(|moment| matches!(moment, Moment::Ended { probe, .. } if *probe == last));
        if ended { Standing::AtOnce } else { Standing::Leased(at + 2_500) }
    }

    fn refused(history: &[Moment]) -> usize {
        let sent = history.iter().rposition(|moment| matches!(moment, Moment::Sent { .. })).unwrap_or(0);
        history[sent..].iter().filter(|moment| **moment == Moment::TurnedAway).count()
    }

    /// When something was last sent or ended.
    fn moved(history: &[Moment]) -> u64 {
        let at = history.iter().rev().find_map(|moment| match moment {
            Moment::Opened { at, .. } | Moment::Sent { at, .. } | Moment::Ended { at, .. } | Moment::Older { at } => {
                Some(*at)
            }
            Moment::TurnedAway => None,
        });
        at.unwrap()
    }

    /// Whether nothing was sent and nothing ended for one window.
    fn silent(&self, history: &[Moment], now: u64) -> bool {
        now - Self::moved(history) >= self.settings.window
    }

    fn check(&self, now: u64) -> Admission {
        let Some(history) = &self.history else { return Admission::Pass };
        if self.silent(history, now) {
            return Admission::Pass;
        }
        let (_, since, cool_until) = Self::opened(history);
        let due = match Self::standing(history) {
            Standing::AtOnce => 0,
            Standing::Leased(until) => until,
            Standing::Later => {
                let failed = history.iter().filter(|moment| matches!(moment, Moment::Opened { .. })).count() - 1;
                let grown = self.settings.cool_down * 2_u64.pow(failed.min(30) as u32 + 1);
                let latest = since + self.settings.latest_probe.min(grown);
                if Self::refused(history) >= 20 { cool_until.min(latest) } else { latest }
            }
        };
        let passes = Self::moved(history) + self.settings.window;
        if now >= due { Admission::Probe } else { Admission::Refuse(due.min(passes) - now) }
    }

    fn send(&mut self, now: u64) -> Ticket {
        let mut probe = 0;
        if self.history.as_ref().is_some_and(|history| self.silent(history, now)) {
            self.close();
            self.trial = true;
        }
        if let Some(history) = &mut self.history {
            self.probes += 1;
            probe = self.probes;
            history.push(Moment::Sent { probe, at: now });
        }
        Ticket { era: self.era, probe }
    }

    fn close(&mut self) {
        self.era += 1;
        self.history = None;
        self.outcomes.clear();
        self.trial = false;
    }

    fn count(&mut self, count: Count, now: u64) {
        if count == Count::Recovery
            && let Some(bad) = self.outcomes.iter_mut().rev().find(|(_, counted)| *counted == Counted::Bad)
        {
            bad.1 = Counted::Taken;
        }
        match count {
            Count::Success | Count::Recovery => {
                self.outcomes.push((now, Counted::Good));
                self.trial = false;
            }
            Count::Failure => self.outcomes.push((now, Counted::Bad)),
            Count::Again | Count::Nothing => {}
        }
    }

    fn settle(&mut self, ticket: Ticket, count: Count, waiting: u32, now: u64) {
        if ticket.era != self.era {
            self.history.iter_mut().for_each(|history| history.push(Moment::Older { at: now }));
            return;
        }
        let Some(history) = &mut self.history else {
            self.count(count, now);
            if count == Count::Failure && (std::mem::take(&mut self.trial) || self.trips(now)) {
                self.era += 1;
                self.open(now);
            }
            return;
        };
        let lost = match Self::standing(history) {
            Standing::Leased(until) => {
                let failed = matches!(count, Count::Failure | Count::Again);
                failed && ticket.probe == self.probes && now < until
            }
            Standing::Later | Standing::AtOnce => false,
        };
        history.push(Moment::Ended { probe: ticket.probe, at: now, count });
        let (place, ..) = Self::opened(history);
        let won = |moment: &&Moment| matches!(moment, Moment::Ended { count: Count::Success | Count::Recovery, .. });
        let wins = history[place..].iter().filter(won).count();
        if lost {
            let known = Self::refused(history);
            history.extend((known..waiting as usize).map(|_| Moment::TurnedAway));
            self.open(now);
        } else if matches!(count, Count::Success | Count::Recovery) && wins >= self.settings.probes as usize {
            self.close();
        }
    }

    fn open(&mut self, now: u64) {
        self.openings += 1;
        let cool_until = now + self.settings.cool_down + jitter(self.openings, self.settings.cool_down / 10);
        self.history.get_or_insert_default().push(Moment::Opened { at: now, cool_until });
    }

    /// Whether the window trips, by the sentence of `core/manual/semantics.md`, section 7.
    fn trips(&self, now: u64) -> bool {
        let slice = self.settings.window / 10;
        let inside = |at: u64| at / slice + 9 >= now / slice;
        let counted: Vec<_> = self.outcomes.iter().filter(|(at, _)| inside(*at)).collect();
        let failed = counted.iter().filter(|(_, counted)| *counted == Counted::Bad).count() as u64;
        let all = counted.iter().filter(|(_, counted)| *counted != Counted::Taken).count() as u64;
        let share = u64::from(self.settings.failure_rate);
        let by_share = all >= u64::from(self.settings.minimum_calls) && failed * 1_000_000 >= all * share;
        let spans = |first: u64| now - first >= 1_000;
        let run: Vec<_> = self.outcomes.iter().rev().take_while(|(_, counted)| *counted == Counted::Bad).collect();
        let first = run.last().unwrap().0;
        // Of a run older than the window, the failures in the window are the latest.
        let recent = inside(first) || failed >= u64::from(self.settings.run);
        by_share && spans(counted[0].0) || run.len() >= self.settings.run as usize && spans(first) && recent
    }
}

fn settings(dice: &mut Dice) -> config::Breaker {
    let cool_down = dice.within(10, 900);
    config::Breaker {
        window: dice.of(&[1_000, 3_000, 9_999, 30_000]),
        failure_rate: dice.of(&[1, 250_000, 333_333, 500_000, 1_000_000]),
        minimum_calls: dice.within(1, 30) as u32,
        run: dice.of(&[1, 2, 5, 20, 1_000]),
        cool_down,
        latest_probe: cool_down + dice.upto(6_000),
        probes: dice.within(1, 3) as u32,
        ..config::Breaker::default()
    }
}

/// Moments that each must come at least once, or the dice are loaded.
#[derive(Default, Debug)]
struct Seen {
    opened: u32,
    closed: u32,
    probes: u32,
    late: u32,
    silent: u32,
}

fn play(seed: u64, seen: &mut Seen) {
    let mut dice = Dice::new(seed);
    let settings = settings(&mut dice);
    let (mut breaker, mut model) = (Breaker::new(settings, Guards::One), Model::new(settings));
    let mut flying: Vec<(Permit, Ticket)> = Vec::new();
    let (mut now, mut bad) = (0, 2);
    for step in 0..1_200 {
        now += match dice.upto(40) {
            0 if dice.one_in(20) => dice.upto(60_000),
            0 => dice.upto(4_000),
            1..20 => 0,
            _ => dice.upto(150),
        };
        if dice.one_in(100) {
            bad = dice.upto(10);
        }
        assert_eq!(breaker.check(now), model.check(now), "seed {seed}, step {step}, {now}: {settings:?}");
        if breaker.check(now) == Admission::Probe {
            assert!(breaker.due_at().is_none_or(|due| due <= now), "seed {seed}, step {step}");
        }
        match model.check(now) {
            Admission::Refuse(_) if dice.upto(1) == 0 => {
                breaker.count_refusal();
                model.history.as_mut().unwrap().push(Moment::TurnedAway);
            }
            breaker_queue @ (Admission::Pass | Admission::Probe) if dice.upto(1) == 0 => {
                seen.probes += u32::from(breaker_queue == Admission::Probe);
                seen.silent += u32::from(breaker_queue == Admission::Pass && model.history.is_some());
                flying.push((breaker.commit(now), model.send(now)));
            }
            _ if !flying.is_empty() => {
                let place = if dice.one_in(8) { 0 } else { dice.upto(flying.len() as u64 - 1) as usize };
                let (permit, ticket) = flying.remove(place);
                let count = match (dice.upto(10), dice.one_in(5)) {
                    (0, _) => Count::Nothing,
                    (roll, false) if roll <= bad => Count::Failure,
                    (roll, true) if roll <= bad => Count::Again,
                    (_, false) => Count::Success,
                    (_, true) => Count::Recovery,
                };
                let waiting = if dice.one_in(3) { dice.upto(30) as u32 } else { 0 };
                seen.late += u32::from(ticket.era != model.era);
                let was_open = model.history.is_some();
                breaker.settle(permit, count, From { endpoint: 2, waiting }, now, &jitter);
                model.settle(ticket, count, waiting, now);
                seen.opened += u32::from(!was_open && model.history.is_some());
                seen.closed += u32::from(was_open && model.history.is_none());
            }
            _ => {}
        }
        let open = breaker.phase() != Phase::Closed;
        assert_eq!(open, model.history.is_some(), "seed {seed}, step {step}, {now}: {settings:?}");
        let refused = model.history.as_deref().map_or(0, Model::refused);
        assert_eq!(breaker.refused() as usize, refused, "seed {seed}, step {step}");
    }
}

#[test]
fn it_opens_probes_and_closes_as_a_recount_of_its_history_says() {
    let mut seen = Seen::default();
    for seed in 0..400 {
        play(seed, &mut seen);
    }
    assert!(seen.opened > 1_000 && seen.closed > 500 && seen.probes > 5_000 && seen.late > 1_000, "{seen:?}");
    assert!(seen.silent > 100, "{seen:?}");
}

/// Every row of up to twelve outcomes 250 ms apart, for small limits: 8,190 rows by 12 settings.
#[test]
fn every_short_row_of_outcomes_opens_exactly_when_the_sentence_says() {
    for (minimum_calls, run, failure_rate) in
        [(2, 3), (4, 9), (5, 5), (6, 2)].into_iter().flat_map(|(a, b)| [(a, b, 500_000), (a, b, 600_000), (a, b, 1)])
    {
        let settings =
            config::Breaker { window: 2_000, minimum_calls, run, failure_rate, ..config::Breaker::default() };
        for length in 1..=12 {
            for row in 0_u32..1 << length {
                let (mut breaker, mut model) = (Breaker::new(settings, Guards::One), Model::new(settings));
                for place in 0..length {
                    let now = 100 + 250 * place;
                    if model.history.is_some() {
                        break;
                    }
                    let (permit, ticket) = (breaker.commit(now), model.send(now));
                    let count = if row >> place & 1 == 1 { Count::Failure } else { Count::Success };
                    breaker.settle(permit, count, From::default(), now, &jitter);
                    model.settle(ticket, count, 0, now);
                    let open = breaker.phase() == Phase::Open;
                    assert_eq!(open, model.history.is_some(), "{row:b} at {place}: {settings:?}");
                }
            }
        }
    }
}
