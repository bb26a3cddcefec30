//! Seeded simulation on a virtual clock: no threads, no sleeping, the real core. `figures` measures how well the policy
//! decides, beside the policies of others. `fates` compares each call's end with that of a plain retry loop.

pub mod date;
pub mod fates;
pub mod figures;
pub mod limits;
pub mod queue;
pub mod world;
pub mod worlds;
