//! Policy files: whatever the text, reading it ends with a policy or with issues that say where and what, and both can be
//! told as JSON.

use std::collections::BTreeSet;
use unruffled_core::Engine;
use unruffled_core::config::{self, Issue, Reading};

/// Errors are told up to this many; what lenient reading leaves out is told whole.
const MOST: usize = 20;

pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let strict = config::read(text, Reading::Strict);
    let lenient = config::read(text, Reading::Lenient);
    match (strict, lenient) {
        (Ok(strict), Ok(lenient)) => {
            assert!(strict.warnings.is_empty());
            assert_eq!(strict, lenient, "{text:?}");
            opened(strict);
        }
        (Ok(_), Err(issues)) => panic!("strict reads what lenient does not: {text:?} {issues:?}"),
        (Err(issues), Ok(lenient)) => {
            told(text, &issues, MOST);
            assert!(!lenient.warnings.is_empty(), "{text:?}");
            told(text, &lenient.warnings, usize::MAX);
            opened(lenient);
        }
        (Err(issues), Err(others)) => {
            told(text, &issues, MOST);
            told(text, &others, MOST);
        }
    }
}

fn told(text: &str, issues: &[Issue], most: usize) {
    assert!(!issues.is_empty() && issues.len() <= most, "{text:?} {issues:?}");
    let lines = text.matches('\n').count() as u32 + 1;
    let mut places = BTreeSet::new();
    for issue in issues {
        assert!(!issue.text.is_empty() && issue.text.len() < 1_000, "{issue:?}");
        assert!(issue.line <= lines && !issue.text.contains(char::is_control), "{text:?} {issue:?}");
        places.insert((issue.line, issue.column));
    }
    let json: serde_json::Value = serde_json::from_str(&config::issues_json(issues)).unwrap();
    assert_eq!(json.as_array().map(Vec::len), Some(issues.len()));
}

/// What an engine of this policy tells is JSON, and it takes a call.
fn opened(config: config::Config) {
    let object = |text: &str| {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object()), "{text}")
    };
    let mut engine = Engine::with(config);
    object(&engine.settings());
    engine.subscribe(255);
    engine.seed(1);
    let word = engine.begin(1, 0, 0, 0, 1 << 4, 0);
    assert!(!matches!(word.step(), unruffled_core::Step::Misuse(_)), "{word:?}");
    engine.respond(1, 1, 503);
    object(&engine.snapshot(1));
    object(&engine.events());
    object(&engine.report(1));
    engine.abandon(1, 2);
    let rest: serde_json::Value = serde_json::from_str(&engine.snapshot(3)).unwrap();
    assert_eq!(
        (rest["live"].as_u64(), rest["inFlight"].as_u64(), rest["waiting"].as_u64()),
        (Some(0), Some(0), Some(0))
    );
}
