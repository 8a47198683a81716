//! Fields to bytes.

use crate::{error::InvalidField, event::EventRef};
use alloc::vec::Vec;
use bytes::BufMut;
use core::time::Duration;
use memchr::{memchr2, memchr3};

/// What ends a line on the wire.
pub const LINE_END: &str = "\n";

/// The fields of one message, borrowed, to be encoded.
///
/// They are written in one order, however they were set: comment, data, event, retry and **the id
/// last**. The standard has a client store an id when its event is dispatched, but popular clients
/// store it as soon as they have read its line. With the id in front of the data, a connection that
/// breaks inside of the data costs such a client the event: it reconnects with the id of an event
/// that it never dispatched.
///
/// ```
/// use sse_codec::Fields;
///
/// let mut out = Vec::new();
/// Fields::new().id("7").event("tick").data("one\ntwo").encode_into(&mut out)?;
/// assert_eq!(out, b"data: one\ndata: two\nevent: tick\nid: 7\n\n");
///
/// // A line break in a type or id would inject fields: refused.
/// assert!(Fields::new().event("x\ndata: forged").encode_into(&mut out).is_err());
/// # Ok::<(), sse_codec::InvalidField>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    id: Option<&'a str>,
    event: Option<&'a str>,
    data: Option<&'a str>,
    retry: Option<Duration>,
    comment: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// No field yet.
    pub const fn new() -> Self {
        Self { id: None, event: None, data: None, retry: None, comment: None }
    }

    /// The id; an empty one takes back the last event id that the receiver has stored.
    #[must_use]
    pub const fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// The event type.
    #[must_use]
    pub const fn event(mut self, event: &'a str) -> Self {
        self.event = Some(event);
        self
    }

    /// The data. Its lines may end with LF, CR or CRLF; the receiver sees LF.
    #[must_use]
    pub const fn data(mut self, data: &'a str) -> Self {
        self.data = Some(data);
        self
    }

    /// How long the receiver waits before it connects again; sent in whole milliseconds.
    #[must_use]
    pub const fn retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// A comment, of one or several lines.
    #[must_use]
    pub const fn comment(mut self, comment: &'a str) -> Self {
        self.comment = Some(comment);
        self
    }

    /// Appends the encoded message: comment, data, event, retry, id and the empty line.
    ///
    /// The empty line is left out where there is only a comment or a retry time. These take effect
    /// as their lines end, and some clients report an empty event for every empty line.
    ///
    /// # Errors
    /// If the type or id has a line break, the id has a NUL, or no field is set. Nothing is written
    /// then.
    ///
    /// # Panics
    /// If `buf` cannot grow and is too small for [`encoded_len`](Self::encoded_len) bytes.
    pub fn encode_into(&self, buf: &mut impl BufMut) -> Result<(), InvalidField> {
        self.check()?;
        self.put(buf);
        Ok(())
    }

    /// The encoded message, with one allocation.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into).
    pub fn encode(&self) -> Result<Vec<u8>, InvalidField> {
        self.check()?;
        let mut buf = Vec::with_capacity(self.encoded_len());
        self.put(&mut buf);
        Ok(buf)
    }

    /// Writes the encoded message, in one call to `write_all`.
    ///
    /// # Errors
    /// What the writer says; [`InvalidInput`](std::io::ErrorKind::InvalidInput) with an
    /// [`InvalidField`] within in the cases of [`encode_into`](Self::encode_into).
    #[cfg(feature = "std")]
    pub fn write_to(&self, mut out: impl std::io::Write) -> std::io::Result<()> {
        use std::io::{Error, ErrorKind};
        let bytes = self.encode().map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
        out.write_all(&bytes)
    }

    /// The number of bytes that encoding gives.
    pub fn encoded_len(&self) -> usize {
        let mut count = Count(0);
        self.put_to(&mut count);
        count.0
    }

    fn check(&self) -> Result<(), InvalidField> {
        if *self == Self::new() {
            return Err(InvalidField::no_field());
        }
        self.event.map_or(Ok(()), check_event)?;
        self.id.map_or(Ok(()), check_id)
    }

    fn put(&self, buf: &mut impl BufMut) {
        self.put_to(&mut Buf(buf));
    }

    fn put_to(&self, out: &mut impl Out) {
        // In front, since nothing may stand between the id and the empty line.
        self.put_comment(out);
        self.put_data(out);
        self.put_event(out);
        self.put_retry(out);
        self.put_id(out);
        if self.data.or(self.event).or(self.id).is_some() {
            out.put(LINE_END);
        }
    }

    /// The encoded message in the order of the Go package `ecommon/sse`: id, data, event, retry,
    /// comment and the empty line.
    pub(crate) fn encode_with_id_first(&self) -> Result<Vec<u8>, InvalidField> {
        self.check()?;
        let mut buf = Vec::with_capacity(self.encoded_len() + LINE_END.len());
        let out = &mut Buf(&mut buf);
        self.put_id(out);
        self.put_data(out);
        self.put_event(out);
        self.put_retry(out);
        self.put_comment(out);
        out.put(LINE_END);
        Ok(buf)
    }

    #[inline]
    fn put_id(&self, out: &mut impl Out) {
        if let Some(id) = self.id {
            put_line(out, "id:", id);
        }
    }

    #[inline]
    fn put_data(&self, out: &mut impl Out) {
        if let Some(data) = self.data {
            put_lines(out, "data:", data);
        }
    }

    #[inline]
    fn put_event(&self, out: &mut impl Out) {
        if let Some(event) = self.event {
            put_line(out, "event:", event);
        }
    }

    #[inline]
    fn put_retry(&self, out: &mut impl Out) {
        if let Some(retry) = self.retry {
            let mut digits = [0; 20];
            put_line(out, "retry:", decimal(&mut digits, retry));
        }
    }

    #[inline]
    fn put_comment(&self, out: &mut impl Out) {
        if let Some(comment) = self.comment {
            put_comment(out, comment);
        }
    }
}

