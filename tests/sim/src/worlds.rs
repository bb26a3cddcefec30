//! The commands over many worlds: run them, replay one, write their traces.

use crate::world::checked::Broken;
use crate::world::marks::Marks;
use crate::world::{self, Outcome, options::Options, shrink, trace};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Failures shown in full.
const SHOWN: usize = 3;

/// What a run came to.
#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    inputs: u64,
    virtual_ms: u64,
    marks: Marks,
    broken: Vec<(u64, String)>,
}

/// `--NAME N` of the words, else the default.
pub(crate) fn number(words: &[String], name: &str, default: u64) -> Result<u64, String> {
    let Some(at) = words.iter().position(|word| word == name) else { return Ok(default) };
    let word = words.get(at + 1).ok_or(format!("{name} needs a number"))?;
    word.replace('_', "").parse().map_err(|_| format!("{name} needs a number, not {word}"))
}

/// Plays seeds on all cores; every mark must be reached.
///
/// # Errors
/// What broke, with seeds and short traces, or the marks that no seed reached.
pub fn run(words: &[String]) -> Result<String, String> {
    let (from, seeds) = (number(words, "--from", 0)?, number(words, "--seeds", 20_000)?);
    let threads =
        number(words, "--threads", std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64))?;
    let started = Instant::now();
    let next = AtomicU64::new(from);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| worker(&next, from + seeds, &sum));
        }
    });
    let sum = sum.into_inner().map_err(|_| "a world panicked")?;
    let seconds = started.elapsed().as_secs_f64();
    let mut text = format!(
        "simulation: {} seeds, {:.1} M inputs, {:.1} virtual days in {seconds:.1} s; {} probabilities a seed\n",
        sum.seeds,
        sum.inputs as f64 / 1e6,
        sum.virtual_ms as f64 / 86_400_000.0,
        Options::COUNT
    );
    let missing: Vec<&str> = sum.marks.iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
    if words.iter().any(|word| word == "--marks") {
        for (name, count) in sum.marks.iter() {
            let _ = writeln!(text, "{count:>12}  {name}");
        }
    } else if let Some((name, count)) = sum.marks.iter().min_by_key(|(_, count)| *count) {
        let _ = writeln!(
            text,
            "marks: {} reached, the rarest {count} times: {name}",
            sum.marks.iter().count() - missing.len()
        );
    }
    if !sum.broken.is_empty() {
        let mut broken = sum.broken;
        broken.sort();
        let _ = writeln!(text, "{} seeds broke a sentence:", broken.len());
        for (seed, why) in broken.iter().take(SHOWN) {
            let _ = writeln!(text, "seed {seed}: {why}\n{}", explain(*seed));
        }
        for (seed, why) in broken.iter().skip(SHOWN).take(30) {
            let _ = writeln!(text, "seed {seed}: {why}");
        }
        return Err(text);
    }
    // A handful of seeds need not reach everything.
    if !missing.is_empty() && seeds >= 10_000 {
        return Err(format!("{text}never reached: {}", missing.join("; ")));
    }
    Ok(text)
}

fn worker(next: &AtomicU64, end: u64, sum: &Mutex<Sum>) {
    let mut own = Sum::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            break;
        }
        let outcome = world::play(seed);
        own.seeds += 1;
        own.inputs += outcome.inputs() as u64;
        own.virtual_ms += outcome.passed;
        own.marks.add(&outcome.marks);
        if let Some((_, broken)) = outcome.broken {
            own.broken.push((seed, broken.why));
        }
    }
    let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.seeds += own.seeds;
    sum.inputs += own.inputs;
    sum.virtual_ms += own.virtual_ms;
    sum.marks.add(&own.marks);
    sum.broken.extend(own.broken);
}

/// One seed again, with the short trace of what it breaks.
///
/// # Errors
/// It breaks a sentence.
pub fn replay(words: &[String]) -> Result<String, String> {
    let seed = words.first().and_then(|word| word.parse().ok()).ok_or("replay needs a seed")?;
    let outcome = world::play(seed);
    if outcome.broken.is_some() {
        return Err(explain(seed));
    }
    Ok(format!(
        "seed {seed}: {} inputs, {} virtual ms, nothing broke\n{}\n",
        outcome.inputs(),
        outcome.passed,
        outcome.rules.text()
    ))
}

/// The shortest trace found for a seed that fails.
fn explain(seed: u64) -> String {
    let Outcome { rules, seed: core_seed, tapes, broken, .. } = world::play(seed);
    let Some((client, broken)) = broken else { return "it does not fail again".into() };
    let core_seed = core_seed.wrapping_add(client as u64);
    let (tape, found) = shrink::shrink(&rules, core_seed, &tapes[client], &broken);
    let mut text = format!("policy {}\nseed of the core {core_seed}\n", rules.text());
    let mut checked = crate::world::checked::Checked::open(&rules, core_seed);
    for input in &tape {
        let output = match checked.play(*input) {
            Ok(output) => format!("{output:?}"),
            Err(broken) => format!("{:?}  <- {}", broken.output, broken.why),
        };
        let _ = writeln!(text, "  {input:?} => {output}");
    }
    let Broken { why, .. } = found;
    let _ = writeln!(text, "  {} inputs of {}: {why}", tape.len(), tapes[client].len());
    text
}

/// Writes the first client's tape of each seed into a file that every runtime replays.
///
/// # Errors
/// The file cannot be written.
pub fn traces(words: &[String]) -> Result<String, String> {
    let seeds = number(words, "--seeds", 1_000)?;
    let at = words
        .iter()
        .position(|word| word == "--out")
        .and_then(|at| words.get(at + 1))
        .ok_or("traces needs --out FILE")?;
    let mut bytes = trace::MAGIC.to_vec();
    bytes.extend((seeds as u32).to_le_bytes());
    let mut inputs = 0;
    for seed in 0..seeds {
        let outcome = world::play(seed);
        let tape = outcome.tapes.first().map_or(&[][..], Vec::as_slice);
        if world::play(seed).tapes != outcome.tapes {
            return Err(format!("seed {seed} gave two traces"));
        }
        inputs += tape.len();
        bytes.extend(trace::encode(&outcome.rules.text(), outcome.seed, tape)?);
    }
    std::fs::write(at, &bytes).map_err(|error| format!("{at}: {error}"))?;
    Ok(format!("{inputs} inputs, {:.1} MB\ntraces: {seeds} passed\n", bytes.len() as f64 / 1e6))
}
