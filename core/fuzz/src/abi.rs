//! The C ABI with whatever integers: every answer is a word of the table, a handle that was released or invented is
//! unknown, and one engine's inputs change no other.

use crate::feed::Feed;
use crate::{handles, per_call as abi};
use unruffled_core::config::Reading;
use unruffled_core::{Answer, Engine, Misuse, Step};

const POLICIES: [&str; 3] = [
    "{}",
    r#"{"concurrency":1,"maxWaiting":2,"limits":[{"name":"a","rate":3,"per":"1s"}],"breaker":{"run":2,"minimumCalls":2,"wait":"1s"}}"#,
    r#"{"classify":[{"status":[200,429,500],"json":"/e/0","is":["x",1,true],"as":"retry"}],"limits":[{"name":"a","headers":"ratelimit"}]}"#,
];

fn known(word: u64) -> Step {
    Answer::from_word(word).unwrap_or_else(|| panic!("{word} is no word")).step()
}

fn opened(policy: &str) -> u64 {
    let mut engine = Engine::open(policy, Reading::Strict).unwrap();
    engine.seed(7);
    engine.subscribe(255);
    let _ = (engine.scope("https://a.example", "c"), engine.scope("", "d"));
    handles::insert(engine)
}

pub fn target(data: &[u8]) {
    let mut feed = Feed(data);
    let own = opened(POLICIES[feed.below(3)]);
    let other = opened(POLICIES[0]);
    assert!(own < 1 << 52 && other < 1 << 52 && own != other);
    assert!(matches!(known(abi::unruffled_begin(other, 1, 0, 0, 0, 16, 0)), Step::Send { .. }));
    let mut released = false;
    while !feed.is_empty() {
        let kind = feed.byte();
        let engine = if kind >= 0xf0 { feed.any() } else { own };
        if engine == other {
            continue;
        }
        let unknown = (engine == own && released) || engine != own;
        match kind & 15 {
            12 if engine == own => {
                assert_eq!(abi::unruffled_release(engine), u32::from(!released));
                released = true;
            }
            12 => assert_eq!(abi::unruffled_release(engine), 0),
            _ => {
                let step = known(input(engine, kind & 15, &mut feed));
                assert!(!unknown || step == Step::Misuse(Misuse::Unknown), "{step:?}");
                assert_ne!(step, Step::Misuse(Misuse::Dead));
            }
        }
    }
    assert!(matches!(known(abi::unruffled_respond(other, 1, 5, 200)), Step::Deliver { .. }));
    assert_eq!(abi::unruffled_release(other), 1);
    assert_eq!(abi::unruffled_release(own), u32::from(!released));
    assert_eq!(known(abi::unruffled_wake(own)), Step::Misuse(Misuse::Unknown));
}

/// A number as a host gives it, or any.
fn number(feed: &mut Feed<'_>) -> u64 {
    if feed.byte() & 3 == 0 { feed.any() } else { u64::from(feed.byte()) }
}

fn input(engine: u64, kind: u8, feed: &mut Feed<'_>) -> u64 {
    let call = number(feed) as u32;
    let now = number(feed);
    match kind {
        0..3 => {
            let (route, scope) = (number(feed) as u32 & 255, number(feed) as u32 & 255);
            let what = if feed.byte() & 1 == 0 { 16 | u32::from(feed.byte()) << 4 } else { feed.any() as u32 };
            abi::unruffled_begin(engine, call, now, route >> 6, scope >> 6, what, number(feed))
        }
        3 | 4 => {
            abi::unruffled_respond(engine, call, now, feed.of(&[200, 404, 401, 429, 500, 503, 999, 1_000, u32::MAX]))
        }
        5 | 6 => {
            let status = feed.of(&[200, 429, 500, 503, 1_000]);
            let (wall, sizes) = (number(feed), feed.byte());
            let hints = feed.bytes(usize::from(sizes & 15) * 8);
            let body = feed.bytes(usize::from(sizes >> 4) * 4);
            // SAFETY: pointers and lengths of two slices, or null.
            unsafe {
                abi::unruffled_respond_with(
                    engine,
                    call,
                    now,
                    wall,
                    status,
                    if hints.is_empty() { std::ptr::null() } else { hints.as_ptr() },
                    if hints.is_empty() { feed.any() as u32 } else { hints.len() as u32 },
                    body.as_ptr(),
                    body.len() as u32,
                )
            }
        }
        7 => abi::unruffled_fault(engine, call, now, number(feed) as u32 & 15),
        8 => abi::unruffled_resume(engine, call, now),
        9 => abi::unruffled_token(engine, now, number(feed) | u64::from(feed.byte()) << 20, number(feed)),
        10 => abi::unruffled_token_failed(engine, now, number(feed), feed.byte().into(), number(feed)),
        12 => abi::unruffled_renew(engine, now, u32::from(feed.byte())),
        15 => abi::unruffled_reset(engine, now, u32::from(feed.byte())),
        11 => abi::unruffled_online(engine, now),
        13 => abi::unruffled_wake(engine),
        14 if feed.byte() & 7 == 0 => abi::unruffled_close(engine, now),
        _ => abi::unruffled_abandon(engine, call, now),
    }
}
