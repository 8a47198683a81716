//! Replaying the segments of a journal, and reporting what is damaged.
//!
//! A commit counts when it is whole, or when something later shows that it was complete: a later
//! commit, the header of the next segment, or the acknowledged progress. What is readable of a
//! commit that was complete is delivered, and the rest is reported as damage. A commit at the very
//! end that is not whole, and that was not acknowledged, is torn: its process or its system ended
//! while it was written. It is dropped as a whole, even where its last frame is valid, since blocks
//! reach a disk in any order.

use super::format::{CommitMark, FrameHead, HEAD_BYTES, HEADER_BYTES};
use super::scan::{Item, Scanner};
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// The number of damages of which each is described; the others are counted.
const MAX_DAMAGES: usize = 1000;

/// Where a frame is in the journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(crate) struct Location {
    /// Number of the segment.
    pub(crate) segment: u32,
    /// Byte in the segment at which the frame begins.
    pub(crate) at: u32,
}

/// A frame that was read back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) head: FrameHead,
    pub(crate) body: &'a [u8],
    pub(crate) location: Location,
}

/// The findings of an opening.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Commits that count.
    pub(crate) commits: u64,
    /// Frames that were delivered.
    pub(crate) frames: u64,
    /// Unfinished commits, which were never acknowledged: usual after a kill or a power cut.
    pub(crate) torn: Vec<Torn>,
    /// The first damages in the order of the journal. The same damage is reported at each opening
    /// until its segment is removed: its place identifies it.
    pub(crate) damage: Vec<Damage>,
    /// The number of all damages.
    pub(crate) damages: u64,
    /// The copies that were made in `cut-off` now.
    pub(crate) kept: Vec<PathBuf>,
    /// Failures to copy bytes to `cut-off`; these bytes are still where they were found.
    pub(crate) uncopied: Vec<super::error::StoreError>,
}

/// A piece of the journal that was being written when the process or the system ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Torn {
    pub(crate) location: Location,
    pub(crate) bytes: u64,
}

/// Something that was in the journal and is not there as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Damage {
    /// Where the damage begins.
    pub(crate) location: Location,
    /// The bytes that cannot be used, of which a copy is kept; 0 where there are none.
    pub(crate) bytes: u64,
    pub(crate) loss: Loss,
}

/// The cost of a damage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Loss {
    /// Nothing: what is damaged was there twice, or can be told from what is around it.
    Nothing,
    /// This frame.
    Frame(FrameHead),
    /// Frames whose heads are damaged, in commits of these numbers. Their number is known where
    /// the end of their commit is intact.
    Frames { commits: RangeInclusive<u64>, count: Option<u64> },
    /// All of these commits, of which nothing was found.
    Commits(RangeInclusive<u64>),
    /// The segment is unreadable from its header on, or does not exist. These commits are lost,
    /// where their numbers are known.
    Segment(Option<RangeInclusive<u64>>),
    /// How far the journal was acknowledged: a loss at its end would not be noticed.
    Progress,
}

impl Damage {
    /// The head of the frame that is lost, if it is known.
    pub(crate) fn frame(&self) -> Option<&FrameHead> {
        match &self.loss {
            Loss::Frame(head) => Some(head),
            _ => None,
        }
    }

    /// Whether records of any topic may be lost.
    pub(crate) fn loses_anything(&self) -> bool {
        !matches!(self.loss, Loss::Nothing | Loss::Frame(_))
    }

    /// The commits of which nothing was found, as far as they are known.
    pub(crate) fn commits(&self) -> Option<RangeInclusive<u64>> {
        match &self.loss {
            Loss::Commits(commits) => Some(commits.clone()),
            Loss::Segment(commits) => commits.clone(),
            _ => None,
        }
    }

