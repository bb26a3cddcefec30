//! A step as the text that vectors use: `Send 10000 KEY`, `Fail deadline unknown 1200`.

use unruffled_core::{Answer, Flags, NO_TIME, Outcome, Step};

const FLAGS: [(Flags, &str); 8] = [
    (Flags::WAKES, "WAKES"),
    (Flags::EVENTS, "EVENTS"),
    (Flags::KEY, "KEY"),
    (Flags::TOKEN, "TOKEN"),
    (Flags::REPORT, "REPORT"),
    (Flags::FRESH, "FRESH"),
    (Flags::APPLIED, "APPLIED"),
    (Flags::RESPONSE, "RESPONSE"),
];

/// Flags that have another name on a `Refresh`.
const NEEDS: &[(Flags, &str)] = &[(Flags::EXPIRED, "EXPIRED"), (Flags::REFUSED, "REFUSED")];

/// Flags that have another name on a `Send`.
const RENEWAL: &[(Flags, &str)] = &[(Flags::RENEW, "RENEW")];

/// Returns the text of a step word.
pub fn text(word: u64) -> String {
    let Some(answer) = Answer::from_word(word) else { return format!("no word: {word}") };
    let mut text = match answer.step() {
        Step::Send { timeout } => format!("Send {timeout}"),
        Step::Wait { delay } => format!("Wait {delay}"),
        Step::Park { at_most } => format!("Park {at_most}"),
        Step::Refresh { generation } => format!("Refresh {generation}"),
        Step::Deliver { outcome: Outcome::NotSent } => "Deliver".to_string(),
        Step::Deliver { outcome } => format!("Deliver {}", outcome.text()),
        Step::Fail { retry_after: NO_TIME, outcome, reason } => format!("Fail {} {}", reason.text(), outcome.text()),
        Step::Fail { retry_after, outcome, reason } => {
            format!("Fail {} {} {retry_after}", reason.text(), outcome.text())
        }
        Step::Misuse(code) => format!("Misuse {}", code.text()),
        Step::Done { arg } => format!("Done {arg}"),
    };
    let others = match answer.step() {
        Step::Refresh { .. } => NEEDS,
        Step::Send { .. } => RENEWAL,
        _ => &[],
    };
    for (flag, name) in FLAGS {
        if answer.flags().has(flag) {
            let other = others.iter().find(|(other, _)| *other == flag);
            text.push(' ');
            text.push_str(other.map_or(name, |(_, name)| name));
        }
    }
    text
}
