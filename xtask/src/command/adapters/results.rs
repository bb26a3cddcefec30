//! What the runners found, and what may fail.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::tool::places::at;

/// With one line of ours under the client, or as its users install it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Unruffled,
    Bare,
}

impl Mode {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unruffled => "unruffled",
            Self::Bare => "bare",
        }
    }
}

/// One scenario played for one client.
#[derive(Debug, Clone, Deserialize)]
pub struct Found {
    pub runtime: String,
    pub client: String,
    pub version: String,
    /// What of ours is under it.
    pub under: String,
    pub scenario: String,
    pub failures: Vec<String>,
}

impl Found {
    pub const fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// The results in a runner's file.
///
/// # Errors
/// The path and what is wrong with it.
pub fn read(file: &Path) -> Result<Vec<Found>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// What cannot be, with its reason: `tests/cannot.json`.
#[derive(Debug, Deserialize)]
pub struct Reasons(Vec<Reason>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// The language, as `--only` says it: clients of several may have one name.
    runtime: String,
    clients: Vec<String>,
    scenario: String,
    reason: String,
}

impl Reasons {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read() -> Result<Self, String> {
        let text =
            fs::read_to_string(at("tests/cannot.json")).map_err(|error| format!("tests/cannot.json: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("tests/cannot.json: {error}"))
    }

    /// Why this one may fail.
    pub fn of(&self, found: &Found) -> Option<&str> {
        let fits = |one: &&Reason| {
            one.runtime == found.runtime && one.scenario == found.scenario && one.clients.contains(&found.client)
        };
        self.0.iter().find(fits).map(|one| one.reason.as_str())
    }

    /// Failures without a reason, and reasons without a failure: a sentence each.
    pub fn wrong(&self, language: &str, found: &[Found]) -> Vec<String> {
        let mut wrong = Vec::new();
        for one in found {
            match (one.passed(), self.of(one)) {
                (false, None) => wrong.push(format!("{} {}: {}", one.client, one.scenario, one.failures.join("; "))),
                (true, Some(_)) => {
                    wrong
                        .push(format!("{} {}: passes now; take it out of tests/cannot.json", one.client, one.scenario));
                }
                (true, None) | (false, Some(_)) => {}
            }
        }
        for reason in self.0.iter().filter(|reason| reason.runtime == language) {
            for client in &reason.clients {
                if !found.iter().any(|one| one.client == *client && one.scenario == reason.scenario) {
                    wrong.push(format!("tests/cannot.json: no {client} played {}", reason.scenario));
                }
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(client: &str, failures: &[&str]) -> Found {
        Found {
            runtime: "js".into(),
            client: client.into(),
            version: "1".into(),
            under: "createFetch".into(),
            scenario: "reset".into(),
            failures: failures.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn a_failure_needs_a_reason_and_a_reason_a_failure() {
        let text = r#"[{"runtime": "js", "clients": ["b", "c", "d"], "scenario": "reset", "reason": "why"}]"#;
        let reasons: Reasons = serde_json::from_str(text).unwrap();
        let all = [found("a", &[]), found("a", &["boom"]), found("b", &["boom"]), found("c", &[])];
        let wrong = reasons.wrong("js", &all);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[0].starts_with("a reset: boom"));
        assert!(wrong[1].contains("c reset: passes now"));
        assert!(wrong[2].contains("no d played"));
        assert!(reasons.wrong("python", &[]).is_empty());
    }
}
