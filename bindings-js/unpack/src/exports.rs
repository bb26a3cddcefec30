//! What the script calls: it writes at `packed()`, then reads at `unpack(streams, size)`.

use crate::Unpacker;
use core::cell::UnsafeCell;

struct Only(UnsafeCell<Unpacker>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Only {}

static ONLY: Only = Only(UnsafeCell::new(Unpacker::BLANK));

/// Where the packed bytes go.
#[unsafe(no_mangle)]
pub extern "C" fn packed() -> *mut u8 {
    // SAFETY: one thread, and no other reference lives.
    unsafe { (*ONLY.0.get()).packed.as_mut_ptr() }
}

/// Where the unpacked bytes are.
#[unsafe(no_mangle)]
pub extern "C" fn unpack(streams: usize, size: usize) -> *const u8 {
    // SAFETY: as in `packed`.
    unsafe { (*ONLY.0.get()).unpack(streams, size).as_ptr() }
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
