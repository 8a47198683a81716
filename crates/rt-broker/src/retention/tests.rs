use super::*;
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Debug)]
struct Item {
    offset: u64,
    time: u64,
    size: usize,
}

impl Retained for Item {
    fn offset(&self) -> Offset {
        Offset::new(self.offset)
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.time)
    }

    fn size(&self) -> usize {
        self.size
    }
}

fn at(time: u64) -> Timestamp {
    Timestamp::from_millis(time)
}

/// The rest of `items`, by the definition of bounds: the longest run of the newest that fits.
fn naive(items: &[Item], bounds: Bounds, now: u64) -> Vec<Item> {
    let young = |item: &&Item| !bounds.is_too_old(item.time(), at(now));
    let young: Vec<Item> = items.iter().filter(young).copied().collect();
    let fits = |from: usize| {
        let rest = &young[from..];
        let bytes: usize = rest.iter().map(|item| item.size).sum();
        rest.len() <= 1 || (rest.len() <= bounds.max_count() && bytes <= bounds.max_bytes())
    };
    let from = (0..=young.len()).find(|&from| fits(from)).unwrap_or(young.len());
    young[from..].to_vec()
}

proptest! {
    #[test]
    fn the_longest_run_of_the_newest_that_fits_is_held(
        sizes in prop::collection::vec((0usize..40, 0u64..3, 1u64..3), 0..60),
        count in 1usize..20,
        bytes in 0usize..200,
        age in prop::option::of(0u64..20),
    ) {
        let mut bounds = Bounds::new().count(count).bytes(bytes);
        if let Some(age) = age {
            bounds = bounds.age(Duration::from_millis(age));
        }
        let (mut retention, mut all) = (Retention::new(bounds), Vec::new());
        let (mut offset, mut time) = (0, 100);
        for (size, wait, skip) in sizes {
            (offset, time) = (offset + skip, time + wait);
            let item = Item { offset, time, size };
            all.push(item);
            retention.push(item);
            retention.trim(at(time), drop);
            let held: Vec<Item> = retention.after(Offset::ZERO).copied().collect();
            let expected = naive(&all, bounds, time);
            prop_assert_eq!(&held, &expected);
            prop_assert_eq!(retention.bytes(), held.iter().map(|item| item.size).sum::<usize>());
            let gone = all.len() - held.len();
            let evicted = gone.checked_sub(1).map_or(0, |last| all[last].offset);
            prop_assert_eq!(retention.evicted().offset.get(), evicted);
            for probe in 0..=offset + 1 {
                let after: Vec<Item> = retention.after(Offset::new(probe)).copied().collect();
                let naive: Vec<Item> =
                    held.iter().filter(|item| item.offset > probe).copied().collect();
                prop_assert_eq!(after, naive);
            }
            for probe in 99..time + 2 {
                let last = held.iter().rev().find(|item| item.time <= probe);
                let expected = last.map(|item| Offset::new(item.offset));
                prop_assert_eq!(retention.last_by(at(probe)), expected);
            }
        }
    }
}

#[test]
fn an_id_finds_the_newest_publication_that_is_held() {
    let mut retention = Retention::new(Bounds::new().count(2));
    for (offset, id) in [(1, "a"), (2, "b"), (3, "a"), (4, "c")] {
        let ids = [Id::Message(id), Id::External(id.as_bytes())];
        retention.push(Item { offset, time: offset, size: 1 });
        retention.index(Offset::new(offset), ids.into_iter());
    }
    assert_eq!(retention.find(Id::Message("a")), Some(Offset::new(3)));
    retention.trim(at(4), drop);
    assert_eq!(retention.find(Id::Message("a")), Some(Offset::new(3)), "the older one is gone");
    assert_eq!(retention.find(Id::External(b"a")), Some(Offset::new(3)));
    assert_eq!(retention.find(Id::Message("b")), None);
    retention.remove(Offset::new(3));
    assert_eq!(retention.find(Id::Message("a")), None);
    assert_eq!(retention.find(Id::External(b"c")), Some(Offset::new(4)));
}

