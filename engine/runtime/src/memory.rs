//! Memory for flat arrays and frames: an allocator that a program may install. What is long it takes straight from the
//! system, from 2 MiB on in huge pages, and keeps some of what comes back for the next who asks.
//!
//! Balances and ids are read at random places: on pages of 4 KiB each such read also waits for a page walk. And a page
//! that is used for the first time costs a fault and its clearing, more than executing the transfers that lie on it:
//! frames, rows and deltas come and go all day, so their memory stays. Everything short goes to the usual allocator.

#![expect(unsafe_code, reason = "an allocator can't be written otherwise; nothing else stands in this file")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// Blocks from this length on are mapped, in lengths that are powers of two.
const LONG_BYTES: usize = 256 << 10;
/// A huge page: blocks of this length and more begin on the boundary of one.
const HUGE_PAGE_BYTES: usize = 2 << 20;
/// Lengths of which blocks are kept: 256 KiB, 512 KiB … 64 MiB.
const CLASSES: usize = 9;
/// Blocks kept of each length: short ones of many frames, few long ones. 560 MiB at the most.
const KEPT: [usize; CLASSES] = [64, 64, 64, 64, 8, 4, 4, 2, 2];
const KEPT_MAX: usize = 64;

static FREE: [[AtomicPtr<u8>; KEPT_MAX]; CLASSES] =
    [const { [const { AtomicPtr::new(ptr::null_mut()) }; KEPT_MAX] }; CLASSES];

/// Install it with `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LongBlocks;

// SAFETY: long blocks are private anonymous mappings of their own, whose length follows from the layout and so is found
// again when they are given back; all others are the system allocator's, and a layout tells the two apart.
unsafe impl GlobalAlloc for LongBlocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_long(layout) {
            // SAFETY: the caller's promises are those of the system allocator.
            return unsafe { System.alloc(layout) };
        }
        let length = mapped(layout.size());
        take(length).unwrap_or_else(|| map(length))
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_long(layout) {
            // SAFETY: as above.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let length = mapped(layout.size());
        match take(length) {
            Some(block) => {
                // SAFETY: the block is at least as long as the layout, and nobody else's.
                unsafe { ptr::write_bytes(block, 0, layout.size()) };
                block
            }
            None => map(length),
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if !is_long(layout) {
            // SAFETY: the block came from the system allocator under this layout.
            return unsafe { System.dealloc(at, layout) };
        }
        let length = mapped(layout.size());
        if !keep(length, at) {
            // SAFETY: `at` is the beginning of a mapping of exactly this length, and nobody uses it any more.
            let unmapped = unsafe { munmap(at.cast(), length) };
            debug_assert!(unmapped.is_ok(), "a mapping of our own can be given back");
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size is possible with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_long(layout), is_long(new)) {
            // SAFETY: the block is the system allocator's and stays there.
            (false, false) => unsafe { System.realloc(at, layout, size) },
            (true, true) if mapped(layout.size()) == mapped(size) => at,
            // SAFETY: the new block is as long as the shorter of both, and not the old one.
            _ => unsafe {
                let moved = self.alloc(new);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(at, moved, layout.size().min(size));
                    self.dealloc(at, layout);
                }
                moved
            },
        }
    }
}

const fn is_long(layout: Layout) -> bool {
    // Whoever wants more than a page's alignment gets it from the system's allocator.
    layout.size() >= LONG_BYTES && layout.align() <= 4_096 && layout.size() <= isize::MAX as usize / 4
}

const fn mapped(bytes: usize) -> usize {
    bytes.next_power_of_two()
}

/// The places for kept blocks of a length.
fn places(length: usize) -> &'static [AtomicPtr<u8>] {
    let class = (length / LONG_BYTES).trailing_zeros() as usize;
    FREE.get(class).map_or(&[], |places| &places[..KEPT[class]])
}

