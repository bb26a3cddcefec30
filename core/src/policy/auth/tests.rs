use super::*;

const LEAST: Draws = Draws { seed: 1, jitter: false };
const ANY: Demand = Demand { once: false, units: 0 };
const HOUR: u64 = 3_600_000;

/// A credential that holds generation 1 since time 0.
fn holding(expires_in: u64) -> Credential {
    let mut credential = Credential::new(0);
    let (generation, _) = credential.lead(0);
    assert!(credential.token(0, generation, expires_in, LEAST));
    credential
}

fn fail(credential: &mut Credential, now: u64, fault: Fault, retry_after: u64) {
    let (generation, _) = credential.lead(now);
    assert!(credential.token_failed(now, generation, fault, retry_after, LEAST));
}

#[test]
fn the_table_of_a_token_that_lives() {
    let mut c = holding(HOUR);
    let (early, late) = (HOUR - 60_000, HOUR - 10_000);
    let at = |c: &Credential| [early - 1, early, late - 1, late, HOUR - 1, HOUR].map(|now| c.check(now, ANY));
    use Admission::{Lead, Pass, Renew, Rest, Wait};
    assert_eq!(at(&c), [Pass(1), Renew(1), Renew(1), Lead, Lead, Lead]);
    c.fetch = Fetch::Running { since: early, why: Need::Expired };
    let lease = |now: u64| Wait(early + LEASE - now);
    assert_eq!(at(&c), [Pass(1), Pass(1), Pass(1), lease(late), lease(HOUR - 1), Lead]);
    c.fetch = Fetch::Resting { until: HOUR + 7 };
    assert_eq!(at(&c), [Pass(1), Pass(1), Pass(1), Pass(1), Pass(1), Rest(7)]);
}

#[test]
fn the_table_without_a_token() {
    let mut c = Credential::new(3);
    assert_eq!(c.check(0, ANY), Admission::Lead);
    let (generation, why) = c.lead(0);
    assert_eq!((generation, Credential::place_of(generation), why), (3 << 20 | 1, 3, Need::First));
    assert_eq!((c.check(59_999, ANY), c.check(60_000, ANY)), (Admission::Wait(1), Admission::Lead));
    c.fetch = Fetch::Resting { until: 5 };
    assert_eq!((c.check(0, ANY), c.check(5, ANY)), (Admission::Rest(5), Admission::Lead));
}

#[test]
fn margins_shrink_with_the_life_of_the_token() {
    for (life, early, late) in [(1_000, 750, 900), (5, 4, 5), (1, 1, 1), (100_000, 75_000, 90_000)] {
        let Token::Held(held) = holding(life).token else { panic!() };
        assert_eq!((held.early, held.late, held.end), (early, late, life), "{life}");
    }
}

#[test]
fn a_fleet_spreads_its_renewals() {
    let early = |seed: u64| {
        let mut c = Credential::new(0);
        let (generation, _) = c.lead(0);
        c.token(0, generation, HOUR, Draws { seed, jitter: true });
        let Token::Held(held) = c.token else { panic!() };
        held.early
    };
    let times: std::vec::Vec<u64> = (0..1_000).map(early).collect();
    assert!(times.iter().all(|at| (HOUR - 120_000..=HOUR - 60_000).contains(at)));
    let first = times.iter().filter(|at| **at < HOUR - 90_000).count();
    assert!((450..550).contains(&first), "{first}");
}

#[test]
fn bodies_ask_for_more_time() {
    let c = holding(HOUR);
    let once = Demand { once: true, units: 0 };
    assert_eq!(c.check(HOUR - 60_000, once), Admission::Lead);
    let upload = |units| Demand { once: false, units };
    assert_eq!(c.check(HOUR - 100_001, upload(100)), Admission::Pass(1));
    assert_eq!(c.check(HOUR - 100_000, upload(100)), Admission::Lead);
    assert_eq!(c.check(HOUR / 2 - 1, upload(65_535)), Admission::Pass(1));
    assert_eq!(c.check(HOUR / 2, upload(65_535)), Admission::Lead, "never more than half of the life");
    let never = holding(NEVER);
    assert_eq!(never.check(1 << 41, upload(65_535)), Admission::Pass(1));
}

