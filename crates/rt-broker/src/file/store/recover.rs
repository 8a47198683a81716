//! Opening the files of a journal: which segments belong to it, and in which order.
//!
//! The header of each segment names the one before and where that one ends. Recovery follows this
//! chain from the newest segment back to the oldest, so that segments that a failed write left
//! behind are recognized as void, and missing ones are noticed. Nothing is changed before all
//! headers were found to be of a known version.

use super::disk::{Disk, DiskFile};
use super::error::StoreError;
use super::format::{End, FORMAT, HEADER_BYTES, HeaderState, SegmentHeader, Tail};
use super::progress::Checkpoint;
use super::replay::{Evidence, Frame, Location, Loss, Recovered, Replay, SegmentEnd, Torn};
use super::scan::{Scanner, Window};
use super::segment::{Segment, segment_name, segment_number};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A segment's file.
struct SegmentFile {
    file: Arc<dyn DiskFile>,
    len: u64,
    header: HeaderState,
}

impl SegmentFile {
    /// Whether both copies of the header are valid.
    fn is_whole(&self) -> bool {
        matches!(self.header, HeaderState::Valid { one_copy: false, .. })
    }

    fn header(&self) -> Option<&SegmentHeader> {
        match &self.header {
            HeaderState::Valid { header, .. } => Some(header),
            _ => None,
        }
    }
}

/// A journal as it was found.
pub(super) struct Inventory {
    pub(super) recovered: Recovered,
    /// The segments that belong to the journal, by their numbers.
    pub(super) segments: BTreeMap<u32, Segment>,
    /// Headers to write in place of damaged ones.
    pub(super) repairs: Vec<SegmentHeader>,
    /// Files that do not belong to it.
    pub(super) void: Vec<u32>,
    /// Where the newest commit ends; the default where there is no segment.
    pub(super) tail: Tail,
    pub(super) next_commit: u64,
    pub(super) next_segment: u32,
    /// Whether the newest segment can be continued where it ends.
    pub(super) appendable: bool,
}

