//! The UUIDs by which golongpoll's clients know events.
//!
//! An event that was imported keeps its UUID. The UUID of any other event carries its position, so
//! that a poll resumes from it without a search: version 8 (RFC 9562, section 5.8) with 58 bits of
//! epoch and 64 of offset.

use rt_broker::{Epoch, Offset, Position, Publication};
use uuid::Uuid;

const LOW_BITS: u32 = 62;

/// Returns the UUID of a publication.
pub(crate) fn of(publication: &Publication) -> Uuid {
    let imported = publication.external_id().and_then(|id| Uuid::from_slice(id.as_bytes()).ok());
    imported.unwrap_or_else(|| from_position(publication.position()))
}

pub(crate) fn from_position(position: Position) -> Uuid {
    let bits = u128::from(position.epoch().get()) << 64 | u128::from(position.offset().get());
    let high = bits >> 74;
    let middle = (bits >> LOW_BITS) & 0xfff;
    let low = bits & ((1 << LOW_BITS) - 1);
    Uuid::from_u128(high << 80 | 8 << 76 | middle << 64 | 0b10 << LOW_BITS | low)
}

/// Returns the position that a UUID carries, or `None` for a UUID that carries none.
pub(crate) fn to_position(uuid: Uuid) -> Option<Position> {
    let bits = uuid.as_u128();
    if (bits >> 76) & 0xf != 8 || (bits >> LOW_BITS) & 0b11 != 0b10 {
        return None;
    }
    let low = bits & ((1 << LOW_BITS) - 1);
    let value = (bits >> 80) << 74 | ((bits >> 64) & 0xfff) << LOW_BITS | low;
    let epoch = Epoch::new((value >> 64) as u64)?;
    Some(Position::new(epoch, Offset::new(value as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rt_broker::{ExternalId, Message, Timestamp};

    proptest! {
        #[test]
        fn a_uuid_leads_back_to_its_position(epoch in 1..1u64 << 58, offset: u64) {
            let position = Position::new(Epoch::new(epoch).unwrap(), Offset::new(offset));
            let uuid = from_position(position);
            prop_assert_eq!(uuid.get_version_num(), 8);
            prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
            prop_assert_eq!(to_position(uuid), Some(position));
        }

        #[test]
        fn any_uuid_carries_nothing_or_is_the_one_of_its_position(bits: u128) {
            let uuid = Uuid::from_u128(bits);
            prop_assert!(to_position(uuid).is_none_or(|position| from_position(position) == uuid));
        }
    }

    #[test]
    fn other_uuids_carry_no_position() {
        assert_eq!(to_position(Uuid::from_u128(u128::MAX)), None);
        assert_eq!(to_position(Uuid::nil()), None);
    }

    #[test]
    fn an_imported_event_keeps_its_uuid() {
        let position = Position::new(Epoch::new(42).unwrap(), Offset::new(7));
        let publication = Publication::new(Message::json("1"), position, Timestamp::ZERO);
        assert_eq!(of(&publication), from_position(position));
        let uuid = Uuid::from_u128(7);
        let id = ExternalId::new(uuid.as_bytes()).unwrap();
        assert_eq!(of(&publication.clone().with_external_id(id)), uuid);
        // An id of another system that is no UUID.
        let id = ExternalId::new(b"17").unwrap();
        assert_eq!(of(&publication.with_external_id(id)), from_position(position));
    }
}
