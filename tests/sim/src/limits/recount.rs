//! Every algorithm beside a naive recount of all that passed.

use super::buckets::{Bucket, Cap, Early, Gcra};
use super::meter::Meter;
use super::windows::{Counter, Fixed, Log};
use crate::figures::chance::Chance;

/// What passed: time, cost, end of the work.
type Passed = [(u64, u64, u64)];

/// Says from all that passed whether a request passes.
type Naive = fn(&Passed, u64, u64) -> bool;

const LIMIT: u64 = 7;
const WINDOW: u64 = 100;
const BURST: u64 = 5;
/// How far the server's clock is ahead.
const AHEAD: u64 = 1_030;

fn sum(passed: &Passed, counts: impl Fn(u64) -> bool) -> u64 {
    passed.iter().filter(|(at, _, _)| counts(*at)).map(|(_, cost, _)| cost).sum()
}

fn number(at: u64) -> u64 {
    (at + AHEAD) / WINDOW
}

fn fixed(passed: &Passed, now: u64, cost: u64) -> bool {
    sum(passed, |at| number(at) == number(now)) + cost <= LIMIT
}

fn from_first_use(passed: &Passed, now: u64, cost: u64) -> bool {
    let (mut start, mut used) = (None, 0);
    for (at, cost, _) in passed.iter().copied().chain([(now, 0, 0)]) {
        if start.is_none_or(|start| at >= start + WINDOW) {
            (start, used) = (Some(at), 0);
        }
        used += cost;
    }
    used + cost <= LIMIT
}

fn log(passed: &Passed, now: u64, cost: u64) -> bool {
    sum(passed, |at| at + WINDOW > now) + cost <= LIMIT
}

fn counter(passed: &Passed, now: u64, cost: u64) -> bool {
    let rest = (WINDOW - (now + AHEAD) % WINDOW) as f64 / WINDOW as f64;
    let before = sum(passed, |at| number(at) + 1 == number(now)) as f64;
    let used = sum(passed, |at| number(at) == number(now));
    before * rest + (used + cost) as f64 <= LIMIT as f64 + 1e-9
}

/// Steps through every millisecond.
fn tokens(passed: &Passed, now: u64, burst: u64) -> u64 {
    let mut units = burst * WINDOW;
    for ms in 0..=now {
        if ms > 0 {
            units = (units + LIMIT).min(burst * WINDOW);
        }
        units -= sum(passed, |at| at == ms) * WINDOW;
    }
    units / WINDOW
}

fn bucket(passed: &Passed, now: u64, cost: u64) -> bool {
    tokens(passed, now, BURST) >= cost
}

fn queue(passed: &Passed, now: u64, cost: u64) -> bool {
    tokens(passed, now, BURST + 1) >= cost
}

fn cap(passed: &Passed, now: u64, _cost: u64) -> bool {
    (passed.iter().filter(|(_, _, end)| *end > now).count() as u64) < LIMIT
}

fn meters() -> [(&'static str, Meter, Naive); 8] {
    [
        ("fixed", Meter::Fixed(Fixed::new(LIMIT, WINDOW, Some(AHEAD))), fixed),
        ("from first use", Meter::Fixed(Fixed::new(LIMIT, WINDOW, None)), from_first_use),
        ("log", Meter::Log(Log::new(LIMIT, WINDOW)), log),
        ("counter", Meter::Counter(Counter::new(LIMIT, WINDOW, AHEAD)), counter),
        ("bucket", Meter::Bucket(Bucket::new(LIMIT, WINDOW, BURST)), bucket),
        ("gcra", Meter::Gcra(Gcra::new(LIMIT, WINDOW, BURST, Early::Passes)), bucket),
        ("queue", Meter::Gcra(Gcra::new(LIMIT, WINDOW, BURST + 1, Early::Queues)), queue),
        ("cap", Meter::Cap(Cap::new(LIMIT)), cap),
    ]
}

/// Returns the earliest time at which so many points pass, by trying.
fn tried(meter: &Meter, from: u64, cost: u64) -> u64 {
    (from..).find(|at| meter.clone().rule().take(*at, cost).is_some()).unwrap_or(u64::MAX)
}

#[test]
fn every_algorithm_equals_its_recount() {
    for (name, mut meter, naive) in meters() {
        let (mut chance, mut passed, mut now) = (Chance::new(3), Vec::new(), 0);
        for _ in 0..600 {
            now += chance.between(0, 3) * chance.between(0, 9);
            if chance.between(0, 99) == 0 {
                now += 3 * WINDOW;
            }
            let cost = if name == "cap" { 1 } else { chance.between(1, 3) };
            let end = now + chance.between(1, 200);
            let does = meter.rule().take(now, cost).is_some();
            assert_eq!(does, naive(&passed, now, cost), "{name} at {now}, cost {cost}");
            if does {
                passed.push((now, cost, end));
                meter.rule().works_until(end);
            }
        }
        assert!(passed.len() > 100 && passed.len() < 600, "{name}: {}", passed.len());
    }
}

#[test]
fn times_and_room_are_those_that_trying_finds() {
    for (name, mut meter, _) in meters() {
        let (mut chance, mut now) = (Chance::new(4), 0);
        for _ in 0..400 {
            now += chance.between(0, 25);
            if meter.rule().take(now, 1).is_some() {
                meter.rule().works_until(now + chance.between(1, 200));
            }
            let room = meter.rule().room(now);
            assert!(room == 0 || name == "cap" || meter.clone().rule().take(now, room).is_some(), "{name} at {now}");
            assert_eq!(meter.rule().ready_at(now, 1), tried(&meter, now, 1), "{name} at {now}");
            let next = meter.next_at(now);
            let unused = meter.rule().full_at(now) == now;
            assert!(unused || next > now && meter.clone().rule().room(next) > room, "{name} at {now}");
            assert!(unused || meter.clone().rule().room(next - 1) <= room, "{name} at {now}: {next}");
            let full = meter.rule().full_at(now);
            let most = if matches!(name, "bucket" | "gcra") { BURST } else { LIMIT };
            let most = if name == "queue" { BURST + 1 } else { most };
            assert_eq!(meter.clone().rule().room(full), most, "{name} at {now}");
            assert!(unused || meter.clone().rule().room(full - 1) < most, "{name} at {now}");
        }
    }
}

#[test]
fn a_queue_lets_requests_wait_for_their_turn() {
    let mut queue = Gcra::new(10, 1_000, 4, Early::Queues);
    let mut take = |now| super::meter::Rule::take(&mut queue, now, 1);
    let delays: Vec<Option<u64>> = (0..5).map(|_| take(0)).collect();
    assert_eq!(delays, [Some(0), Some(100), Some(200), Some(300), None]);
    assert_eq!((take(100), take(1_000)), (Some(300), Some(0)));
}
