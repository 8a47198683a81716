//! Where a publication stands: the topic's epoch and an offset in it.

use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

const EPOCH_BITS: u32 = 58;
const LOW_BITS: u32 = 62;

/// One life of a topic: random, and new whenever the topic is made again, so that a position of an
/// earlier life is never taken for one of this life. 58 bits, never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Epoch(u64);

impl Epoch {
    /// A fresh random epoch.
    #[must_use]
    pub fn random() -> Self {
        Self(fastrand::u64(1..1 << EPOCH_BITS))
    }

    /// The epoch with this number, or `None` where it is zero or needs more than 58 bits.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number == 0 || number >> EPOCH_BITS != 0 { None } else { Some(Self(number)) }
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015x}", self.0)
    }
}

/// The number of a publication in its topic: grows with every publication, and may skip.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Offset(u64);

impl Offset {
    /// Before the first publication.
    pub const ZERO: Self = Self(0);
    /// After every publication.
    pub const MAX: Self = Self(u64::MAX);

    /// The offset with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The offset that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in a topic: everything up to and with `offset` of `epoch` has been seen.
///
/// Its text, `<epoch>-<offset>`, is what an event stream carries as an event's id; its UUID is what
/// a long poll carries. Both lead back to it.
///
/// ```
/// use rt_broker::Position;
/// let position: Position = "00000000000002a-7".parse()?;
/// assert_eq!(position.offset(), 7);
/// assert_eq!(Position::from_uuid(position.to_uuid()), Some(position));
/// # Ok::<(), rt_broker::ParsePositionError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    epoch: Epoch,
    offset: u64,
}

impl Position {
    /// The position at `offset` of `epoch`; offset 0 stands before the first publication.
    #[must_use]
    pub const fn new(epoch: Epoch, offset: u64) -> Self {
        Self { epoch, offset }
    }

    /// The topic's life this position belongs to.
    #[must_use]
    pub const fn epoch(self) -> Epoch {
        self.epoch
    }

    /// The offset: grows with every publication, and may skip.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.offset
    }

    /// The position as a UUID of version 8 (RFC 9562, section 5.8): 58 bits of epoch, 64 of offset.
    #[must_use]
    pub fn to_uuid(self) -> Uuid {
        let bits = u128::from(self.epoch.0) << 64 | u128::from(self.offset);
        let high = bits >> 74;
        let middle = (bits >> LOW_BITS) & 0xfff;
        let low = bits & ((1 << LOW_BITS) - 1);
        Uuid::from_u128(high << 80 | 8 << 76 | middle << 64 | 0b10 << LOW_BITS | low)
    }

    /// The position that a UUID carries; `None` for a UUID that is not one of ours.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        let bits = uuid.as_u128();
        if (bits >> 76) & 0xf != 8 || (bits >> LOW_BITS) & 0b11 != 0b10 {
            return None;
        }
        let value = (bits >> 80) << 74
            | ((bits >> 64) & 0xfff) << LOW_BITS
            | (bits & ((1 << LOW_BITS) - 1));
        let epoch = Epoch::new((value >> 64) as u64)?;
        Some(Self { epoch, offset: value as u64 })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.offset)
    }
}

/// The text is not a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsePositionError(());

impl fmt::Display for ParsePositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a position: 15 lower-case hexadecimal digits, `-` and an offset are needed",
        )
    }
}

impl std::error::Error for ParsePositionError {}

impl FromStr for Position {
    type Err = ParsePositionError;

    /// Reads exactly what [`Display`](fmt::Display) writes: one position has one text.
    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        let (epoch, offset) = text.split_once('-').ok_or(ParsePositionError(()))?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let canonical = offset == "0" || !offset.starts_with('0');
        if epoch.len() != 15
            || !epoch.bytes().all(hex)
            || !canonical
            || !offset.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(ParsePositionError(()));
        }
        let epoch = u64::from_str_radix(epoch, 16).ok().and_then(Epoch::new);
        match (epoch, offset.parse()) {
            (Some(epoch), Ok(offset)) => Ok(Self { epoch, offset }),
            _ => Err(ParsePositionError(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_uuid_lead_back(epoch in 1..1u64 << EPOCH_BITS, offset: u64) {
            let position = Position::new(Epoch::new(epoch).unwrap(), offset);
            prop_assert_eq!(position.to_string().parse(), Ok(position));
            let uuid = position.to_uuid();
            prop_assert_eq!(uuid.get_version_num(), 8);
            prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
            prop_assert_eq!(Position::from_uuid(uuid), Some(position));
        }

        #[test]
        fn any_text_is_refused_or_is_the_one_text(text in "[0-9a-fA-F+ -]{0,24}|\\PC{0,40}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }

    #[test]
    fn refuses_what_is_almost_a_position() {
        for text in [
            "",
            "-",
            "1-2",
            "00000000000002a-",
            "00000000000002A-7",
            "00000000000002a-07",
            "00000000000002a-+7",
            "00000000000002a-7 ",
            "000000000000000-7",
            "00000000000002a-18446744073709551616",
            "fffffffffffffff-1",
            "00000000000002a-7-1",
        ] {
            assert!(text.parse::<Position>().is_err(), "{text:?}");
        }
        assert_eq!(Position::from_uuid(Uuid::from_u128(u128::MAX)), None);
        assert_eq!(Position::from_uuid(Uuid::nil()), None);
    }
}
