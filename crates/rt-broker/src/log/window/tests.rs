use super::*;
use crate::external_id::ExternalId;
use crate::message::Message;
use crate::publication::Publication;
use proptest::prelude::*;

const EPOCH: Option<Epoch> = Epoch::new(42);

fn at(offset: u64) -> Position {
    Position::new(EPOCH.unwrap(), Offset::new(offset))
}

fn publication(offset: u64, message: Message) -> Publication {
    Publication::new(message, at(offset), Timestamp::from_millis(offset))
}

fn entry(offset: u64) -> Arc<Entry> {
    Entry::new(publication(offset, Message::text(offset.to_string())), false)
}

fn offsets(range: RangeInclusive<u64>) -> RangeInclusive<Offset> {
    Offset::new(*range.start())..=Offset::new(*range.end())
}

/// A topic whose head is `head`, which holds these offsets and has lost these ranges.
fn snapshot(head: u64, held: &[u64], lost: &[RangeInclusive<u64>]) -> Snapshot {
    Snapshot {
        head: Offset::new(head),
        entries: held.iter().map(|offset| entry(*offset)).collect(),
        lost: lost.iter().cloned().map(offsets).collect(),
        ..Snapshot::empty(EPOCH.unwrap())
    }
}

fn open(bounds: Bounds, snapshot: Snapshot) -> Window {
    let mut window = Window::new(bounds);
    drop(window.open(snapshot));
    window
}

fn subscribe(window: &mut Window, start: Start) -> usize {
    let reader = Reader::new(None, usize::MAX);
    window.add(reader, &start, Timestamp::ZERO).unwrap()
}