#[test]
fn rests_double_and_a_token_ends_them() {
    let mut c = holding(NEVER);
    let mut rests = std::vec::Vec::new();
    for _ in 0..5 {
        fail(&mut c, 10, Fault::Lost, 0);
        rests.push(c.rest(10));
    }
    assert_eq!(rests, [Some(1_000), Some(2_000), Some(4_000), Some(5_000), Some(5_000)]);
    fail(&mut c, 10, Fault::Lost, 90_000);
    assert_eq!(c.rest(10), Some(90_000));
    fail(&mut c, 10, Fault::Rejected, 0);
    assert_eq!(c.rest(10), Some(60_000));
    let (generation, _) = c.lead(20);
    c.token(20, generation, NEVER, LEAST);
    fail(&mut c, 20, Fault::Lost, 0);
    assert_eq!(c.rest(20), Some(1_000));
}

#[test]
fn without_a_token_the_first_failure_does_not_rest() {
    let mut c = Credential::new(0);
    fail(&mut c, 0, Fault::Lost, 0);
    assert_eq!((c.rest(0), c.failed(1), c.failed(2)), (None, Some(Fault::Lost), None));
    fail(&mut c, 0, Fault::Lost, 0);
    assert_eq!(c.rest(0), Some(1_000));
    assert_eq!((c.failed(1), c.failed(0)), (Some(Fault::Lost), None), "the earlier one failed too");
}

#[test]
fn a_cancelled_or_offline_fetch_rests_nowhere() {
    let mut c = Credential::new(0);
    fail(&mut c, 0, Fault::Cancelled, 0);
    assert_eq!((c.check(0, ANY), c.failed(1)), (Admission::Lead, None));
    fail(&mut c, 0, Fault::Offline, 0);
    assert_eq!((c.check(0, ANY), c.failed(2)), (Admission::Lead, Some(Fault::Offline)));
}

#[test]
fn a_401_gives_up_the_held_token_and_no_newer_one() {
    let mut c = holding(NEVER);
    assert_eq!(c.refused(1, 1, Sent::First), Refusal::GivenUp);
    assert_eq!(c.refused(1, 1, Sent::First), Refusal::Replay);
    assert_eq!(c.check(1, ANY), Admission::Lead);
    let (generation, why) = c.lead(1);
    assert_eq!(why, Need::Refused);
    c.token(1, generation, NEVER, LEAST);
    assert_eq!(c.refused(2, 1, Sent::First), Refusal::Replay, "an older generation");
    assert_eq!(c.check(2, ANY), Admission::Pass(2));
}

#[test]
fn useless_refreshes_rest_longer_each_time() {
    let mut c = holding(NEVER);
    let mut rests = std::vec::Vec::new();
    let mut now = 0;
    for _ in 0..6 {
        assert_eq!(c.refused(now, c.generation, Sent::First), Refusal::GivenUp);
        let (generation, _) = c.lead(now);
        c.token(now, generation, NEVER, LEAST);
        assert_eq!(c.refused(now, c.generation, Sent::Replay), Refusal::Useless);
        assert_eq!(c.refused(now, c.generation, Sent::Replay), Refusal::Delivered, "once a generation");
        assert_eq!(c.refused(now, c.generation, Sent::First), Refusal::Delivered, "while it rests");
        rests.push(c.useless_until - now);
        now = c.useless_until;
    }
    assert_eq!(rests, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    c.replay_helped();
    assert_eq!((c.useless, c.useless_until), (0, 0));
}

#[test]
fn a_refresh_that_fails_after_a_401_spares_the_held_token() {
    let mut c = holding(NEVER);
    c.refused(5, 1, Sent::First);
    fail(&mut c, 5, Fault::Lost, 0);
    assert_eq!(c.check(5, ANY), Admission::Pass(1));
    assert_eq!(c.refused(6, 1, Sent::First), Refusal::Delivered, "while the fetch rests");
    assert_eq!(c.refused(1_005, 1, Sent::First), Refusal::GivenUp);
}

#[test]
fn a_plain_string_is_never_refreshed() {
    let mut c = holding(0);
    assert_eq!(c.check(1 << 40, ANY), Admission::Pass(1));
    assert_eq!(c.refused(1, 1, Sent::First), Refusal::Delivered);
}

#[test]
fn a_reset_forgets_all_but_the_generation() {
    let mut c = holding(NEVER);
    let (generation, _) = c.lead(5);
    c.reset();
    assert!(!c.token(6, generation, NEVER, LEAST));
    assert_eq!(c.check(6, ANY), Admission::Lead);
    assert_eq!(c.lead(6), (3, Need::First));
}
