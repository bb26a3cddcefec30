use super::*;

const fn reading(remaining: u64, limit: Option<u64>, reset: u64, window: Option<u64>) -> Reading {
    let limit = match limit {
        Some(limit) => Some(limit * ONE),
        None => None,
    };
    Reading { remaining: remaining * ONE, limit, reset: Some(reset), window }
}

/// What came with a reading of an attempt that succeeded, sent at this time.
const fn good(sent_at: u64) -> Came {
    Came { success: true, sent_at, wait: None }
}

/// Returns a gauge that read `left` of 100 a minute on a success, now and then.
fn minute(left: &[(u64, u64)]) -> Gauge {
    let mut gauge = Gauge::new(0, 1, left[0].1 * ONE, 0, good(0));
    for (i, (at, left)) in left.iter().enumerate() {
        gauge.receive(*at, i as u64 + 1, &reading(*left, Some(100), 60_000 - at % 60_000, Some(60_000)), 0, good(*at));
    }
    gauge
}

#[test]
fn a_gauge_that_never_shows_two_has_no_say() {
    assert!(!minute(&[(0, 1), (10, 0), (20, 1)]).speaks());
    assert!(minute(&[(0, 2)]).speaks());
}

#[test]
fn a_gauge_that_only_refusals_bring_has_no_say() {
    let mut gauge = Gauge::new(0, 1, 5 * ONE, 0, Came { success: false, ..good(0) });
    assert!(!gauge.speaks());
    gauge.receive(1, 2, &reading(5, None, 0, None), 0, good(1));
    assert!(gauge.speaks());
}

#[test]
fn a_gauge_that_ten_successes_did_not_bring_has_no_say() {
    let mut gauge = minute(&[(0, 50)]);
    assert!((1..GAUGE_UNREAD).all(|_| !gauge.succeeded()));
    assert!(gauge.succeeded() && !gauge.speaks());
    gauge.receive_late(50 * ONE, good(0));
    assert!(gauge.speaks(), "a late reading is one as well");
}

#[test]
fn a_gauge_that_makes_one_sum_with_what_is_in_flight_counts_what_is_at_work() {
    let cap = |change: u64| {
        let mut gauge = Gauge::new(0, 1, 9 * ONE, 0, good(0));
        for i in 0..=u64::from(CAP_READINGS) {
            let n = 1 + i % 3;
            gauge.receive(i, i << 10 | n, &reading(10 - n + i * change, None, 0, None), 0, good(i));
        }
        gauge.cap()
    };
    assert_eq!(cap(0), Some(10));
    assert_eq!(cap(1), None, "it moves beside that");
}

#[test]
fn half_of_the_most_of_late_is_plenty() {
    assert!(minute(&[(0, 100), (10, 50)]).is_plenty());
    assert!(!minute(&[(0, 100), (10, 49)]).is_plenty());
}

#[test]
fn a_late_reading_says_how_much_there_was() {
    let mut gauge = minute(&[(0, 50)]);
    gauge.receive_late(100 * ONE, good(0));
    assert_eq!((gauge.remaining, gauge.high()), (50 * ONE, 100 * ONE));
}

#[test]
fn the_most_of_late_is_forgotten_after_two_periods() {
    let gauge = minute(&[(0, 100), (59_000, 40), (61_000, 30), (130_000, 20)]);
    assert_eq!(gauge.high(), 30 * ONE);
}

#[test]
fn below_half_what_is_left_is_spread_over_the_time_that_is_left() {
    let gauge = minute(&[(0, 100), (10_000, 40)]);
    let pace = gauge.pace(10_000, Some(50_000), Lately::Refused);
    assert!(
        (40 * ONE / 51..=100 * ONE / 48).contains(&pace),
        "{pace} for 40 in 50 s, with the limit's own as the floor"
    );
}

#[test]
fn nothing_left_holds_until_the_reset_and_five_minutes_at_most() {
    let until = |reset: u64, window| {
        let mut gauge = Gauge::new(0, 1, 0, 0, good(0));
        gauge.receive(0, 1, &reading(0, Some(100), reset, Some(window)), 0, good(0));
        gauge.empty_until(0, Some(reset), ReadingOrder::First)
    };
    assert_eq!(until(20_000, 60_000), Some(20_000));
    assert_eq!(until(3_600_000, 3_600_000), Some(SPREAD));
    assert_eq!(until(0, 60_000), None, "no reset is no time");
}

#[test]
fn tokens_that_come_before_the_reset_are_waited_for_no_longer() {
    let mut gauge = minute(&[(0, 100), (10, 0)]);
    assert!(gauge.empty_until(10, Some(50_000), ReadingOrder::Later).is_some());
    gauge.receive(20, 3, &reading(1, Some(100), 50_000, Some(60_000)), 0, good(20));
    assert_eq!(gauge.empty_until(20, Some(50_000), ReadingOrder::Later), None);
}

#[test]
fn one_call_may_try_until_two_tries_were_in_vain() {
    let mut gauge = minute(&[(0, 100), (10, 0)]);
    assert!(gauge.may_try());
    gauge.refilled(-1);
    assert!(gauge.may_try());
    gauge.refilled(-1);
    assert!(!gauge.may_try());
}

#[test]
fn others_show_themselves_in_two_measures() {
    let mut gauge = minute(&[(0, 100)]);
    for (i, (at, left)) in [(1_000, 80), (2_000, 60)].into_iter().enumerate() {
        let drawn = (i as u64 + 1) * ONE;
        gauge.receive(at, i as u64 + 2, &reading(left, Some(100), 60_000 - at, Some(60_000)), drawn, good(at));
        assert!(!gauge.shared);
        gauge.steer(at, at, Some(60_000 - at), drawn, Lately::Calm);
    }
    assert!(gauge.shared, "one a second is used here, and twenty a second are gone");
    assert!(gauge.pace >= LEARN_FLOOR);
}
