use super::*;

fn breaker() -> Breaker {
    Breaker::new(config::Breaker::default(), Guards::One)
}

fn no_jitter(_: u64, _: u64) -> u64 {
    0
}

fn outcome(b: &mut Breaker, count: Count, now: u64) {
    let permit = b.commit(now);
    b.settle(permit, count, From::default(), now, &no_jitter);
}

fn opened() -> Breaker {
    let mut b = breaker();
    (0..20).for_each(|i| outcome(&mut b, Count::Failure, i * 100));
    assert_eq!(b.phase(), Phase::Open);
    b
}

#[test]
fn half_of_twenty_over_a_second_opens() {
    let mut b = breaker();
    for i in 0..10 {
        outcome(&mut b, Count::Success, i * 100);
        outcome(&mut b, Count::Failure, i * 100);
    }
    assert_eq!(b.phase(), Phase::Closed, "they span 900 ms");
    outcome(&mut b, Count::Failure, 1_000);
    assert_eq!(b.phase(), Phase::Open);
}

#[test]
fn a_success_never_opens_and_less_than_half_never_does() {
    let mut b = breaker();
    for i in 0..200 {
        outcome(&mut b, if i % 2 == 0 && i % 20 < 18 { Count::Failure } else { Count::Success }, i * 100);
        assert_eq!(b.phase(), Phase::Closed, "{i}");
    }
}

#[test]
fn a_run_of_twenty_opens_after_a_long_healthy_time() {
    let mut b = breaker();
    (0..1_000).for_each(|i| outcome(&mut b, Count::Success, i * 20));
    for i in 0..19 {
        outcome(&mut b, Count::Failure, 20_000 + i * 100);
    }
    assert_eq!(b.phase(), Phase::Closed);
    outcome(&mut b, Count::Failure, 21_900);
    assert_eq!(b.phase(), Phase::Open);
}

#[test]
fn the_twenty_first_call_after_the_cool_down_probes() {
    let mut b = opened();
    for _ in 0..19 {
        assert_eq!(b.check(2_000), Admission::Refuse(900));
        b.count_refusal();
    }
    assert_eq!(b.check(2_400), Admission::Refuse(500));
    b.count_refusal();
    assert_eq!(b.check(2_399), Admission::Refuse(1));
    assert_eq!((b.check(2_400), b.due_at()), (Admission::Probe, Some(2_400)));
}

#[test]
fn without_traffic_a_probe_is_due_after_two_cool_downs_and_later_with_each_that_fails() {
    let mut b = opened();
    assert_eq!((b.check(2_899), b.check(2_900), b.due_at()), (Admission::Refuse(1), Admission::Probe, Some(2_900)));
    let mut now = 2_900;
    for wait in [2_000, 4_000, 5_000, 5_000] {
        outcome(&mut b, Count::Failure, now);
        now += wait;
        assert_eq!((b.check(now - 1), b.check(now)), (Admission::Refuse(1), Admission::Probe), "{wait}");
    }
}

#[test]
fn calls_that_wait_when_a_probe_fails_count_for_the_next() {
    let mut b = opened();
    let permit = b.commit(3_000);
    b.settle(permit, Count::Again, From { endpoint: 0, waiting: 20 }, 3_010, &no_jitter);
    assert_eq!((b.check(3_509), b.check(3_510)), (Admission::Refuse(1), Admission::Probe));
}

#[test]
fn one_success_closes_one_failure_reopens() {
    let mut b = opened();
    let permit = b.commit(3_000);
    assert_eq!((b.phase(), b.check(3_100)), (Phase::HalfOpen, Admission::Refuse(2_400)));
    b.settle(permit, Count::Failure, From::default(), 3_200, &no_jitter);
    assert_eq!((b.phase(), b.due_at()), (Phase::Open, Some(5_200)));
    let permit = b.commit(5_200);
    b.settle(permit, Count::Success, From::default(), 5_300, &no_jitter);
    assert_eq!(b.phase(), Phase::Closed);
}

