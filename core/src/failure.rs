//! What goes wrong, by who is to blame: a [`Fault`] comes in from the world, a failure's [`Reason`] and [`Outcome`]
//! go out to the caller, a [`Misuse`] names a host's mistake. The codes are stable: they cross the boundary and are
//! written in `tests/codes.json`, which every host is checked against.

/// Declares an enum with stable codes, the word each is called in every language, and the way back from a code.
macro_rules! codes {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $code:literal $text:literal),+ $(,)? }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$inner])* $variant = $code),+ }

        #[allow(dead_code, reason = "one form for all tables; not each needs every direction")]
        impl $name {
            /// All of them, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value with this code.
            #[must_use]
            pub const fn from_code(code: u64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// The word that names it in every language, in logs and in vectors.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// How an attempt broke without an answer. The host translates its platform's errors into these.
    Fault {
        /// Network error, reset or close: the request may have been received.
        Lost = 0 "lost",
        /// The attempt's time was up.
        Timeout = 1 "timeout",
        /// Proven unsent: refused, no such host, TLS failed before the request, HTTP/2 REFUSED_STREAM.
        Unsent = 2 "unsent",
        /// Proven unsent: no connection within `timeouts.connect`.
        ConnectTimeout = 3 "connect-timeout",
        /// The platform says that it is offline (asked only after a network error, never for loopback).
        Offline = 4 "offline",
        /// The headers came, the buffered body broke off.
        Truncated = 5 "truncated",
        /// A refresh was cancelled (`token_failed` only): the next waiting call leads.
        Cancelled = 6 "cancelled",
        /// The host could not build or send the request at all: bad URL, a hook threw. Its own error is rethrown.
        Refused = 7 "refused",
        /// The buffered body is larger than `maxBody`: never retried.
        TooLarge = 8 "too-large",
        /// The token endpoint rejected the request for a token (`token_failed` only): the same request would be again.
        Rejected = 9 "rejected",
        /// The credentials function gave the token that a 401 had refused (`token_failed` only).
        Unchanged = 10 "unchanged",
        /// It fails each time in the same way, as by a certificate that is not accepted: never retried.
        Permanent = 11 "permanent",
    }
}

codes! {
    /// What the platform says of how an attempt broke. It comes with a [`Fault`], in bits 8–15 of its code.
    Cause {
        /// The platform says nothing that is known here.
        None = 0 "none",
        /// No program listens at the port.
        ConnectionRefused = 1 "connection-refused",
        /// The name service knows no such host.
        NoSuchName = 2 "no-such-name",
        /// The server's certificate was not accepted.
        Certificate = 3 "certificate",
        /// The URL says `https`, and the server speaks no TLS.
        NoTls = 4 "no-tls",
        /// The answer breaks the protocol.
        Protocol = 5 "protocol",
        /// The network has no way to the host.
        Unreachable = 6 "unreachable",
        /// The server ended the connection.
        Reset = 7 "reset",
        /// The credentials function gave none for this attempt, so that nothing was sent.
        Credential = 8 "credential",
    }
}

impl Cause {
    /// Tells whether it stands for an attempt that was never sent.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::ConnectionRefused
                | Self::NoSuchName
                | Self::Certificate
                | Self::NoTls
                | Self::Unreachable
                | Self::Credential
        )
    }
}

codes! {
    /// Why a call ended without a delivered answer.
    Reason {
        /// A final status.
        Status = 0 "status",
        /// All attempts were used.
        RetriesExhausted = 1 "retries-exhausted",
        /// No time left for what would come next.
        Deadline = 2 "deadline",
        /// The breaker is open.
        CircuitOpen = 3 "circuit-open",
        /// The server or a documented limit asks for more time than there is.
        RateLimited = 4 "rate-limited",
        /// Retries do not help at present: no token within `retry.patience`.
        BudgetExhausted = 5 "budget-exhausted",
        /// More calls wait than `maxWaiting`.
        Overloaded = 6 "overloaded",
        /// A retry might do the work twice, or the body cannot be sent again.
        NotReplayable = 7 "not-replayable",
        /// No answer.
        Network = 8 "network",
        /// No answer in time.
        Timeout = 9 "timeout",
        /// The platform is offline.
        Offline = 10 "offline",
        /// No credential could be had.
        Auth = 11 "auth",
        /// Reserved for pages.
        Pagination = 12 "pagination",
        /// The client was closed.
        Closed = 13 "closed",
        /// The caller's or the host's mistake.
        Misuse = 14 "misuse",
    }
}

codes! {
    /// "Was the card charged?": what may have happened at the server, the worst of all attempts.
    Outcome {
        /// No attempt reached the server.
        NotSent = 0 "not-sent",
        /// The server did not do it, or the method is safe.
        Rejected = 1 "rejected",
        /// It may have been done.
        Unknown = 2 "unknown",
    }
}

codes! {
    /// A mistake in how the core was called. It changed nothing.
    Misuse {
        /// No such engine, call, route or scope.
        Unknown = 1 "unknown",
        /// The call id is in use.
        Live = 2 "live",
        /// The call is not in a state that this input fits.
        State = 3 "state",
        /// The engine died of a panic.
        Dead = 4 "dead",
        /// A token for a refresh that is no longer asked for.
        Generation = 5 "generation",
        /// An argument outside its range.
        Range = 6 "range",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_and_words_are_unique() {
        for (i, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(Reason::from_code(i as u64), Some(*reason));
            assert_eq!(Reason::ALL.iter().filter(|r| r.text() == reason.text()).count(), 1);
        }
        assert_eq!(Reason::from_code(15), None);
        assert_eq!(Misuse::from_code(0), None);
        assert_eq!((Fault::from_code(8), Fault::from_code(9)), (Some(Fault::TooLarge), Some(Fault::Rejected)));
        assert!(Cause::ALL.iter().enumerate().all(|(i, cause)| Cause::from_code(i as u64) == Some(*cause)));
    }

    #[test]
    fn outcomes_grow_with_the_harm() {
        assert!(Outcome::Unknown > Outcome::Rejected && Outcome::Rejected > Outcome::NotSent);
    }
}
