//! Compares what a runner played with what the scenario expects. Every failure is one sentence.

mod calls;
mod server;

use serde::Deserialize;
use serde_json::Value;

use crate::run::Log;
use crate::scenario::{Play, Range, Scenario};

/// What a runner hands back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    pub scenario: Value,
    pub results: Vec<Value>,
    #[serde(default)]
    pub credential_calls: u64,
}

/// All that is not as expected.
pub fn judge(scenario: &Scenario, results: &Results, log: &Log) -> Vec<String> {
    let mut failures = Vec::new();
    if results.results.len() != scenario.plays.len() {
        failures.push(format!("{} results for {} actions", results.results.len(), scenario.plays.len()));
    }
    for (index, (play, result)) in scenario.plays.iter().zip(&results.results).enumerate() {
        let mut found = Vec::new();
        match play {
            Play::Call(is, ms) => calls::one(is, *ms, result, &mut found),
            Play::Together(count, crowd, ms) => calls::together(*count, crowd, *ms, result, &mut found),
            Play::Pause | Play::Close => {}
        }
        failures.extend(found.into_iter().map(|text| format!("do[{index}] {text}")));
    }
    server::seen(&scenario.expect, results.credential_calls, log, &mut failures);
    failures
}

/// Pushes a failure unless the value is in the range.
fn within(name: &str, range: Option<Range>, value: f64, failures: &mut Vec<String>) {
    if let Some(range) = range.filter(|range| !range.holds(value)) {
        failures.push(format!("{name}: {value}, expected {range}"));
    }
}

/// Objects may have more keys than asked; all else is equal.
fn contains(value: &Value, asked: &Value) -> bool {
    match (value, asked) {
        (Value::Object(value), Value::Object(asked)) => {
            asked.iter().all(|(key, asked)| value.get(key).is_some_and(|value| contains(value, asked)))
        }
        (Value::Array(value), Value::Array(asked)) => {
            value.len() == asked.len() && value.iter().zip(asked).all(|(value, asked)| contains(value, asked))
        }
        (Value::Number(value), Value::Number(asked)) => value.as_f64() == asked.as_f64(),
        _ => value == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Entry, Totals};
    use serde_json::json;

    fn failures(is: Value, result: Value) -> Vec<String> {
        judged(json!([{"call": "GET /x", "is": is}]), json!([result]), json!({}), Vec::new())
    }

    fn judged(actions: Value, results: Value, expect: Value, requests: Vec<Entry>) -> Vec<String> {
        let scenario = json!({"name": "n", "note": "", "policy": {}, "server": {}, "do": actions, "expect": expect});
        let results = serde_json::from_value(json!({"scenario": scenario, "results": results})).unwrap();
        let log = Log { requests, totals: Totals::default() };
        judge(&Scenario::read(scenario).unwrap(), &results, &log)
    }

    #[test]
    fn a_success_is_a_status_below_400() {
        assert!(failures(json!({}), json!({"status": 200})).is_empty());
        assert_eq!(failures(json!({}), json!({"status": 404})).len(), 1);
        assert_eq!(failures(json!({}), json!({"error": "native", "text": "boom"})).len(), 1);
        assert_eq!(
            failures(json!({"status": 200, "json": {"a": 1}}), json!({"status": 200, "json": {"a": 1.0, "b": 2}}))
                .len(),
            0
        );
        assert_eq!(failures(json!({"status": 200, "json": null}), json!({"status": 200, "json": {}})).len(), 1);
    }

    #[test]
    fn a_failure_is_compared_field_by_field() {
        let result = json!({"error": "status", "reason": "status", "outcome": "rejected", "attempts": 1, "status": 404,
            "retryAfterMs": null, "text": "404 after 1 attempt"});
        let fits = json!({"error": "call", "reason": ["status", "network"], "outcome": "rejected", "attempts": 1, "status": 404, "hides": ["secret"]});
        assert!(failures(fits, result.clone()).is_empty());
        let differs = json!({"error": "native", "reason": "network", "attempts": [2, null], "retryAfterMs": [1, 2], "hides": ["404"]});
        assert_eq!(failures(differs, result).len(), 5);
    }

    #[test]
    fn many_calls_are_counted() {
        let call = json!([{"together": 3, "call": "GET /x", "is": {
            "succeeded": 2, "failed": [1, 1], "reasons": {"network": 1}, "from": {"at": 100, "firstSuccess": 50, "lastFailure": 200}}}]);
        let mut results = json!([{"calls": [
            {"start": 0, "ms": 10, "status": 200},
            {"start": 50, "ms": 80, "status": 200},
            {"start": 50, "ms": 100, "error": "call", "reason": "network"}]}]);
        assert_eq!(judged(call.clone(), results.clone(), json!({}), Vec::new()), Vec::<String>::new());
        results[0]["calls"][2]["ms"] = json!(400);
        results[0]["calls"][1]["ms"] = json!(150);
        assert_eq!(judged(call, results, json!({}), Vec::new()).len(), 3, "two failures and the call in words");
    }

    #[test]
    fn requests_are_compared_in_order() {
        let request = |at: f64, id: &str| Entry {
            at,
            path: "/x".into(),
            headers: [("x-request-id".to_owned(), id.to_owned())].into(),
            ..Entry::default()
        };
        let expect = json!({"seen": [{"path": "/x", "headers": {"X-Request-Id": true}}, {"after": [100, null], "headers": {"x-request-id": {"same": 0}}}]});
        let play = |second| {
            let requests = vec![request(0.0, "a"), second];
            judged(json!([{"pause": 1}]), json!([{}]), expect.clone(), requests)
        };
        assert!(play(request(100.0, "a")).is_empty());
        let spans = |span| {
            judged(
                json!([{"pause": 1}]),
                json!([{}]),
                json!({"span": span}),
                vec![request(0.0, "a"), request(100.0, "b")],
            )
        };
        assert_eq!(
            [spans(json!([90, 110])).len(), spans(json!([null, 90])).len()],
            [0, 2],
            "a failure and what was seen"
        );
        assert_eq!(play(request(99.0, "b")).len(), 3, "two failures and what was seen");
    }
}
