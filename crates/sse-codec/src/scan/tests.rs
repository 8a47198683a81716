//! Both scans against a naive one.

use super::{LONG, Scan, plain, scan};
use proptest::prelude::*;
use std::{vec, vec::Vec};

fn naive(hay: &[u8]) -> Scan<'_> {
    let end = hay.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let line = &hay[..end.unwrap_or(hay.len())];
    let ascii = line.len() < LONG && line.iter().all(|byte| *byte < 0x80);
    Scan { line, ascii: ascii.then(|| std::str::from_utf8(line).expect("it is ASCII")) }
}

#[track_caller]
fn check(hay: &[u8]) {
    assert_eq!(scan(hay), naive(hay));
    assert_eq!(plain::scan(hay), naive(hay));
}

#[test]
fn an_end_and_a_high_byte_at_every_place() {
    for len in (0..70).chain(LONG - 20..LONG + 40) {
        let hay = vec![b'x'; len];
        check(&hay);
        for end in 0..len {
            for byte in [b'\n', b'\r'] {
                let mut hay = hay.clone();
                hay[end] = byte;
                check(&hay);
                for high in [end.wrapping_sub(1), end + 1, end / 2, 0] {
                    let mut hay = hay.clone();
                    if let Some(place) = hay.get_mut(high).filter(|place| **place == b'x') {
                        *place = 0x80;
                    }
                    check(&hay);
                }
            }
        }
    }
}

#[test]
fn the_neighbours_of_cr_and_lf_end_nothing() {
    for byte in (0..=255).filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        for len in [1, 15, 16, 17, 40] {
            assert_eq!(scan(&vec![byte; len]).line.len(), len, "{byte}");
        }
    }
}

fn hay() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![40 => Just(b'x'), 1 => Just(b'\n'), 1 => Just(b'\r'), 1 => any::<u8>()];
    prop::collection::vec(byte, 0..LONG * 2)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(hay in hay(), from in 0_usize..32) {
        // From each alignment.
        check(&hay[from.min(hay.len())..]);
    }
}
