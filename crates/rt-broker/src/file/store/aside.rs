//! Keeping copies of what recovery cannot use, and removing files that the journal does not need.

use super::disk::{Disk, DiskFile};
use super::error::StoreError;
use super::folder::create_folder;
use super::recover::Inventory;
use super::scan::Window;
use super::segment::{copy, segment_name};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Regions of one segment that are copied one by one; where there are more, all of it is copied.
const MAX_COPIES: usize = 16;

/// A segment that is not part of the journal any more. Its file is removed by
/// [`run`](Self::run), which can take long and may be called on any thread.
#[must_use]
#[derive(Debug)]
pub(crate) struct Removal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Where to keep the file.
    aside: Option<PathBuf>,
}

impl Removal {
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, aside: Option<PathBuf>) -> Self {
        Self { disk, path, aside }
    }

    /// Removes the file, or moves it aside where damage in it could not be copied.
    ///
    /// # Errors
    /// When it cannot be removed: the next opening tries again.
    pub(crate) fn run(self) -> Result<(), StoreError> {
        let removed = match &self.aside {
            Some(aside) => move_aside(&*self.disk, &self.path, aside).map(drop),
            None => self.disk.remove(&self.path),
        };
        removed.map_err(|error| StoreError::io(&self.path, "cannot be removed", error))
    }
}

/// Copies what the recovery did not use to a folder, unless it was copied before, and removes the
/// files that do not belong to the journal.
///
/// A failure, such as a full disk, does not keep the store closed: what was not copied is still where
/// it was found.
pub(super) fn set_aside(disk: &dyn Disk, journal: &Path, aside: &Path, inventory: &mut Inventory) {
    let mut regions = BTreeMap::<u32, Vec<(u64, u64)>>::new();
    let torn = inventory.recovered.torn.iter().map(|torn| (torn.location, torn.bytes));
    let damage = inventory.recovered.damage.iter().map(|damage| (damage.location, damage.bytes));
    for (location, bytes) in torn.chain(damage).filter(|(_, bytes)| *bytes > 0) {
        regions.entry(location.segment).or_default().push((location.at.into(), bytes));
    }
    // Damage that is only counted is not copied: then all segments are kept.
    let is_complete = inventory.recovered.damages == inventory.recovered.damage.len() as u64;
    for segment in inventory.segments.values_mut() {
        segment.move_aside = !is_complete;
    }
    for (number, mut regions) in regions {
        let Some(segment) = inventory.segments.get_mut(&number) else { continue };
        if regions.len() > MAX_COPIES {
            regions = segment.file.len().map_or_else(|_| Vec::new(), |len| vec![(0, len)]);
        }
        for (at, bytes) in regions {
            let path = aside.join(format!("{number:010}-{at}-{bytes}.bin"));
            match copy_aside(disk, &*segment.file, at, bytes, &path) {
                Ok(true) => inventory.recovered.kept.push(path),
                // It was copied when it was found first.
                Ok(false) => {}
                Err(error) => {
                    segment.move_aside = true;
                    let error = StoreError::io(&path, "cannot be written", error);
                    inventory.recovered.uncopied.push(error);
                }
            }
        }
    }
    for number in &inventory.void {
        let path = journal.join(segment_name(*number));
        let was_removed = inventory.segments.keys().next().is_some_and(|oldest| number < oldest);
        let removed = match was_removed {
            true => disk.remove(&path).map(|()| None),
            false => move_aside(disk, &path, aside),
        };
        match removed {
            Ok(kept) => inventory.recovered.kept.extend(kept),
            Err(error) => {
                let error = StoreError::io(&path, "cannot be moved aside", error);
                inventory.recovered.uncopied.push(error);
            }
        }
    }
}

/// Copies a part of a file, unless that was done before. Returns whether it was done now.
fn copy_aside(
    disk: &dyn Disk,
    file: &dyn DiskFile,
    at: u64,
    bytes: u64,
    path: &Path,
) -> io::Result<bool> {
    let Some(folder) = path.parent() else { return Ok(false) };
    let name = path.file_name().unwrap_or_default();
    if disk.list(folder).is_ok_and(|names| names.iter().any(|other| **other == *name)) {
        return Ok(false);
    }
    create_folder(disk, folder)?;
    let new = path.with_extension("new");
    copy(file, at, at + bytes, &*disk.create(&new)?, 0)?;
    disk.rename(&new, path)?;
    disk.sync_folder(folder)?;
    Ok(true)
}

/// Moves a file out of the journal, and returns where it is then; one without a byte that is not zero
/// is removed.
pub(super) fn move_aside(
    disk: &dyn Disk,
    path: &Path,
    aside: &Path,
) -> io::Result<Option<PathBuf>> {
    let file = disk.open(path)?;
    let len = file.len()?;
    if Window::new(&*file, len).find_nonzero(0).is_none() {
        return disk.remove(path).map(|()| None);
    }
    create_folder(disk, aside)?;
    let to = aside.join(path.file_name().unwrap_or_default());
    disk.rename(path, &to)?;
    disk.sync_folder(aside)?;
    Ok(Some(to))
}
