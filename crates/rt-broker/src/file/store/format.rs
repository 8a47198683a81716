//! The bytes of the journal: segment headers and frames. All integers are little-endian.
//!
//! A segment begins with [`HEADER_BYTES`] that hold its header twice. Frames follow: a frame head of
//! [`HEAD_BYTES`] and a body. A commit is a run of frames that ends with a frame of the kind
//! [`COMMIT`].
//!
//! Each checksum is seeded with the random salt of its segment, and that of a head with its place in
//! the segment too. So neither bytes of a payload, which come from strangers, nor an old block that
//! a disk wrote to the wrong place passes as a frame.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The version of the format, of the folder and of all files in it.
///
/// Version 1 was an embedded key-value store in place of the journal.
pub(super) const FORMAT: u32 = 2;

/// Size of a segment's header with both copies: a block, so that frames never share one with it.
pub(super) const HEADER_BYTES: u32 = 4096;

/// Where the second copy of a header begins.
const SECOND_COPY: usize = HEADER_BYTES as usize / 2;

/// Size of one copy of a header.
const COPY_BYTES: usize = 80;

/// How segments and the file of the progress begin.
pub(super) const MAGIC: [u8; 8] = *b"rt-jrnl\n";

/// Size of a frame's head.
pub(super) const HEAD_BYTES: u32 = 40;

/// The kind of the frame that ends a commit. The layers above must not use it, nor zero, which is
/// what unwritten bytes read as.
pub(super) const COMMIT: u8 = 255;

/// The largest body of a frame: what a reader must be ready to hold in memory.
pub(super) const MAX_BODY_BYTES: u32 = 256 << 20;

/// The subject of a frame, in the terms of the layers above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameHead {
    /// Any value but 0 and 255.
    pub(crate) kind: u8,
    pub(crate) topic: u64,
    pub(crate) offset: u64,
    pub(crate) time: u64,
}

/// A frame's head as it is in a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RawHead {
    pub(super) head: FrameHead,
    pub(super) body_bytes: u32,
    pub(super) body_checksum: u32,
}

/// The place of an end of a commit: everything before it is complete.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct End {
    /// Number of the commit; 0 before the first.
    pub(super) commit: u64,
    pub(super) segment: u32,
    pub(super) byte: u32,
}

/// Where a journal ends, with what it takes to read its newest segment when the header of that is
/// damaged.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Tail {
    /// The newest commit. Its segment is 0 in an empty journal, and its byte is 0 where nothing of
    /// the segment can be read.
    pub(super) end: End,
    /// Salt of that segment.
    pub(super) salt: u64,
    /// Where the segment before that one ends.
    pub(super) before: End,
}

/// The header of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SegmentHeader {
    pub(super) number: u32,
    pub(super) salt: u64,
    /// Number of the first commit in this segment.
    pub(super) first_commit: u64,
    /// Where the journal ended when this segment was begun: what is beyond is void.
    pub(super) previous: Tail,
}

/// The result of decoding the beginning of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeaderState {
    /// A header; `one_copy` where the other copy is damaged.
    Valid { header: SegmentHeader, one_copy: bool },
    /// Nothing was written.
    Empty,
    /// A header of another version of the format.
    OtherVersion(u32),
    /// Both copies are damaged.
    Damaged,
}

/// Reads integers from a slice whose length was checked.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.0.split_first_chunk().expect("the length was checked");
        self.0 = rest;
        *bytes
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// The low half of a seeded checksum.
pub(super) fn checksum(bytes: &[u8], seed: u64) -> u32 {
    xxh3_64_with_seed(bytes, seed) as u32
}

impl End {
    fn encode(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.commit.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.byte.to_le_bytes());
    }

    fn decode(fields: &mut Fields<'_>) -> Self {
        Self { commit: fields.u64(), segment: fields.u32(), byte: fields.u32() }
    }
}

impl Tail {
    pub(super) fn encode(self, bytes: &mut Vec<u8>) {
        self.end.encode(bytes);
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        self.before.encode(bytes);
    }

    pub(super) fn decode(fields: &mut Fields<'_>) -> Self {
        let (end, salt) = (End::decode(fields), fields.u64());
        Self { end, salt, before: End::decode(fields) }
    }
}

