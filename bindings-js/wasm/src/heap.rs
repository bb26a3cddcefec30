//! The module's allocator: blocks of powers of two, freed ones kept in a list per size. WebAssembly here has one thread,
//! an engine few and long-lived blocks, and the download counts: this is a twentieth of the standard allocator's code.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_grow;
use core::cell::UnsafeCell;
use core::ptr::null_mut;

const PAGE: usize = 65536;
/// The smallest block, and what every block is aligned to at least.
const LEAST: usize = 16;

/// A free block holds the address of the next one of its size.
struct Free {
    heads: [*mut u8; 32],
    /// Memory that was never handed out.
    from: usize,
    to: usize,
}

/// All blocks.
pub struct Heap(UnsafeCell<Free>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Heap {}

impl Heap {
    /// Without any memory yet.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Free { heads: [null_mut(); 32], from: 0, to: 0 }))
    }
}

/// The block that a layout gets: its size is 2 to this power, and so is its alignment.
fn class(layout: Layout) -> usize {
    let size = layout.size().max(layout.align()).max(LEAST);
    (usize::BITS - (size - 1).leading_zeros()) as usize
}

// SAFETY: a block is in one list or in one owner's hands, never both; its size and alignment are powers of two no
// smaller than the layout's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class(layout);
        // SAFETY: one thread, and no call in here leads back in.
        let free = unsafe { &mut *self.0.get() };
        let Some(head) = free.heads.get_mut(class) else { return null_mut() };
        if !head.is_null() {
            let block = *head;
            // SAFETY: a free block begins with the address of the next.
            *head = unsafe { *block.cast::<*mut u8>() };
            return block;
        }
        free.fresh(1 << class)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let free = unsafe { &mut *self.0.get() };
        if let Some(head) = free.heads.get_mut(class(layout)) {
            // SAFETY: the block is ours again, and large and aligned enough for an address.
            unsafe { *block.cast::<*mut u8>() = *head };
            *head = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller gives a size that makes a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if class(wanted) == class(layout) {
            return block;
        }
        // SAFETY: both layouts are the caller's; the blocks do not overlap.
        unsafe {
            let other = self.alloc(wanted);
            if !other.is_null() {
                other.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            other
        }
    }
}

impl Free {
    /// A block of memory that was never used; null where there is no more.
    fn fresh(&mut self, size: usize) -> *mut u8 {
        let mut start = self.from.next_multiple_of(size.min(PAGE));
        if start + size > self.to {
            let pages = (start + size - self.to).div_ceil(PAGE);
            let before = memory_grow(0, pages);
            if before == usize::MAX {
                return null_mut();
            }
            // Not where ours ends: it is the first of ours.
            if before * PAGE != self.to {
                start = before * PAGE;
            }
            self.to = (before + pages) * PAGE;
        }
        self.from = start + size;
        start as *mut u8
    }
}