#[test]
fn claims_take_what_is_free_and_confirming_removes_it() {
    let bounds = Bounds::new().delete_after_retrieval(Duration::from_millis(50));
    let mut retention = Retention::new(bounds);
    (1..=5).for_each(|offset| retention.push(Item { offset, time: offset, size: 10 }));
    let limits = |count| ClaimLimits { after: Offset::ZERO, count, bytes: 25 };
    let offsets = |claimed: &Claimed<Item>| -> Vec<u64> {
        claimed.items.iter().map(|item| item.offset).collect()
    };
    assert_eq!(offsets(&retention.claim(limits(9), at(100))), [1, 2], "25 bytes hold two");
    assert_eq!(offsets(&retention.claim(limits(1), at(110))), [3]);
    assert_eq!(offsets(&retention.claim(limits(9), at(110))), [4, 5]);
    let nothing = retention.claim(limits(9), at(120));
    assert_eq!((nothing.look_again, nothing.held_since), (Some(at(150)), Some(at(1))));
    assert_eq!(retention.confirm(Offset::new(5)).len(), 2);
    assert_eq!((retention.len(), retention.bytes()), (3, 30));
    assert_eq!(offsets(&retention.claim(limits(9), at(150))), [1, 2], "their lease has ended");
    assert_eq!(retention.evicted(), Evicted::default(), "a confirmed publication is no gap");
}

proptest! {
    /// Against the definition: an item is free unless an unended lease has it.
    #[test]
    fn claims_take_the_oldest_items_that_are_free(
        steps in prop::collection::vec((0u64..12, 1usize..4, 0u64..40, 0u8..4), 1..40),
    ) {
        let bounds = Bounds::new().delete_after_retrieval(Duration::from_millis(50));
        let mut retention = Retention::new(bounds);
        let (mut held, mut time) = (Vec::<(Item, u64)>::new(), 100);
        for (n, (after, count, wait, action)) in (1..).zip(steps) {
            time += wait;
            let item = Item { offset: n, time, size: 1 };
            held.push((item, 0));
            retention.push(item);
            let after = Offset::new(after);
            let limits = ClaimLimits { after, count, bytes: usize::MAX };
            let claimed = retention.claim(limits, at(time)).items;
            let free = held.iter_mut().filter(|(item, until)| item.offset() > after && *until <= time);
            let mut expected = Vec::new();
            for (item, until) in free.take(count) {
                *until = time + 50;
                expected.push(*item);
            }
            prop_assert_eq!(&claimed, &expected);
            if let (Some(last), 0) = (claimed.last(), action) {
                retention.confirm(last.offset());
                held.retain(|(item, _)| !claimed.contains(item));
            }
        }
    }
}

proptest! {
    #[test]
    fn a_transaction_that_is_rolled_back_has_changed_nothing(
        before in prop::collection::vec(0usize..30, 0..20),
        during in prop::collection::vec((0usize..30, 0u64..30), 0..20),
        commit: bool,
    ) {
        let mut retention = Retention::new(Bounds::new().count(8).bytes(100));
        let mut offset = 0;
        let mut publish = |retention: &mut Retention<Item>, size| {
            offset += 1;
            retention.push(Item { offset, time: offset, size });
            retention.trim(at(offset), drop);
        };
        before.into_iter().for_each(|size| publish(&mut retention, size));
        let state = |retention: &Retention<Item>| {
            let held: Vec<Item> = retention.after(Offset::ZERO).copied().collect();
            (held, retention.bytes(), retention.evicted())
        };
        let held = state(&retention);
        retention.begin();
        for (size, removed) in during {
            publish(&mut retention, size);
            retention.remove(Offset::new(removed));
        }
        let changed = state(&retention);
        if commit {
            retention.commit(drop);
            prop_assert_eq!(state(&retention), changed);
        } else {
            retention.roll_back();
            prop_assert_eq!(state(&retention), held);
        }
    }
}
