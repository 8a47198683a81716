//! The end of the store's journal after a power cut.
//!
//! The embedded store writes each change to its journal, with a checksum at its end, and reads the
//! newest journal again when it is opened. It puts up with one that ends in the middle of a change.
//! A change of which only parts reached the disk, in any order, it takes for damage and does not
//! open. Such a change was never synced, so nobody was told that it is there: it is cut off here.
//!
//! The journal's form is that of version 3 of the store's format (`fjall` 3): a change begins with
//! a 1, its number of items (4 bytes) and its sequence number (8); an item with a 2, its kind, its
//! compression (1 byte each), its key space (8), the lengths of its key (2), of its value and of
//! that as stored (4 each), which follow; clearing a key space is a 4 and its number (8); the end
//! is a 3, the XXH3 of all items (8) and `FJL\x03`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const END: &[u8] = b"FJL\x03";
const END_LEN: usize = 13;

/// What was found at the end of the newest journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tail {
    Whole,
    /// A part of one change was cut off: it was being written.
    Cut,
    /// More than one change was cut off: what had been written before was damaged.
    Damaged,
}

/// Cuts the newest journal of the embedded store in a folder after its last whole change.
pub(super) fn repair(store: &Path) -> std::io::Result<Tail> {
    let Some(path) = newest_journal(store)? else { return Ok(Tail::Whole) };
    let journal = fs::read(&path)?;
    let whole = whole(&journal);
    let tail = used(&journal[whole..]);
    if tail.is_empty() {
        return Ok(Tail::Whole);
    }
    let ends = tail.windows(END.len()).filter(|bytes| *bytes == END).count();
    if ends > 1 {
        keep_aside(store, tail)?;
    }
    let file = OpenOptions::new().write(true).open(&path)?;
    file.set_len(whole as u64)?;
    file.sync_all()?;
    Ok(if ends > 1 { Tail::Damaged } else { Tail::Cut })
}

/// All but the zeros at the end: a journal is as long as it may become from its beginning.
fn used(bytes: &[u8]) -> &[u8] {
    const ZEROS: [u8; 4096] = [0; 4096];
    let last = bytes.chunks(ZEROS.len()).rposition(|part| part != &ZEROS[..part.len()]);
    let part = last.map_or(0, |last| ((last + 1) * ZEROS.len()).min(bytes.len()));
    let end = bytes[..part].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// What is cut off is kept beside the store where it may be more than a torn change; also what was
/// cut off before.
fn keep_aside(store: &Path, tail: &[u8]) -> std::io::Result<()> {
    let names = (1_u32..).map(|n| match n {
        1 => "cut-off".to_owned(),
        n => format!("cut-off-{n}"),
    });
    let mut made = names.map(|name| File::create_new(store.with_extension(name)));
    let exists = |made: &std::io::Result<File>| {
        made.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists)
    };
    let made = made.find(|made| !exists(made));
    let mut file = made.unwrap_or_else(|| Err(std::io::ErrorKind::AlreadyExists.into()))?;
    file.write_all(tail)?;
    file.sync_all()
}

fn newest_journal(store: &Path) -> std::io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(store)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let Some(number) = number
            && is_journal
            && newest.as_ref().is_none_or(|(other, _)| *other < number)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// How many bytes of a journal are whole changes.
fn whole(journal: &[u8]) -> usize {
    let (mut at, mut sequence) = (0, 0);
    while let Some((len, number)) = journal.get(at..).and_then(change)
        && number >= sequence
    {
        (at, sequence) = (at + len, number);
    }
    at
}

/// The length and the sequence number of the change that these bytes begin with.
fn change(bytes: &[u8]) -> Option<(usize, u64)> {
    let (1, rest) = bytes.split_first().map(|(tag, rest)| (*tag, rest))? else { return None };
    let (count, rest) = rest.split_first_chunk()?;
    let (sequence, items) = rest.split_first_chunk()?;
    let mut len = 0;
    for _ in 0..u32::from_le_bytes(*count) {
        len += item(items.get(len..)?)?;
    }
    let (items, end) = items.split_at(len);
    let (3, end) = end.split_first().map(|(tag, rest)| (*tag, rest))? else { return None };
    let (checksum, end) = end.split_first_chunk()?;
    let good = end.starts_with(END) && u64::from_le_bytes(*checksum) == xxh3_64(items);
    good.then(|| (END_LEN + len + END_LEN, u64::from_le_bytes(*sequence)))
}

fn item(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        4 => (bytes.len() >= 9).then_some(9),
        2 => {
            let lengths = bytes.get(11..21)?;
            let key = u16::from_le_bytes([lengths[0], lengths[1]]);
            let value = u32::from_le_bytes(*lengths.last_chunk()?);
            let len = 21 + usize::from(key) + value as usize;
            (bytes.len() >= len).then_some(len)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Store;
    use super::*;

    /// A journal of ten changes, and where each of them ends.
    fn journal() -> (tempfile::TempDir, PathBuf, Vec<usize>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut ends = Vec::new();
        let path = newest_journal(folder.path()).unwrap().unwrap();
        for n in 0..10 {
            let mut changes = store.changes();
            for offset in 0..=n {
                changes.put_event(n, offset, vec![b'x'; 100]);
            }
            store.commit(changes, true).unwrap();
            ends.push(whole(&fs::read(&path).unwrap()));
        }
        drop(store);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(ends[9] as u64 + 10_000).unwrap();
        (folder, path, ends)
    }

    #[test]
    fn a_journal_is_cut_after_its_last_whole_change() {
        let (folder, path, ends) = journal();
        let bytes = fs::read(&path).unwrap();
        assert!(ends.is_sorted() && bytes[ends[9]..].iter().all(|byte| *byte == 0));
        assert_eq!(repair(folder.path()).unwrap(), Tail::Whole);
        // A hole, foreign bytes, or a cut anywhere in the last change.
        for at in (ends[8]..ends[9]).step_by(7) {
            let mut holed = bytes.clone();
            holed[at..(at + 512).min(ends[9])].fill(0);
            let mut foreign = bytes.clone();
            foreign[at] ^= 0x40;
            for torn in [&holed[..], &foreign[..], &bytes[..at]] {
                fs::write(&path, torn).unwrap();
                assert_ne!(repair(folder.path()).unwrap(), Tail::Damaged, "at {at}");
                let left = fs::metadata(&path).unwrap().len() as usize;
                // A sequence number is not in the checksum: one that is wrong upwards passes.
                assert!(left == ends[8] || torn == foreign && at < ends[8] + END_LEN, "at {at}");
            }
        }
    }

    #[test]
    fn what_lies_further_back_is_damage_and_kept() {
        let (folder, path, ends) = journal();
        let mut bytes = fs::read(&path).unwrap();
        bytes[ends[4] + 40] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(repair(folder.path()).unwrap(), Tail::Damaged);
        assert_eq!(fs::metadata(&path).unwrap().len() as usize, ends[4]);
        let aside = fs::read(folder.path().with_extension("cut-off")).unwrap();
        assert_eq!(aside, bytes[ends[4]..ends[9]]);
        // And does not replace what was kept before.
        bytes[ends[2] + 40] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(repair(folder.path()).unwrap(), Tail::Damaged);
        assert_eq!(fs::read(folder.path().with_extension("cut-off")).unwrap(), aside);
        let second = fs::read(folder.path().with_extension("cut-off-2")).unwrap();
        assert_eq!(second, bytes[ends[2]..ends[9]]);
    }
}
