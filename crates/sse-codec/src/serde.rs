//! A message from and to JSON, or any other self-describing format of serde.

use crate::{InvalidField, Message};
use alloc::string::String;
use core::{fmt, time::Duration};
use serde::{
    de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor},
    ser::{Serialize, SerializeMap, Serializer},
};

/// Read in any case of its names (`ID`, `Id`, `id`), with `retry` in milliseconds as a number or as
/// a string. Nothing and an empty string are the same, for all but data: empty data is data, unless
/// there is a comment. Unknown names are ignored.
impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message with id, event, data, retry or comment")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message, A::Error> {
        let mut message = Message::new();
        let mut empty_data = false;
        while let Some(mut name) = map.next_key::<String>()? {
            name.make_ascii_lowercase();
            message = match name.as_str() {
                "id" => match text(&mut map)? {
                    Some(id) => message.with_id(id).map_err(A::Error::custom)?,
                    None => message,
                },
                "event" => match text(&mut map)? {
                    Some(event) => message.with_event(event).map_err(A::Error::custom)?,
                    None => message,
                },
                "data" => match map.next_value::<Option<String>>()? {
                    Some(data) => {
                        empty_data = data.is_empty();
                        message.with_data(data)
                    }
                    None => message,
                },
                "comment" => match text(&mut map)? {
                    Some(comment) => message.with_comment(comment),
                    None => message,
                },
                "retry" => match map.next_value::<Retry>()?.0 {
                    Some(retry) => message.with_retry(retry),
                    None => message,
                },
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    message
                }
            };
        }
        if empty_data && message.comment().is_some() {
            message = message.without_data();
        }
        Ok(message)
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    Ok(map.next_value::<Option<String>>()?.filter(|text| !text.is_empty()))
}

struct Retry(Option<Duration>);

impl<'de> Deserialize<'de> for Retry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RetryVisitor)
    }
}

struct RetryVisitor;

impl Visitor<'_> for RetryVisitor {
    type Value = Retry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of milliseconds, as a number or a string")
    }

    fn visit_u64<E: Error>(self, millis: u64) -> Result<Retry, E> {
        Ok(Retry(Some(Duration::from_millis(millis))))
    }

    fn visit_i64<E: Error>(self, millis: i64) -> Result<Retry, E> {
        let millis = u64::try_from(millis);
        self.visit_u64(millis.map_err(|_| E::custom(InvalidField::not_milliseconds()))?)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Retry, E> {
        if text.is_empty() {
            return Ok(Retry(None));
        }
        match crate::decode::retry(text) {
            Some(wait) => Ok(Retry(Some(wait))),
            None => Err(E::custom(InvalidField::not_milliseconds())),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Retry, E> {
        Ok(Retry(None))
    }

    fn visit_none<E: Error>(self) -> Result<Retry, E> {
        Ok(Retry(None))
    }
}

/// Written in lower case, without the fields that are not set; `retry` as a number.
impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let texts = [("id", self.id()), ("event", self.event()), ("data", self.data())];
        for (name, text) in texts {
            if let Some(text) = text {
                map.serialize_entry(name, text)?;
            }
        }
        if let Some(retry) = self.retry() {
            let millis = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
            map.serialize_entry("retry", &millis)?;
        }
        if let Some(comment) = self.comment() {
            map.serialize_entry("comment", comment)?;
        }
        map.end()
    }
}