/// Opens all segments in a folder and replays them.
///
/// # Errors
/// When a file cannot be opened or is of another version. Damage is no error.
pub(super) fn open(
    disk: &dyn Disk,
    folder: &Path,
    checkpoint: Option<Checkpoint>,
    may_be_stale: bool,
    visit: &mut dyn FnMut(Frame<'_>),
) -> Result<Inventory, StoreError> {
    let mut files = find(disk, folder)?;
    let leftovers = match checkpoint {
        Some(checkpoint) => take_leftovers(&mut files, checkpoint),
        None => BTreeMap::new(),
    };
    let newest = files.keys().chain(leftovers.keys()).max().copied().unwrap_or(0);
    let chain = chain(&files, checkpoint);
    let mut recovery = Recovery {
        files,
        replay: Replay::new(visit),
        segments: BTreeMap::new(),
        repairs: Vec::new(),
        tail: Tail::default(),
        appendable: checkpoint.is_some(),
    };
    if checkpoint.is_none() || may_be_stale {
        recovery.replay.report(newest, 0, 0, Loss::Progress);
    }
    for (index, link) in chain.iter().enumerate() {
        recovery.segment(link, index + 1 == chain.len());
    }
    let Recovery { mut files, mut replay, segments, repairs, tail, mut appendable } = recovery;
    let checkpoint_end = checkpoint.map_or_else(End::default, |checkpoint| checkpoint.tail.end);
    let last = *replay.last.get_or_insert(0);
    if checkpoint_end.commit > last {
        let End { segment, byte, .. } = tail.end;
        replay.expect_next(segment, byte.into(), checkpoint_end.commit + 1);
        appendable = false;
    }
    let next_commit = last.max(checkpoint_end.commit) + 1;
    let next_segment = newest.max(checkpoint_end.segment) + 1;
    let mut recovered = replay.recovered;
    // A segment that was begun and never acknowledged is torn; one that no other follows is void.
    for (number, found) in &leftovers {
        let written = || Window::new(&*found.file, found.len).find_nonzero(0).is_some();
        if *number > tail.end.segment && written() {
            let location = Location { segment: *number, at: 0 };
            recovered.torn.push(Torn { location, bytes: found.len });
        }
    }
    files.retain(|number, _| !segments.contains_key(number));
    files.extend(leftovers);
    let void = files.into_keys().collect();
    Ok(Inventory {
        recovered,
        segments,
        repairs,
        void,
        tail,
        next_commit,
        next_segment,
        appendable,
    })
}

fn find(disk: &dyn Disk, folder: &Path) -> Result<BTreeMap<u32, SegmentFile>, StoreError> {
    let names =
        disk.list(folder).map_err(|error| StoreError::io(folder, "cannot be read", error))?;
    let mut files = BTreeMap::new();
    for number in names.iter().filter_map(|name| segment_number(name)) {
        let path = folder.join(segment_name(number));
        let opened = disk.open(&path).and_then(|file| Ok((file.len()?, file)));
        let (len, file) =
            opened.map_err(|error| StoreError::io(&path, "cannot be opened", error))?;
        let mut window = Window::new(&*file, len.min(HEADER_BYTES.into()));
        let header = match SegmentHeader::decode(window.get(0, HEADER_BYTES as usize)) {
            HeaderState::OtherVersion(version) => {
                return Err(StoreError::other_version(&path, version, FORMAT));
            }
            // A file under the name of another is not the segment that is expected.
            HeaderState::Valid { header, .. } if header.number != number => HeaderState::Damaged,
            state => state,
        };
        files.insert(number, SegmentFile { file, len, header });
    }
    Ok(files)
}

/// Takes the files that do not belong to the journal any more or yet: segments that were removed,
/// and new ones of which not even the header was complete, so that nothing in them was acknowledged.
fn take_leftovers(
    files: &mut BTreeMap<u32, SegmentFile>,
    checkpoint: Checkpoint,
) -> BTreeMap<u32, SegmentFile> {
    let kept = files.split_off(&checkpoint.oldest);
    let mut leftovers = std::mem::replace(files, kept);
    while let Some(newest) = files.last_entry()
        && *newest.key() > checkpoint.tail.end.segment
        && !newest.get().is_whole()
    {
        let (number, found) = newest.remove_entry();
        leftovers.insert(number, found);
    }
    leftovers
}

/// A segment of the journal, with what is known of it from elsewhere.
struct Link {
    number: u32,
    /// Where it ends, as the next segment says.
    end: Option<End>,
    /// Where it ends at least, as the progress says.
    acknowledged: Option<End>,
    salt: Option<u64>,
    /// Where the segment before it ends.
    before: Option<End>,
}

/// Returns the journal's segments in their order. Those that do not exist but should are among them.
fn chain(files: &BTreeMap<u32, SegmentFile>, checkpoint: Option<Checkpoint>) -> Vec<Link> {
    let newest = files.keys().next_back().copied().unwrap_or(0);
    let tail = checkpoint.map_or_else(Tail::default, |checkpoint| checkpoint.tail);
    let oldest = checkpoint.map_or(1, |checkpoint| checkpoint.oldest).max(1);
    let unknown = |number| Link { number, end: None, acknowledged: None, salt: None, before: None };
    let mut next = Some(unknown(newest.max(tail.end.segment)));
    let mut chain = Vec::new();
    while let Some(mut link) = next.filter(|link| link.number >= oldest) {
        let number = link.number;
        if number == tail.end.segment {
            link.acknowledged = Some(tail.end);
            link.salt = link.salt.or(Some(tail.salt));
            link.before = link.before.or(Some(tail.before));
        }
        let before = match (files.get(&number).and_then(SegmentFile::header), link.before) {
            (Some(header), _) => {
                let Tail { end, salt, before } = header.previous;
                let number = end.segment;
                let (end, salt, before) = (Some(end), Some(salt), Some(before));
                Link { end, salt, before, ..unknown(number) }
            }
            (None, Some(end)) => Link { end: Some(end), ..unknown(end.segment) },
            (None, None) => {
                let lower = files.range(..number).next_back().map(|(number, _)| *number);
                unknown(lower.unwrap_or(if checkpoint.is_some() { oldest } else { 0 }))
            }
        };
        chain.push(link);
        next = Some(before).filter(|before| before.number < number);
    }
    chain.reverse();
    chain
}

/// A recovery under way.
struct Recovery<'v> {
    files: BTreeMap<u32, SegmentFile>,
    replay: Replay<'v>,
    segments: BTreeMap<u32, Segment>,
    repairs: Vec<SegmentHeader>,
    tail: Tail,
    appendable: bool,
}

