//! The strict form's cursor: a position in each category, opaque to who carries it.
//!
//! Pure. Unpadded base64url of a version byte and, for each category, four bytes that tell it from
//! the others, eight of epoch and eight of offset. It needs no signature: a made-up one only moves
//! its bearer's own place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rt_broker::{Epoch, Offset, Position};

const VERSION: u8 = 1;
const PLACE: usize = 20;
/// The most categories in one cursor, and so in one poll.
pub(crate) const MAX_CATEGORIES: usize = 64;
const MAX_TEXT: usize = (1 + PLACE * MAX_CATEGORIES) * 4 / 3 + 4;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cursor(Vec<(u32, Position)>);

impl Cursor {
    pub(crate) fn new<'a>(places: impl Iterator<Item = (&'a str, Position)>) -> Self {
        Self(places.map(|(category, position)| (tag(category), position)).collect())
    }

    /// `None` where this is no cursor of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = (text.len() <= MAX_TEXT).then_some(text)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (&version, places) = bytes.split_first()?;
        let (places, rest) = places.as_chunks::<PLACE>();
        let sound = version == VERSION && rest.is_empty() && !places.is_empty();
        sound.then_some(())?;
        let place = |place: &[u8; PLACE]| {
            let (tag, rest) = place.split_first_chunk::<4>()?;
            let (epoch, offset) = rest.split_first_chunk::<8>()?;
            let epoch = Epoch::new(u64::from_be_bytes(*epoch))?;
            let offset = Offset::new(u64::from_be_bytes(*offset.first_chunk()?));
            Some((u32::from_be_bytes(*tag), Position::new(epoch, offset)))
        };
        places.iter().map(place).collect::<Option<_>>().map(Self)
    }

    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(1 + PLACE * self.0.len());
        bytes.push(VERSION);
        for (tag, position) in &self.0 {
            bytes.extend_from_slice(&tag.to_be_bytes());
            bytes.extend_from_slice(&position.epoch().get().to_be_bytes());
            bytes.extend_from_slice(&position.offset().get().to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a category, which as a rule stands where it stood when the cursor was made;
    /// `None` for one that was not in that poll.
    pub(crate) fn position(&self, index: usize, category: &str) -> Option<Position> {
        let tag = tag(category);
        let here = self.0.get(index).filter(|place| place.0 == tag);
        let place = here.or_else(|| self.0.iter().find(|place| place.0 == tag))?;
        Some(place.1)
    }
}

/// FNV-1a, 32 bits: enough to tell the categories of one poll apart.
fn tag(category: &str) -> u32 {
    let step = |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    category.bytes().fold(0x811c_9dc5, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(epoch: u64, offset: u64) -> Position {
        Position::new(Epoch::new(epoch).unwrap(), Offset::new(offset))
    }

    #[test]
    fn a_category_finds_its_place_wherever_it_stands() {
        let cursor = Cursor::new([("a", at(1, 5)), ("b", at(2, 6))].into_iter());
        let cursor = Cursor::parse(&cursor.text()).unwrap();
        assert_eq!(cursor.position(0, "b"), Some(at(2, 6)));
        assert_eq!(cursor.position(1, "a"), Some(at(1, 5)));
        assert_eq!(cursor.position(0, "c"), None);
        assert_eq!(cursor.position(9, "a"), Some(at(1, 5)));
    }

    #[test]
    fn what_is_almost_a_cursor_is_none() {
        let text = Cursor::new([("a", at(1, 5))].into_iter()).text();
        for wrong in [
            "",
            "AQ",
            "=",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}A"),
            &"A".repeat(4000),
        ] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
        let no_epoch =
            URL_SAFE_NO_PAD.encode([1; 1].into_iter().chain([0; 20]).collect::<Vec<_>>());
        assert_eq!(Cursor::parse(&no_epoch), None);
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_is_the_one_text(text in "[A-Za-z0-9_=-]{0,90}|\\PC{0,40}") {
            if let Some(cursor) = Cursor::parse(&text) {
                prop_assert_eq!(cursor.text(), text);
            }
        }

        #[test]
        fn a_cursor_comes_back(places in proptest::collection::vec(("\\PC{1,9}", 1..1u64 << 58, any::<u64>()), 1..MAX_CATEGORIES)) {
            let cursor = Cursor::new(places.iter().map(|(name, e, o)| (name.as_str(), at(*e, *o))));
            prop_assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }
    }
}
