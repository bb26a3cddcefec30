//! Integer handles for engines: a slot number and a random generation, so that a stale or invented handle is told
//! from a live one. Knows nothing of what an engine does.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use unruffled_core::{Answer, Engine, Misuse};

/// Slots at most; an engine that is not released keeps its slot.
const MOST: usize = 1 << 20;

struct Slot {
    generation: u32,
    /// `None` = died of a panic.
    engine: Mutex<Option<Engine>>,
}

type Table = RwLock<Vec<Option<Arc<Slot>>>>;

/// The table of this process. A forked child swaps in an empty one, because another thread of the parent may have held
/// the lock at the fork; the old one is leaked.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(std::ptr::null_mut());

fn table() -> &'static Table {
    let mut at = TABLE.load(Ordering::Acquire);
    if at.is_null() {
        let fresh = Box::into_raw(Box::<Table>::default());
        match TABLE.compare_exchange(at, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => at = fresh,
            Err(other) => {
                // SAFETY: `fresh` came from Box::into_raw above and was not shared.
                drop(unsafe { Box::from_raw(fresh) });
                at = other;
            }
        }
    }
    // SAFETY: tables are never freed once stored.
    unsafe { &*at }
}

/// Leaves the parent's engines behind: for a child right after fork.
pub fn forked() {
    TABLE.store(Box::into_raw(Box::<Table>::default()), Ordering::Release);
}

/// Stores an engine. The handle has at most 52 bits.
pub fn insert(engine: Engine) -> u64 {
    let mut slots = table().write().unwrap_or_else(PoisonError::into_inner);
    let generation = RandomState::new().build_hasher().finish() as u32 | 1;
    let slot = Some(Arc::new(Slot { generation, engine: Mutex::new(Some(engine)) }));
    let place = match slots.iter().position(Option::is_none) {
        Some(place) => {
            slots[place] = slot;
            place
        }
        None if slots.len() < MOST => {
            slots.push(slot);
            slots.len() - 1
        }
        None => return 0,
    };
    (place as u64) << 32 | u64::from(generation)
}

fn find(handle: u64) -> Option<Arc<Slot>> {
    let slots = table().read().unwrap_or_else(PoisonError::into_inner);
    let slot = slots.get(usize::try_from(handle >> 32).ok()?)?.as_ref()?;
    (slot.generation == handle as u32).then(|| Arc::clone(slot))
}

/// Frees an engine with all its calls; `false` for a handle that is not live.
pub fn release(handle: u64) -> bool {
    let mut slots = table().write().unwrap_or_else(PoisonError::into_inner);
    let place = (handle >> 32) as usize;
    match slots.get_mut(place) {
        Some(slot) if slot.as_ref().is_some_and(|slot| slot.generation == handle as u32) => {
            *slot = None;
            true
        }
        _ => false,
    }
}

/// Runs `input` on the engine behind a handle.
///
/// # Errors
/// `Unknown` for a handle that is not live, `Dead` after a panic (this one or an earlier one).
pub fn with<R>(handle: u64, input: impl FnOnce(&mut Engine) -> R) -> Result<R, Misuse> {
    let slot = find(handle).ok_or(Misuse::Unknown)?;
    let mut engine = slot.engine.lock().unwrap_or_else(PoisonError::into_inner);
    let result = match engine.as_mut() {
        Some(live) => catch_unwind(AssertUnwindSafe(|| input(live))),
        None => return Err(Misuse::Dead),
    };
    result.map_err(|_| {
        *engine = None;
        Misuse::Dead
    })
}

/// As [`with`], as a word.
pub fn word(handle: u64, input: impl FnOnce(&mut Engine) -> Answer) -> u64 {
    with(handle, input).unwrap_or_else(Answer::from).word()
}

#[cfg(test)]
mod tests {
    use super::*;
    use unruffled_core::config::Reading;
    use unruffled_core::{Outcome, Step};

    /// A GET whose body can be sent again.
    const GET: u32 = 1 << 4;

    fn opened() -> u64 {
        insert(Engine::open("{}", Reading::Strict).expect("an empty policy is valid"))
    }

