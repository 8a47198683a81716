//! What is handed in to be published.

use crate::{Error, Position};
use bytes::Bytes;
use std::time::Duration;

/// Longest event type and id, in bytes.
const MAX_NAME: usize = 1024;
/// Longest client id and idempotency key, in bytes.
const MAX_KEY: usize = 256;

/// A message before it is published: a payload with what an event stream may say beside it.
///
/// ```
/// use rt_broker::Message;
/// let message = Message::text("42 °C")?.with_event("temperature")?.with_id("reading-7")?;
/// assert_eq!(message.data(), Some("42 °C"));
/// # Ok::<(), rt_broker::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub(crate) data: Option<Bytes>,
    pub(crate) json: bool,
    pub(crate) event: Option<Box<str>>,
    pub(crate) id: Option<Box<str>>,
    pub(crate) retry: Option<Duration>,
    pub(crate) comment: Option<Box<str>>,
    pub(crate) target: Option<Box<str>>,
    pub(crate) except: Option<Box<str>>,
    pub(crate) key: Option<Box<str>>,
}

impl Message {
    const EMPTY: Self = Self {
        data: None,
        json: false,
        event: None,
        id: None,
        retry: None,
        comment: None,
        target: None,
        except: None,
        key: None,
    };

    /// A message whose data is text.
    ///
    /// # Errors
    /// Where the bytes are not UTF-8; a `String` or `&'static str` never fails.
    pub fn text(text: impl Into<Bytes>) -> Result<Self, Error> {
        let data = text.into();
        std::str::from_utf8(&data).map_err(|_| Error::message("its data is not UTF-8"))?;
        Ok(Self { data: Some(data), ..Self::EMPTY })
    }

    /// A message whose data is a JSON text, kept as it is written.
    ///
    /// # Errors
    /// Where the bytes are not one JSON value.
    pub fn json(text: impl Into<Bytes>) -> Result<Self, Error> {
        let data = text.into();
        check_json(&data)?;
        Ok(Self { data: Some(data), json: true, ..Self::EMPTY })
    }

    /// A message with nothing but a comment: seen by connected event streams only, never stored.
    #[must_use]
    pub fn comment(text: impl Into<String>) -> Self {
        Self { comment: Some(text.into().into_boxed_str()), ..Self::EMPTY }
    }

    /// Sets the event type.
    ///
    /// # Errors
    /// Where it has a line break or is longer than 1,024 bytes.
    pub fn with_event(mut self, event: impl Into<String>) -> Result<Self, Error> {
        let event = event.into();
        if event.contains(['\r', '\n']) {
            return Err(Error::message("its event type has a line break"));
        }
        if event.len() > MAX_NAME {
            return Err(Error::message("its event type is longer than 1,024 bytes"));
        }
        self.event = (!event.is_empty()).then(|| event.into_boxed_str());
        Ok(self)
    }

    /// Sets the message's own id, which takes the place of its position on the wire.
    ///
    /// # Errors
    /// Where it would not survive a `Last-Event-ID` header (control characters, spaces at its ends,
    /// more than 1,024 bytes), or where it has the form of a [`Position`], which it would forge.
    pub fn with_id(mut self, id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        check_name(&id).map_err(Error::message)?;
        if id.parse::<Position>().is_ok() {
            return Err(Error::message("its id has the form of a position"));
        }
        self.id = (!id.is_empty()).then(|| id.into_boxed_str());
        Ok(self)
    }