    /// Whether it stays where it is until its segment is removed.
    pub(crate) fn is_permanent(&self) -> bool {
        self.loss != Loss::Progress
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} of the journal, byte {}", self.segment, self.at)
    }
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes", self.location, self.bytes)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes: ", self.location, self.bytes)?;
        match &self.loss {
            Loss::Nothing => f.write_str("nothing is lost"),
            Loss::Frame(head) => {
                let FrameHead { kind, topic, offset, .. } = head;
                write!(f, "a record is lost (kind {kind}, topic number {topic}, offset {offset})")
            }
            Loss::Frames { commits, count: Some(count) } => {
                write!(f, "{count} records of the commits {commits:?} are lost")
            }
            Loss::Frames { commits, count: None } => {
                write!(f, "records of the commits {commits:?} are lost")
            }
            Loss::Commits(commits) => write!(f, "the commits {commits:?} are lost"),
            Loss::Segment(commits) => {
                write!(f, "the file is missing or unreadable, and the commits {commits:?} are lost")
            }
            Loss::Progress => f.write_str(
                "the file `progress` is missing or unreadable, so a loss at the journal's end \
                 would not be noticed",
            ),
        }
    }
}

/// Knowledge about the commits in a segment before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// Every commit before this byte was complete.
    pub(super) complete_to: u64,
    /// Number of the last of them; 0 where it is not known.
    pub(super) commit: u64,
}

/// Where the commits of a segment end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SegmentEnd {
    /// Byte after the last commit that counts.
    pub(super) byte: u64,
    /// Byte after the last that is not zero, where a torn commit follows.
    pub(super) torn_to: Option<u64>,
}

/// Replays segments one after the other.
pub(super) struct Replay<'v> {
    visit: &'v mut dyn FnMut(Frame<'_>),
    pub(super) recovered: Recovered,
    /// Number of the last commit; `None` until one is known.
    pub(super) last: Option<u64>,
    segment: u32,
}

/// Frames and holes between two ends of commits.
#[derive(Default)]
struct Run {
    /// Where they begin, and whether their bodies are valid.
    frames: Vec<(u64, bool)>,
    holes: Vec<(u64, u64)>,
}

impl Run {
    fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.holes.is_empty()
    }

    /// Takes what begins before a byte; a hole across it is divided.
    fn take_before(&mut self, at: u64) -> Self {
        let later = self.frames.partition_point(|(frame, _)| *frame < at);
        let frames = self.frames.drain(..later).collect();
        let mut holes = Vec::new();
        self.holes.retain_mut(|(start, end)| {
            if *start < at {
                holes.push((*start, at.min(*end)));
            }
            *start = at.max(*start);
            *start < *end
        });
        Self { frames, holes }
    }

    fn append(&mut self, mut other: Self) {
        self.frames.append(&mut other.frames);
        self.holes.append(&mut other.holes);
    }

    fn end(&self) -> u64 {
        let frame = self.frames.last().map_or(0, |(at, _)| *at + u64::from(HEAD_BYTES));
        self.holes.last().map_or(0, |(_, end)| *end).max(frame)
    }
}

