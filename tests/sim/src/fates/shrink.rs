//! Makes a world small: the smallest one found with the same flag and the same cause.

use super::arrivals::Arrivals;
use super::effect::{Does, Effect, Fail};
use super::how::How;
use super::judge::{Flag, Verdict, judge};
use super::world::{Kind, Method, NEVER, World};

/// Worlds that are tried.
const MOST_TRIES: usize = 600;
/// Numbers of calls, and milliseconds of trouble, that are tried.
const CALLS: [u32; 6] = [5, 10, 20, 50, 100, 200];
const DURATIONS: [u64; 7] = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// Shrinks a world that has a flag.
///
/// # Errors
/// A world that cannot be played.
pub fn shrink(world: &World, flag: Flag) -> Result<World, String> {
    let wanted = judge(world)?;
    let (mut best, mut tries) = (world.clone(), 0);
    'again: loop {
        for smaller in smaller(&best) {
            tries += 1;
            if tries > MOST_TRIES {
                return Ok(best);
            }
            if judge(&smaller).is_ok_and(|verdict| shows_the_same(&wanted, &verdict, flag)) {
                best = smaller;
                continue 'again;
            }
        }
        return Ok(best);
    }
}

fn shows_the_same(wanted: &Verdict, found: &Verdict, flag: Flag) -> bool {
    found.flags.contains(&flag) && found.cause(flag) == wanted.cause(flag) && found.lost >= wanted.lost.min(2)
}

/// Lists worlds that are smaller in one way.
fn smaller(world: &World) -> Vec<World> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut World)| {
        let mut changed = world.clone();
        change(&mut changed);
        if changed != *world {
            all.push(changed);
        }
    };
    for place in 0..world.server.len() {
        add(&|world| {
            world.server.remove(place);
        });
    }
    for place in 0..world.network.len() {
        add(&|world| {
            world.network.remove(place);
        });
    }
    let plain = World::default();
    add(&|world| world.policy = plain.policy.clone());
    add(&|world| world.clients = 1);
    add(&|world| world.drop_in = false);
    add(&|world| world.endpoints = 1);
    add(&|world| world.part_endpoints = world.part_endpoints.min(1));
    add(&|world| world.part_endpoints = 0);
    for kinds in simpler_mixes(&world.mix) {
        add(&|world| world.mix = kinds.clone());
    }
    add(&|world| world.latency = plain.latency);
    let needs_parts =
        |effect: &Effect| effect.part.is_some() || matches!(&effect.does, Does::Limit(limit) if limit.each);
    if !world.server.iter().any(needs_parts) {
        add(&|world| world.share = 0.0);
    }
    for calls in CALLS.into_iter().chain([world.calls / 2, world.calls * 3 / 4]) {
        if (1..world.calls).contains(&calls) {
            add(&|world| world.calls = calls);
        }
    }
    for arrivals in simpler_arrivals(world) {
        add(&|world| world.arrivals = arrivals.clone());
    }
    for (place, effect) in world.server.iter().enumerate() {
        for simpler in simpler_effects(effect) {
            add(&|world| world.server[place] = simpler.clone());
        }
    }
    all
}

fn simpler_mixes(mix: &[Kind]) -> Vec<Vec<Kind>> {
    let each = |change: fn(&mut Kind)| {
        let mut mix = mix.to_vec();
        mix.iter_mut().for_each(change);
        mix
    };
    let mut all = vec![
        vec![Kind::default()],
        each(|kind| kind.deadline = 0),
        each(|kind| kind.method = Method::Get),
        each(|kind| kind.upload = 0),
        each(|kind| kind.streamed = false),
    ];
    if mix.len() > 1 {
        all.extend(mix.iter().map(|kind| vec![kind.clone()]));
    }
    all
}

/// Lists simpler arrivals; even ones are the simplest, then bursts.
fn simpler_arrivals(world: &World) -> Vec<Arrivals> {
    let even = [Arrivals::Every { gap: 50 }, Arrivals::Every { gap: 1_000 }];
    if even.contains(&world.arrivals) {
        return Vec::new();
    }
    let mut all = even.to_vec();
    match world.arrivals {
        Arrivals::Bursts { .. } => all.push(Arrivals::Bursts { size: world.calls.into(), gap: 60_000 }),
        Arrivals::Closed { .. } => all.push(Arrivals::Closed { workers: 4, think: 0 }),
        _ => {}
    }
    all
}

/// Lists effects that are simpler in one way.
fn simpler_effects(effect: &Effect) -> Vec<Effect> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Effect)| {
        let mut changed = effect.clone();
        change(&mut changed);
        all.push(changed);
    };
    add(&|effect| effect.part = None);
    add(&|effect| effect.ids = None);
    if effect.until < NEVER {
        let span = effect.until - effect.from;
        add(&|effect| (effect.from, effect.until) = (0, span));
        for duration in DURATIONS.into_iter().filter(|duration| *duration < span) {
            add(&|effect| effect.until = effect.from + duration);
        }
    }
    match &effect.does {
        Does::Fail(fail) => {
            for simpler in simpler_fails(fail) {
                add(&|effect| effect.does = Does::Fail(simpler.clone()));
            }
        }
        Does::Slow(slow) => {
            let mut simpler = slow.clone();
            (simpler.share, simpler.drift) = (1.0, false);
            add(&|effect| effect.does = Does::Slow(simpler.clone()));
        }
        Does::Limit(limit) => {
            let mut simpler = limit.clone();
            (simpler.gauge, simpler.each, simpler.date) = (None, false, false);
            add(&|effect| effect.does = Does::Limit(simpler.clone()));
            simpler.gauge = limit.gauge;
            add(&|effect| effect.does = Does::Limit(simpler.clone()));
            simpler = limit.clone();
            simpler.retry_after = None;
            add(&|effect| effect.does = Does::Limit(simpler.clone()));
        }
        Does::WarmUp { .. } => add(&|effect| effect.does = Does::WarmUp { how: How::Status(503) }),
        Does::InFlight(_) | Does::Queue(_) => {}
    }
    all
}

fn simpler_fails(fail: &Fail) -> Vec<Fail> {
    let mut all = vec![
        Fail { share: 1.0, ..fail.clone() },
        Fail { first: None, ..fail.clone() },
        Fail { flap: None, ..fail.clone() },
        Fail { retry_after: None, ..fail.clone() },
    ];
    if fail.how != How::Status(429) {
        all.push(Fail { how: How::Status(503), ..fail.clone() });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_smaller_and_the_steps_end() {
        let mut world = crate::fates::draw::draw(12);
        let mut steps = 0;
        while let Some(next) = smaller(&world).into_iter().next_back() {
            world = next;
            steps += 1;
            assert!(steps < 200, "{world:?}");
        }
    }
}
