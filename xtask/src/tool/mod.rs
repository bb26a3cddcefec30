//! What the commands share: other programs, what must be on the machine, places, the fault server.

pub mod needs;
pub mod places;
pub mod run;
pub mod server;
