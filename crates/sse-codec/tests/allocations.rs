//! What is allocated: one binary of its own, since it counts for the whole process.

use sse_codec::{Decoded, Decoder, Fields, Item};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The system's allocator, which counts for the thread that asks.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn note(count: usize, bytes: isize) {
    let _ = COUNT.try_with(|cell| cell.set(cell.get() + count));
    let _ = HELD.try_with(|cell| cell.set(cell.get() + bytes));
    let held = HELD.try_with(Cell::get).unwrap_or(0);
    let _ = PEAK.try_with(|cell| cell.set(cell.get().max(held)));
}

#[expect(unsafe_code, reason = "an allocator is")]
// SAFETY: all calls are passed on as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as isize - layout.size() as isize);
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `work` makes.
fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// How many bytes `work` leaves allocated, and how many it held at most.
fn held_and_peak(work: impl FnOnce()) -> (isize, isize) {
    let before = HELD.get();
    PEAK.set(before);
    work();
    (HELD.get() - before, PEAK.get() - before)
}

const STREAM: &[u8] =
    b"data: lent as it is\n\nid: 7\nevent: tick\ndata: put\ndata: together\n: comment\n\n\
    id: 8\nretry: 10\nevent: tock\ndata: {}\n\n";

#[test]
fn encoding_takes_one_allocation_or_none() {
    let data = "some line of text\n".repeat(100);
    let fields = Fields::new().id("1").event("tick").data(&data).comment("c");
    let count = allocations(|| assert!(fields.encode().is_ok()));
    assert_eq!(count, 1);

    let mut buf = fields.encode().expect("valid fields");
    let count = allocations(|| {
        for _ in 0..10 {
            buf.clear();
            fields.encode_into(&mut buf).expect("valid fields");
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn lending_allocates_nothing_once_the_buffers_are_there() {
    let mut decoder = Decoder::new();
    let run = |decoder: &mut Decoder, size: usize| {
        for chunk in STREAM.chunks(size) {
            let mut feed = decoder.feed(chunk);
            while let Some(item) = feed.next() {
                std::hint::black_box(&item);
            }
        }
    };
    for size in [1, 7, STREAM.len()] {
        run(&mut decoder, size);
        run(&mut decoder, size);
        assert_eq!(allocations(|| run(&mut decoder, size)), 0, "in chunks of {size}");
    }
}

#[test]
fn an_owned_event_is_one_allocation_whatever_it_carries() {
    let mut decoder = Decoder::new();
    for turn in 0..3 {
        let count = allocations(|| {
            let mut feed = decoder.feed(STREAM);
            let mut events = 0;
            while let Some(item) = feed.next() {
                if let Item::Event(event) = item {
                    assert!(!event.to_owned().data().is_empty());
                    events += 1;
                }
            }
            assert_eq!(events, 3);
        });
        assert!(turn == 0 || count == 3, "{count} allocations for 3 events");
    }
    assert_eq!(size_of::<sse_codec::Event>(), 32);
}

#[test]
fn large_data_is_handed_over_without_a_copy() {
    let mut decoder = Decoder::new();
    let part = format!("data: {}\n", "x".repeat(8 << 20));
    assert!(decoder.feed(part.as_bytes()).next().is_none());
    let (_, peak) = held_and_peak(|| {
        let mut feed = decoder.feed(b"\n");
        let Some(Decoded::Event(event)) = feed.next_owned() else { panic!("it is whole") };
        assert_eq!(event.into_data().len(), 8 << 20);
    });
    assert!(peak < 1000, "{peak} bytes more");
}

#[test]
fn a_line_without_end_holds_no_more_than_the_bound() {
    let mut decoder = Decoder::new().with_max_event_bytes(1 << 20);
    for start in ["data:", "event:", "id:", "retry:", ":", "unknown:", "no colon at all"] {
        let (_, peak) = held_and_peak(|| {
            let _ = decoder.feed(start.as_bytes()).next();
            let chunk = [b'1'; 16 << 10];
            for _ in 0..1000 {
                let _ = decoder.feed(&chunk).next();
            }
            decoder.reset();
        });
        // A buffer doubles as it grows.
        assert!(peak < 5 << 20, "{peak} bytes for {start}");
    }
}

#[test]
fn a_large_buffer_is_given_back_after_a_while() {
    let mut decoder = Decoder::new();
    // The second event is small enough for a small buffer, but grew a large one.
    for (lines, least) in [([4 << 20, 4 << 20], 8 << 20), ([40 << 10, 20 << 10], 60 << 10)] {
        let (held, peak) = held_and_peak(|| {
            for _ in 0..2 {
                let [a, b] = lines.map(|len| "x".repeat(len));
                let large = format!("data: {a}\ndata: {b}\n\n");
                assert!(decoder.feed(large.as_bytes()).next().is_some());
                drop((a, b, large));
                for _ in 0..300 {
                    let mut feed = decoder.feed(b"data: small\n\n");
                    assert!(feed.next().is_some() && feed.next().is_none());
                }
            }
        });
        assert!(peak > least);
        assert!(held < 10 << 10, "{held} bytes are still held");
    }
}
