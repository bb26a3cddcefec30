//! What a raw client sees of every fault, gate and control path.

mod client;
mod control;
mod faults;
mod gates;
mod writes;
