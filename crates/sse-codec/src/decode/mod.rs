//! The push decoder.

mod block;
mod cut_line;
mod feed;
mod field;
mod step;

use alloc::string::String;
use block::Block;
use core::fmt;
use cut_line::Line;

pub use feed::Feed;
#[cfg(any(feature = "std", feature = "stream"))]
pub(crate) use feed::Step;
#[cfg(feature = "serde")]
pub(crate) use field::retry;

/// The default bound on one event: 16 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 16 << 20;

/// The lowest bound that can be set: the start of a line, or of a byte order mark, is never too
/// large.
const LOWEST_MAX_EVENT_BYTES: usize = 8;

/// The highest bound that can be set: lengths within an event stay below 4 GiB, even if each byte
/// of it is replaced by U+FFFD.
const HIGHEST_MAX_EVENT_BYTES: usize = 1 << 30;

/// Decodes server-sent events from bytes that come in chunks of any size.
///
/// ```
/// use sse_codec::{Decoder, Item};
///
/// let mut decoder = Decoder::new();
/// let mut feed = decoder.feed(b"event: greeting\ndata: hel");
/// assert_eq!(feed.next(), None);
///
/// let mut feed = decoder.feed(b"lo\n\n: more to come\n");
/// let Some(Item::Event(event)) = feed.next() else { panic!() };
/// assert_eq!((event.event(), event.data()), ("greeting", "hello"));
/// assert_eq!(feed.next(), Some(Item::Comment(" more to come")));
/// assert_eq!(feed.next(), None);
/// ```
///
/// [WHATWG HTML, section 9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation),
/// with one deliberate difference: a stream starts with the last event id that was kept, so that
/// the first event without an id after a reconnect does not erase it.
pub struct Decoder {
    /// The bound on the bytes of the lines of one event, and on those of one comment.
    max: usize,
    /// The last event id.
    id: String,
    block: Block,
    line: Line,
    edge: Edge,
    /// What the buffers hold was given out and is to be cleared.
    spent: bool,
    /// How many chunks have ended since a large data buffer was used.
    lull: u8,
}

/// What the next byte may belong to, other than a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    None,
    /// The last byte was a CR: an LF that comes next belongs to it.
    AfterCr,
    /// All bytes so far, this many, may be the start of a byte order mark.
    Bom(u8),
}

impl Decoder {
    /// A decoder for a new stream, with a bound of 16 MiB on one event.
    pub fn new() -> Self {
        Self {
            max: DEFAULT_MAX_EVENT_BYTES,
            id: String::new(),
            block: Block::default(),
            line: Line::default(),
            edge: Edge::Bom(0),
            spent: false,
            lull: 0,
        }
    }

    /// Sets the bound on one event: the bytes of its lines as they come, a line end counted as one.
    /// A comment is no part of an event; each comment line has the same bound to itself. An id's line
    /// is too large above 8 KiB, whatever the bound: it would go along with every later event.
    ///
    /// What is larger is reported as [`Item::TooLarge`](crate::Item::TooLarge) as soon as that is
    /// clear and skipped; decoding goes on with the next event. An id or retry on a line of its own
    /// still counts, so that a client that reconnects is not sent the same event again.
    /// Bounds below 8 bytes mean 8 bytes, bounds above 1 GiB mean 1 GiB.
    #[must_use]
    pub fn with_max_event_bytes(mut self, max: usize) -> Self {
        self.max = max.clamp(LOWEST_MAX_EVENT_BYTES, HIGHEST_MAX_EVENT_BYTES);
        self
    }

    /// Sets the last event id to start from, as stored by an earlier run.
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        self.id = id.into();
        self
    }

    /// The last event id in effect: what a reconnect sends as `Last-Event-ID`, if it is not empty.
    ///
    /// It changes when an event ends, so that an event that was cut off is not skipped.
    pub fn last_event_id(&self) -> &str {
        &self.id
    }

    /// The bound on one event, in bytes.
    pub fn max_event_bytes(&self) -> usize {
        self.max
    }

    /// Whether an event has begun and its empty line has not come yet.
    ///
    /// If the stream ends now, that event is lost, as the specification asks ("discard the pending
    /// data"). Comments alone begin no event.
    ///
    /// ```
    /// let mut decoder = sse_codec::Decoder::new();
    /// for (chunk, unfinished) in [("data: whole\n\n: comment\n", false), ("data: hal", true)] {
    ///     let mut feed = decoder.feed(chunk.as_bytes());
    ///     while feed.next().is_some() {}
    ///     assert_eq!(decoder.has_unfinished_event(), unfinished);
    /// }
    /// ```
    pub fn has_unfinished_event(&self) -> bool {
        !self.block.is_empty() || self.line.has_begun_a_field()
    }

    /// Starts a new stream after a reconnect: what was left unfinished is thrown away, the last
    /// event id stays.
    pub fn reset(&mut self) {
        let block = core::mem::take(&mut self.block);
        self.line.reset();
        (self.edge, self.spent, self.lull) = (Edge::Bom(0), false, 0);
        self.block.data = block.data;
        block::clear(&mut self.block.data);
    }

    /// Takes the next chunk, of any size; what it completes is taken from the [`Feed`].
    #[inline]
    pub fn feed<'d, 'c>(&'d mut self, chunk: &'c [u8]) -> Feed<'d, 'c> {
        Feed::new(self, chunk)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Decoder {
    /// Says how things stand, without the contents of the stream.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("max_event_bytes", &self.max)
            .field("held_bytes", &self.block.size)
            .finish_non_exhaustive()
    }
}