impl<'v> Replay<'v> {
    pub(super) fn new(visit: &'v mut dyn FnMut(Frame<'_>)) -> Self {
        Self { visit, recovered: Recovered::default(), last: None, segment: 0 }
    }

    /// Adds a damage to the report.
    pub(super) fn report(&mut self, segment: u32, at: u64, bytes: u64, loss: Loss) {
        self.recovered.damages += 1;
        if self.recovered.damage.len() < MAX_DAMAGES {
            // A segment's size is checked before it is read.
            let location = Location { segment, at: u32::try_from(at).unwrap_or(u32::MAX) };
            self.recovered.damage.push(Damage { location, bytes, loss });
        }
    }

    /// Reports that nothing was found of the commits before one, as far as they were expected.
    pub(super) fn expect_next(&mut self, segment: u32, at: u64, next: u64) {
        if let Some(last) = self.last
            && last + 1 < next
        {
            self.report(segment, at, 0, Loss::Commits(last + 1..=next - 1));
        }
        self.last = self.last.max(Some(next.saturating_sub(1)));
    }

    /// Replays one segment and delivers the frames that count.
    pub(super) fn segment(
        &mut self,
        number: u32,
        scanner: &mut Scanner<'_>,
        evidence: Evidence,
    ) -> SegmentEnd {
        self.segment = number;
        let mut run = Run::default();
        let mut unproven: Option<(Run, CommitMark, u64)> = None;
        let mut end = u64::from(HEADER_BYTES);
        while let Some(item) = scanner.next() {
            let mark = match item {
                Item::Hole { at, end } => {
                    run.holes.push((at, end));
                    continue;
                }
                Item::Frame { at, raw, intact } => match CommitMark::of(raw.head) {
                    Some(mark) => mark,
                    None => {
                        run.frames.push((at, intact));
                        continue;
                    }
                },
            };
            if let Some((run, mark, its_end)) = unproven.take() {
                self.damaged_commit(scanner, &run, mark);
                end = its_end;
            }
            let earlier = run.take_before(mark.start);
            if !earlier.is_empty() {
                self.commits_without_mark(
                    scanner,
                    &earlier,
                    mark.start,
                    mark.number.saturating_sub(1),
                );
                end = mark.start;
            }
            self.expect_next(number, mark.start, mark.number);
            let commit = std::mem::take(&mut run);
            let whole = commit.holes.is_empty()
                && commit.frames.len() as u64 == mark.frames
                && commit.frames.iter().all(|(_, intact)| *intact);
            if whole {
                self.deliver(scanner, &commit);
                self.count(mark.number);
            } else if evidence.complete_to >= scanner.at() || mark.number <= evidence.commit {
                self.damaged_commit(scanner, &commit, mark);
            } else {
                unproven = Some((commit, mark, scanner.at()));
                continue;
            }
            end = scanner.at();
        }
        let mut rest = unproven.map_or_else(Run::default, |(run, ..)| run);
        rest.append(run);
        if end < evidence.complete_to {
            let acknowledged = rest.take_before(evidence.complete_to);
            if !acknowledged.is_empty() {
                let boundary = evidence.complete_to.min(scanner.window.end());
                self.commits_without_mark(scanner, &acknowledged, boundary, evidence.commit);
                end = acknowledged.end().max(boundary);
            }
        }
        if evidence.commit > 0 {
            self.expect_next(number, end, evidence.commit + 1);
        }
        SegmentEnd { byte: end, torn_to: (!rest.is_empty()).then(|| rest.end()) }
    }

    /// A commit whose end is intact, and that was complete.
    fn damaged_commit(&mut self, scanner: &mut Scanner<'_>, run: &Run, mark: CommitMark) {
        let count = mark.frames.saturating_sub(run.frames.len() as u64);
        self.deliver(scanner, run);
        if count > 0 || !run.holes.is_empty() {
            let commits = mark.number..=mark.number;
            self.holes(run, mark.start, Loss::Frames { commits, count: Some(count) });
        }
        self.count(mark.number);
    }

    /// Commits up to a number of which no end is intact, and that were complete.
    fn commits_without_mark(
        &mut self,
        scanner: &mut Scanner<'_>,
        run: &Run,
        boundary: u64,
        last: u64,
    ) {
        self.deliver(scanner, run);
        let first = self.last.map_or(last, |before| before + 1);
        // Only the frame that ends a commit can be damaged where the damage has its size and place.
        let loss = match run.holes[..] {
            [(at, _)] if at + u64::from(HEAD_BYTES) == boundary && first >= last => Loss::Nothing,
            _ => Loss::Frames { commits: first..=last.max(first), count: None },
        };
        self.holes(run, boundary, loss);
        self.count(last);
    }

    fn holes(&mut self, run: &Run, place: u64, loss: Loss) {
        let (at, end) = match (run.holes.first(), run.holes.last()) {
            (Some((at, _)), Some((_, end))) => (*at, *end),
            _ => (place, place),
        };
        self.report(self.segment, at, end - at, loss);
    }

    fn count(&mut self, commit: u64) {
        self.recovered.commits += 1;
        self.last = self.last.max(Some(commit));
    }

    /// Delivers the intact frames of a run, and reports those whose bodies are damaged.
    fn deliver(&mut self, scanner: &mut Scanner<'_>, run: &Run) {
        for (at, intact) in &run.frames {
            let Some(raw) = scanner.head(*at) else { continue };
            if !intact {
                let bytes = u64::from(HEAD_BYTES) + u64::from(raw.body_bytes);
                self.report(self.segment, *at, bytes, Loss::Frame(raw.head));
                continue;
            }
            let location = Location { segment: self.segment, at: *at as u32 };
            let body = scanner.body(*at, &raw);
            (self.visit)(Frame { head: raw.head, body, location });
            self.recovered.frames += 1;
        }
    }
}
