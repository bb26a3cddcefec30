//! The calls of a world, drawn by their numbers.

use super::luck::luck;
use super::world::{Kind, Method, World};

/// One call before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub id: u32,
    /// Place of its client.
    pub client: usize,
    pub part: u32,
    /// Number of its endpoint. Those of part 1 come after the others.
    pub endpoint: u32,
    pub method: Method,
    /// Milliseconds that the caller gives; 0 = the policy's total.
    pub deadline: u64,
    /// Size of the body in units of 64 KiB.
    pub upload: u32,
    pub streamed: bool,
}

/// Lists the calls of a world.
#[must_use]
pub fn calls(world: &World) -> Vec<Call> {
    (0..world.calls).map(|id| draw(world, id)).collect()
}

fn draw(world: &World, id: u32) -> Call {
    let chance = |what| luck([world.seed, u64::from(id), what]);
    let part = u32::from(chance(12) < world.share);
    let below = |most: u32| (chance(13) * f64::from(most)) as u32;
    let endpoint = match (part, world.part_endpoints) {
        (1, 1..) => world.endpoints + below(world.part_endpoints),
        _ => below(world.endpoints),
    };
    let kind = kind(world, chance(11));
    Call {
        id,
        client: (id % world.clients) as usize,
        part,
        endpoint,
        method: kind.method,
        deadline: kind.deadline,
        upload: kind.upload,
        streamed: kind.streamed,
    }
}

/// Picks a kind by weight.
fn kind(world: &World, chance: f64) -> Kind {
    let weights: u32 = world.mix.iter().map(|kind| kind.weight).sum();
    let mut place = chance * f64::from(weights);
    for kind in &world.mix {
        if place < f64::from(kind.weight) {
            return kind.clone();
        }
        place -= f64::from(kind.weight);
    }
    world.mix.last().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spread_over_clients_parts_kinds_and_endpoints() {
        let post = Kind { weight: 3, method: Method::Post, ..Kind::default() };
        let world = World {
            calls: 4_000,
            clients: 2,
            share: 0.25,
            endpoints: 3,
            part_endpoints: 2,
            mix: vec![Kind::default(), post],
            ..World::default()
        };
        let all = calls(&world);
        let count = |of: &dyn Fn(&Call) -> bool| all.iter().filter(|call| of(call)).count();
        assert_eq!(count(&|call| call.client == 1), 2_000);
        assert!((900..1_100).contains(&count(&|call| call.part == 1)));
        assert!((2_900..3_100).contains(&count(&|call| call.method == Method::Post)));
        assert!(all.iter().all(|call| (call.part == 1) == (call.endpoint >= 3)));
        assert!((400..600).contains(&count(&|call| call.endpoint == 4)));
    }
}
