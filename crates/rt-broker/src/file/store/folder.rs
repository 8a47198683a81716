//! The store's folder: whose it is, who has it open, and how the last process to use it ended.
//!
//! - `RT-BROKER` names the version of the format, and is locked by the process that has the store
//!   open.
//! - `made` exists once the store was in use: from then on its journal must exist.
//! - `open` exists while the store is in use, and says how durable acknowledged commits are. A
//!   store that is opened with this file present was not closed. A copy of a store is marked as one
//!   by the text `copy` in it.
//! - `journal/` and `progress` are the journal's; `cut-off/` has what recovery could not use.

use super::disk::{Disk, DiskFile};
use super::error::{ErrorKind, StoreError};
use super::format::FORMAT;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const MARKER: &str = "RT-BROKER";
const MAGIC: &str = "rt-broker file store, format ";
const OPEN: &str = "open";
const MADE: &str = "made";

/// How often and after which pause a lock that is taken is tried again.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Which failures an acknowledged commit survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CommitDurability {
    /// It is on the disk, and survives a power cut.
    Sync,
    /// The operating system has it: it survives the end of the process.
    Write,
}

/// How the last process that used the store ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// It closed the store, or there was none.
    Closed,
    /// It was killed, and everything that it acknowledged should be there.
    Killed,
    /// Acknowledged commits may be missing: the system stopped before they were synced, or the
    /// folder is a copy that may be older than what clients have seen.
    MayHaveLost,
}

/// A store's folder, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    ending: Ending,
    same_boot: bool,
    in_use_before: bool,
    /// Locked as long as it is open.
    _marker: Arc<dyn DiskFile>,
}

impl Folder {
    /// Locks a folder, which is created if it does not exist.
    ///
    /// # Errors
    /// When the folder is used by another process, is not a store, has a format of another version,
    /// or cannot be read and written. Nothing in it is changed then.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, StoreError> {
        create_folder(&*disk, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::new(
                ErrorKind::Refused,
                path,
                "is a file: give the folder in which to keep the store",
            ),
            _ => StoreError::io(path, "cannot be created", error),
        })?;
        let names =
            disk.list(path).map_err(|error| StoreError::io(path, "cannot be read", error))?;
        let has = |name: &str| names.iter().any(|found| found == name);
        if !has(MARKER) {
            // A marker that was being written when the process ended belongs to an empty store.
            if names.iter().any(|name| *name != format!("{MARKER}.new")) {
                let what = "has other files in it and is not a store (its RT-BROKER file is \
                            missing): give an empty or a new folder; nothing in it was changed";
                return Err(StoreError::new(ErrorKind::Refused, path, what));
            }
            write_whole(&*disk, path, MARKER, &format!("{MAGIC}{FORMAT}\n"))?;
        }
        let marker_path = path.join(MARKER);
        let marker = disk
            .open(&marker_path)
            .map_err(|error| StoreError::io(&marker_path, "cannot be opened", error))?;
        // Another process that made the folder at the same time may have replaced the marker.
        match lock(&*marker).and_then(|locked| Ok(locked && marker.is_at(&marker_path)?)) {
            Ok(true) => {}
            Ok(false) => {
                let what = "is open elsewhere: only one engine at a time may use a store; close the \
                            other one, or give another folder";
                return Err(StoreError::new(ErrorKind::InUse, path, what));
            }
            Err(error) => return Err(StoreError::io(&marker_path, "cannot be locked", error)),
        }
        check_format(path, &read_text(&marker_path, &*marker)?)?;
        // An earlier holder of the lock may have changed them since the first look.
        let names =
            disk.list(path).map_err(|error| StoreError::io(path, "cannot be read", error))?;
        let has = |name: &str| names.iter().any(|found| found == name);
        let (ending, same_boot) =
            if has(OPEN) { ending(&*disk, &path.join(OPEN))? } else { (Ending::Closed, false) };
        let in_use_before = has(MADE) || has(OPEN);
        let path = path.to_owned();
        Ok(Self { disk, path, ending, same_boot, in_use_before, _marker: marker })
    }

    /// How the last process that used the store ended.
    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether the process that did not close the store ended while this system ran, so that
    /// everything that it has written is there.
    pub(super) fn was_killed_in_this_boot(&self) -> bool {
        self.same_boot
    }

    /// Whether the store was in use before, so that its journal must exist.
    pub(super) fn in_use_before(&self) -> bool {
        self.in_use_before
    }

    /// Marks the store as in use, with the durability of the commits that will be acknowledged.
    ///
    /// From here on [`ending`](Self::ending) speaks of this process at the next opening: what the
    /// last ending means must have been committed before.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn begin(&self, durability: CommitDurability) -> Result<(), StoreError> {
        let durability = match durability {
            CommitDurability::Sync => "sync",
            CommitDurability::Write => "write",
        };
        let text = format!("{durability}\n{}\n", self.disk.boot_id().unwrap_or_default());
        write_whole(&*self.disk, &self.path, MADE, "")?;
        write_whole(&*self.disk, &self.path, OPEN, &text)
    }

    /// Marks the store as closed. Everything in it must have been synced.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn end(&self) -> Result<(), StoreError> {
        let path = self.path.join(OPEN);
        self.disk
            .remove(&path)
            .and_then(|()| self.disk.sync_folder(&self.path))
            .map_err(|error| StoreError::io(&path, "cannot be removed", error))
    }
}

