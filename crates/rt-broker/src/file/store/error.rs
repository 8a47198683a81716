//! Errors of the store, with the file and advice.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error of the store. Its text names the file, what was found, and what to do.
#[derive(Debug)]
pub(crate) struct StoreError {
    kind: ErrorKind,
    path: PathBuf,
    /// The state of `path`, or the failed operation on it.
    what: String,
    source: Option<io::Error>,
}

/// The kinds of errors that callers distinguish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ErrorKind {
    /// The folder or one of its files is not what it should be, and opening it is refused.
    Refused,
    /// Another process, or another engine in this one, has the folder open.
    InUse,
    /// The format is of another version.
    Version,
    /// The disk or the quota is full: the same call succeeds when there is room.
    Full,
    /// A limit on the size of files is reached.
    FileTooLarge,
    /// The disk did not take what was written. What was acknowledged before is written again by the
    /// next sync.
    Sync,
    /// Commits that were acknowledged after the last sync are lost: a sync failed, and the system no
    /// longer has them to be written again.
    Lost,
    /// The commit is larger than a segment can hold.
    CommitTooLarge,
    /// A frame cannot be read back as it was written.
    Damaged,
    /// Any other failure of the operating system.
    Io,
}

impl StoreError {
    pub(super) fn new(kind: ErrorKind, path: &Path, what: impl Into<String>) -> Self {
        Self { kind, path: path.to_owned(), what: what.into(), source: None }
    }

    /// Wraps a failure of the operating system; `what` says what could not be done.
    pub(super) fn io(path: &Path, what: impl Into<String>, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
            io::ErrorKind::FileTooLarge => ErrorKind::FileTooLarge,
            _ => ErrorKind::Io,
        };
        Self { kind, path: path.to_owned(), what: what.into(), source: Some(source) }
    }

    /// A failed sync. The disk may have dropped what it was given, whatever the reason.
    pub(super) fn sync(path: &Path, source: io::Error) -> Self {
        let error = Self::io(path, "cannot be synced to the disk", source);
        Self { kind: ErrorKind::Sync, ..error }
    }

    /// A file or a folder whose format is of another version than the known one.
    pub(super) fn other_version(path: &Path, found: u32, known: u32) -> Self {
        let advice = if found > known {
            "use the version that wrote it, or a later one"
        } else {
            "use the version that wrote it, or give a new folder"
        };
        let what = format!(
            "is of format {found}, and this version reads format {known}: {advice}; nothing in it \
             was changed"
        );
        Self::new(ErrorKind::Version, path, what)
    }

    /// The kind of this error.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    fn advice(&self) -> &'static str {
        match (self.kind, self.source.as_ref().map(io::Error::kind)) {
            (ErrorKind::Full, _) => "free some space; nothing that was stored is affected",
            (ErrorKind::FileTooLarge, _) => {
                "raise the limit on file sizes (ulimit -f) of this process"
            }
            (_, Some(io::ErrorKind::PermissionDenied)) => {
                "give the user of this process the right to read and write it"
            }
            (_, Some(io::ErrorKind::ReadOnlyFilesystem)) => "mount the disk for writing",
            (ErrorKind::Sync | ErrorKind::Io, _) => "check the disk and the system's log",
            _ => "",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.what)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        match self.advice() {
            "" => Ok(()),
            advice => write!(f, "; {advice}"),
        }
    }
}

impl std::error::Error for StoreError {}