#[test]
fn a_call_counts_once_and_its_success_takes_the_failure_back() {
    let mut b = breaker();
    for i in 0..200 {
        outcome(&mut b, Count::Failure, i * 100);
        outcome(&mut b, Count::Again, i * 100 + 20);
        outcome(&mut b, Count::Recovery, i * 100 + 50);
    }
    assert_eq!(b.phase(), Phase::Closed);
    assert_eq!(b.slices.iter().map(|slice| slice.bad).sum::<u32>(), 0);
}

#[test]
fn after_a_silence_all_pass_and_the_first_failure_opens_it() {
    let mut b = opened();
    assert_eq!(b.check(31_899), Admission::Probe);
    assert_eq!(b.check(31_900), Admission::Pass);
    let (first, second) = (b.commit(31_900), b.commit(31_900));
    assert_eq!(b.phase(), Phase::Closed);
    b.settle(first, Count::Failure, From::default(), 31_920, &no_jitter);
    assert_eq!(b.phase(), Phase::Open);
    b.settle(second, Count::Failure, From::default(), 31_930, &no_jitter);
    assert_eq!(b.due_at(), Some(32_920));
}

#[test]
fn the_breaker_of_an_api_opens_when_more_than_one_endpoint_fails() {
    let from = |endpoint| From { endpoint, waiting: 0 };
    let fail = |b: &mut Breaker, endpoint, now| {
        let permit = b.commit(now);
        b.settle(permit, Count::Failure, from(endpoint), now, &no_jitter);
    };
    let mut b = Breaker::new(config::Breaker::default(), Guards::All);
    (0..100).for_each(|i| fail(&mut b, 2, i * 100));
    assert_eq!(b.phase(), Phase::Closed, "one endpoint is not the API");
    fail(&mut b, 3, 10_000);
    assert_eq!(b.phase(), Phase::Open);
    let aside = b.commit_aside(10_050);
    b.settle(aside, Count::Failure, from(4), 10_060, &no_jitter);
    assert_eq!(b.due_at(), Some(11_000), "it was no probe");
    b.settle(aside, Count::Success, from(4), 10_070, &no_jitter);
    assert_eq!(b.phase(), Phase::Closed);
}

#[test]
fn a_lapsed_lease_frees_the_next_probe_and_its_late_failure_counts_as_nothing() {
    let mut b = opened();
    let late = b.commit(7_000);
    assert_eq!((b.check(9_499), b.check(9_500)), (Admission::Refuse(1), Admission::Probe));
    b.settle(late, Count::Failure, From::default(), 9_600, &no_jitter);
    assert_eq!(b.check(9_600), Admission::Probe);
}

#[test]
fn a_late_success_still_closes_but_not_a_reopened_breaker_of_another_generation() {
    let mut b = opened();
    let late = b.commit(7_000);
    b.settle(late, Count::Success, From::default(), 9_600, &no_jitter);
    assert_eq!(b.phase(), Phase::Closed);
    b.settle(late, Count::Failure, From::default(), 9_700, &no_jitter);
    assert_eq!(b.run, 0, "an outcome of an older generation changes nothing");
}

#[test]
fn a_cancelled_probe_makes_the_next_due_at_once() {
    let mut b = opened();
    let permit = b.commit(7_000);
    b.settle(permit, Count::Nothing, From::default(), 7_010, &no_jitter);
    assert_eq!(b.check(7_010), Admission::Probe);
}

#[test]
fn the_window_equals_a_naive_recount() {
    let mut b =
        Breaker::new(config::Breaker { run: 10_000, minimum_calls: 10_000, ..config::Breaker::default() }, Guards::One);
    let mut seen: std::vec::Vec<(u64, bool)> = std::vec::Vec::new();
    let mut now = 0;
    for i in 0..5_000 {
        now += crate::rng::draw(5, i, 1, crate::rng::Purpose::Backoff, 300);
        let bad = crate::rng::draw(5, i, 2, crate::rng::Purpose::Backoff, 2) == 0;
        outcome(&mut b, if bad { Count::Failure } else { Count::Success }, now);
        seen.push((now, bad));
        let stamp = now / 3_000;
        let naive = seen.iter().filter(|(at, bad)| *bad && at / 3_000 + 10 > stamp).count();
        let kept: u32 = b.slices.iter().filter(|s| s.stamp != 0 && s.stamp + 9 > stamp).map(|s| s.bad).sum();
        assert_eq!(kept as usize, naive, "at {now}");
    }
}