/// Creates a folder that survives a power cut.
pub(super) fn create_folder(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| {
        disk.list(folder).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    // The empty path above a relative one is the current folder.
    let above = |folder: &Path| match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => PathBuf::from("."),
        Some(above) => above.to_owned(),
        None => folder.to_owned(),
    };
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    disk.create_folder(path)?;
    if missing.is_empty() {
        // It may have been created by a process that was killed before it synced it. A folder above
        // that this user may not read is someone else's, who created this one.
        let _ = disk.sync_folder(&above(path));
    }
    missing.into_iter().try_for_each(|folder| disk.sync_folder(&above(folder)))
}

/// Locks a marker. A process that is being started by this one has a copy of the lock until it runs
/// its own program, so a lock that is taken is tried again for a moment.
fn lock(marker: &dyn DiskFile) -> io::Result<bool> {
    for _ in 0..LOCK_TRIES {
        if marker.try_lock()? {
            return Ok(true);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    marker.try_lock()
}

/// Completes a folder that holds a copy of a store.
///
/// The marker comes last: without it the folder is not a store.
pub(super) fn mark_copy(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    write_whole(disk, path, MADE, "")?;
    write_whole(disk, path, OPEN, "copy\n")?;
    write_whole(disk, path, MARKER, &format!("{MAGIC}{FORMAT}\n"))
}

/// How the last process ended, and whether this run of the operating system saw it.
fn ending(disk: &dyn Disk, path: &Path) -> Result<(Ending, bool), StoreError> {
    let file = disk.open(path).map_err(|error| StoreError::io(path, "cannot be opened", error))?;
    let text = read_text(path, &*file)?;
    let mut lines = text.lines();
    let (durability, boot) = (lines.next(), lines.next().unwrap_or_default());
    // The operating system keeps what a process has written for as long as it runs.
    let same_boot = !boot.is_empty() && disk.boot_id().as_deref() == Some(boot);
    let ending = match durability {
        Some("sync") => Ending::Killed,
        Some("write") if same_boot => Ending::Killed,
        _ => Ending::MayHaveLost,
    };
    Ok((ending, same_boot))
}

fn check_format(path: &Path, text: &str) -> Result<(), StoreError> {
    let version = text.strip_prefix(MAGIC).and_then(|rest| rest.strip_suffix('\n'));
    match version.map(str::parse::<u32>) {
        Some(Ok(FORMAT)) => Ok(()),
        Some(Ok(version)) => Err(StoreError::other_version(path, version, FORMAT)),
        _ => Err(StoreError::new(
            ErrorKind::Refused,
            path,
            "has a marker (RT-BROKER) that is not ours or was cut short: if the store is yours, \
             restore the marker from a backup; nothing in it was changed",
        )),
    }
}

/// The longest text that is read of a marker, in bytes.
const MAX_TEXT: usize = 256;

fn read_text(path: &Path, file: &dyn DiskFile) -> Result<String, StoreError> {
    let mut text = [0; MAX_TEXT];
    let len = file
        .read_at(0, &mut text)
        .map_err(|error| StoreError::io(path, "cannot be read", error))?;
    Ok(String::from_utf8_lossy(&text[..len]).into_owned())
}

/// Writes a file so that after a crash all of it exists, or nothing.
fn write_whole(disk: &dyn Disk, folder: &Path, name: &str, text: &str) -> Result<(), StoreError> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    let write = || {
        let file = disk.create(&new)?;
        file.write_at(0, text.as_bytes())?;
        file.sync()?;
        disk.rename(&new, &path)?;
        disk.sync_folder(folder)
    };
    write().map_err(|error| StoreError::io(&path, "cannot be written", error))
}

#[cfg(test)]
mod tests {
    use super::super::simulated_disk::SimulatedDisk;
    use super::*;

    const PATH: &str = "/data/store";

    fn open(disk: &SimulatedDisk) -> Result<Folder, StoreError> {
        Folder::open(Arc::new(disk.clone()), Path::new(PATH))
    }

    fn put(disk: &SimulatedDisk, name: &str, text: &str) {
        let file = disk.create(&Path::new(PATH).join(name)).unwrap();
        file.write_at(0, text.as_bytes()).unwrap();
    }

    #[test]
    fn only_one_process_has_a_store_open() {
        let disk = SimulatedDisk::new();
        let folder = open(&disk).unwrap();
        assert_eq!(open(&disk).unwrap_err().kind(), ErrorKind::InUse);
        drop(folder);
        open(&disk).unwrap();
    }

    #[test]
    fn the_ending_is_told_by_what_the_last_process_left() {
        use CommitDurability::{Sync, Write};
        let cases = [
            (Sync, false, Ending::Killed),
            (Sync, true, Ending::Killed),
            (Write, false, Ending::Killed),
            (Write, true, Ending::MayHaveLost),
        ];
        for (durability, power_cut, expected) in cases {
            let disk = SimulatedDisk::new();
            let folder = open(&disk).unwrap();
            assert_eq!((folder.ending(), folder.in_use_before()), (Ending::Closed, false));
            folder.begin(durability).unwrap();
            drop(folder);
            if power_cut {
                disk.power_cut(1);
            }
            let folder = open(&disk).unwrap();
            assert_eq!((folder.ending(), folder.in_use_before()), (expected, true));
            assert_eq!(folder.was_killed_in_this_boot(), !power_cut);
            folder.end().unwrap();
            drop(folder);
            assert_eq!(open(&disk).unwrap().ending(), Ending::Closed);
            put(&disk, OPEN, "copy\n");
            assert_eq!(open(&disk).unwrap().ending(), Ending::MayHaveLost);
        }
    }

    #[test]
    fn what_is_not_a_store_of_this_format_is_refused_and_not_changed() {
        let cases: [(&str, &str, &[&str]); 6] = [
            ("notes.txt", "mine", &["is not a store", "give an empty or a new folder"]),
            (MARKER, "rt-broker file store, format 1\n", &["format 1", "reads format 2"]),
            (MARKER, "rt-broker file store, format 3\n", &["format 3", "or a later one"]),
            (MARKER, "rt-broker file store, format 2", &["was cut short", "from a backup"]),
            (MARKER, "", &["was cut short"]),
            (MARKER, "something else\n", &["not ours"]),
        ];
        for (name, text, expected) in cases {
            let disk = SimulatedDisk::new();
            disk.create_folder(Path::new(PATH)).unwrap();
            put(&disk, name, text);
            let error = open(&disk).unwrap_err().to_string();
            for part in [PATH, "nothing in it was changed"].iter().chain(expected) {
                assert!(error.contains(part), "{error}");
            }
            assert_eq!(disk.paths(), [Path::new(PATH).join(name)]);
            assert_eq!(disk.edit(&disk.paths()[0], |bytes| bytes.clone()), text.as_bytes());
        }
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_refused() {
        let disk = SimulatedDisk::new();
        disk.create_folder(Path::new("/data")).unwrap();
        disk.create(Path::new(PATH)).unwrap();
        let error = open(&disk).unwrap_err().to_string();
        assert!(error.contains("is a file: give the folder"), "{error}");
    }

    #[test]
    fn a_marker_that_was_being_written_does_not_make_the_folder_foreign() {
        let disk = SimulatedDisk::new();
        disk.create_folder(Path::new(PATH)).unwrap();
        put(&disk, "RT-BROKER.new", "rt-bro");
        open(&disk).unwrap();
    }
}