fn take(length: usize) -> Option<*mut u8> {
    let held = |place: &&AtomicPtr<u8>| !place.load(Ordering::Relaxed).is_null();
    places(length).iter().filter(held).find_map(|place| {
        let block = place.swap(ptr::null_mut(), Ordering::Acquire);
        (!block.is_null()).then_some(block)
    })
}

fn keep(length: usize, block: *mut u8) -> bool {
    places(length).iter().any(|place| {
        place.load(Ordering::Relaxed).is_null()
            && place.compare_exchange(ptr::null_mut(), block, Ordering::Release, Ordering::Relaxed).is_ok()
    })
}

/// A fresh mapping; null where there is no room.
fn map(length: usize) -> *mut u8 {
    let (flags, access) = (MapFlags::PRIVATE, ProtFlags::READ | ProtFlags::WRITE);
    let lead_max = if length >= HUGE_PAGE_BYTES { HUGE_PAGE_BYTES } else { 0 };
    // SAFETY: a new mapping anywhere; what is cut off and advised below lies within it.
    unsafe {
        let Ok(start) = mmap_anonymous(ptr::null_mut(), length + lead_max, access, flags) else {
            return ptr::null_mut();
        };
        if lead_max == 0 {
            return start.cast();
        }
        let lead = start.cast::<u8>().align_offset(HUGE_PAGE_BYTES);
        let block = start.cast::<u8>().add(lead);
        let is_cut = (lead == 0 || munmap(start, lead).is_ok())
            && (lead == lead_max || munmap(block.add(length).cast(), lead_max - lead).is_ok());
        debug_assert!(is_cut, "the ends of a mapping of our own can be cut off");
        // Advice only: a system without huge pages refuses it and nothing changes.
        let _ = madvise(block.cast(), length, Advice::LinuxHugepage);
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_any_length_hold_what_is_written_through_growth_and_shrinking() {
        let lengths =
            [1, 4_096, LONG_BYTES - 1, LONG_BYTES, HUGE_PAGE_BYTES + 1, 9 << 20, 64, 130 << 20, 5 << 20];
        for align in [1, 64, 4_096, HUGE_PAGE_BYTES] {
            let mut layout = Layout::from_size_align(lengths[0], align).expect("a layout");
            // SAFETY: each block is used within its layout and given back under it.
            unsafe {
                let mut at = LongBlocks.alloc_zeroed(layout);
                for length in lengths {
                    at = LongBlocks.realloc(at, layout, length);
                    layout = Layout::from_size_align(length, align).expect("a layout");
                    assert!(!at.is_null() && at.align_offset(align) == 0, "{length}");
                    at.add(length - 1).write(7);
                    at.write(9);
                    assert_eq!(at.read(), 9);
                }
                LongBlocks.dealloc(at, layout);
            }
        }
    }

    #[test]
    fn a_kept_block_comes_back_zeroed_where_zeros_are_asked_for() {
        let layout = Layout::from_size_align(3 << 20, 64).expect("a layout");
        for _ in 0..3 {
            // SAFETY: each block is used within its layout and given back under it.
            unsafe {
                let block = LongBlocks.alloc_zeroed(layout);
                assert!((0..3 << 20).all(|byte| block.add(byte).read() == 0));
                ptr::write_bytes(block, 0xFF, 3 << 20);
                LongBlocks.dealloc(block, layout);
            }
        }
    }

    #[test]
    fn two_threads_never_hold_one_block() {
        let layout = Layout::from_size_align(LONG_BYTES, 64).expect("a layout");
        let work = |mark: u8| {
            move || {
                for _ in 0..2_000 {
                    // SAFETY: each block is used within its layout and given back under it.
                    unsafe {
                        let block = LongBlocks.alloc(layout);
                        block.write(mark);
                        std::hint::spin_loop();
                        assert_eq!(block.read(), mark);
                        LongBlocks.dealloc(block, layout);
                    }
                }
            }
        };
        let threads = [1, 2, 3].map(|mark| std::thread::spawn(work(mark)));
        threads.into_iter().for_each(|thread| thread.join().expect("no block is shared"));
    }
}
