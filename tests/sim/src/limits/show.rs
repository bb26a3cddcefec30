//! One case: its convention, its figures, its timeline.

use super::case::Case;
use super::convention::Convention;
use super::ideal::ideal;
use super::measure::figures;
use super::ours::Next;
use super::play::{Bound, Seen, play};
use super::policy::policy;
use std::fmt::Write;

impl Convention {
    /// Writes the values that apply.
    #[must_use]
    pub fn text(&self) -> String {
        let values = self.values();
        let applies = values.iter().filter(|(_, value)| *value != "—");
        applies.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("; ")
    }
}

/// Writes the convention and the figures of a case.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn show(case: &Case) -> Result<String, String> {
    log(case, 0)
}

/// Writes them with the first lines of the timeline.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn log(case: &Case, lines: usize) -> Result<String, String> {
    let ideal = ideal(case)?;
    let mut timeline = String::new();
    let mut written = 0;
    let played = play(case, Bound { calls: ideal.calls, until: u64::MAX }, |now, call, seen, ours| {
        if written >= lines {
            return;
        }
        written += 1;
        let what = match seen {
            Seen::Begun => return,
            Seen::Told(Next::Send { .. }) => "send".to_string(),
            Seen::Told(Next::Wait { delay }) => format!("wait {delay} ms"),
            Seen::Told(Next::Park { at_most }) => format!("park, at most {at_most} ms"),
            Seen::Told(Next::Deliver) => "deliver".to_string(),
            Seen::Told(Next::Fail { reason }) => format!("fail: {}", reason.text()),
            Seen::Came(None) => "no answer in time".to_string(),
            Seen::Came(Some(answer)) => {
                format!("{}  {}", answer.status(), ours.hints.trim_end().replace('\n', " | "))
            }
        };
        let limits = ours.snapshot(now);
        let limits = limits.split("\"limits\":").nth(1).unwrap_or("").trim_end_matches("}]}");
        let _ = writeln!(timeline, "{now:>9} ms  call {call:>4}  {what:<40}  {limits}");
    })?;
    let Case { seed, convention, limit, window, burst, .. } = case;
    let mut text = format!("seed {seed}: {limit} in {window} ms, burst {burst}, policy {}\n", policy(case));
    for (name, value) in convention.values() {
        let _ = writeln!(text, "  {name:<12} {value}");
    }
    let _ = writeln!(text, "{ideal:?}, callers {:?}, {:.2} calls a second", case.callers(), case.rate());
    let _ = writeln!(text, "{:?}", figures(case, &ideal, &played));
    Ok(text + &timeline)
}
