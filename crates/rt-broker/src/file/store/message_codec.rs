//! The form of a message in a record: flags, the fields that they name, then the data.

use super::fields::{number, put_number, put_text, take, take_text, text};
use crate::external_id::ExternalId;
use crate::message::Message;
use crate::timestamp::Timestamp;
use bytes::Bytes;
use std::time::Duration;

const JSON: u8 = 1;
const EVENT: u8 = 2;
const ID: u8 = 4;
const RETRY: u8 = 8;
const COMMENT: u8 = 16;
const TARGET: u8 = 32;
const EXCEPT: u8 = 64;
const EXTERNAL: u8 = 128;

/// Where a publication came from, if it was imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::file) struct Origin {
    pub(in crate::file) id: ExternalId,
    /// When it was published there.
    pub(in crate::file) time: Timestamp,
}

/// Writes when a publication that is not held was published where it came from, if anywhere.
pub(in crate::file) fn encode_origin_time(origin: Option<&Origin>, out: &mut Vec<u8>) {
    if let Some(origin) = origin {
        put_number(origin.time.as_millis(), out);
    }
}

pub(in crate::file) fn decode_origin_time(mut rest: &[u8]) -> Option<Timestamp> {
    number(&mut rest).map(Timestamp::from_millis)
}

/// Writes a message: flags, the fields that they name, then the data.
pub(in crate::file) fn encode_message(
    message: &Message,
    origin: Option<&Origin>,
    out: &mut Vec<u8>,
) {
    let at = out.len();
    out.push(0);
    let mut flags = if message.json { JSON } else { 0 };
    if let Some(origin) = origin {
        flags |= EXTERNAL;
        put_number(origin.time.as_millis(), out);
        put_text(origin.id.as_bytes(), out);
    }
    if let Some(retry) = message.retry {
        flags |= RETRY;
        put_number(retry.as_secs(), out);
        put_number(retry.subsec_nanos().into(), out);
    }
    let texts = [
        (EVENT, &message.event),
        (ID, &message.id),
        (COMMENT, &message.comment),
        (TARGET, &message.target),
        (EXCEPT, &message.except),
    ];
    for (flag, text) in texts {
        if let Some(text) = text {
            flags |= flag;
            put_text(text.as_bytes(), out);
        }
    }
    out[at] = flags;
    out.extend_from_slice(message.data.as_deref().unwrap_or_default());
}

/// Reads what [`encode_message`] wrote; `None` where these are not its bytes.
pub(in crate::file) fn decode_message(body: &[u8]) -> Option<(Message, Option<Origin>)> {
    let mut rest = body;
    let [flags] = take(&mut rest)?;
    let has = |flag: u8| flags & flag != 0;
    let mut origin = None;
    if has(EXTERNAL) {
        let time = Timestamp::from_millis(number(&mut rest)?);
        origin = Some(Origin { time, id: ExternalId::new(take_text(&mut rest)?)? });
    }
    let mut retry = None;
    if has(RETRY) {
        let (seconds, nanos) = (number(&mut rest)?, number(&mut rest)?);
        retry = Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos)));
    }
    let mut texts = [const { None }; 5];
    for (flag, field) in [EVENT, ID, COMMENT, TARGET, EXCEPT].into_iter().zip(&mut texts) {
        if has(flag) {
            *field = Some(text(take_text(&mut rest)?)?.into());
        }
    }
    let [event, id, comment, target, except] = texts;
    text(rest)?;
    let data = Some(Bytes::copy_from_slice(rest));
    let json = has(JSON);
    let message = Message { data, json, event, id, retry, comment, target, except, key: None };
    Some((message, origin))
}

/// The parts of a message that replay needs, read without copying them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::file) struct MessageSummary<'a> {
    /// Its bytes as bounds count them.
    pub(in crate::file) size: usize,
    pub(in crate::file) id: Option<&'a str>,
    pub(in crate::file) external_id: Option<&'a [u8]>,
    pub(in crate::file) origin_time: Option<Timestamp>,
}

/// Measures what [`encode_message`] wrote.
pub(in crate::file) fn measure_message(body: &[u8]) -> Option<MessageSummary<'_>> {
    let mut rest = body;
    let [flags] = take(&mut rest)?;
    let mut measured = MessageSummary { size: 0, id: None, external_id: None, origin_time: None };
    if flags & EXTERNAL != 0 {
        measured.origin_time = Some(Timestamp::from_millis(number(&mut rest)?));
        measured.external_id = Some(take_text(&mut rest)?);
    }
    if flags & RETRY != 0 {
        number(&mut rest)?;
        number(&mut rest)?;
    }
    for flag in [EVENT, ID, COMMENT, TARGET, EXCEPT] {
        if flags & flag != 0 {
            let field = take_text(&mut rest)?;
            measured.size += field.len();
            if flag == ID {
                measured.id = Some(text(field)?);
            }
        }
    }
    measured.size += rest.len();
    Some(measured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages() -> impl Strategy<Value = (Message, Option<Origin>)> {
        let text = || prop::option::of("\\PC{0,20}".prop_map(String::into_boxed_str));
        let retry = prop::option::of(any::<u32>().prop_map(|n| Duration::from_millis(n.into())));
        let origin = prop::option::of((any::<[u8; 16]>(), any::<u64>()));
        let fields = (text(), text(), text(), text(), text());
        ("\\PC{0,60}", any::<bool>(), fields, retry, origin).prop_map(
            |(data, json, (event, id, comment, target, except), retry, origin)| {
                let data = Some(Bytes::from(data));
                let message =
                    Message { data, json, event, id, retry, comment, target, except, key: None };
                let origin = origin.and_then(|(id, time)| {
                    let time = Timestamp::from_millis(time);
                    Some(Origin { id: ExternalId::new(&id)?, time })
                });
                (message, origin)
            },
        )
    }

    proptest! {
        #[test]
        fn a_message_is_read_back((message, origin) in messages()) {
            let mut body = Vec::new();
            encode_message(&message, origin.as_ref(), &mut body);
            prop_assert_eq!(decode_message(&body), Some((message.clone(), origin.clone())));
            let measured = measure_message(&body).unwrap();
            prop_assert_eq!(measured.size, message.size());
            prop_assert_eq!(measured.id, message.id.as_deref());
            let external = origin.as_ref().map(|origin| origin.id.as_bytes());
            prop_assert_eq!(measured.external_id, external);
            prop_assert_eq!(measured.origin_time, origin.map(|origin| origin.time));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            decode_message(&bytes);
            measure_message(&bytes);
            decode_origin_time(&bytes);
        }
    }
}