impl<'a> From<EventRef<'a>> for Fields<'a> {
    /// The event to be sent on, with its type unless that is the default, and its id if it has one.
    fn from(event: EventRef<'a>) -> Self {
        let mut fields = Self::new().data(event.data);
        fields.event = Some(event.kind).filter(|kind| !kind.is_empty());
        fields.id = Some(event.id).filter(|id| !id.is_empty());
        fields
    }
}

/// Appends a comment, which keeps a silent stream alive.
///
/// Each line of `text` becomes a comment line of its own, so nothing can be injected. No empty line
/// follows: a comment does not need one, and some clients report an empty event for it.
pub fn comment_into(text: &str, buf: &mut impl BufMut) {
    put_comment(&mut Buf(buf), text);
}

/// Refuses an event type that would inject fields.
pub(crate) fn check_event(event: &str) -> Result<(), InvalidField> {
    match memchr2(b'\n', b'\r', event.as_bytes()) {
        Some(at) => Err(InvalidField::line_break("event", at)),
        None => Ok(()),
    }
}

/// Refuses an id that would inject fields or be ignored.
pub(crate) fn check_id(id: &str) -> Result<(), InvalidField> {
    match memchr3(b'\n', b'\r', 0, id.as_bytes()) {
        Some(at) if id.as_bytes()[at] == 0 => Err(InvalidField::nul("id", at)),
        Some(at) => Err(InvalidField::line_break("id", at)),
        None => Ok(()),
    }
}

trait Out {
    fn put(&mut self, text: &str);
}

struct Buf<'a, B>(&'a mut B);

impl<B: BufMut> Out for Buf<'_, B> {
    #[inline]
    fn put(&mut self, text: &str) {
        self.0.put_slice(text.as_bytes());
    }
}

struct Count(usize);

impl Out for Count {
    #[inline]
    fn put(&mut self, text: &str) {
        self.0 += text.len();
    }
}

/// A space follows the colon if there is a value: the decoder drops it, and only it.
fn put_line(out: &mut impl Out, name: &str, value: &str) {
    out.put(name);
    if !value.is_empty() {
        out.put(" ");
        out.put(value);
    }
    out.put(LINE_END);
}

fn put_lines(out: &mut impl Out, name: &str, text: &str) {
    for_lines(text, |line| put_line(out, name, line));
}

fn put_comment(out: &mut impl Out, text: &str) {
    for_lines(text, |line| {
        out.put(":");
        out.put(line);
        out.put(LINE_END);
    });
}

/// The lines of a text; one more than it has line ends.
fn for_lines(mut text: &str, mut each: impl FnMut(&str)) {
    while let Some(end) = memchr2(b'\n', b'\r', text.as_bytes()) {
        each(&text[..end]);
        let used = if text[end..].starts_with("\r\n") { 2 } else { 1 };
        text = &text[end + used..];
    }
    each(text);
}

/// Whole milliseconds; the few that do not fit 64 bits are as good as for ever.
fn decimal(digits: &mut [u8; 20], wait: Duration) -> &str {
    let mut left = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    core::str::from_utf8(&digits[at..]).unwrap_or("0")
}
