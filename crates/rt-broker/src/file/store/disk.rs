//! The calls of the store that reach the operating system.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A disk: folders with files in them. Each call may fail, and what a call did survives a power
/// cut only once the file or the folder was synced.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Creates a folder and its parents where they do not exist; only the owner may enter it.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder that is empty.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    /// Returns the names in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file that only the owner may read, in place of one that exists.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file, in place of one that has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes what was created, renamed and removed in a folder survive a power cut.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// The largest size, in bytes, to which this process may make a file grow.
    fn file_size_limit(&self) -> u64;

    /// An identifier of this run of the operating system, where it has one.
    fn boot_id(&self) -> Option<String>;
}

/// An open file.
pub(crate) trait DiskFile: fmt::Debug + Send + Sync {
    /// Returns the size in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Reads into `buffer` and returns the number of bytes, which is smaller only at the file's end.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes`. After a failure any part of them may have been written.
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the contents survive a power cut. After a failure, what was written since the last
    /// success may be lost, even where a later call succeeds.
    fn sync(&self) -> io::Result<()>;

    /// Whether this is the file that a path leads to now.
    fn is_at(&self, path: &Path) -> io::Result<bool>;

    /// Locks the file until it is dropped. Returns `false` where another holder has it.
    fn try_lock(&self) -> io::Result<bool>;
}

/// The disk of the operating system.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        fs::read_dir(folder)?.map(|entry| entry.map(name)).collect()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Arc::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        // Other systems cannot open a folder as a file, and need no sync.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn file_size_limit(&self) -> u64 {
        #[cfg(unix)]
        if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Fsize).current {
            return limit;
        }
        u64::MAX
    }

    fn boot_id(&self) -> Option<String> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned())
    }
}

impl DiskFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match read_some(self, at + read as u64, &mut buffer[read..]) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        // A write beyond the limit would end the process with the signal SIGXFSZ.
        if at.saturating_add(bytes.len() as u64) > RealDisk.file_size_limit() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        write_all(self, at, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let (own, found) = (self.metadata()?, fs::metadata(path)?);
            Ok((own.dev(), own.ino()) == (found.dev(), found.ino()))
        }
        // Elsewhere a file that is open cannot be replaced.
        #[cfg(not(unix))]
        Ok(path.exists())
    }

    fn try_lock(&self) -> io::Result<bool> {
        match Self::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(unix)]
fn read_some(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(unix)]
fn write_all(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn read_some(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

#[cfg(windows)]
fn write_all(file: &File, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => {
                at += count as u64;
                bytes = &bytes[count..];
            }
        }
    }
    Ok(())
}
