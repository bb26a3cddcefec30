//! Every header parser over arbitrary lines, beside a reader that takes the lines apart as text.

use crate::feed::Feed;
use unruffled_core::config::{Gauge, Limit};
use unruffled_core::defaults::MAX_NOW;
use unruffled_core::headers::{self, Field, Hints, Limits};

fn gauge(feed: &mut Feed<'_>) -> Gauge {
    let kind = feed.below(14);
    let plain = [
        Gauge::Auto,
        Gauge::None,
        Gauge::RateLimit,
        Gauge::RateLimitFields,
        Gauge::XRateLimit,
        Gauge::XRateHyphen,
        Gauge::GitHub,
        Gauge::OpenAi,
        Gauge::Anthropic,
        Gauge::Shopify,
        Gauge::Stripe,
    ];
    let named = Gauge::Named {
        remaining: "x-left".into(),
        limit: (kind != 12).then(|| "x-most".into()),
        reset: (kind != 13).then(|| "x-again".into()),
        milliseconds: kind == 12,
    };
    plain.get(kind).cloned().unwrap_or(named)
}

pub fn target(data: &[u8]) {
    let mut feed = Feed(data);
    let gauge = gauge(&mut feed);
    let name = feed.of(&["", "requests", "tokens", "a", "core", "default"]);
    let written = if feed.below(2) == 0 { Limits::One } else { Limits::Several };
    let window = [None, Some(60_000)][feed.below(2)];
    let wall = feed.of(&[0, 784_111_777_000, 1_704_067_200_000, 1_795_262_400_000, u64::MAX]);
    let bytes = feed.rest();
    let hints = Hints::new(bytes);
    let lines = lines(bytes);
    if let Some(wait) = headers::server_time(&hints, wall) {
        assert!((1..=MAX_NOW).contains(&wait), "{wait}");
    }
    assert_eq!(headers::should_retry(&hints), should_retry(&lines));
    assert!(headers::pauses(&gauge, &hints) || matches!(gauge, Gauge::Stripe));
    for (name, _) in lines.iter().take(6) {
        assert_eq!(hints.one(name), one(&lines, name), "{name}");
        assert!(hints.all(name).eq(all(&lines, name)), "{name}");
    }
    let reading = headers::read(&gauge, name, window, written, &hints, wall);
    if let Some(reading) = reading {
        assert!(reading.limit != Some(0));
        assert!(reading.reset.is_none_or(|reset| reset <= MAX_NOW));
        assert!(reading.window.is_none_or(|window| (1..=MAX_NOW).contains(&window)));
    }
    // A host hands over what the core asked for and nothing else: that must be all that is read.
    let gauges = [(&gauge, name), (&gauge, "another")];
    let gauges = if written == Limits::One { &gauges[..1] } else { &gauges };
    let watched = headers::watch_error(gauges, &[]);
    let kept: Vec<String> = lines
        .iter()
        .filter(|(name, _)| watched.contains(name))
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let kept = kept.concat();
    let only = Hints::new(kept.as_bytes());
    assert_eq!(headers::read(&gauge, name, window, written, &only, wall), reading, "{kept:?}");
    assert_eq!(headers::server_time(&only, wall), headers::server_time(&hints, wall), "{kept:?}");
    let rate = window.map(|window| (1, window));
    let limits = [Limit { name: name.into(), rate, burst: None, headroom: 0, cost: 1, gauge: gauge.clone() }];
    let reset = headers::reset_alone(&limits, &hints, wall);
    assert!(reset.is_none_or(|wait| (1..=MAX_NOW).contains(&wait)));
    assert_eq!(headers::reset_alone(&limits, &only, wall), reset, "{kept:?}");
    assert_eq!(headers::should_retry(&only), headers::should_retry(&hints));
    assert_eq!(headers::pauses(&gauge, &only), headers::pauses(&gauge, &hints));
    // On success it looks for three names; without them nothing is to be read.
    let success = headers::watch_success(&gauges[..1]);
    assert!(success.len() <= 3);
    if written == Limits::One && reading.is_some() {
        assert!(lines.iter().any(|(name, _)| success.contains(name)), "{success:?} {kept:?}");
    }
}

/// Names in lower case and values, of the lines that count.
fn lines(bytes: &[u8]) -> Vec<(String, String)> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let mut end = 0;
    // A line counts if it ends within 8 KiB.
    lines.retain(|line| {
        end += line.len() + 1;
        end <= 8_193
    });
    let parts = lines.iter().take(64).filter_map(|line| {
        let place = line.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&line[..place]).ok()?;
        let value = std::str::from_utf8(line[place + 1..].trim_ascii()).ok()?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    });
    parts.collect()
}

fn all<'a>(lines: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    lines.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
}

fn one<'a>(lines: &'a [(String, String)], name: &'a str) -> Field<'a> {
    let values: Vec<&str> = all(lines, name).collect();
    match values[..] {
        [] => Field::Absent,
        [value] => Field::One(value),
        _ => Field::Doubled,
    }
}

fn should_retry(lines: &[(String, String)]) -> Option<bool> {
    let said = |name| match one(lines, name) {
        Field::One("true") => Some(true),
        Field::One("false") => Some(false),
        _ => None,
    };
    said("x-should-retry").or_else(|| said("stripe-should-retry"))
}
