//! Compares what became of each call in the real core with what became of it in a plain loop.

use super::call::Call;
use super::client::Next;
use super::ours::Ours;
use super::plain::Plain;
use super::play::{Fate, Played, play};
use super::why::{Causes, why};
use super::world::World;
use unruffled_core::config::{Config, Reading, read};
use unruffled_quantile::quantile;

/// What is wrong with a world's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// a: more calls lost than saved, by more than 2 % of what the plain loop has.
    Lost,
    /// b: of the calls that both have, the median or the 95th percentile takes 3 times as long and 2 s longer.
    Slower,
    /// c: 2 % of the calls wait or fail for 5 s while the server would answer, and the plain loop is 5 s faster.
    Idle,
    /// d: 5 % more requests, and no more calls saved than lost.
    Costly,
    /// e: from 30 s after the last trouble on, a fifth of the calls still fails or takes 2 s longer.
    Stuck,
}

impl Flag {
    pub const ALL: [Self; 5] = [Self::Lost, Self::Slower, Self::Idle, Self::Costly, Self::Stuck];

    /// Returns its letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Lost => 'a',
            Self::Slower => 'b',
            Self::Idle => 'c',
            Self::Costly => 'd',
            Self::Stuck => 'e',
        }
    }

    /// Returns what it means in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Lost => "more lost than saved",
            Self::Slower => "slower",
            Self::Idle => "idle beside a healthy server",
            Self::Costly => "more requests for nothing",
            Self::Stuck => "not recovered 30 s later",
        }
    }
}

/// Two runs of one world.
#[derive(Debug)]
pub struct Pair {
    pub ours: Played,
    pub plain: Played,
    /// Ours, with the records of its calls.
    pub clients: Vec<Ours>,
    pub calls: Vec<Call>,
}

/// The comparison of two runs.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    pub calls: u64,
    /// Good answers with the core.
    pub ok: u64,
    /// Good answers with the plain loop.
    pub plain: u64,
    pub requests: u64,
    pub plain_requests: u64,
    /// Calls that only the plain loop has a good answer for.
    pub lost: u64,
    /// Calls that only the core has a good answer for.
    pub saved: u64,
    pub flags: Vec<Flag>,
    /// Milliseconds of the calls that both have: ours, plain.
    pub p50: Option<(u64, u64)>,
    pub p95: Option<(u64, u64)>,
    pub lost_to: Causes,
    pub slow_to: Causes,
    pub idle_to: Causes,
}

/// Reads the policy of a world.
///
/// # Errors
/// What is wrong with it.
pub fn config(world: &World) -> Result<Config, String> {
    let text = world.policy.to_string();
    read(&text, Reading::Strict).map_err(|issues| format!("policy {text}: {issues:?}"))
}

/// Plays a world with the core and with the plain loop.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn both(world: &World) -> Result<Pair, String> {
    let config = config(world)?;
    let mut clients = Ours::all(world, &config);
    let ignore = |_: u64, _: &Call, _: Next| {};
    let ours = play(world, &mut clients, ignore).map_err(|why| format!("ours: {why}"))?;
    let plain = play(world, &mut Plain::all(world, &config), ignore).map_err(|why| format!("plain: {why}"))?;
    Ok(Pair { ours, plain, clients, calls: super::call::calls(world) })
}

/// Plays a world and compares.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn judge(world: &World) -> Result<Verdict, String> {
    Ok(both(world)?.judge(world))
}

impl Pair {
    /// Compares the two runs.
    #[must_use]
    pub fn judge(&mut self, world: &World) -> Verdict {
        let fates: Vec<(usize, Fate, Fate)> =
            self.ours.fates.iter().zip(&self.plain.fates).enumerate().map(|(i, (o, p))| (i, *o, *p)).collect();
        let count = |of: &dyn Fn(&Fate, &Fate) -> bool| fates.iter().filter(|(_, o, p)| of(o, p)).count() as u64;
        let took = |of: &dyn Fn(&Fate, &Fate) -> u64| {
            let mut all: Vec<u64> = fates.iter().filter(|(_, o, p)| o.ok && p.ok).map(|(_, o, p)| of(o, p)).collect();
            all.sort_unstable();
            all
        };
        let (ours, plain) = (took(&|o, _| o.took()), took(&|_, p| p.took()));
        let times = |percent| Some((quantile(&ours, percent)?, quantile(&plain, percent)?));
        let mut verdict = Verdict {
            calls: fates.len() as u64,
            ok: count(&|o, _| o.ok),
            plain: count(&|_, p| p.ok),
            requests: self.ours.requests,
            plain_requests: self.plain.requests,
            lost: count(&|o, p| p.ok && !o.ok),
            saved: count(&|o, p| o.ok && !p.ok),
            p50: times(50),
            p95: times(95),
            ..Verdict::default()
        };
        verdict.flags = flags(world, &verdict, &fates);
        let flagged = |any: &[Flag]| any.iter().any(|flag| verdict.flags.contains(flag));
        let (slow, is_idle) = (flagged(&[Flag::Slower, Flag::Costly, Flag::Stuck]), flagged(&[Flag::Idle]));
        verdict.lost_to = self.causes(&fates, &|o, p| p.ok && !o.ok);
        verdict.slow_to = if slow { self.causes(&fates, &is_slow) } else { Causes::default() };
        verdict.idle_to = if is_idle { self.causes(&fates, &idle) } else { Causes::default() };
        verdict
    }

