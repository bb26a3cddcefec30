//! Draws a world from a seed: its calls, its policy and its host.

use super::arrivals::Arrivals;
use super::effect::Does;
use super::troubles::{Draw, effect};
use super::world::{Disturbance, Kind, Method, World};
use crate::world::dice::Dice;
use serde_json::{Value, json};

/// Draws the world of a seed.
#[must_use]
pub fn draw(seed: u64) -> World {
    let mut dice = Dice::new(seed);
    let calls = dice.magnitude(5, 250) as u32;
    let mut world = World {
        seed,
        latency: dice.pick(&[5, 20, 20, 80, 300, 1_500]),
        calls,
        arrivals: arrivals(&mut dice, calls.into()),
        mix: (0..dice.pick(&[1, 1, 1, 2, 2])).map(|_| kind(&mut dice)).collect(),
        clients: dice.pick(&[1, 1, 1, 1, 1, 1, 2, 4]),
        endpoints: dice.pick(&[1, 1, 1, 2, 5, 30]),
        part_endpoints: dice.pick(&[0, 0, 1, 1, 2]),
        drop_in: dice.chance(200_000),
        ..World::default()
    };
    world.policy = policy(&mut dice, world.endpoints);
    let span = Arrivals::span(&world).max(1_000);
    let mut draw = Draw { dice, span, calls: calls.into(), share: 0.0 };
    world.server = (0..draw.dice.pick(&[1, 1, 1, 2, 2])).map(|_| effect(&mut draw)).collect();
    if draw.dice.chance(60_000) {
        several_limits(&mut draw, &mut world);
    }
    if draw.dice.chance(120_000) {
        world.network.push(disturbance(&mut draw));
    }
    if draw.dice.chance(100_000) {
        world.server.truncate(usize::from(world.network.is_empty()));
    }
    let each = world.server.iter().any(|effect| matches!(&effect.does, Does::Limit(limit) if limit.each));
    world.share = if each && draw.share == 0.0 { 0.3 } else { draw.share };
    world
}

fn arrivals(dice: &mut Dice, calls: u64) -> Arrivals {
    match dice.range(0, 6) {
        0 => Arrivals::Every { gap: dice.pick(&[10, 50, 200, 1_000, 5_000]) },
        1 => Arrivals::Closed { workers: dice.pick(&[1, 4, 16, 50]), think: dice.pick(&[0, 0, 10, 200]) },
        2 => Arrivals::Poisson { gap: dice.pick(&[10, 50, 300, 2_000]) },
        3 => Arrivals::Bursts {
            size: dice.pick(&[5, 12, 30, 80, 200]),
            gap: dice.pick(&[2_000, 20_000, 60_000, 600_000]),
        },
        4 => {
            let silence = dice.pick(&[60_000, 7_200_000]);
            Arrivals::Quiet { gap: dice.pick(&[20, 1_000]), steady: calls / 2, silence }
        }
        5 => Arrivals::Ramp { fast: dice.pick(&[10, 50]), slow: dice.pick(&[500, 3_000]) },
        _ => Arrivals::Every { gap: dice.pick(&[60_000, 3_600_000]) },
    }
}

fn kind(dice: &mut Dice) -> Kind {
    use Method::{Get, KeyedPost, Post, Put};
    let own_deadline = dice.chance(450_000);
    Kind {
        weight: 1,
        method: dice.pick(&[Get, Get, Get, Get, Get, KeyedPost, Post, Put]),
        deadline: if own_deadline { dice.pick(&[1_000, 3_000, 10_000, 300_000, 10_000_000_000]) } else { 0 },
        upload: if dice.chance(110_000) { 16 } else { 0 },
        streamed: dice.chance(100_000),
    }
}

