//! How publications and topics stand in the store. All numbers are little-endian in values and
//! big-endian in keys, so that keys sort as their numbers do.
//!
//! A publication: a byte of flags, its time, then what the flags say in their order (each text with
//! its length in four bytes), then the data. Its topic, epoch and offset are not in it: the key has
//! the topic's number and the offset, the topic's record the epoch.

use super::store::KEY;
use super::topic::Counters;
use crate::{Epoch, Message, Position, Publication};
use bytes::Bytes;
use std::time::Duration;
use uuid::Uuid;

const JSON: u8 = 1;
const EVENT: u8 = 2;
const ID: u8 = 4;
const RETRY: u8 = 8;
const COMMENT: u8 = 16;
const TARGET: u8 = 32;
const EXCEPT: u8 = 64;
const UUID: u8 = 128;

pub(super) fn encode(message: &Message, time: u64, uuid: Option<Uuid>) -> Vec<u8> {
    let data = message.data.as_deref().unwrap_or_default();
    let texts = [
        (EVENT, &message.event),
        (ID, &message.id),
        (COMMENT, &message.comment),
        (TARGET, &message.target),
        (EXCEPT, &message.except),
    ];
    let mut out = Vec::with_capacity(32 + data.len());
    out.push(0);
    out.extend_from_slice(&time.to_le_bytes());
    let mut flags = if message.json { JSON } else { 0 };
    if let Some(uuid) = uuid {
        flags |= UUID;
        out.extend_from_slice(uuid.as_bytes());
    }
    if let Some(retry) = message.retry {
        flags |= RETRY;
        out.extend_from_slice(&retry.as_secs().to_le_bytes());
        out.extend_from_slice(&retry.subsec_nanos().to_le_bytes());
    }
    for (flag, text) in texts {
        if let Some(text) = text {
            flags |= flag;
            // Each is bounded far below: a comment by the memory that it came in.
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }
    out[0] = flags;
    out.extend_from_slice(data);
    out
}

/// `None` where these are not the bytes of a publication.
pub(super) fn decode(value: &[u8], position: Position) -> Option<Publication> {
    let mut rest = value;
    let [flags] = take(&mut rest)?;
    let has = |flag: u8| flags & flag != 0;
    let time = u64::from_le_bytes(take(&mut rest)?);
    let uuid = if has(UUID) { Some(Uuid::from_bytes(take(&mut rest)?)) } else { None };
    let retry = match has(RETRY) {
        true => {
            let seconds = u64::from_le_bytes(take(&mut rest)?);
            let nanos = u32::from_le_bytes(take(&mut rest)?);
            Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())))
        }
        false => None,
    };
    let mut texts = [const { None }; 5];
    for (flag, text) in [EVENT, ID, COMMENT, TARGET, EXCEPT].into_iter().zip(&mut texts) {
        if has(flag) {
            let len = u32::from_le_bytes(take(&mut rest)?) as usize;
            let (bytes, after) = rest.split_at_checked(len)?;
            *text = Some(std::str::from_utf8(bytes).ok()?.into());
            rest = after;
        }
    }
    let [event, id, comment, target, except] = texts;
    std::str::from_utf8(rest).ok()?;
    let data = Some(Bytes::copy_from_slice(rest));
    let json = has(JSON);
    let message = Message { data, json, event, id, retry, comment, target, except, key: None };
    let publication = Publication::new(message, position, time);
    Some(match uuid {
        Some(uuid) => publication.with_imported_uuid(uuid),
        None => publication,
    })
}

/// What the store knows of a topic besides its name.
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) epoch: Epoch,
    pub(super) at: Counters,
    /// Of two records of one topic the one with the larger version counts.
    pub(super) version: u64,
}

impl Record {
    /// The length of its bytes.
    pub(super) const LEN: usize = 11 * 8;

    pub(super) fn encode(&self) -> Vec<u8> {
        let at = &self.at;
        let (offset, time) = at.evicted;
        let numbers = [
            self.id,
            self.epoch.get(),
            at.head,
            at.last,
            offset,
            time,
            at.count as u64,
            at.bytes as u64,
            at.imported,
            at.imported_time,
            self.version,
        ];
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let mut rest = value;
        let mut next = || take(&mut rest).map(u64::from_le_bytes);
        let (id, epoch) = (next()?, Epoch::new(next()?)?);
        let (head, last, evicted) = (next()?, next()?, (next()?, next()?));
        let (count, bytes, imported) = (next()? as usize, next()? as usize, next()?);
        let (imported_time, version) = (next()?, next()?);
        let at = Counters { head, last, evicted, count, bytes, imported, imported_time };
        Some(Self { id, epoch, at, version })
    }
}

pub(super) fn number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_le_bytes)
}

/// The position of the publication that an idempotency key made: its topic may have begun a new
/// epoch since.
pub(super) fn encode_position(position: Position) -> Vec<u8> {
    [position.epoch().get(), position.offset()].iter().flat_map(|n| n.to_le_bytes()).collect()
}

pub(super) fn decode_position(mut value: &[u8]) -> Option<Position> {
    let [epoch, offset] = [take(&mut value)?, take(&mut value)?].map(u64::from_le_bytes);
    Some(Position::new(Epoch::new(epoch)?, offset))
}

/// The key of a publication: its topic's number and its offset.
pub(super) fn event_key(topic: u64, offset: u64) -> [u8; 16] {
    (u128::from(topic) << 64 | u128::from(offset)).to_be_bytes()
}

pub(super) fn offset_of(key: &[u8]) -> Option<u64> {
    key.get(8..)?.try_into().ok().map(u64::from_be_bytes)
}

/// An idempotency key as the store has it: its time first, so that what is too old is found at once.
pub(super) fn key_of(topic: &str, key: &str, time: u64) -> Vec<u8> {
    let len = (topic.len() as u16).to_be_bytes();
    [&[KEY][..], &time.to_be_bytes(), &len, topic.as_bytes(), key.as_bytes()].concat()
}

/// The time, topic and key of what follows the kind in a key.
pub(super) fn parse_key(key: &[u8]) -> Option<(u64, &str, &str)> {
    let (time, rest) = key.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (topic, key) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    Some((u64::from_be_bytes(*time), text(topic)?, text(key)?))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let position = Position::new(Epoch::random(), 7);
        let plain = Message::text("a\nb").unwrap();
        let full = Message::json("{\"a\":1}")
            .and_then(|m| m.with_event("e"))
            .and_then(|m| m.with_id("i"))
            .and_then(|m| m.to_client("ann"))
            .and_then(|m| m.except_client("bob"))
            .unwrap()
            .with_comment("c")
            .with_retry(Duration::from_millis(1_500));
        for message in [plain, full, Message::text("").unwrap()] {
            let publication = Publication::new(message.clone(), position, 42);
            assert_eq!(decode(&encode(&message, 42, None), position), Some(publication.clone()));
            let uuid = Uuid::from_u128(9);
            let imported = publication.with_imported_uuid(uuid);
            assert_eq!(decode(&encode(&message, 42, Some(uuid)), position), Some(imported));
            let bytes = encode(&message, 42, Some(uuid));
            for end in 0..25 {
                assert_eq!(decode(&bytes[..end], position), None, "cut short");
            }
        }
        assert_eq!(decode(b"\x00\0\0\0\0\0\0\0\0\xff", position), None, "not UTF-8");
    }

    #[test]
    fn keys_sort_as_their_numbers_do() {
        assert!(event_key(1, u64::MAX) < event_key(2, 0));
        assert!(event_key(1, 255) < event_key(1, 256));
        assert_eq!(offset_of(&event_key(3, 9)), Some(9));
    }
}