    /// Counts what ended or delayed the calls that fit.
    fn causes(&mut self, fates: &[(usize, Fate, Fate)], fits: &dyn Fn(&Fate, &Fate) -> bool) -> Causes {
        let mut causes = Causes::default();
        for (place, ours, _) in fates.iter().filter(|(_, o, p)| fits(o, p)) {
            let call = &self.calls[*place];
            let report = self.clients[call.client].report(call.id);
            *causes.entry(why(ours, &report)).or_default() += 1;
        }
        causes
    }
}

impl Verdict {
    /// Names what ended or delayed most of the calls behind a flag.
    #[must_use]
    pub fn cause(&self, flag: Flag) -> &str {
        let own = match flag {
            Flag::Lost => &self.lost_to,
            Flag::Slower | Flag::Costly | Flag::Stuck => &self.slow_to,
            Flag::Idle => &self.idle_to,
        };
        let causes = if own.is_empty() { &self.lost_to } else { own };
        causes.iter().max_by_key(|(_, calls)| **calls).map_or("-", |(cause, _)| cause)
    }

    /// Writes the letters of its flags.
    #[must_use]
    pub fn letters(&self) -> String {
        self.flags.iter().map(|flag| flag.letter()).collect()
    }
}

/// Returns whether both have a good answer and ours takes 2 s longer.
fn is_slow(ours: &Fate, plain: &Fate) -> bool {
    ours.ok && plain.ok && ours.took() > plain.took() + 2_000
}

/// Returns whether ours waits or fails for 5 s while the server would answer, and the plain loop is faster.
fn idle(ours: &Fate, plain: &Fate) -> bool {
    let unsent = ours.attempts == 0 && !ours.ok;
    let faster = plain.ok && (!ours.ok || ours.took() > plain.took() + 5_000);
    ours.idle > 5_000 && (unsent || faster)
}

fn flags(world: &World, verdict: &Verdict, fates: &[(usize, Fate, Fate)]) -> Vec<Flag> {
    let share = |calls: u64, share: f64, least: f64| (calls as f64 * share).max(least);
    let slower = |times: Option<(u64, u64)>| times.is_some_and(|(o, p)| o > 3 * p && o > p + 2_000);
    let count = |of: &dyn Fn(&Fate, &Fate) -> bool| fates.iter().filter(|(_, o, p)| of(o, p)).count() as f64;
    let idle_calls = count(&idle);
    let stuck = world.last_trouble().is_some_and(|last| {
        let late = |fate: &Fate| fate.begun > last + 30_000;
        let stuck = count(&|o, p| late(o) && p.ok && (!o.ok || is_slow(o, p)));
        stuck >= share(count(&|o, _| late(o)) as u64, 0.2, 3.0)
    });
    let raised = [
        verdict.lost as f64 - verdict.saved as f64 > share(verdict.plain, 0.02, 1.0),
        slower(verdict.p50) || slower(verdict.p95),
        idle_calls >= share(verdict.calls, 0.02, 2.0),
        verdict.requests as f64 > 1.05 * verdict.plain_requests as f64 + 3.0 && verdict.saved <= verdict.lost,
        stuck,
    ];
    Flag::ALL.into_iter().zip(raised).filter(|(_, raised)| *raised).map(|(flag, _)| flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fates::play::End;

    fn fate(begun: u64, took: u64, ok: bool) -> Fate {
        Fate { begun, ended: begun + took, end: End::Delivered, ok, attempts: 1, idle: 0 }
    }

    /// Compares runs of 100 calls a second apart whose troubles end at 10 s.
    fn letters(ours: impl Fn(u64) -> Fate, plain: impl Fn(u64) -> Fate) -> (u64, u64, String) {
        let server =
            vec![crate::fates::effect::Effect::from(crate::fates::effect::Fail::all(crate::fates::how::How::Reset))];
        let mut world = World { server, ..World::default() };
        world.server[0].until = 10_000;
        let played =
            |of: &dyn Fn(u64) -> Fate| Played { fates: (0..100).map(|i| of(i * 1_000)).collect(), requests: 100 };
        let config = config(&world).expect("a valid policy");
        let clients = Ours::all(&world, &config);
        let calls = crate::fates::call::calls(&world);
        let verdict = Pair { ours: played(&ours), plain: played(&plain), clients, calls }.judge(&world);
        (verdict.lost, verdict.saved, verdict.letters())
    }

    #[test]
    fn each_flag_is_raised_by_its_sentence() {
        let good = |begun| fate(begun, 20, true);
        let is = |lost, saved, letters: &str| (lost, saved, letters.to_string());
        assert_eq!(letters(good, good), is(0, 0, ""));
        assert_eq!(letters(|begun| fate(begun, 20, begun >= 3_000), good), is(3, 0, "a"));
        assert_eq!(letters(good, |begun| fate(begun, 20, begun >= 3_000)), is(0, 3, ""));
        assert_eq!(letters(|begun| fate(begun, 2_500, true), good), is(0, 0, "be"));
        assert_eq!(letters(|begun| fate(begun, if begun < 39_000 { 2_500 } else { 20 }, true), good), is(0, 0, "b"));
        let idle = |begun| Fate { idle: 6_000, ..fate(begun, if begun < 2_000 { 6_000 } else { 20 }, true) };
        assert_eq!(letters(idle, good), is(0, 0, "c"));
    }
}