/// Draws a policy; a third of the worlds have none.
fn policy(dice: &mut Dice, endpoints: u32) -> Value {
    let time = |dice: &mut Dice, of: &[u64]| dice.pick(of);
    match dice.range(0, 23) {
        0..=7 => json!({}),
        8 => json!({"preset": "interactive"}),
        9 | 10 => json!({"preset": "batch"}),
        11 => json!({"breaker": {"wait": time(dice, &[2_000, 5_000, 30_000])}}),
        12 => json!({"concurrency": dice.pick(&[1, 2, 5])}),
        13 => json!({"retry": {"patience": 0}}),
        14 => json!({"maxWaiting": 0}),
        15 => json!({"timeouts": {"total": 600_000}}),
        16 => json!({"retry": {"attempts": dice.pick(&[2, 6, 10])}}),
        17 => json!({"retry": {"budget": {"capacity": dice.pick(&[0, 1, 100]), "perCall": dice.pick(&[0.0, 0.5])}}}),
        18 => json!({"breaker": false}),
        19 => {
            let rate = dice.pick(&[1, 5, 30, 100, 1_000]);
            json!({"limits": [{"name": "a", "rate": rate, "per": time(dice, &[1_000, 10_000, 60_000])}]})
        }
        20 => json!({"timeouts": {"attempt": time(dice, &[1_000, 3_000])}}),
        _ => routes(dice, endpoints),
    }
}

/// Draws a policy that says something of its own of some endpoints.
fn routes(dice: &mut Dice, endpoints: u32) -> Value {
    let scope = dice.pick(&["api", "api", "route", "both"]);
    let mut routes = serde_json::Map::new();
    for endpoint in 0..endpoints.min(3) {
        // The last endpoint may be one that only part 1 calls.
        let endpoint = endpoint + u32::from(dice.chance(500_000));
        let settings = match dice.range(0, 4) {
            0 => json!({"retry": {"attempts": dice.pick(&[1, 2, 8])}}),
            1 => json!({"timeouts": {"attempt": dice.pick(&[1_000, 3_000, 20_000])}}),
            2 => json!({"timeouts": {"total": dice.pick(&[15_000, 300_000])}}),
            3 => json!({"retry": {"base": dice.pick(&[50, 1_000])}}),
            _ if scope == "api" => json!({"breaker": false}),
            _ => json!({"breaker": {"failureRate": dice.pick(&[0.2, 0.9])}}),
        };
        routes.insert(format!("/e{endpoint}/*"), settings);
    }
    json!({"breaker": {"scope": scope}, "routes": routes})
}

/// Puts two rate limits at the server; half of the policies name both.
fn several_limits(draw: &mut Draw, world: &mut World) {
    let (second, minute) = (draw.limit(), draw.limit());
    for (mut limit, allows, per) in [(second, 10, 1_000), (minute, 200, 60_000)] {
        (limit.allows, limit.per, limit.burst, limit.each) = (allows, per, allows, false);
        world.server.push(Does::Limit(limit).into());
    }
    if draw.dice.chance(500_000) {
        world.policy = json!({"limits": [
            {"name": "second", "rate": 10, "per": 1_000},
            {"name": "minute", "rate": 200, "per": 60_000},
        ]});
    }
}

fn disturbance(draw: &mut Draw) -> Disturbance {
    match draw.dice.range(0, 3) {
        0 => {
            let (from, until) = draw.when(&super::troubles::DURATIONS);
            Disturbance::Offline { from, until }
        }
        1 => {
            let (from, until) = draw.when(&[500, 5_000, 20_000]);
            Disturbance::Stall { from, until }
        }
        2 => {
            let (from, until) = draw.when(&[60_000, 3_600_000]);
            Disturbance::Sleep { from, until }
        }
        _ => Disturbance::Jump { at: draw.span / 2, by: draw.dice.pick(&[-3_600_000, 3_600_000]) },
    }
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::fates::judge::config;
    use crate::fates::world::World;

    #[test]
    fn every_seed_gives_a_world_that_can_be_written_and_read() {
        for seed in 0..2_000 {
            let world = draw(seed);
            assert!(config(&world).is_ok(), "seed {seed}: {:?}", config(&world));
            let text = world.text();
            assert_eq!(serde_json::from_str::<World>(&text).expect("a world again"), world, "seed {seed}");
        }
    }
}
