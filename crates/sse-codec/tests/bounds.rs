//! The bound on one event.

mod support;

use sse_codec::{Decoder, Item};
use support::{Seen, event, feed, message, oracle};

fn bounded(max: usize, stream: &[u8]) -> Vec<Seen> {
    let whole = feed(&mut Decoder::new().with_max_event_bytes(max), stream);
    for size in 1..8 {
        let mut decoder = Decoder::new().with_max_event_bytes(max);
        let seen: Vec<_> =
            stream.chunks(size).flat_map(|chunk| feed(&mut decoder, chunk)).collect();
        assert_eq!(seen, whole, "in chunks of {size}");
    }
    assert_eq!(oracle(stream, "", max).0, whole, "the oracle says otherwise");
    whole
}

#[test]
fn an_event_at_the_bound_passes_and_one_above_it_is_skipped() {
    // `data:1234` and its line end are 10 bytes.
    assert_eq!(bounded(10, b"data:1234\n\ndata:5\n\n"), [message("1234"), message("5")]);
    assert_eq!(bounded(9, b"data:1234\n\ndata:5\n\n"), [Seen::TooLarge, message("5")]);
}

#[test]
fn the_lines_of_an_event_count_together() {
    assert_eq!(bounded(14, b"data:1\ndata:2\n\n"), [message("1\n2")]);
    assert_eq!(bounded(13, b"data:1\ndata:2\n\ndata:3\n\n"), [Seen::TooLarge, message("3")]);
    assert_eq!(bounded(13, b"event:x\ndata:2\n\ndata:3\n\n"), [Seen::TooLarge, message("3")]);
    assert_eq!(bounded(13, b"unknown\ndata:2\n\ndata:3\n\n"), [Seen::TooLarge, message("3")]);
    // Empty data lines are not free.
    assert_eq!(bounded(20, &b"data\n".repeat(5)), [Seen::TooLarge]);
}

#[test]
fn it_is_said_once_an_event_and_as_soon_as_it_is_clear() {
    let mut decoder = Decoder::new().with_max_event_bytes(10);
    assert_eq!(feed(&mut decoder, b"data:12345"), [Seen::TooLarge]);
    assert_eq!(feed(&mut decoder, b"12345"), []);
    assert_eq!(feed(&mut decoder, b"\ndata:12345678\n"), []);
    assert_eq!(feed(&mut decoder, b"data:1\n\ndata:2\n\n"), [message("2")]);
}

#[test]
fn each_comment_has_the_bound_to_itself() {
    let comment = |text: &str| Seen::Comment(text.into());
    let seen = bounded(8, b":1234567\n:1234567\ndata:1\n:12345678\n\n");
    assert_eq!(seen, [comment("1234567"), comment("1234567"), Seen::TooLarge, message("1")]);
}

#[test]
fn an_id_of_its_own_line_counts_though_its_event_is_skipped() {
    let stream = b"id:1\nevent:x\ndata:123456789012345\nid:2\nretry:5\ndata:3\n\ndata:4\n\n";
    assert_eq!(bounded(16, stream), [Seen::TooLarge, Seen::Retry(5), event("message", "4", "2")]);
}

#[test]
fn the_report_names_the_bound() {
    let mut decoder = Decoder::new().with_max_event_bytes(3);
    let mut feed = decoder.feed(b"data:more than three\n\n");
    let Some(Item::TooLarge { limit, .. }) = feed.next() else { panic!("it is too large") };
    assert_eq!(limit, 8, "the lowest bound there is");
    assert_eq!(feed.next(), None);
}

#[test]
fn without_a_bound_of_ones_own_16_mib_pass() {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.max_event_bytes(), 16 << 20);
    let line = format!("data:{}\n\n", "x".repeat((16 << 20) - 6));
    assert!(matches!(decoder.feed(line.as_bytes()).next(), Some(Item::Event(_))));
    let line = format!("data:{}\n\n", "x".repeat((16 << 20) - 5));
    assert!(matches!(decoder.feed(line.as_bytes()).next(), Some(Item::TooLarge { .. })));
}

#[test]
fn a_long_id_is_too_large_and_the_old_one_stays() {
    let longest = "i".repeat(8 * 1024 - 4);
    for (id, fits) in [(longest.clone(), true), (longest + "i", false)] {
        let stream = format!("id: old\n\nid: {id}\ndata:1\n\ndata:2\n\n");
        for size in [1, 7, 4096, stream.len()] {
            let mut decoder = Decoder::new();
            let chunks = stream.as_bytes().chunks(size);
            let seen: Vec<_> = chunks.flat_map(|chunk| feed(&mut decoder, chunk)).collect();
            let expected = match fits {
                true => vec![event("message", "1", &id), event("message", "2", &id)],
                false => vec![Seen::TooLarge, event("message", "2", "old")],
            };
            assert_eq!(seen, expected, "in chunks of {size}");
            assert_eq!(decoder.last_event_id() == id, fits);
        }
    }
}

#[test]
fn a_reader_that_fails_ends_the_events() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    assert_eq!(sse_codec::Reader::new(Broken).count(), 1);
}

#[test]
fn data_that_has_begun_is_kept_however_many_chunks_it_takes() {
    let mut decoder = Decoder::new();
    let long = "x".repeat(100 << 10);
    assert_eq!(feed(&mut decoder, format!("data:{long}").as_bytes()), []);
    assert_eq!(feed(&mut decoder, b"\n"), []);
    for _ in 0..200 {
        assert_eq!(feed(&mut decoder, b":still there\n"), [Seen::Comment("still there".into())]);
    }
    assert_eq!(feed(&mut decoder, b"\n"), [message(&long)]);
}
