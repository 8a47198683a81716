//! Bytes to text, piece by piece: what is not UTF-8 becomes U+FFFD, and a character split over two
//! pieces is put together again.

use alloc::string::String;
use core::str;

/// The start of a character whose end has not come yet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tail {
    bytes: [u8; 3],
    len: u8,
}

impl Tail {
    /// Appends `piece` to `out`.
    #[inline]
    pub(crate) fn push(&mut self, out: &mut String, piece: &[u8]) {
        if self.len == 0
            && let Ok(text) = simdutf8::basic::from_utf8(piece)
        {
            out.push_str(text);
        } else {
            self.push_broken(out, piece);
        }
    }

    /// Appends a piece that is known to be ASCII.
    #[inline(always)]
    pub(crate) fn push_ascii(&mut self, out: &mut String, piece: &str) {
        if self.len > 0 && !piece.is_empty() {
            self.finish(out);
        }
        match piece.as_bytes() {
            // Worth its own arm: a call to copy one byte costs more than the byte.
            [byte] => out.push(char::from(*byte)),
            _ => out.push_str(piece),
        }
    }

    /// Says that no more bytes come: a character without its end becomes one U+FFFD.
    #[inline]
    pub(crate) fn finish(&mut self, out: &mut String) {
        if self.len > 0 {
            self.len = 0;
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Forgets the start of a character.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    #[cold]
    fn push_broken(&mut self, out: &mut String, mut piece: &[u8]) {
        while self.len > 0 {
            if piece.is_empty() {
                return;
            }
            let used = self.complete(out, piece);
            piece = &piece[used..];
        }
        for chunk in piece.utf8_chunks() {
            out.push_str(chunk.valid());
            let bad = chunk.invalid();
            match str::from_utf8(bad) {
                Ok(_) => {}
                Err(error) if error.error_len().is_none() && is_suffix(piece, bad) => {
                    self.keep(bad);
                }
                Err(_) => out.push(char::REPLACEMENT_CHARACTER),
            }
        }
    }

    /// Puts the held start and the first bytes of `piece` together; says how many it used.
    fn complete(&mut self, out: &mut String, piece: &[u8]) -> usize {
        let held = usize::from(self.len);
        let mut joined = [0_u8; 6];
        let more = piece.len().min(3);
        joined[..held].copy_from_slice(&self.bytes[..held]);
        joined[held..held + more].copy_from_slice(&piece[..more]);
        let joined = &joined[..held + more];
        self.len = 0;
        let (valid, bad) = match joined.utf8_chunks().next() {
            Some(chunk) => (chunk.valid(), chunk.invalid()),
            None => return 0,
        };
        if let Some(first) = valid.chars().next() {
            out.push(first);
            return first.len_utf8() - held;
        }
        let incomplete = str::from_utf8(bad).is_err_and(|error| error.error_len().is_none());
        if incomplete && bad.len() == joined.len() {
            self.keep(bad);
        } else {
            out.push(char::REPLACEMENT_CHARACTER);
        }
        bad.len() - held
    }

    fn keep(&mut self, start: &[u8]) {
        self.bytes[..start.len()].copy_from_slice(start);
        self.len = start.len() as u8;
    }
}

/// Whether `part`, a slice of `whole`, is its end.
fn is_suffix(whole: &[u8], part: &[u8]) -> bool {
    whole.as_ptr_range().end == part.as_ptr_range().end
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn in_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
        let (mut tail, mut out) = (Tail::default(), String::new());
        pieces.for_each(|piece| tail.push(&mut out, piece));
        tail.finish(&mut out);
        out
    }

    #[test]
    fn every_split_of_a_character_gives_it_back() {
        for text in ["é", "€", "𝄞", "a€b𝄞c"] {
            for at in 0..=text.len() {
                let (head, rest) = text.as_bytes().split_at(at);
                assert_eq!(in_pieces([head, rest].into_iter()), text);
            }
        }
    }

    #[test]
    fn a_character_without_its_end_becomes_one_replacement() {
        assert_eq!(in_pieces([&b"a\xF0\x9D"[..], &b"\x84"[..]].into_iter()), "a\u{FFFD}");
        assert_eq!(in_pieces([&b"\xE2"[..], &b"x"[..]].into_iter()), "\u{FFFD}x");
        assert_eq!(in_pieces([&b"\xE2"[..], &b"\x82\xE2"[..]].into_iter()), "\u{FFFD}\u{FFFD}");
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(0xE2_u8),
            Just(0x82),
            Just(0xAC),
            Just(0xF0),
            Just(0x9D),
            Just(0xED),
            Just(0xA0),
            Just(0xC0),
            Just(b'a'),
            any::<u8>()
        ];
        prop::collection::vec(byte, 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pieces_give_what_the_whole_gives(bytes in bytes(), size in 1_usize..6) {
            let whole = String::from_utf8_lossy(&bytes);
            prop_assert_eq!(in_pieces(bytes.chunks(size)), whole);
        }
    }
}