    #[test]
    fn a_stale_handle_is_unknown_even_when_its_slot_is_used_again() {
        let first = opened();
        assert!(release(first) && !release(first));
        let second = opened();
        assert_eq!(with(first, |engine| engine.wake()).err(), Some(Misuse::Unknown));
        assert!(with(second, |engine| engine.wake()).is_ok());
        assert!(second < 1 << 52, "exact in a JavaScript number");
        release(second);
    }

    #[test]
    fn invented_handles_are_unknown() {
        for handle in [0, 1, u64::MAX, 1 << 52, 7 << 32 | 1] {
            assert_eq!(word(handle, |engine| engine.wake()), Answer::from(Misuse::Unknown).word(), "{handle}");
        }
    }

    #[test]
    fn a_panic_marks_its_engine_dead_and_no_other() {
        let (dying, living) = (opened(), opened());
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        assert_eq!(with(dying, |_| panic!("a bug in the core")).err(), Some(Misuse::Dead));
        std::panic::set_hook(hook);
        assert_eq!(word(dying, |engine| engine.begin(1, 0, 0, 0, GET, 0)), Answer::from(Misuse::Dead).word());
        assert!(with(living, |engine| engine.begin(1, 0, 0, 0, GET, 0)).is_ok());
        assert!(release(dying) && release(living));
    }

    #[test]
    fn eight_threads_share_an_engine() {
        let handle = opened();
        std::thread::scope(|scope| {
            for thread in 0..8_u32 {
                scope.spawn(move || {
                    for i in 0..2_000 {
                        let id = thread << 16 | i;
                        let sent = with(handle, |engine| engine.begin(id, u64::from(i), 0, 0, GET, 0).step());
                        assert!(matches!(sent, Ok(Step::Send { .. })));
                        let done = with(handle, |engine| engine.respond(id, u64::from(i), 200));
                        assert_eq!(done, Ok(Step::Deliver { outcome: Outcome::NotSent }.into()));
                    }
                });
            }
        });
        let rest = with(handle, |engine| engine.snapshot(0)).expect("live");
        assert!(rest.contains("\"inFlight\":0,\"live\":0,\"waiting\":0"), "{rest}");
        release(handle);
    }

    /// Every function of the C ABI with every argument at its ends: only words, never a crash.
    #[test]
    fn hostile_integers_give_words() {
        use crate::per_call as abi;
        let handle = opened();
        let ends64 = [0, 1, 1 << 31, 1 << 40, 1 << 53, i64::MAX as u64, u64::MAX];
        let ends32 = [0, 1, 0x7fff_ffff, u32::MAX];
        let known = |word: u64| assert!(Answer::from_word(word).is_some(), "{word}");
        for engine in [handle, 0, u64::MAX] {
            for big in ends64 {
                for small in ends32 {
                    known(abi::unruffled_begin(engine, small, big, small, small, small, big));
                    known(abi::unruffled_respond(engine, small, big, small));
                    // SAFETY: null with any length reads nothing.
                    known(unsafe {
                        abi::unruffled_respond_with(
                            engine,
                            small,
                            big,
                            big,
                            small,
                            std::ptr::null(),
                            small,
                            std::ptr::null(),
                            small,
                        )
                    });
                    known(abi::unruffled_fault(engine, small, big, small));
                    known(abi::unruffled_resume(engine, small, big));
                    known(abi::unruffled_token(engine, big, big, big));
                    known(abi::unruffled_token_failed(engine, big, big, small, big));
                    known(abi::unruffled_renew(engine, big, small));
                    known(abi::unruffled_reset(engine, big, small));
                    known(abi::unruffled_abandon(engine, small, big));
                }
                known(abi::unruffled_free(engine, big, 1));
                known(abi::unruffled_online(engine, big));
                known(abi::unruffled_wake(engine));
            }
            known(abi::unruffled_close(engine, u64::MAX));
        }
        assert_eq!((abi::unruffled_release(handle), abi::unruffled_release(handle)), (1, 0));
    }
}
