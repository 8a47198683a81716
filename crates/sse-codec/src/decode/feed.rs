//! What a decoder gives for a chunk: lent or owned.

use super::Decoder;
use crate::event::{Decoded, Event, EventRef, Item};
use core::{mem, time::Duration};

/// From this size on the data's buffer is handed over, below it is copied and kept.
const HAND_OVER: usize = 4096;

/// A chunk being decoded: gives what it completes, one after the other.
///
/// Lends what it gives, so it is no `Iterator`: take items in a `while let` loop. What is not taken
/// when it is dropped is lost.
#[derive(Debug)]
pub struct Feed<'d, 'c> {
    decoder: &'d mut Decoder,
    rest: &'c [u8],
}

/// What comes next, without a borrow of the decoder: `None` for text stands for its buffers.
pub(crate) enum Step<'c> {
    Event { data: Option<&'c str>, kind: Option<&'c str> },
    Comment(Option<&'c str>),
    Retry(Duration),
    TooLarge,
}

impl<'d, 'c> Feed<'d, 'c> {
    #[inline]
    pub(super) fn new(decoder: &'d mut Decoder, chunk: &'c [u8]) -> Self {
        decoder.begin_chunk();
        Self { decoder, rest: chunk }
    }

    /// The next event, comment, retry or report of something too large; `None` when the chunk is
    /// used up.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        let step = self.decoder.step::<true>(&mut self.rest)?;
        Some(self.decoder.lend(step))
    }

    /// As [`next`](Self::next), owned. Large data is moved out of the decoder, not copied.
    #[inline]
    pub fn next_owned(&mut self) -> Option<Decoded> {
        let step = self.decoder.step::<true>(&mut self.rest)?;
        Some(self.decoder.give(step))
    }

    /// What has not been decoded yet.
    pub fn remaining(&self) -> &'c [u8] {
        self.rest
    }
}

impl Decoder {
    /// What a step means, lent.
    #[inline]
    pub(crate) fn lend<'a>(&'a self, step: Step<'a>) -> Item<'a> {
        match step {
            Step::Event { data, kind } => Item::Event(EventRef {
                data: data.unwrap_or(&self.block.data),
                kind: kind.unwrap_or(&self.block.kind),
                id: &self.id,
            }),
            Step::Comment(text) => Item::Comment(text.unwrap_or(&self.line.value)),
            Step::Retry(wait) => Item::Retry(wait),
            Step::TooLarge => Item::TooLarge { limit: self.max },
        }
    }

    /// What a step means, owned.
    #[inline]
    pub(crate) fn give(&mut self, step: Step<'_>) -> Decoded {
        match step {
            Step::Event { data, kind } => Decoded::Event(self.give_event(data, kind)),
            step => self.lend(step).to_owned(),
        }
    }

    /// The event of a step, owned; large data is moved out of its buffer.
    #[inline(always)]
    pub(crate) fn give_event(&mut self, data: Option<&str>, kind: Option<&str>) -> Event {
        let data = match data {
            Some(data) if self.id.is_empty() && kind.is_none() && self.block.kind.is_empty() => {
                return Event::from_data(data.into());
            }
            None if self.block.data.len() >= HAND_OVER => {
                let data = mem::take(&mut self.block.data);
                return Event::assemble(data, kind.unwrap_or(&self.block.kind), &self.id);
            }
            data => data.unwrap_or(&self.block.data),
        };
        EventRef { data, kind: kind.unwrap_or(&self.block.kind), id: &self.id }.to_owned()
    }
}
