//! A time that the core drew, as far as its answers show it.

/// A time that was drawn: it is not before the first and not after the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between(pub u64, pub u64);

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    No,
    Maybe,
    Yes,
}

impl Between {
    /// Whether that time has come.
    #[must_use]
    pub fn came(self, now: u64) -> Sure {
        match (now >= self.0, now >= self.1) {
            (false, _) => Sure::No,
            (true, false) => Sure::Maybe,
            (true, true) => Sure::Yes,
        }
    }

    /// An answer shows that it has come, or that it has not.
    pub fn shown(&mut self, now: u64, came: bool) {
        if came {
            self.1 = self.1.min(now);
        } else {
            self.0 = self.0.max(now + 1);
        }
    }
}
