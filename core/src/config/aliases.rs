//! Names that other libraries give to what a policy says, and where it stands here.

/// A name in small letters without `-` and `_`, and the key that means it.
const ALIASES: &[(&str, &str)] = &[
    ("retries", "retry.attempts"),
    ("maxretries", "retry.attempts"),
    ("maxattempts", "retry.attempts"),
    ("limit", "retry.attempts"),
    ("backoff", "retry.base"),
    ("retrydelay", "retry.base"),
    ("delay", "retry.base"),
    ("mindelay", "retry.base"),
    ("maxdelay", "retry.cap"),
    ("backofflimit", "retry.cap"),
    ("statuscodes", "classify"),
    ("retryon", "classify"),
    ("timeout", "timeouts.total"),
    ("deadline", "timeouts.total"),
    ("requesttimeout", "timeouts.attempt"),
    ("connecttimeout", "timeouts.connect"),
    ("prefixurl", "baseUrl"),
    ("baseurl", "baseUrl"),
    ("url", "baseUrl"),
    ("params", "query"),
    ("searchparams", "query"),
    ("ratelimit", "limits"),
    ("ratelimits", "limits"),
    ("circuitbreaker", "breaker"),
    ("maxconcurrency", "concurrency"),
];

/// Returns the key that a name of another library stands for.
pub(super) fn meant_by(name: &str) -> Option<&'static str> {
    let equal = |alias: &str| {
        let letters = name.bytes().filter(|byte| !matches!(byte, b'-' | b'_')).map(|byte| byte.to_ascii_lowercase());
        letters.eq(alias.bytes())
    };
    ALIASES.iter().find(|(alias, _)| equal(alias)).map(|(_, key)| *key)
}
