//! Messages to publish.

use crate::error::Error;
use crate::position::Position;
use bytes::Bytes;
use std::time::Duration;

/// Longest event type and id, in bytes.
const MAX_NAME_LEN: usize = 1024;
/// Longest client id and idempotency key, in bytes.
const MAX_KEY_LEN: usize = 256;

/// A message before it is published: its data, event type, id and addressing.
///
/// The setters do not fail: [`Broker::publish`](crate::Broker::publish) checks the whole message,
/// and [`validate`](Self::validate) checks it earlier.
///
/// ```
/// use rt_broker::Message;
///
/// let message = Message::text("42 °C").with_event("temperature").with_id("reading-7");
/// assert_eq!(message.data(), Some("42 °C"));
/// assert!(message.validate().is_ok());
/// assert!(message.with_id("two\nlines").validate().is_err_and(|error| error.is_invalid()));
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

    /// Creates a message whose data is text, which must be UTF-8.
    #[must_use]
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self { data: Some(text.into()), ..Self::EMPTY }
    }

    /// Creates a message whose data is one JSON value, whose text is kept unchanged.
    #[must_use]
    pub fn json(text: impl Into<Bytes>) -> Self {
        Self { data: Some(text.into()), json: true, ..Self::EMPTY }
    }

    /// Creates a message that has a comment and no data. It reaches connected subscribers only and is
    /// never stored.
    #[must_use]
    pub fn comment_only(comment: impl Into<String>) -> Self {
        Self::EMPTY.with_comment(comment)
    }

    /// Sets the event type: at most 1,024 bytes without a line break. Empty is none.
    #[must_use]
    pub fn with_event(self, event: impl Into<String>) -> Self {
        Self { event: non_empty(event), ..self }
    }

    /// Sets the message's own id, which subscribers can [resume from](crate::Start::LastId): at most
    /// 1,024 bytes without control characters and without spaces at its ends. Empty is none.
    ///
    /// An id must not have the form of a [`Position`], which it would forge.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: non_empty(id), ..self }
    }

    /// Sets the time after which clients that lose their connection should reconnect.
    #[must_use]
    pub fn with_retry(self, retry: Duration) -> Self {
        Self { retry: Some(retry), ..self }
    }

    /// Sets a comment, which may have several lines.
    #[must_use]
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into().into_boxed_str()), ..self }
    }

    /// Addresses the message to one client, by an id of 1 to 256 bytes. No other subscriber receives
    /// it, not even in replay.
    #[must_use]
    pub fn to_client(self, client: impl Into<String>) -> Self {
        Self { target: Some(client.into().into_boxed_str()), ..self }
    }

    /// Leaves out one client, usually the sender, by an id of 1 to 256 bytes.
    #[must_use]
    pub fn except_client(self, client: impl Into<String>) -> Self {
        Self { except: Some(client.into().into_boxed_str()), ..self }
    }

    /// Makes publishing safe to repeat, by a key of at most 256 bytes: a second publish with this
    /// key in the same topic within five minutes stores nothing and returns the first receipt.
    /// Empty is none.
    #[must_use]
    pub fn with_idempotency_key(self, key: impl Into<String>) -> Self {
        Self { key: non_empty(key), ..self }
    }

    /// Returns the data as text (a JSON text if it [is JSON](Self::is_json)); `None` if there is
    /// none or if it is not UTF-8.
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        std::str::from_utf8(self.data.as_ref()?).ok()
    }

    /// Returns whether the data is a JSON text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Returns the one client it is addressed to.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Returns the idempotency key.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns whether the message has no data, only a comment or a reconnection time. Such a message
    /// is not stored.
    #[must_use]
    pub fn is_live_only(&self) -> bool {
        self.data.is_none()
    }

    /// Checks the message as [`Broker::publish`](crate::Broker::publish) does.
    ///
    /// # Errors
    /// When the data is not UTF-8 or not the JSON value that it should be, and when a name or key
    /// breaks the rule that its setter documents ([`is_invalid`](Error::is_invalid)).
    pub fn validate(&self) -> Result<(), Error> {
        self.check().map_err(Error::message)
    }

    fn check(&self) -> Result<(), &'static str> {
        if let Some(data) = &self.data {
            check_data(data, self.json)?;
        }
        let too_long = |text: &Option<Box<str>>, max| text.as_ref().is_some_and(|t| t.len() > max);
        if too_long(&self.event, MAX_NAME_LEN) {
            return Err("its event type is longer than 1,024 bytes");
        }
        if self.event.as_ref().is_some_and(|event| event.contains(['\r', '\n'])) {
            return Err("its event type has a line break");
        }
        if let Some(id) = &self.id {
            check_id(id)?;
        }
        let is_empty = |text: &Option<Box<str>>| text.as_deref() == Some("");
        if is_empty(&self.target) || is_empty(&self.except) {
            // Not ignored: a message for one client must not become a message for all.
            return Err("a client id is empty");
        }
        if too_long(&self.target, MAX_KEY_LEN) || too_long(&self.except, MAX_KEY_LEN) {
            return Err("a client id is longer than 256 bytes");
        }
        if too_long(&self.key, MAX_KEY_LEN) {
            return Err("its idempotency key is longer than 256 bytes");
        }
        Ok(())
    }

    /// Returns the number of bytes that bounds count.
    pub(crate) fn size(&self) -> usize {
        let len = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        self.data.as_ref().map_or(0, Bytes::len)
            + len(&self.event)
            + len(&self.id)
            + len(&self.comment)
            + len(&self.target)
            + len(&self.except)
    }
}

