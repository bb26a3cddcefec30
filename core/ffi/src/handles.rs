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