impl Recovery<'_> {
    fn segment(&mut self, link: &Link, is_newest: bool) {
        let number = link.number;
        let known_end = link.end.or(link.acknowledged);
        let last_commit = known_end.map_or(0, |end| end.commit);
        let Some(found) = self.files.get(&number) else {
            return self.lost(number, 0, last_commit);
        };
        let header = found.header().copied();
        let damages = self.replay.recovered.damages;
        if let Some(header) = header {
            match self.replay.last {
                Some(_) => self.replay.expect_next(number, 0, header.first_commit),
                None => self.replay.last = Some(header.first_commit.saturating_sub(1)),
            }
        }
        let salt = link.salt.or(header.map(|header| header.salt));
        let (file, len) = (found.file.clone(), found.len);
        let before = self.tail.end;
        let Some(salt) = salt.filter(|_| known_end.is_none_or(|end| end.byte > 0)) else {
            let segment = Segment { file, salt: 0, end: HEADER_BYTES, move_aside: false };
            self.segments.insert(number, segment);
            self.lost(number, len, last_commit);
            let end = End { segment: number, byte: 0, commit: self.replay.last.unwrap_or(0) };
            self.tail = Tail { end, salt: 0, before };
            return;
        };
        if !found.is_whole() {
            self.replay.report(number, 0, HEADER_BYTES.into(), Loss::Nothing);
            // What is known of it now may not be known at the next opening.
            let rebuilt = self.replay.last.map(|last| SegmentHeader {
                number,
                salt,
                first_commit: last + 1,
                previous: self.tail,
            });
            self.repairs.extend(header.or(rebuilt));
        }
        let (complete_to, len) = match (link.end, link.acknowledged) {
            // What is beyond the end that the next segment names is void.
            (Some(end), _) => (end.byte.into(), len.min(end.byte.into())),
            // All commits in a segment were complete when the next one was begun.
            _ if !is_newest => (u64::MAX, len),
            (None, Some(acknowledged)) => (acknowledged.byte.into(), len),
            (None, None) => (0, len),
        };
        let window = Window::new(&*file, len.min(u32::MAX.into()));
        let mut scanner = Scanner::new(window, salt, HEADER_BYTES.into());
        let evidence = Evidence { complete_to, commit: last_commit };
        let SegmentEnd { byte, torn_to } = self.replay.segment(number, &mut scanner, evidence);
        // The window ends before 4 GiB.
        let end = byte as u32;
        if let Some(torn_to) = torn_to {
            let location = Location { segment: number, at: end };
            self.replay.recovered.torn.push(Torn { location, bytes: torn_to - byte });
        }
        let is_intact = torn_to.is_none() && self.replay.recovered.damages == damages;
        // Damage before the newest segment does not matter to what is appended.
        self.appendable &= is_intact || !is_newest;
        let commit = self.replay.last.unwrap_or(0);
        self.tail = Tail { end: End { segment: number, byte: end, commit }, salt, before };
        self.segments.insert(number, Segment { file, salt, end, move_aside: false });
    }

    /// Reports a segment of which nothing can be read.
    fn lost(&mut self, number: u32, bytes: u64, last_commit: u64) {
        let first = self.replay.last.map_or(1, |last| last + 1);
        let loss = match last_commit {
            0 => Loss::Segment(None),
            last if last < first => Loss::Nothing,
            last => Loss::Segment(Some(first..=last)),
        };
        self.replay.report(number, 0, bytes, loss);
        self.replay.last = self.replay.last.max(Some(last_commit));
        self.appendable = false;
    }
}
