//! What ended or delayed a call: its reason and the rule that held it longest, out of the engine's own record.

use super::play::Fate;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Calls by what ended or delayed them, as `reason/rule`.
pub type Causes = BTreeMap<String, u64>;

/// The parts of a record that count.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    elapsed: u64,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// One entry of the timeline.
#[derive(Deserialize)]
struct Entry {
    at: u64,
    rule: Option<String>,
}

/// Names the reason of a call and the rule of its longest waits; `-` = it never waited.
#[must_use]
pub fn why(fate: &Fate, report: &str) -> String {
    format!("{}/{}", fate.end.text(), rule(report))
}

fn rule(report: &str) -> String {
    let Ok(Report { elapsed, entries }) = serde_json::from_str(report) else { return "-".to_string() };
    let ends = entries.iter().skip(1).map(|entry| entry.at).chain([elapsed]);
    let mut waits: BTreeMap<&str, u64> = BTreeMap::new();
    for (entry, end) in entries.iter().zip(ends) {
        // Only waits have a rule.
        if let Some(rule) = &entry.rule {
            *waits.entry(rule).or_default() += end.saturating_sub(entry.at);
        }
    }
    waits.iter().max_by_key(|(_, waited)| **waited).map_or("-", |(rule, _)| rule).to_string()
}

#[cfg(test)]
mod tests {
    use super::rule;

    #[test]
    fn the_rule_of_the_longest_waits_is_named() {
        let report = r#"{"elapsed": 900, "entries": [
            {"at": 0, "what": "send", "value": 1, "rule": null}, {"at": 10, "what": "status", "value": 503, "rule": null},
            {"at": 10, "what": "wait", "value": 200, "rule": "backoff"}, {"at": 210, "what": "queue", "value": 0, "rule": "limiter"},
            {"at": 700, "what": "wait", "value": 200, "rule": "backoff"}]}"#;
        assert_eq!(rule(report), "limiter");
        assert_eq!(rule(r#"{"misuse":"unknown"}"#), "-");
    }
}
