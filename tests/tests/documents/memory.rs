//! An allocator that counts what a thread holds at once, so that a test can say how much memory a call takes.

#![expect(unsafe_code, reason = "an allocator can't be written otherwise; nothing else stands in this file")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that the thread has taken less those that it has given back, and the most that this has been.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn note(bytes: isize) {
    // A thread that ends gives back what it holds after its cells are gone.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: every call goes to the system's allocator under the same layout; counting touches no block.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size().cast_signed());
        // SAFETY: the caller's promises are those of the system allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While the content moves both blocks are there.
        note(size.cast_signed());
        note(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// The most bytes that a call has held at once, beyond what its thread held before.
pub(crate) fn peak_of(call: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    call();
    usize::try_from(PEAK.get() - before).unwrap_or_default()
}

#[test]
fn what_a_call_holds_at_once_is_counted() {
    assert_eq!(peak_of(|| drop(vec![0_u8; 1_000])), 1_000);
    assert_eq!(
        peak_of(|| {
            drop(vec![0_u8; 1_000]);
            drop(vec![0_u8; 3_000]);
        }),
        3_000
    );
    let kept = vec![0_u8; 1_000];
    assert_eq!(peak_of(|| drop(kept)), 0);
}
