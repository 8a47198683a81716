//! A disk in memory that loses unsynced bytes in a power cut, and fails on request.

mod content;

use super::disk::{Disk, DiskFile};
use content::Content;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A call that a [`SimulatedDisk`] is about to carry out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Operation {
    Read { at: u64, bytes: usize },
    Write { at: u64, bytes: usize },
    Sync,
    Create,
    Rename,
    Remove,
    SyncFolder,
}

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The disk reports an error; nothing is written. A failed sync drops what was not synced,
    /// though it can still be read, and a later sync succeeds without it.
    Error,
    /// A write writes this many bytes, and then the disk reports an error.
    Short(usize),
    /// A write writes this many bytes, and then the disk is full.
    Full(usize),
    /// The disk was mounted for reading.
    ReadOnly,
}

type Plan = Box<dyn FnMut(&Path, Operation) -> Option<Fault> + Send>;

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: HashMap<u64, Content>,
    next_file: u64,
    /// The files by their paths, as processes see them and as they are after a power cut.
    names: BTreeMap<PathBuf, u64>,
    synced_names: BTreeMap<PathBuf, u64>,
    /// Changes of names that were not synced, oldest first. One with two names is a rename.
    renames: Vec<Vec<(PathBuf, Option<u64>)>>,
    folders: BTreeSet<PathBuf>,
    synced_folders: BTreeSet<PathBuf>,
    plan: Option<Plan>,
    file_size_limit: Option<u64>,
    /// Counts power cuts: what was opened before one is of no use after it.
    life: u64,
}

struct SimulatedFile {
    disk: SimulatedDisk,
    id: u64,
    path: PathBuf,
    life: u64,
    holds_lock: Mutex<bool>,
}

impl SimulatedDisk {
    /// Returns an empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `plan` before each call whether it fails.
    pub fn set_plan(&self, plan: impl FnMut(&Path, Operation) -> Option<Fault> + Send + 'static) {
        self.state().plan = Some(Box::new(plan));
    }

    /// Lets all calls succeed again.
    pub fn clear_plan(&self) {
        self.state().plan = None;
    }

    /// Sets the largest size of a file, in bytes.
    pub fn set_file_size_limit(&self, bytes: u64) {
        self.state().file_size_limit = Some(bytes);
    }

    /// Cuts the power: open files become useless, and of what was not synced each block is kept,
    /// lost, zeroed or overwritten with random bytes. The same seed has the same effect.
    pub fn power_cut(&self, seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut state = self.state();
        state.life += 1;
        for rename in std::mem::take(&mut state.renames) {
            if rng.bool() {
                apply(&mut state.synced_names, rename);
            }
        }
        let folders = std::mem::take(&mut state.folders);
        let kept = folders
            .into_iter()
            .filter(|folder| state.synced_folders.contains(folder) || rng.bool());
        let mut kept: BTreeSet<_> = kept.collect();
        let all = kept.clone();
        kept.retain(|folder| {
            folder.ancestors().all(|above| above.parent().is_none() || all.contains(above))
        });
        state
            .synced_names
            .retain(|path, _| path.parent().is_some_and(|folder| kept.contains(folder)));
        state.names = state.synced_names.clone();
        state.folders = kept.clone();
        state.synced_folders = kept;
        let ids: BTreeSet<_> = state.names.values().copied().collect();
        state.files.retain(|id, _| ids.contains(id));
        for id in ids {
            if let Some(content) = state.files.get_mut(&id) {
                content.power_cut(&mut rng);
            }
        }
    }

    /// Returns a disk with the same files, all of them synced.
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = self.state();
        let mut files = state.files.clone();
        for content in files.values_mut() {
            content.settle();
        }
        let state = State {
            files,
            next_file: state.next_file,
            names: state.names.clone(),
            synced_names: state.names.clone(),
            folders: state.folders.clone(),
            synced_folders: state.folders.clone(),
            life: state.life,
            ..State::default()
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Returns the paths of all files.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// Changes the bytes of a file behind its back; it is synced then.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn edit<R>(&self, path: &Path, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut state = self.state();
        let id = state.names[path];
        let content = state.files.get_mut(&id).expect("a name has a file");
        let result = edit(&mut content.bytes);
        content.settle();
        result
    }