impl SegmentHeader {
    /// Returns the bytes at the beginning of a segment.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(COPY_BYTES);
        copy.extend_from_slice(&MAGIC);
        copy.extend_from_slice(&FORMAT.to_le_bytes());
        copy.extend_from_slice(&self.number.to_le_bytes());
        copy.extend_from_slice(&self.salt.to_le_bytes());
        copy.extend_from_slice(&self.first_commit.to_le_bytes());
        self.previous.encode(&mut copy);
        copy.extend_from_slice(&xxh3_64_with_seed(&copy, 0).to_le_bytes());
        let mut bytes = vec![0; HEADER_BYTES as usize];
        bytes[..COPY_BYTES].copy_from_slice(&copy);
        bytes[SECOND_COPY..][..COPY_BYTES].copy_from_slice(&copy);
        bytes
    }

    /// Reads the beginning of a segment; missing bytes count as damaged.
    pub(super) fn decode(bytes: &[u8]) -> HeaderState {
        let copies = [0, SECOND_COPY].map(|at| bytes.get(at..at + COPY_BYTES));
        match copies.map(|copy| copy.and_then(Self::decode_copy)) {
            [Some(header), Some(other)] if header == other => {
                HeaderState::Valid { header, one_copy: false }
            }
            // Two valid copies that differ cannot be told apart; no write makes them.
            [Some(_), Some(_)] => HeaderState::Damaged,
            [Some(header), None] | [None, Some(header)] => {
                HeaderState::Valid { header, one_copy: true }
            }
            [None, None] if bytes.iter().all(|byte| *byte == 0) => HeaderState::Empty,
            // Only both copies together make a version: one flipped bit must not look like one.
            [None, None] => match copies.map(|copy| copy.and_then(other_version)) {
                [Some(version), Some(other)] if version == other => {
                    HeaderState::OtherVersion(version)
                }
                _ => HeaderState::Damaged,
            },
        }
    }

    fn decode_copy(copy: &[u8]) -> Option<Self> {
        let (content, sum) = copy.split_last_chunk()?;
        let mut fields = Fields(content);
        let valid = fields.take() == MAGIC
            && fields.u32() == FORMAT
            && xxh3_64_with_seed(content, 0) == u64::from_le_bytes(*sum);
        valid.then(|| Self {
            number: fields.u32(),
            salt: fields.u64(),
            first_commit: fields.u64(),
            previous: Tail::decode(&mut fields),
        })
    }
}

/// The version that bytes name which begin as a header does, if it is not ours.
pub(super) fn other_version(copy: &[u8]) -> Option<u32> {
    let version = copy.strip_prefix(&MAGIC)?.first_chunk()?;
    Some(u32::from_le_bytes(*version)).filter(|version| *version != FORMAT)
}

impl RawHead {
    /// Appends a frame whose body `write` appends, and returns its head.
    ///
    /// `at` is the frame's place in the segment.
    pub(super) fn encode_frame(
        bytes: &mut Vec<u8>,
        salt: u64,
        at: u64,
        head: FrameHead,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Self {
        let start = bytes.len();
        bytes.resize(start + HEAD_BYTES as usize, 0);
        let body_start = bytes.len();
        write(bytes);
        let body = bytes.get(body_start..).unwrap_or_default();
        // The caller refuses a commit that is larger than any segment.
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let raw = Self { head, body_bytes, body_checksum: checksum(body, salt) };
        let encoded = raw.encode(salt, at);
        bytes[start..start + HEAD_BYTES as usize].copy_from_slice(&encoded);
        raw
    }

    fn encode(&self, salt: u64, at: u64) -> [u8; HEAD_BYTES as usize] {
        let mut bytes = [0; HEAD_BYTES as usize];
        bytes[0..4].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.body_checksum.to_le_bytes());
        bytes[8] = self.head.kind;
        bytes[12..20].copy_from_slice(&self.head.topic.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.head.offset.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.head.time.to_le_bytes());
        let sum = checksum(&bytes[..36], salt.wrapping_add(at));
        bytes[36..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Decodes a head at a place in a segment, if these bytes are one.
    pub(super) fn decode(bytes: &[u8], salt: u64, at: u64) -> Option<Self> {
        let bytes: &[u8; HEAD_BYTES as usize] = bytes.first_chunk()?;
        // Cheap checks first: a search for the next frame tries every byte.
        if bytes[8] == 0 || bytes[9..12] != [0; 3] {
            return None;
        }
        let mut fields = Fields(bytes);
        let (body_bytes, body_checksum, [kind, ..]) =
            (fields.u32(), fields.u32(), fields.take::<4>());
        let head =
            FrameHead { kind, topic: fields.u64(), offset: fields.u64(), time: fields.u64() };
        let valid = body_bytes <= MAX_BODY_BYTES
            && fields.u32() == checksum(&bytes[..36], salt.wrapping_add(at));
        valid.then_some(Self { head, body_bytes, body_checksum })
    }

    pub(super) fn matches(&self, body: &[u8], salt: u64) -> bool {
        body.len() == self.body_bytes as usize && checksum(body, salt) == self.body_checksum
    }
}

/// The content of the frame that ends a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CommitMark {
    pub(super) number: u64,
    /// Number of frames, without this one.
    pub(super) frames: u64,
    /// Where the commit began in its segment.
    pub(super) start: u64,
}

impl CommitMark {
    pub(super) fn head(self) -> FrameHead {
        let Self { number, frames, start } = self;
        FrameHead { kind: COMMIT, topic: number, offset: frames, time: start }
    }

    pub(super) fn of(head: FrameHead) -> Option<Self> {
        let FrameHead { kind, topic: number, offset: frames, time: start } = head;
        (kind == COMMIT).then_some(Self { number, frames, start })
    }
}
