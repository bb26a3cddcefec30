//! Arbitrary inputs, judged by the oracle of the simulation: it foresees every answer.

use unruffled_sim::world::arbitrary;

pub fn target(data: &[u8]) {
    if let Err(broken) = arbitrary::judge(data) {
        panic!("{broken:#?}");
    }
}
