//! Finds where the values of an array or an object begin and end, in text that is known to be JSON.
//!
//! serde_json has checked the text before; looking at each byte once more with all its rules would
//! be a third of the work of decoding. Text that is no JSON after all ends the values early.

/// The values of an array, or the names and values of an object in turn, each as its own text.
pub(crate) struct Values<'a> {
    json: &'a str,
    at: usize,
    close: u8,
    is_done: bool,
}

impl<'a> Values<'a> {
    /// Of an array; `None` for what is not one.
    pub(crate) fn of_array(json: &'a str) -> Option<Self> {
        Self::within(json, b'[', b']')
    }

    /// Of an object; `None` for what is not one.
    pub(crate) fn of_object(json: &'a str) -> Option<Self> {
        Self::within(json, b'{', b'}')
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.is_done
    }

    fn within(json: &'a str, open: u8, close: u8) -> Option<Self> {
        let bytes = json.as_bytes();
        let start = space(bytes, 0);
        (bytes.get(start) == Some(&open)).then(|| {
            let at = space(bytes, start + 1);
            let is_done = bytes.get(at).is_none_or(|byte| *byte == close);
            Self { json, at, close, is_done }
        })
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.is_done {
            return None;
        }
        let bytes = self.json.as_bytes();
        let start = self.at;
        let end = match bytes.get(start)? {
            b'"' => string(bytes, start),
            b'[' | b'{' => nested(bytes, start),
            _ => plain(bytes, start),
        };
        let next = space(bytes, end);
        self.is_done = bytes.get(next).is_none_or(|byte| *byte == self.close);
        self.at = space(bytes, next + 1);
        self.json.get(start..end).filter(|value| !value.is_empty())
    }
}

#[inline]
fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// Past the string that begins here.
#[inline]
fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        // Eight bytes at once, while none of them is one that matters.
        while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*word);
            let found = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
            at += found.trailing_zeros() as usize / 8;
            if found != 0 {
                break;
            }
        }
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}

/// One in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;
const QUOTES: u64 = EACH * b'"' as u64;
const BACKSLASHES: u64 = EACH * b'\\' as u64;

/// The highest bit of each byte that is zero; of the bytes above the first such one it says nothing.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(EACH) & !word & (EACH << 7)
}

/// Past the array or object that begins here. It counts, and does not call itself: no depth is too
/// deep for it.
fn nested(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string(bytes, at);
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// Past the number or word that begins here.
#[inline]
fn plain(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while bytes.get(at).is_some_and(|byte| !ENDS[usize::from(*byte)]) {
        at += 1;
    }
    at
}

/// What ends a number or a word.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut at = 0;
    let all = b",:]} \n\r\t";
    while at < all.len() {
        ends[all[at] as usize] = true;
        at += 1;
    }
    ends
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::value::RawValue;
    use std::collections::BTreeMap;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".*", inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_where_serde_json_finds_them(
            values in prop::collection::vec(json(), 0..8), is_pretty: bool
        ) {
            let write = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            let text = write(&values).unwrap();
            let expected: Vec<&RawValue> = serde_json::from_str(&text).unwrap();
            let expected: Vec<&str> = expected.into_iter().map(RawValue::get).collect();
            prop_assert_eq!(Values::of_array(&text).unwrap().collect::<Vec<_>>(), expected);
        }

        #[test]
        fn names_and_values_come_in_turn(
            entries in prop::collection::btree_map(".*", json(), 0..8), is_pretty: bool
        ) {
            let write = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            let text = write(&entries).unwrap();
            let expected: BTreeMap<String, &RawValue> = serde_json::from_str(&text).unwrap();
            let found: Vec<&str> = Values::of_object(&text).unwrap().collect();
            prop_assert_eq!(found.len(), expected.len() * 2);
            for (pair, (name, value)) in found.chunks(2).zip(expected) {
                prop_assert_eq!(serde_json::from_str::<String>(pair[0]).unwrap(), name);
                prop_assert_eq!(pair[1], value.get());
            }
        }

        #[test]
        fn what_is_no_json_ends(text in r#"[\[{]?[\[\]{}",:\\ 1a🌚]{0,40}"#) {
            for values in [Values::of_array(&text), Values::of_object(&text)].into_iter().flatten() {
                prop_assert!(values.count() <= text.len());
            }
        }
    }
}
