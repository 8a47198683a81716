//! What a log holds and who reads it: a state machine without a lock or a clock.

use super::held::{Held, Next};
use super::reader::Reader;
use super::snapshot::Snapshot;
use super::woken::{Appended, Woken};
use crate::batch::Batch;
use crate::bounds::Bounds;
use crate::delivery::{Delivery, Gap, GapReason};
use crate::entry::Entry;
use crate::error::Error;
use crate::position::{Epoch, Offset, Position};
use crate::retention::Retained;
use crate::start::{Lookup, Start};
use crate::timestamp::Timestamp;
use slab::Slab;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::task::Waker;

#[derive(Debug)]
pub(crate) struct Window {
    state: State,
    bounds: Bounds,
    readers: Slab<Reader>,
    /// The number of readers ever added.
    added: u64,
    /// The number of readers that are cancelled.
    cancelled: usize,
    /// The batch made last: readers of a busy topic go in step.
    cache: Option<Arc<Batch>>,
}

#[derive(Debug)]
enum State {
    Opening,
    Open(Box<Held>),
    Failed(Error),
    /// The epoch is for readers that were cancelled before.
    Closed(Option<Epoch>),
}

impl Window {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            state: State::Opening,
            bounds,
            readers: Slab::new(),
            added: 0,
            cancelled: 0,
            cache: None,
        }
    }

    pub(super) fn open(&mut self, snapshot: Snapshot) -> Woken {
        if !matches!(self.state, State::Opening) {
            return Woken::default();
        }
        let held = Held::new(self.bounds, snapshot, self.has_subscribers());
        for (_, reader) in &mut self.readers {
            if let Some(start) = reader.start.take() {
                begin(reader, &start, &held);
            }
        }
        self.state = State::Open(held.into());
        self.wake_all()
    }

    pub(super) fn reset(&mut self, snapshot: Snapshot) -> Woken {
        let State::Open(old) = &self.state else { return self.open(snapshot) };
        let old = old.epoch;
        let held = Held::new(self.bounds, snapshot, self.has_subscribers());
        let after = held.evicted().offset;
        for (_, reader) in &mut self.readers {
            let from = Position::new(old, reader.after).to_string();
            let resume = Position::new(held.epoch, after);
            reader.gap = Some(Box::new(Gap::new(GapReason::Epoch, from, resume)));
            (reader.after, reader.live_from) = (after, held.head);
        }
        self.cache = None;
        self.state = State::Open(held.into());
        self.wake_all()
    }

    pub(super) fn append(&mut self, entry: Arc<Entry>) -> Appended {
        let connected = self.has_subscribers();
        let State::Open(held) = &mut self.state else { return Appended::default() };
        if entry.offset() <= held.head {
            return Appended::default();
        }
        let for_some_only = entry.publication().is_for_some_only();
        let mut reached = 0;
        let mut wakers = Vec::with_capacity(if for_some_only { 0 } else { self.readers.len() });
        for (_, reader) in &mut self.readers {
            if reader.cancelled {
                continue;
            }
            if for_some_only && !entry.publication().is_for(reader.client.as_deref()) {
                // Nobody is woken for what is not for it; a reader that has seen all still has.
                if reader.after == held.head {
                    reader.after = entry.offset();
                }
                continue;
            }
            reached += 1;
            wakers.extend(reader.waker.take());
        }
        held.append(entry, connected);
        Appended { reached, wakers: Woken::new(wakers) }
    }

    pub(super) fn lose(&mut self, range: RangeInclusive<Offset>) -> Woken {
        let State::Open(held) = &mut self.state else { return Woken::default() };
        held.lose(range);
        self.cache = None;
        self.wake_all()
    }

    pub(super) fn fail(&mut self, error: &Error) -> Woken {
        self.state = State::Failed(error.repeat());
        self.wake_all()
    }

    pub(super) fn wake_all(&mut self) -> Woken {
        Woken::new(self.readers.iter_mut().filter_map(|(_, reader)| reader.waker.take()).collect())
    }

    pub(super) fn close_unless_used(&mut self) -> bool {
        if !self.has_subscribers() && !matches!(self.state, State::Closed(_)) {
            let epoch = match &self.state {
                State::Open(held) => Some(held.epoch),
                _ => None,
            };
            self.state = State::Closed(epoch);
        }
        matches!(self.state, State::Closed(_))
    }

    pub(super) fn is_opening(&self) -> bool {
        matches!(self.state, State::Opening)
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Opening | State::Open(_))
    }

    pub(super) fn subscribers(&self) -> usize {
        self.readers.len() - self.cancelled
    }

    fn has_subscribers(&self) -> bool {
        self.subscribers() > 0
    }

    /// Adds a reader, or returns it if the log is no longer used.
    pub(crate) fn add(
        &mut self,
        mut reader: Reader,
        start: &Start,
        now: Timestamp,
    ) -> Result<usize, Reader> {
        let connected = self.has_subscribers();
        match &mut self.state {
            State::Closed(_) | State::Failed(_) => return Err(reader),
            State::Opening => reader.start = Some(Box::new(start.clone())),
            State::Open(held) => {
                held.expire(now, connected);
                begin(&mut reader, start, held);
            }
        }
        self.added += 1;
        reader.serial = self.added;
        Ok(self.readers.insert(reader))
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<Reader> {
        let removed = self.readers.try_remove(key)?;
        self.cancelled -= usize::from(removed.cancelled);
        self.drop_live_unless_used();
        Some(removed)
    }

    /// The serial number of the reader under this key.
    pub(crate) fn serial(&self, key: usize) -> u64 {
        self.readers.get(key).map_or(0, |reader| reader.serial)
    }

    /// Cancels the reader under this key, if it still is the one with this serial number. Returns
    /// its waker.
    pub(crate) fn cancel(&mut self, key: usize, serial: u64) -> Option<Waker> {
        let reader = self.readers.get_mut(key)?;
        if reader.serial != serial || reader.cancelled {
            return None;
        }
        reader.cancelled = true;
        let waker = reader.waker.take();
        self.cancelled += 1;
        self.drop_live_unless_used();
        waker
    }

    /// Frees what is held for connected subscribers only, once there are none.
    fn drop_live_unless_used(&mut self) {
        if self.has_subscribers() {
            return;
        }
        self.cache = None;
        if let State::Open(held) = &mut self.state {
            held.drop_live();
        }
    }

    /// Has a reader woken by the next entry for it. Returns the waker that this one replaces.
    pub(crate) fn park(&mut self, key: usize, waker: &Waker) -> Option<Waker> {
        match &mut self.readers.get_mut(key)?.waker {
            Some(parked) if parked.will_wake(waker) => None,
            parked => parked.replace(waker.clone()),
        }
    }

    /// The position that a reader resumes from; `None` while the log is opening.
    pub(crate) fn position(&self, key: usize) -> Result<Option<Position>, Error> {
        let epoch = match &self.state {
            State::Failed(error) => return Err(error.repeat()),
            State::Open(held) => Some(held.epoch),
            State::Opening => None,
            State::Closed(epoch) => *epoch,
        };
        let after = self.readers.get(key).map(|reader| reader.after);
        Ok(epoch.zip(after).map(|(epoch, after)| Position::new(epoch, after)))
    }

    /// The gap that a reader is given first.
    pub(crate) fn pending_gap(&self, key: usize) -> Option<Gap> {
        self.readers.get(key)?.gap.as_deref().cloned()
    }

    /// What a reader is given next, if there is something.
    pub(crate) fn read(&mut self, key: usize) -> Result<Option<Delivery>, Error> {
        let held = match &self.state {
            State::Failed(error) => return Err(error.repeat()),
            State::Open(held) => held,
            State::Opening | State::Closed(_) => return Ok(None),
        };
        let Some(reader) = self.readers.get_mut(key).filter(|reader| !reader.cancelled) else {
            return Ok(None);
        };
        if let Some(gap) = reader.gap.take() {
            return Ok(Some(Delivery::Gap(*gap)));
        }
        let at = |offset| Position::new(held.epoch, offset);
        while reader.after < held.head {
            let (after, live_from) = (reader.after, reader.live_from);
            if let Some(resume) = held.resume_slow(after, live_from, reader.max_lag) {
                reader.after = resume;
                reader.live_from = live_from.max(held.live_dropped());
                let gap = Gap::new(GapReason::Slow, at(after).to_string(), at(resume));
                return Ok(Some(Delivery::Gap(gap)));
            }
            match held.next(after) {
                Next::Nothing => reader.after = held.head,
                Next::Lost(range) => {
                    let from = at(after.max(range.start().previous())).to_string();
                    reader.after = *range.end();
                    let gap = Gap::new(GapReason::Lost, from, at(reader.after));
                    return Ok(Some(Delivery::Gap(gap)));
                }
                Next::Entries(range) => {
                    let batch = batch(held, reader, range, &mut self.cache);
                    reader.after = batch.through.offset();
                    if !batch.entries().is_empty() {
                        return Ok(Some(Delivery::Batch(batch)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// All that a reader can be given now.
    pub(crate) fn read_all(&mut self, key: usize) -> Result<Vec<Delivery>, Error> {
        std::iter::from_fn(|| self.read(key).transpose()).collect()
    }
}

/// Turns a start into a reader's place.
fn begin(reader: &mut Reader, start: &Start, held: &Held) {
    let resolved = start.resolve(held);
    reader.live_from = held.head;
    reader.after = resolved.after;
    reader.gap = resolved.gap.map(Box::new);
}

/// Returns the entries of a range that are for a reader: the same batch for all readers in step.
fn batch(
    held: &Held,
    reader: &Reader,
    range: Range<usize>,
    cache: &mut Option<Arc<Batch>>,
) -> Arc<Batch> {
    let (after, live_from) = (reader.after, reader.live_from);
    let last = held.entries(range.clone()).next_back().map_or(after, Retained::offset);
    let through = Position::new(held.epoch, last);
    let shared = held.is_for_all(after, live_from);
    if let Some(cached) = cache
        && shared
        && (cached.shared, cached.after, cached.through) == (true, after, through)
    {
        return cached.clone();
    }
    let is_for = |entry: &Arc<Entry>| {
        let replayed = entry.offset() <= live_from;
        entry.publication().is_for(reader.client.as_deref()) && !(replayed && entry.is_live_only())
    };
    let entries = held.entries(range).filter(|entry| shared || is_for(entry)).cloned().collect();
    let batch = Batch::new(after, through, shared, entries);
    if shared {
        *cache = Some(batch.clone());
    }
    batch
}

#[cfg(test)]
mod tests {
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

    /// What a reader is given, such as "1 2 lost(2-4) 5": a gap with the offsets around it.
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
        // 1 is evicted. What is next is a gap of its own.
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
        // What is only held for connected subscribers is not found.
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

    /// What a reader has seen: everything up to an offset was given, told to be missing, or not for
    /// it.
    struct Seen {
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
            let (mut head, mut all, mut seen) = (0, Vec::new(), Vec::<Seen>::new());
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
                        seen.push(Seen { key, through: after, head });
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
}
