//! The bad day: what the fault server does, second by second. The script and the report's bands come from this one list.

use serde_json::{Value, json};

/// Calls per second of each client.
pub const RATE: u64 = 50;

/// The share of the calls that are writes.
pub const WRITES: f64 = 0.2;

/// What the server is like for a while.
#[derive(Debug, Clone)]
pub struct Phase {
    pub name: &'static str,
    pub mood: Mood,
    pub seconds: u64,
    script: Value,
}

/// How bad a phase is; the report tints by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Fine,
    Rough,
    Down,
}

/// The phases in order.
pub fn phases() -> Vec<Phase> {
    let phase = |name, mood, seconds, script| Phase { name, mood, seconds, script };
    vec![
        phase("healthy", Mood::Fine, 4, healthy()),
        phase("503 burst", Mood::Rough, 3, burst()),
        phase("healthy", Mood::Fine, 3, healthy()),
        phase("hard outage", Mood::Down, 6, json!({"then": {"fault": "reset-before"}})),
        phase("recovery", Mood::Fine, 4, healthy()),
        phase("rate limit", Mood::Rough, 5, limited()),
        phase("healthy", Mood::Fine, 5, healthy()),
        phase("stalls", Mood::Rough, 4, stalls()),
        phase("lost writes", Mood::Rough, 4, lost_writes()),
        phase("healthy", Mood::Fine, 4, healthy()),
    ]
}

/// The fault server's script of one client's run. The last phase lasts for ever.
pub fn script() -> Value {
    let phases: Vec<Value> = phases()
        .into_iter()
        .map(|phase| {
            let mut node = phase.script;
            node["for"] = json!(phase.seconds * 1000);
            node
        })
        .collect();
    json!({"phases": phases})
}

/// The length of the day in seconds.
pub fn seconds() -> u64 {
    phases().iter().map(|phase| phase.seconds).sum()
}

/// The phases with the second in which each begins.
pub fn timetable() -> Vec<(u64, Phase)> {
    let mut next = 0;
    phases()
        .into_iter()
        .map(|phase| {
            let start = next;
            next += phase.seconds;
            (start, phase)
        })
        .collect()
}

/// Begin and end of every phase of a name, in ms since the first request.
pub fn windows(name: &str) -> Vec<(u64, u64)> {
    let named = timetable().into_iter().filter(|(_, phase)| phase.name == name);
    named.map(|(start, phase)| (start * 1000, (start + phase.seconds) * 1000)).collect()
}

/// The phase at a second of the day.
pub fn phase_at(second: u64) -> Phase {
    let mut left = second;
    let mut last = None;
    for phase in phases() {
        if left < phase.seconds {
            return phase;
        }
        left -= phase.seconds;
        last = Some(phase);
    }
    last.unwrap_or(Phase { name: "healthy", mood: Mood::Fine, seconds: 0, script: Value::Null })
}

/// An answer after 20 ms.
fn healthy() -> Value {
    json!({"then": answer()})
}

fn answer() -> Value {
    json!({"status": 200, "delay": 20, "json": {"ok": true}})
}

/// Three answers of five are 503.
fn burst() -> Value {
    let refusal = json!({"status": 503, "delay": 10});
    json!({"answers": [refusal, answer(), refusal, answer(), refusal], "cycle": true})
}

/// Others use up the limit too: 30 requests a second are left, beyond them 429 with Retry-After.
fn limited() -> Value {
    json!({"bucket": {"rate": 30, "per": 1000, "kind": "token", "headers": "none", "retryAfter": true}, "then": answer()})
}

/// One request of eight is never answered.
fn stalls() -> Value {
    let mut answers = vec![answer(); 7];
    answers.push(json!({"fault": "stall-headers"}));
    json!({"answers": answers, "cycle": true})
}

/// Every write is done, but its first answer is lost on the way.
fn lost_writes() -> Value {
    let lost = json!({"delay": 20, "commit": true, "fault": "reset-after"});
    let writes = json!({"per": "op", "answers": [lost], "then": answer()});
    json!({"paths": {"POST /orders": writes}, "then": answer()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_about_forty_seconds() {
        assert!((38..=44).contains(&seconds()), "{}", seconds());
    }

    #[test]
    fn bands_and_script_agree() {
        let script = script();
        let total: u64 = script["phases"].as_array().unwrap().iter().map(|node| node["for"].as_u64().unwrap()).sum();
        assert_eq!(total, seconds() * 1000);
        assert_eq!(windows("hard outage"), [(10_000, 16_000)]);
        assert_eq!(phase_at(12).name, "hard outage");
        assert_eq!(phase_at(1000).name, "healthy");
    }
}
