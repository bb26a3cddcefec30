//! What a seed decides beside the policy: how likely everything is. Each probability is drawn by magnitude, so that most
//! seeds have most things rarely and a few things often.

use super::dice::Dice;

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Millionths.
        #[derive(Debug, Clone)]
        pub struct Options { $($(#[$doc])* pub $name: u32),+ }

        impl Options {
            /// Draws them all.
            #[must_use]
            pub fn draw(dice: &mut Dice) -> Self {
                Self { $($name: likely(dice)),+ }
            }

            /// How many there are.
            pub const COUNT: usize = [$(stringify!($name)),+].len();
        }
    };
}

options! {
    // Of a call
    unsafe_method, keyed, one_shot_body, stacked, dropin, credentials, slot, own_deadline, upload, other_origin, other_credential, routed,
    /// The next call begins in the same millisecond.
    burst,
    /// The next call begins minutes later.
    silence,
    // Of the caller
    cancel, cancel_soon,
    // Of an answer, beside what the server's phase says
    odd_status, unauthorized, limited, limited_nameless, reset_alone, misdirected, gone, retry_after, long_retry_after, should_retry, gauge, gauge_empty,
    lost, stalled, unsent, connect_timeout, offline, truncated, refused, too_large, permanent, no_such_name, caused,
    // Of a refresh
    token_failed, token_cancelled, token_offline, token_rejected, token_unchanged, token_retry_after,
    token_lost, token_slow, token_short, token_plain, token_endless,
    renew_late, renew_never, reset,
    /// A 401 to a request with a token.
    token_refused,
    // Of the host
    wake_late, wake_early, leak, clock_back, clock_still, clock_jump, misuse, record_pulled, record_left, events, close, online_late,
}

fn likely(dice: &mut Dice) -> u32 {
    match dice.range(0, 9) {
        0..=3 => 0,
        4..=6 => dice.range(1_000, 20_000) as u32,
        7 | 8 => dice.range(20_000, 150_000) as u32,
        _ => dice.range(150_000, 700_000) as u32,
    }
}