    /// Sets the reconnection time that event streams are told.
    #[must_use]
    pub fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Adds a comment for event streams; it may have several lines.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into().into_boxed_str());
        self
    }

    /// Makes the message one client's: no other is ever given it, in replay neither.
    ///
    /// # Errors
    /// Where the client's id is longer than 256 bytes.
    pub fn to_client(mut self, client: impl Into<String>) -> Result<Self, Error> {
        self.target = Some(client_id(client.into())?);
        Ok(self)
    }

    /// Leaves one client out, as a rule the one who sent it.
    ///
    /// # Errors
    /// Where the client's id is longer than 256 bytes.
    pub fn except_client(mut self, client: impl Into<String>) -> Result<Self, Error> {
        self.except = Some(client_id(client.into())?);
        Ok(self)
    }

    /// Makes publishing safe to repeat: a second publish with this key in the topic within the
    /// engine's window stores nothing and gives the first one's receipt.
    ///
    /// # Errors
    /// Where the key is longer than 256 bytes.
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Result<Self, Error> {
        let key = key.into();
        if key.len() > MAX_KEY {
            return Err(Error::message("its idempotency key is longer than 256 bytes"));
        }
        self.key = (!key.is_empty()).then(|| key.into_boxed_str());
        Ok(self)
    }

    /// Its data as text (a JSON text where it [is JSON](Self::is_json)).
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        as_text(self.data.as_ref())
    }

    /// Whether the data is a JSON text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The one client it is for.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Its idempotency key.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Its bytes as bounds count them.
    pub(crate) fn size(&self) -> usize {
        let len = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        self.data.as_ref().map_or(0, Bytes::len)
            + len(&self.event)
            + len(&self.id)
            + len(&self.comment)
            + len(&self.target)
            + len(&self.except)
    }

    /// Whether there is nothing to store: no data, only a comment or a reconnection time.
    #[must_use]
    pub fn is_live_only(&self) -> bool {
        self.data.is_none()
    }
}

/// Constructors have checked that data is UTF-8.
pub(crate) fn as_text(data: Option<&Bytes>) -> Option<&str> {
    data.map(|data| std::str::from_utf8(data).unwrap_or_default())
}

fn client_id(client: String) -> Result<Box<str>, Error> {
    match client.len() > MAX_KEY {
        true => Err(Error::message("a client id is longer than 256 bytes")),
        false => Ok(client.into_boxed_str()),
    }
}

/// Why a name would not come back whole in a `Last-Event-ID` header, if so.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.len() > MAX_NAME {
        Err("its id is longer than 1,024 bytes")
    } else if name.chars().any(char::is_control) {
        Err("its id has a control character")
    } else if name.starts_with(' ') || name.ends_with(' ') {
        Err("its id begins or ends with a space")
    } else {
        Ok(())
    }
}

fn check_json(data: &[u8]) -> Result<(), Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(data)
        .map_err(|_| Error::message("its data is not one JSON value"))?;
    // `IgnoredAny` skips over strings without looking at their encoding.
    std::str::from_utf8(data).map_err(|_| Error::message("its data is not UTF-8"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_inject_or_not_survive_is_refused_when_it_is_made() {
        let message = Message::text("x").unwrap();
        let forged = Position::new(crate::Epoch::random(), 7).to_string();
        for id in ["a\nb", "a\rb", "a\0b", " a", "a ", "a\u{7f}", &forged] {
            assert!(message.clone().with_id(id).unwrap_err().is_invalid(), "{id:?}");
        }
        assert!(message.clone().with_id("x".repeat(1025)).is_err());
        assert!(message.clone().with_event("a\nb").is_err());
        assert!(message.clone().with_event("x".repeat(1025)).is_err());
        assert!(message.clone().to_client("x".repeat(257)).is_err());
        assert!(message.clone().except_client("x".repeat(257)).is_err());
        assert!(message.with_id("grün 1").is_ok());
        assert!(Message::text(&b"\xff"[..]).is_err());
    }

    #[test]
    fn json_is_one_value_in_utf8() {
        for bad in [&b""[..], b"{", b"1 2", b"\"\xff\"", b"nul"] {
            assert!(Message::json(Bytes::from_static(bad)).is_err(), "{bad:?}");
        }
        assert_eq!(Message::json("\"a\"").unwrap().data(), Some("\"a\""));
    }
}
