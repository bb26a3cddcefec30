//! Constants that no policy sets, which the simulation's sweep may replace. Without the feature `sweep`, as in every
//! package, `tuned!(NAME)` is the constant and nothing else.

#[cfg(not(feature = "sweep"))]
macro_rules! tuned {
    ($name:ident) => {
        $crate::defaults::$name
    };
}

#[cfg(feature = "sweep")]
macro_rules! tuned {
    ($name:ident) => {
        $crate::tuning::$name.of($crate::defaults::$name)
    };
}

#[cfg(feature = "sweep")]
pub use tunings::*;

#[cfg(feature = "sweep")]
mod tunings {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// A constant that may be replaced, for all engines of the process.
    #[derive(Debug)]
    pub struct Tuning(AtomicU64);

    const UNSET: u64 = u64::MAX;

    impl Tuning {
        /// Replaces the constant; `None` = the shipped one.
        pub fn set(&self, value: Option<u64>) {
            self.0.store(value.unwrap_or(UNSET), Relaxed);
        }

        /// The value in the type of the shipped one, where it fits that.
        pub(crate) fn of<T: TryFrom<u64>>(&self, shipped: T) -> T {
            match self.0.load(Relaxed) {
                UNSET => shipped,
                value => T::try_from(value).unwrap_or(shipped),
            }
        }
    }

    macro_rules! tunings {
        ($($name:ident)+) => {
            $(#[doc = concat!("[`crate::defaults::", stringify!($name), "`]")]
            pub static $name: Tuning = Tuning(AtomicU64::new(UNSET));)+

            /// All of them by name.
            pub const ALL: &[(&str, &Tuning)] = &[$((stringify!($name), &$name)),+];
        };
    }

    tunings! {
        BUDGET_SHARE BUDGET_REFUND ASKED_REFUND ASKED_MOST CUT_LATENCIES WAITED_PRICE STANDS PATIENCE PATIENCE_LATENCIES SPAN PROBE_EVERY COOL_DOWN_JITTER LEASE RESERVE PACE_GROWTH
        PACE_REGAIN PACE_PLENTY PACE_FLOOR PACE_CUT_MOST
    }
}
