//! Buckets, pools and tokens.

use std::time::{Duration, Instant};

use crate::client::World;

#[tokio::test]
async fn a_bucket_refuses_and_tells_its_state() {
    let world = World::with(r#"{"bucket":{"rate":1,"per":60000,"headers":"x-ratelimit"}}"#).await;
    let first = world.get("/a").await;
    assert_eq!((first.status(), first.header("x-ratelimit-remaining")), (200, Some("0")));
    let second = world.get("/a").await;
    assert_eq!((second.status(), second.header("retry-after")), (429, Some("60")));
    assert_eq!(world.log().await["requests"][1]["answer"], "429 bucket");
}

#[tokio::test]
async fn a_bucket_makes_requests_wait_counts_those_at_work_and_keeps_its_date() {
    let world = World::with(
        r#"{"paths":{
        "/leaky":{"bucket":{"rate":10,"burst":2,"kind":"leaky"}},
        "/cap":{"bucket":{"rate":1,"kind":"concurrency"},"then":{"delay":100}},
        "/undated":{"bucket":{"rate":1,"date":false}},
        "/ahead":{"bucket":{"rate":1,"clock":86400000}}}}"#,
    )
    .await;
    let start = Instant::now();
    let answers = tokio::join!(world.get("/leaky"), world.get("/leaky"), world.get("/leaky"));
    assert!(start.elapsed() >= Duration::from_millis(99));
    let mut statuses = [answers.0.status(), answers.1.status(), answers.2.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 429]);
    let answers = tokio::join!(world.get("/cap"), world.get("/cap"));
    assert_eq!(answers.0.status() + answers.1.status(), 629);
    assert_eq!(world.get("/cap").await.status(), 200, "the first is done");
    assert_eq!(world.get("/undated").await.header("date"), None);
    let now = world.get("/").await;
    assert_ne!(
        world.get("/ahead").await.header("date").map(|date| &date[..16]),
        now.header("date").map(|date| &date[..16])
    );
}

#[tokio::test]
async fn a_pool_makes_requests_wait_for_a_worker() {
    let world = World::with(r#"{"pool":{"workers":1,"service":100,"queue":1}}"#).await;
    let start = Instant::now();
    let (first, second, third) = tokio::join!(world.get("/a"), world.get("/b"), world.get("/c"));
    let mut statuses = [first.status(), second.status(), third.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503]);
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(world.log().await["totals"]["inFlight"], 3);
}

#[tokio::test]
async fn tokens_are_asked_for_and_phases_counted() {
    let world = World::with(r#"{"phases":[{"for":60000,"tokens":["t"]}]}"#).await;
    assert_eq!(world.get("/a").await.status(), 401);
    let with = world.ask("GET /r/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n").await;
    assert_eq!(with.status(), 200);
    assert_eq!(world.log().await["totals"]["phases"], serde_json::json!([2]));
}
