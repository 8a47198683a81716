//! The store's folder: whose it is, who has it open, and how its last life ended.
//!
//! - `RT-BROKER` names the format's version, and is locked by who has the store open.
//! - `open` is there while the store is open, with what that life promised. Found at opening, it
//!   says that the store was not closed.
//! - `made` is there once a life has begun: the embedded store had been made by then.
//! - `store` is the embedded store; `store.new` is one that is being made.

use super::Sync;
use crate::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const MARKER: &str = "RT-BROKER";
const MAGIC: &str = "rt-broker file store, format ";
const FORMAT: u32 = 1;
const OPEN: &str = "open";
const MADE: &str = "made";

pub(super) struct Folder {
    path: PathBuf,
    /// Locked for as long as it is open.
    _marker: File,
}

/// How the last life of the store ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// It was closed, or there was none.
    Closed,
    /// Its process ended, and all that was acknowledged is there.
    Killed,
    /// Something that was acknowledged may be gone.
    MayHaveLost,
}

impl Folder {
    /// Takes a folder, which is made where there is none, and locks it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => {
                return Err(at(path, "is a file: give the folder to keep the store in"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => fs::create_dir_all(path)
                .map_err(|error| failed(path, "the store's folder cannot be made", error))?,
            Err(error) => {
                return Err(failed(path, "the store's folder cannot be looked at", error));
            }
        }
        let marker = path.join(MARKER);
        if !marker.exists() {
            let mut entries = fs::read_dir(path)
                .map_err(|error| failed(path, "the store's folder cannot be read", error))?;
            // A marker that was being written when the process ended is ours.
            let foreign = entries.any(|entry| {
                entry.is_ok_and(|entry| entry.file_name() != format!("{MARKER}.new").as_str())
            });
            if foreign {
                let why = "has other files in it and is not a store of ours: give an empty or a \
                           new folder; nothing in it was changed";
                return Err(at(path, why));
            }
            write_whole(path, MARKER, &format!("{MAGIC}{FORMAT}\n"))
                .map_err(|error| failed(path, "the store's folder cannot be written", error))?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&marker)
            .map_err(|error| failed(path, "the store cannot be opened for writing", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(at(path, "is open elsewhere: one engine at a time may have a store"));
            }
            Err(TryLockError::Error(error)) => {
                return Err(failed(path, "the store cannot be locked", error));
            }
        }
        let mut text = String::new();
        let read = Read::by_ref(&mut file).take(256).read_to_string(&mut text);
        read.map_err(|error| failed(&marker, "the store's marker cannot be read", error))?;
        check_format(path, &text)?;
        Ok(Self { path: path.to_owned(), _marker: file })
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    pub(super) fn new_store(&self) -> PathBuf {
        self.path.join("store.new")
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How the last life ended, by what it left.
    pub(super) fn ending(&self) -> Result<Ending, Error> {
        let text = match fs::read_to_string(self.path.join(OPEN)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Ending::Closed);
            }
            Err(error) => return Err(failed(&self.path, "the store cannot be read", error)),
        };
        let mut lines = text.lines();
        let (sync, boot) = (lines.next(), lines.next().unwrap_or_default());
        // What a process has handed over is the operating system's for as long as that runs.
        let same_boot = !boot.is_empty() && boot_id().as_deref() == Some(boot);
        Ok(match sync {
            Some("always") => Ending::Killed,
            Some("group" | "none") if same_boot => Ending::Killed,
            _ => Ending::MayHaveLost,
        })
    }

    /// Whether the embedded store had been made by an earlier life: it must be there.
    pub(super) fn has_store(&self) -> bool {
        [MADE, OPEN].iter().any(|name| self.path.join(name).exists())
    }

    /// Where it is not there.
    pub(super) fn store_is_gone(&self) -> Error {
        let why = "has no `store` any more, which an earlier life had made: bring it back from \
                   where it was moved to, or from a backup; to begin with nothing give a new \
                   folder; nothing in it was changed";
        at(&self.path, why)
    }

    /// Begins a life with this promise.
    pub(super) fn begin(&self, sync: &Sync) -> Result<(), Error> {
        let mode = match sync {
            Sync::Always => "always",
            Sync::Group { .. } => "group",
            Sync::None => "none",
        };
        let text = format!("{mode}\n{}\n", boot_id().unwrap_or_default());
        let made = match self.path.join(MADE).exists() {
            true => Ok(()),
            false => write_whole(&self.path, MADE, ""),
        };
        made.and_then(|()| write_whole(&self.path, OPEN, &text))
            .map_err(|error| failed(&self.path, "the store's folder cannot be written", error))
    }

    /// Ends it: everything is on the disk.
    pub(super) fn end(&self) -> Result<(), Error> {
        fs::remove_file(self.path.join(OPEN))
            .and_then(|()| sync_folder(&self.path))
            .map_err(|error| failed(&self.path, "the store's folder cannot be written", error))
    }
}

/// Makes a folder that holds a copy of a store; what it holds may be older than what was given out.
pub(super) fn mark_copy(path: &Path) -> std::io::Result<()> {
    write_whole(path, OPEN, "copy\n\n")?;
    write_whole(path, MARKER, &format!("{MAGIC}{FORMAT}\n"))
}

fn check_format(path: &Path, text: &str) -> Result<(), Error> {
    let version = text.strip_prefix(MAGIC).and_then(|rest| rest.strip_suffix('\n'));
    match version.map(str::parse::<u32>) {
        Some(Ok(FORMAT)) => Ok(()),
        Some(Ok(version)) if version > FORMAT => {
            let why = format!(
                "is of format {version}, newer than {FORMAT}, which this version knows: use the \
                 version that wrote it, or a later one; nothing in it was changed"
            );
            Err(at(path, &why))
        }
        _ => Err(at(
            path,
            "has a marker (RT-BROKER) that is not ours or was cut short: if the store is yours, \
             bring the marker back from a backup; nothing in it was changed",
        )),
    }
}

/// Writes a file that is there whole or not at all.
fn write_whole(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let new = folder.join(format!("{name}.new"));
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, folder.join(name))?;
    sync_folder(folder)
}

pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and needs no sync.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// What tells one run of the operating system from the next, where there is such a thing.
fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn at(path: &Path, why: &str) -> Error {
    Error::unavailable("its store cannot be used", format!("{} {why}", path.display()))
}

fn failed(path: &Path, what: &'static str, error: std::io::Error) -> Error {
    Error::unavailable(what, format!("{}: {error}", path.display()))
}