    fn check(&self, path: &Path, operation: Operation) -> Result<(), Fault> {
        match self.state().plan.as_mut().and_then(|plan| plan(path, operation)) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn rename_all(&self, changes: Vec<(PathBuf, Option<u64>)>) {
        let mut state = self.state();
        apply(&mut state.names, changes.clone());
        state.renames.push(changes);
    }

    fn file(&self, path: &Path, id: u64) -> Arc<dyn DiskFile> {
        let (path, life) = (path.to_owned(), self.state().life);
        Arc::new(SimulatedFile { disk: self.clone(), id, path, life, holds_lock: Mutex::default() })
    }
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, changes: Vec<(PathBuf, Option<u64>)>) {
    for (path, id) in changes {
        match id {
            Some(id) => names.insert(path, id),
            None => names.remove(&path),
        };
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full(_) => io::ErrorKind::StorageFull.into(),
            Fault::ReadOnly => io::ErrorKind::ReadOnlyFilesystem.into(),
            Fault::Error | Fault::Short(_) => Self::other("simulated error of the disk"),
        }
    }
}

impl Disk for SimulatedDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if path.ancestors().any(|above| state.names.contains_key(above)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.folders.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.state().folders.remove(path);
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside =
            state.names.keys().chain(&state.folders).filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let id = self.state().names.get(path).copied();
        Ok(self.file(path, id.ok_or(io::ErrorKind::NotFound)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.check(path, Operation::Create)?;
        let mut state = self.state();
        if !path.parent().is_some_and(|folder| state.folders.contains(folder)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.next_file += 1;
        let id = state.next_file;
        state.files.insert(id, Content::default());
        drop(state);
        self.rename_all(vec![(path.to_owned(), Some(id))]);
        Ok(self.file(path, id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(to, Operation::Rename)?;
        let id = self.state().names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        self.rename_all(vec![(from.to_owned(), None), (to.to_owned(), Some(id))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check(path, Operation::Remove)?;
        if !self.state().names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.rename_all(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.check(path, Operation::SyncFolder)?;
        let mut state = self.state();
        let State { renames, synced_names, folders, synced_folders, .. } = &mut *state;
        let is_inside = |changes: &Vec<(PathBuf, Option<u64>)>| {
            changes.iter().any(|(changed, _)| changed.parent() == Some(path))
        };
        for changes in renames.extract_if(.., |changes| is_inside(changes)) {
            apply(synced_names, changes);
        }
        let inside = folders.iter().filter(|folder| folder.parent() == Some(path));
        synced_folders.extend(inside.cloned());
        // The folder itself and those above it were there when it was opened.
        Ok(())
    }

    fn file_size_limit(&self) -> u64 {
        self.state().file_size_limit.unwrap_or(u64::MAX)
    }

    fn boot_id(&self) -> Option<String> {
        Some(self.state().life.to_string())
    }
}

impl SimulatedFile {
    fn content<R>(&self, act: impl FnOnce(&mut Content) -> R) -> io::Result<R> {
        let mut state = self.disk.state();
        let content = if state.life == self.life { state.files.get_mut(&self.id) } else { None };
        content.map(act).ok_or_else(|| io::Error::other("the power was cut"))
    }
}

impl DiskFile for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        self.content(|content| content.bytes.len() as u64)
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.check(&self.path, Operation::Read { at, bytes: buffer.len() })?;
        self.content(|content| {
            let rest = content.bytes.get(at as usize..).unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            len
        })
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if at + bytes.len() as u64 > self.disk.file_size_limit() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let fault = self.disk.check(&self.path, Operation::Write { at, bytes: bytes.len() }).err();
        let written = match fault {
            None => bytes.len(),
            Some(Fault::Error | Fault::ReadOnly) => 0,
            Some(Fault::Short(count) | Fault::Full(count)) => count.min(bytes.len()),
        };
        self.content(|content| content.write(at as usize, &bytes[..written]))?;
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }

    fn sync(&self) -> io::Result<()> {
        if let Err(fault) = self.disk.check(&self.path, Operation::Sync) {
            self.content(|content| content.dropped.append(&mut content.dirty))?;
            return Err(fault.into());
        }
        self.content(Content::sync)
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(self.disk.state().names.get(path) == Some(&self.id))
    }

    fn try_lock(&self) -> io::Result<bool> {
        let locked = self.content(|content| !std::mem::replace(&mut content.is_locked, true))?;
        if locked {
            *self.holds_lock.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        Ok(locked)
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        if *self.holds_lock.get_mut().unwrap_or_else(PoisonError::into_inner) {
            // After a power cut nothing is locked.
            let _ = self.content(|content| content.is_locked = false);
        }
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk").finish_non_exhaustive()
    }
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

#[cfg(test)]
mod tests;
