//! What counts as done, replayed and done twice.

use crate::client::{End, World};

#[tokio::test]
async fn an_answer_lost_after_the_commit_counts_once_with_a_key() {
    let world = World::with(r#"{"answers":[{"commit":true,"fault":"reset-after"}]}"#).await;
    assert_eq!(world.post("/orders", "Idempotency-Key: k1\r\n", "{}").await.end, End::Reset);
    assert_eq!(world.post("/orders", "Idempotency-Key: k1\r\n", "{}").await.status(), 200);
    let totals = world.log().await["totals"].clone();
    assert_eq!([&totals["commits"], &totals["replays"], &totals["duplicates"], &totals["operations"]], [1, 1, 0, 1]);
}

#[tokio::test]
async fn the_same_op_without_a_key_is_a_duplicate() {
    let world = World::with(r#"{"answers":[{"commit":true,"fault":"close"}]}"#).await;
    world.post("/orders", "", r#"{"op":"a"}"#).await;
    world.post("/orders", "", r#"{"op":"a"}"#).await;
    world.post("/orders", "", r#"{"op":"b"}"#).await;
    let totals = world.log().await["totals"].clone();
    assert_eq!([&totals["commits"], &totals["duplicates"], &totals["operations"]], [3, 1, 2]);
}

#[tokio::test]
async fn a_write_that_was_refused_or_lost_before_is_not_committed() {
    let world = World::with(r#"{"answers":[{"status":503},{"fault":"reset-after"},{"fault":"close"}]}"#).await;
    for _ in 0..3 {
        world.post("/orders", "", r#"{"op":"a"}"#).await;
    }
    assert_eq!(world.log().await["totals"]["commits"], 0);
}

#[tokio::test]
async fn each_operation_has_a_sequence_of_its_own() {
    let world = World::with(r#"{"answers":[{"status":503}],"per":"op"}"#).await;
    let mut statuses = Vec::new();
    for op in ["a", "b", "a", "b"] {
        statuses.push(world.post("/orders", "", &format!(r#"{{"op":"{op}"}}"#)).await.status());
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}
