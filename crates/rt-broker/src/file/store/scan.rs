//! Reading frames from bytes that may be damaged.
//!
//! [`Scanner`] goes through a segment frame by frame. Where a head is damaged, it searches byte by
//! byte for the next frame of which both checksums are right: damage costs what it hit, and nothing
//! after it.

use super::disk::DiskFile;
use super::format::{HEAD_BYTES, RawHead};
use std::io;

/// The size of a read, in bytes. Most commits are smaller.
const READ_BYTES: usize = 1 << 20;

/// The unit in which a disk fails to read, in bytes.
const BLOCK: usize = 4096;

/// Stands in for bytes that the disk cannot read. They are never part of a valid frame.
const UNREADABLE: u8 = 0xa5;

/// The bytes of a file up to an end, read in large pieces.
pub(super) struct Window<'a> {
    file: &'a dyn DiskFile,
    end: u64,
    start: u64,
    buffer: Vec<u8>,
    /// The first failure of a read.
    pub(super) error: Option<io::Error>,
}

impl<'a> Window<'a> {
    /// The bytes before `end`, which is not after the end of the file.
    pub(super) fn new(file: &'a dyn DiskFile, end: u64) -> Self {
        Self { file, end, start: 0, buffer: Vec::new(), error: None }
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Returns up to `len` bytes; fewer only at the end.
    pub(super) fn get(&mut self, at: u64, len: usize) -> &[u8] {
        let at = at.min(self.end);
        let len = (self.end - at).min(len as u64) as usize;
        if at < self.start || at + len as u64 > self.start + self.buffer.len() as u64 {
            let size = (self.end - at).min(len.max(READ_BYTES) as u64) as usize;
            self.start = at;
            self.buffer.resize(size, 0);
            self.buffer.shrink_to(READ_BYTES);
            self.fill();
        }
        let from = (at - self.start) as usize;
        &self.buffer[from..from + len]
    }

    fn fill(&mut self) {
        match self.file.read_at(self.start, &mut self.buffer) {
            // The file is shorter than it was: what it lacks is not there.
            Ok(read) => self.buffer[read..].fill(0),
            Err(error) => {
                self.error.get_or_insert(error);
                let mut at = self.start;
                for block in self.buffer.chunks_mut(BLOCK) {
                    match self.file.read_at(at, block) {
                        Ok(read) => block[read..].fill(0),
                        Err(_) => block.fill(UNREADABLE),
                    }
                    at += block.len() as u64;
                }
            }
        }
    }

    /// Returns the place of the first byte from `at` on that is not zero.
    pub(super) fn find_nonzero(&mut self, mut at: u64) -> Option<u64> {
        while at < self.end {
            let bytes = self.get(at, READ_BYTES);
            if let Some(found) = bytes.iter().position(|byte| *byte != 0) {
                return Some(at + found as u64);
            }
            at += bytes.len() as u64;
        }
        None
    }

    /// Returns the place of the last byte that is not zero, which is not before `at`.
    fn last_nonzero(&mut self, mut at: u64) -> u64 {
        let mut last = at;
        while at < self.end {
            let bytes = self.get(at, READ_BYTES);
            if let Some(found) = bytes.iter().rposition(|byte| *byte != 0) {
                last = at + found as u64;
            }
            at += bytes.len() as u64;
        }
        last
    }
}

/// The next finding of a [`Scanner`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// A frame with a valid head; `intact` where its body is valid too.
    Frame { at: u64, raw: RawHead, intact: bool },
    /// Bytes that are no frame. They end at a frame or at the last byte that is not zero.
    Hole { at: u64, end: u64 },
}

/// Finds the frames of a segment one after the other.
pub(super) struct Scanner<'a> {
    pub(super) window: Window<'a>,
    salt: u64,
    at: u64,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(window: Window<'a>, salt: u64, at: u64) -> Self {
        Self { window, salt, at }
    }

    /// Where the next item is searched.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Returns the body of a frame that was found.
    pub(super) fn body(&mut self, at: u64, raw: &RawHead) -> &[u8] {
        self.window.get(at + u64::from(HEAD_BYTES), raw.body_bytes as usize)
    }

    /// Returns the head of a frame that was found.
    pub(super) fn head(&mut self, at: u64) -> Option<RawHead> {
        RawHead::decode(self.window.get(at, HEAD_BYTES as usize), self.salt, at)
    }

    fn is_intact(&mut self, at: u64, raw: &RawHead) -> bool {
        let salt = self.salt;
        raw.matches(self.body(at, raw), salt)
    }

    fn find_frame(&mut self, mut at: u64) -> Option<u64> {
        while at + u64::from(HEAD_BYTES) <= self.window.end() {
            let salt = self.salt;
            let piece = self.window.get(at, READ_BYTES);
            let tried = piece.len() as u64 - u64::from(HEAD_BYTES) + 1;
            let mut candidates = (at..).zip(piece.windows(HEAD_BYTES as usize));
            let valid = |(at, bytes)| RawHead::decode(bytes, salt, at).map(|raw| (at, raw));
            match candidates.find_map(valid) {
                Some((frame, raw)) if self.is_intact(frame, &raw) => return Some(frame),
                Some((frame, _)) => at = frame + 1,
                None => at += tried,
            }
        }
        None
    }
}

impl Iterator for Scanner<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let at = self.at;
        if let Some(raw) = self.head(at) {
            let intact = self.is_intact(at, &raw);
            let end = at + u64::from(HEAD_BYTES) + u64::from(raw.body_bytes);
            self.at = end.min(self.window.end());
            return Some(Item::Frame { at, raw, intact });
        }
        let nonzero = self.window.find_nonzero(at);
        let Some(nonzero) = nonzero else {
            self.at = self.window.end();
            return None;
        };
        // The kind of a frame, its ninth byte, is not zero.
        let end = match self.find_frame((at + 1).max(nonzero.saturating_sub(8))) {
            Some(frame) => frame,
            None => self.window.last_nonzero(nonzero) + 1,
        };
        self.at = end;
        Some(Item::Hole { at, end })
    }
}
