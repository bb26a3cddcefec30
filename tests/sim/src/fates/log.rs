//! The timeline of one world.

use super::call::Call;
use super::client::Next;
use super::judge::{config, judge};
use super::ours::Ours;
use super::play::play;
use super::world::World;
use std::fmt::Write;

/// Writes a world, its verdict and every step of the core in it.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn log(world: &World) -> Result<String, String> {
    let mut text = format!("{}\n{}\n", world.text(), verdict(world)?);
    let config = config(world)?;
    let played = play(world, &mut Ours::all(world, &config), |now, call: &Call, next| {
        let what = match next {
            Next::Send { timeout } => format!("send, at most {timeout} ms"),
            Next::Wait { delay } => format!("wait {delay} ms"),
            Next::Deliver => "deliver".to_string(),
            Next::Fail { reason } => format!("fail: {}", reason.text()),
        };
        let Call { id, client, endpoint, part, .. } = call;
        let _ = writeln!(text, "{now:>9} ms  client {client}  call {id:>4}  part {part}  e{endpoint}  {what}");
    })?;
    let good = played.fates.iter().filter(|fate| fate.ok).count();
    let _ = writeln!(text, "{good} of {} calls have a good answer, {} requests", played.fates.len(), played.requests);
    Ok(text)
}

/// Writes the verdict on a world.
///
/// # Errors
/// A wrong policy, or a run without end.
pub fn verdict(world: &World) -> Result<String, String> {
    let v = judge(world)?;
    let times = |name: &str, times: Option<(u64, u64)>| {
        times.map_or(String::new(), |(ours, plain)| format!(", {name} {ours} ms (plain {plain})"))
    };
    Ok(format!(
        "{} calls: ok {} (plain {}), lost {}, saved {}, requests {} (plain {}){}{}, flags {:?}\n\
         lost to {:?}, slow by {:?}, idle by {:?}",
        v.calls,
        v.ok,
        v.plain,
        v.lost,
        v.saved,
        v.requests,
        v.plain_requests,
        times("p50", v.p50),
        times("p95", v.p95),
        v.letters(),
        v.lost_to,
        v.slow_to,
        v.idle_to
    ))
}
