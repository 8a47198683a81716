//! A message to be sent, owned and checked.

use crate::{
    encode::{Fields, check_event, check_id},
    error::InvalidField,
};
use alloc::{string::String, vec::Vec};
use bytes::BufMut;
use core::time::Duration;

/// A message to be sent: what an event carries, and a retry time and comment beside it.
///
/// Its type and id are checked when they are set, so what it encodes to cannot inject fields.
///
/// ```
/// use sse_codec::Message;
///
/// let message = Message::new().with_data("hello").with_event("greeting")?.with_id("1")?;
/// assert_eq!(message.encode()?, b"data: hello\nevent: greeting\nid: 1\n\n");
///
/// let refused = Message::new().with_id("1\ndata: forged").unwrap_err();
/// assert_eq!(refused.field(), "id");
/// # Ok::<(), sse_codec::InvalidField>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    id: Option<String>,
    event: Option<String>,
    data: Option<String>,
    retry: Option<Duration>,
    comment: Option<String>,
}

impl Message {
    /// A message without any field.
    pub const fn new() -> Self {
        Self { id: None, event: None, data: None, retry: None, comment: None }
    }

    /// Sets the id.
    ///
    /// # Errors
    /// If it has a line break or NUL.
    pub fn with_id(mut self, id: impl Into<String>) -> Result<Self, InvalidField> {
        let id = id.into();
        check_id(&id)?;
        self.id = Some(id);
        Ok(self)
    }

    /// Sets the event type.
    ///
    /// # Errors
    /// If it has a line break.
    pub fn with_event(mut self, event: impl Into<String>) -> Result<Self, InvalidField> {
        let event = event.into();
        check_event(&event)?;
        self.event = Some(event);
        Ok(self)
    }

    /// Sets the data, of one or several lines.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    #[cfg(feature = "serde")]
    pub(crate) fn without_data(mut self) -> Self {
        self.data = None;
        self
    }

    /// Sets how long a receiver waits before it connects again; sent in whole milliseconds.
    #[must_use]
    pub fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets a comment, of one or several lines.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// The id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The event type, if it has one.
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// The data, if it has any.
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// The time to wait before a reconnect, if it has one.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The comment, if it has one.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The fields, borrowed.
    pub fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::new();
        if let Some(id) = self.id() {
            fields = fields.id(id);
        }
        if let Some(event) = self.event() {
            fields = fields.event(event);
        }
        if let Some(data) = self.data() {
            fields = fields.data(data);
        }
        if let Some(retry) = self.retry {
            fields = fields.retry(retry);
        }
        if let Some(comment) = self.comment() {
            fields = fields.comment(comment);
        }
        fields
    }

    /// The message as text in the order that the Go package `ecommon/sse` documents for its
    /// `Format`: id, data, event, retry, comment and the empty line.
    ///
    /// Use [`encode`](Self::encode) for what is sent: with the id in front, popular clients lose the
    /// event where the connection breaks inside of it (see [`Fields`]).
    ///
    /// # Errors
    /// If it has no field at all.
    pub fn format(&self) -> Result<String, InvalidField> {
        let bytes = self.fields().encode_with_id_first()?;
        Ok(String::from_utf8(bytes).expect("fields are text and so is what stands between them"))
    }

    /// The message as bytes, in the order of [`Fields`], with one allocation.
    ///
    /// # Errors
    /// If it has no field at all.
    pub fn encode(&self) -> Result<Vec<u8>, InvalidField> {
        self.fields().encode()
    }

    /// Appends the encoded message.
    ///
    /// # Errors
    /// If it has no field at all.
    ///
    /// # Panics
    /// As [`Fields::encode_into`].
    pub fn encode_into(&self, buf: &mut impl BufMut) -> Result<(), InvalidField> {
        self.fields().encode_into(buf)
    }

    /// Writes the encoded message, in one call to `write_all`.
    ///
    /// # Errors
    /// As [`Fields::write_to`].
    #[cfg(feature = "std")]
    pub fn write_to(&self, out: impl std::io::Write) -> std::io::Result<()> {
        self.fields().write_to(out)
    }
}
