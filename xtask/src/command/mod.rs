//! One module for each command of a developer.

pub mod adapters;
pub mod bench;
pub mod build;
pub mod consumers;
pub mod demo;
pub mod docs;
pub mod fuzz;
pub mod house;
pub mod limiters;
pub mod miri;
pub mod sim;
pub mod soak;
pub mod surface;
pub mod test;
