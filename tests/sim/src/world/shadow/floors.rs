//! What each rule may cost at worst: held after every input, from the bare facts.

use super::{Shadow, ensure};

impl Shadow {
    pub(super) fn floors(&self) -> Result<(), String> {
        ensure!(self.now < u64::MAX, "");
        Ok(())
    }
}
