//! A publication in memory, with its encoded forms.

use crate::position::Offset;
use crate::publication::Publication;
use crate::retention::Retained;
use crate::timestamp::Timestamp;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// A wire format whose bytes are cached beside a publication: encoded on first need, then shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WireFormat {
    /// The format of event streams.
    EventStream,
    /// The format of long polls.
    LongPoll,
}

const WIRE_FORMATS: usize = 2;

/// A slot for the bytes in each wire format.
#[derive(Default, Debug)]
pub(crate) struct EncodingCache([OnceLock<Bytes>; WIRE_FORMATS]);

impl EncodingCache {
    pub(crate) fn get(&self, format: WireFormat, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.0[format as usize].get_or_init(encode)
    }
}

/// A publication with its encoded forms, shared by all subscribers that receive it.
#[derive(Debug)]
pub struct Entry {
    publication: Publication,
    live_only: bool,
    encoded: EncodingCache,
}

impl Entry {
    /// Creates an entry. For engines.
    ///
    /// An entry that is live only reaches connected subscribers and is never replayed: a message
    /// without data, or any message in a topic without history.
    #[must_use]
    pub fn new(publication: Publication, live_only: bool) -> Arc<Self> {
        Arc::new(Self { publication, live_only, encoded: EncodingCache::default() })
    }

    /// Returns the publication.
    #[must_use]
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// Returns whether the entry is live only: never stored, never replayed.
    #[must_use]
    pub fn is_live_only(&self) -> bool {
        self.live_only
    }

    /// Returns the entry in a wire format. The first caller encodes it; every caller's `encode` must
    /// make the same bytes for a format.
    pub fn encoded(
        &self,
        format: WireFormat,
        encode: impl FnOnce(&Publication) -> Bytes,
    ) -> &Bytes {
        self.encoded.get(format, || encode(&self.publication))
    }
}

impl Retained for Entry {
    fn offset(&self) -> Offset {
        self.publication.position().offset()
    }

    fn time(&self) -> Timestamp {
        self.publication.time()
    }

    fn size(&self) -> usize {
        self.publication.size()
    }
}