/// Returns a reader's deliveries as text, such as "1 2 lost(2-4) 5": a gap with the offsets around
/// it.
fn read(window: &mut Window, key: usize) -> String {
    let deliveries = window.read_all(key).unwrap();
    let words = deliveries.iter().map(|delivery| match delivery {
        Delivery::Batch(batch) => {
            let offsets = batch.entries().iter().map(|entry| entry.offset().to_string());
            offsets.collect::<Vec<_>>().join(" ")
        }
        Delivery::Gap(gap) => {
            let from: Position = gap.from().parse().unwrap();
            let (from, resume) = (from.offset(), gap.resume().offset());
            format!("{}({from}-{resume})", gap.reason())
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn read_from(window: &mut Window, start: Start) -> String {
    let key = subscribe(window, start);
    let read = read(window, key);
    drop(window.remove(key));
    read
}

#[test]
fn a_lost_range_is_a_gap_in_its_place() {
    let lost = [2..=3, 6..=6, 8..=9];
    let mut window = open(Bounds::new(), snapshot(9, &[1, 4, 5, 7], &lost));
    let all = "1 lost(1-3) 4 5 lost(5-6) 7 lost(7-9)";
    assert_eq!(read_from(&mut window, Start::Earliest), all);
    for (after, expected) in [
        (0, all),
        (1, &all[2..]),
        // From inside a range, the rest of it is reported.
        (2, "lost(2-3) 4 5 lost(5-6) 7 lost(7-9)"),
        (3, "4 5 lost(5-6) 7 lost(7-9)"),
        (7, "lost(7-9)"),
        (8, "lost(8-9)"),
        (9, ""),
    ] {
        assert_eq!(read_from(&mut window, Start::After(at(after))), expected, "{after}");
    }
    assert_eq!(read_from(&mut window, Start::Live), "");
    let time = Start::Time(Timestamp::from_millis(4));
    assert_eq!(read_from(&mut window, time), "5 lost(5-6) 7 lost(7-9)");
}

#[test]
fn ranges_that_touch_are_one_gap() {
    let mut window = open(Bounds::new(), snapshot(9, &[1, 9], &[6..=8, 2..=3, 3..=4]));
    assert_eq!(read_from(&mut window, Start::Earliest), "1 lost(1-4) lost(5-8) 9");
    drop(window.lose(offsets(5..=5)));
    assert_eq!(read_from(&mut window, Start::Earliest), "1 lost(1-8) 9");
}

#[test]
fn what_is_lost_in_an_open_log_is_given_to_nobody() {
    let mut window = open(Bounds::new(), Snapshot::empty(EPOCH.unwrap()));
    let (first, second) =
        (subscribe(&mut window, Start::Live), subscribe(&mut window, Start::Live));
    for offset in 1..=5 {
        drop(window.append(entry(offset)));
    }
    assert_eq!(read(&mut window, first), "1 2 3 4 5");
    drop(window.lose(offsets(2..=3)));
    assert_eq!(read(&mut window, first), "", "it has read them");
    assert_eq!(read(&mut window, second), "1 lost(1-3) 4 5");
    // Publications that never came: everyone has missed them.
    drop(window.lose(offsets(6..=7)));
    drop(window.append(entry(8)));
    for key in [first, second] {
        assert_eq!(read(&mut window, key), "lost(5-7) 8");
    }
}

#[test]
fn a_lost_range_goes_with_the_history_around_it() {
    let mut window = open(Bounds::new().count(2), snapshot(4, &[1, 4], &[2..=3]));
    drop(window.append(entry(5)));
    // 1 is evicted. The lost range after it is a gap of its own.
    assert_eq!(read_from(&mut window, Start::Earliest), "lost(1-3) 4 5");
    drop(window.append(entry(6)));
    assert_eq!(read_from(&mut window, Start::Earliest), "5 6");
    assert_eq!(read_from(&mut window, Start::After(at(1))), "evicted(1-4) 5 6");
}

#[test]
fn ids_lead_to_the_newest_stored_publication_that_has_them() {
    let mut window = open(Bounds::new().count(3), Snapshot::empty(EPOCH.unwrap()));
    let external = |id: u8| ExternalId::new(&[id; 16]).unwrap();
    let append = |window: &mut Window, offset, id: &str| {
        let message = Message::text("x").with_id(id);
        let publication = publication(offset, message).with_external_id(external(offset as u8));
        drop(window.append(Entry::new(publication, false)));
    };
    for (offset, id) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
        append(&mut window, offset, id);
    }
    let mut resumes = |start| {
        let key = subscribe(&mut window, start);
        let gap = window.pending_gap(key).map(|gap| gap.reason());
        (window.position(key).unwrap().unwrap().offset().get(), gap)
    };
    assert_eq!(resumes(Start::LastId("a".into())), (3, None));
    assert_eq!(resumes(Start::LastId("b".into())), (2, None));
    assert_eq!(resumes(Start::ExternalId(external(2))), (2, None));
    let unknown = (1, Some(GapReason::Unknown));
    assert_eq!(resumes(Start::ExternalId(external(1))), unknown, "it is evicted");
    assert_eq!(resumes(Start::LastId(at(2).to_string().into())), unknown);
    // Entries that are held for connected subscribers only are not found.
    append(&mut window, 5, "d");
    let key = subscribe(&mut window, Start::LastId("b".into()));
    assert_eq!(window.pending_gap(key).unwrap().reason(), GapReason::Unknown);
    drop(window.lose(offsets(4..=4)));
    let key = subscribe(&mut window, Start::LastId("c".into()));
    assert_eq!(window.pending_gap(key).unwrap().reason(), GapReason::Unknown, "it is lost");
}

/// A step of a topic's life, as the window sees it.
#[derive(Clone, Debug)]
enum Step {
    /// Skips offsets, then appends for everyone, for client "c" only, or live only.
    Append {
        skip: u64,
        private: bool,
        live: bool,
    },
    /// Loses this many offsets that end this far before the head.
    Lose {
        before: u64,
        len: u64,
    },
    Subscribe {
        after: u64,
    },
    Read {
        reader: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0u64..2, any::<bool>(), any::<bool>())
            .prop_map(|(skip, private, live)| Step::Append { skip, private, live }),
        1 => (0u64..8, 1u64..4).prop_map(|(before, len)| Step::Lose { before, len }),
        2 => (0u64..40).prop_map(|after| Step::Subscribe { after }),
        3 => any::<usize>().prop_map(|reader| Step::Read { reader }),
    ];
    prop::collection::vec(step, 1..80)
}

/// The oracle of one reader: everything up to an offset was delivered, reported missing, or not for
/// it.
struct ExpectedReader {
    key: usize,
    through: u64,
    /// Live only entries up to this one are not for it.
    head: u64,
}

proptest! {
    #[test]
    fn a_reader_misses_nothing_without_a_gap_and_gets_nothing_twice(
        steps in steps(),
        count in 1usize..6,
    ) {
        let mut window = open(Bounds::new().count(count), Snapshot::empty(EPOCH.unwrap()));
        let (mut head, mut all, mut seen) = (0, Vec::new(), Vec::<ExpectedReader>::new());
        for step in steps.into_iter().chain((0..9).map(|reader| Step::Read { reader })) {
            match step {
                Step::Append { skip, private, live } => {
                    head += skip + 1;
                    let message = Message::text("x");
                    let message = if private { message.to_client("c") } else { message };
                    let entry = Entry::new(publication(head, message), live);
                    drop(window.append(entry));
                    all.push((head, private, live));
                }
                Step::Lose { before, len } => {
                    let end = head.saturating_sub(before);
                    let start = end.saturating_sub(len - 1).max(1);
                    drop(window.lose(offsets(start..=end)));
                }
                Step::Subscribe { after } => {
                    let after = after.min(head);
                    let key = subscribe(&mut window, Start::After(at(after)));
                    seen.push(ExpectedReader { key, through: after, head });
                }
                Step::Read { .. } if seen.is_empty() => {}
                Step::Read { reader } => {
                    let index = reader % seen.len();
                    let reader = &mut seen[index];
                    for delivery in window.read_all(reader.key).unwrap() {
                        // Everything up to `next` is in the delivery, or is not for the reader.
                        let (next, through) = match &delivery {
                            Delivery::Gap(gap) => {
                                let from: Position = gap.from().parse().unwrap();
                                (from.offset().next(), gap.resume().offset())
                            }
                            Delivery::Batch(batch) => {
                                let offsets = batch.entries().iter().map(Retained::offset);
                                prop_assert!(offsets.clone().is_sorted());
                                let held: Vec<_> = offsets.map(Offset::get).collect();
                                let first = held[0];
                                let missed = all.iter().find(|(offset, private, live)| {
                                    let replayed = *live && *offset <= reader.head;
                                    (first..=held[held.len() - 1]).contains(offset)
                                        && !held.contains(offset)
                                        && !private
                                        && !replayed
                                });
                                prop_assert_eq!(missed, None, "within {:?}", held);
                                (Offset::new(first), batch.through().offset())
                            }
                        };
                        prop_assert!(next.get() > reader.through, "{delivery:?} twice");
                        let missed = all.iter().find(|(offset, private, live)| {
                            let replayed = *live && *offset <= reader.head;
                            (reader.through + 1..next.get()).contains(offset)
                                && !private
                                && !replayed
                        });
                        prop_assert_eq!(missed, None, "before {:?}", delivery);
                        reader.through = through.get();
                    }
                    let left = all.iter().find(|(offset, private, live)| {
                        let replayed = *live && *offset <= reader.head;
                        *offset > reader.through && !private && !replayed
                    });
                    prop_assert_eq!(left, None, "it was not given");
                    reader.through = head;
                }
            }
        }
    }
}
