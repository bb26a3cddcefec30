//! What the day cost each client: from what the client says of its calls and from what the server saw.

use super::day;
use super::times::{Call, Quantiles, millis};
use serde_json::Value;

/// How the server answered the requests that arrived within one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    pub answered: u64,
    pub limited: u64,
    pub failed: u64,
}

impl Second {
    pub fn all(self) -> u64 {
        self.answered + self.limited + self.failed
    }
}

/// One client's day.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    pub calls: u64,
    pub succeeded: u64,
    /// Requests that the server saw; the client's own count where there is no server of ours.
    pub attempts: u64,
    /// Requests that arrived in the outage, per call begun in it.
    pub amplification: Option<f64>,
    pub limited: Option<u64>,
    pub duplicates: Option<u64>,
    /// Of the calls that succeeded.
    pub times: Option<Quantiles>,
    /// From the end of the outage to the first request that was answered well, seconds.
    pub recovered: Option<f64>,
    /// Requests per second of the day.
    pub arrivals: Vec<Second>,
    /// Calls begun per second of the day.
    pub begun: Vec<u64>,
    /// Every call, in the order in which they ended.
    pub ended: Vec<Call>,
    /// Failed calls by reason, most first.
    pub failures: Vec<(String, u64)>,
}

/// One request in the server's log.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: u64,
    status: Option<u64>,
}

impl Figures {
    /// From a client's last line and, for a run against the fault server, that run's log.
    pub fn of(done: &Value, log: Option<&Value>) -> Self {
        let count = |name: &str| done[name].as_u64().unwrap_or(0);
        let ended: Vec<Call> = done["ends"].as_array().into_iter().flatten().filter_map(Call::read).collect();
        let mut failures: Vec<(String, u64)> = done["failures"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(reason, number)| Some((reason.clone(), number.as_u64()?)))
            .collect();
        failures.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        let mut figures = Self {
            calls: count("calls"),
            succeeded: count("succeeded"),
            attempts: count("attempts"),
            times: Quantiles::of_successes(ended.iter()),
            begun: per_second(ended.iter().map(|call| call.start)),
            ended,
            failures,
            ..Self::default()
        };
        if let Some(log) = log {
            figures.add_log(log);
        }
        figures
    }

    /// Calculates the share of the calls that succeeded, 0 to 100.
    pub fn succeeded_percent(&self) -> f64 {
        100.0 * self.succeeded as f64 / self.calls.max(1) as f64
    }

    /// Finds the calls begun in the outage of our own server; with `--url` there is no such outage.
    pub fn begun_in_outage(&self) -> Option<Vec<&Call>> {
        let (from, to) = day::windows("hard outage").first().copied()?;
        self.amplification?;
        Some(self.ended.iter().filter(|call| (from..to).contains(&call.start)).collect())
    }

    fn add_log(&mut self, log: &Value) {
        let seen: Vec<Seen> = log["requests"].as_array().into_iter().flatten().filter_map(seen).collect();
        let totals = &log["totals"];
        self.attempts = totals["requests"].as_u64().unwrap_or(seen.len() as u64);
        self.limited = Some(totals["statuses"]["429"].as_u64().unwrap_or(0));
        self.duplicates = totals["duplicates"].as_u64();
        self.arrivals = arrivals(&seen);
        if let Some((from, to)) = day::windows("hard outage").first().copied() {
            let within = |at: u64| from <= at && at < to;
            let requests = seen.iter().filter(|one| within(one.at)).count();
            let calls = self.ended.iter().filter(|call| within(call.start)).count();
            self.amplification = (calls > 0).then(|| requests as f64 / calls as f64);
            let first = seen
                .iter()
                .filter(|one| one.at >= to && one.status.is_some_and(|status| status < 400))
                .map(|one| one.at)
                .min();
            self.recovered = first.map(|at| (at - to) as f64 / 1000.0);
        }
    }
}

/// A request's time and status, no status if it was not answered whole. The server's `answer` is the status, then the name
/// of a fault or of the gate that refused.
fn seen(request: &Value) -> Option<Seen> {
    let answer = request["answer"].as_str().unwrap_or_default();
    let mut words = answer.split(' ');
    let status = words.next().and_then(|word| word.parse().ok());
    let whole = words.next().is_none_or(|word| word == "bucket");
    Some(Seen { at: millis(&request["at"])?, status: status.filter(|_| whole) })
}

fn arrivals(seen: &[Seen]) -> Vec<Second> {
    let mut seconds = vec![Second::default(); day::seconds() as usize];
    for one in seen {
        let Some(second) = seconds.get_mut((one.at / 1000) as usize) else { continue };
        match one.status {
            Some(429) => second.limited += 1,
            Some(status) if status < 400 => second.answered += 1,
            _ => second.failed += 1,
        }
    }
    seconds
}

fn per_second(times: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut seconds = vec![0; day::seconds() as usize];
    for at in times {
        if let Some(second) = seconds.get_mut((at / 1000) as usize) {
            *second += 1;
        }
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_outage_is_measured_on_the_servers_clock() {
        let done =
            json!({"calls": 2, "succeeded": 1, "ends": [[10_100, 17_000, 1, "read"], [11_000, 11_500, 0, "write"]]});
        let log = json!({"totals": {"requests": 4, "statuses": {"429": 1}, "duplicates": 0}, "requests": [
            {"at": 10_500, "answer": "200 reset-before"}, {"at": 15_999, "answer": "200 reset-after"},
            {"at": 16_100, "answer": "429"}, {"at": 16_250.7, "answer": "200"}]});
        let figures = Figures::of(&done, Some(&log));
        assert_eq!(figures.amplification, Some(1.0));
        assert_eq!(figures.recovered, Some(0.25));
        assert_eq!(figures.arrivals[16], Second { answered: 1, limited: 1, failed: 0 });
        assert_eq!(figures.times.map(|times| times.p50), Some(6_900));
        assert_eq!(figures.begun_in_outage().map(|calls| calls.len()), Some(2));
        assert_eq!(figures.limited, Some(1));
    }
}