fn non_empty(text: impl Into<String>) -> Option<Box<str>> {
    let text = text.into();
    (!text.is_empty()).then(|| text.into_boxed_str())
}

fn check_data(data: &[u8], json: bool) -> Result<(), &'static str> {
    if json && serde_json::from_slice::<serde::de::IgnoredAny>(data).is_err() {
        return Err("its data is not one JSON value");
    }
    // For JSON too: `IgnoredAny` skips strings without looking at their encoding.
    match std::str::from_utf8(data) {
        Ok(_) => Ok(()),
        Err(_) => Err("its data is not UTF-8"),
    }
}

/// Checks that an id survives transport in a header.
fn check_id(id: &str) -> Result<(), &'static str> {
    if id.len() > MAX_NAME_LEN {
        Err("its id is longer than 1,024 bytes")
    } else if id.chars().any(char::is_control) {
        Err("its id has a control character")
    } else if id.starts_with(' ') || id.ends_with(' ') {
        Err("its id begins or ends with a space")
    } else if id.parse::<Position>().is_ok() {
        Err("its id has the form of a position")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Epoch, Offset};

    #[test]
    fn names_that_would_inject_or_change_in_transport_are_invalid() {
        let message = || Message::text("x");
        let forged = Position::new(Epoch::random(), Offset::new(7)).to_string();
        for id in ["a\nb", "a\rb", "a\0b", " a", "a ", "a\u{7f}", &forged, &"x".repeat(1025)] {
            assert!(message().with_id(id).validate().unwrap_err().is_invalid(), "{id:?}");
        }
        for invalid in [
            message().with_event("a\nb"),
            message().with_event("x".repeat(1025)),
            message().to_client(""),
            message().except_client(""),
            message().to_client("x".repeat(257)),
            message().except_client("x".repeat(257)),
            message().with_idempotency_key("x".repeat(257)),
            Message::text(&b"\xff"[..]),
        ] {
            assert!(invalid.validate().unwrap_err().is_invalid(), "{invalid:?}");
        }
        let valid = message().with_id("grün 1").with_event("x".repeat(1024)).to_client("ann");
        assert!(valid.validate().is_ok());
    }

    #[test]
    fn json_is_one_value_in_utf8() {
        for bad in [&b""[..], b"{", b"1 2", b"\"\xff\"", b"nul"] {
            assert!(Message::json(Bytes::from_static(bad)).validate().is_err(), "{bad:?}");
        }
        let good = Message::json("\"a\"");
        assert!(good.validate().is_ok());
        assert_eq!(good.data(), Some("\"a\""));
    }

    #[test]
    fn empty_names_are_none() {
        let empty = Message::text("x").with_id("").with_event("").with_idempotency_key("");
        assert_eq!(empty, Message::text("x"));
    }
}
