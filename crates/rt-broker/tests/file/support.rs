//! A store's folder over several lives.

use rt_broker::{Bounds, Broker, FileEngine, FileEngineBuilder, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io};

/// A store that is opened again and again, closed or as a killed process leaves it.
pub struct Store {
    folder: tempfile::TempDir,
    lives: u32,
    pub clock: Arc<AtomicU64>,
}

impl Store {
    pub fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(1_795_230_332_805));
        Self { folder: tempfile::tempdir().unwrap(), lives: 0, clock }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.lives.to_string())
    }

    pub fn builder(&self, bounds: Bounds) -> FileEngineBuilder {
        let clock = self.clock.clone();
        let builder = FileEngine::builder(self.path()).bounds(bounds);
        builder.clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)))
    }

    pub fn open(&self, bounds: Bounds) -> Broker {
        Broker::builder(self.builder(bounds).open().unwrap()).build()
    }

    /// Ends a life: what the next one opens is the store as it is now, not closed.
    pub fn killed(&mut self, broker: Broker) {
        let old = self.path();
        self.lives += 1;
        copy(&old, &self.path());
        drop(broker);
    }

    pub fn ended(&mut self, broker: Broker, closed: bool) {
        if closed { drop(broker) } else { self.killed(broker) }
    }

    pub fn advance(&self, by: Duration) {
        self.clock.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

/// Copies a folder as it was at one moment, although it is written meanwhile.
pub fn copy(from: &Path, to: &Path) {
    loop {
        let copied = files(from).and_then(|copied| {
            for (path, bytes) in &copied {
                let path = to.join(path.strip_prefix(from).expect("it is in the folder"));
                fs::create_dir_all(path.parent().expect("it is in a folder"))?;
                fs::write(path, bytes)?;
            }
            Ok(files(from)? == copied)
        });
        match copied {
            Ok(true) => return,
            // Old segments are removed in the background.
            Ok(false) => fs::remove_dir_all(to).unwrap(),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        }
    }
}

/// All files of a folder, with their bytes.
pub fn files(folder: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path)?;
                files.insert(path, bytes);
            }
        }
    }
    Ok(files)
}
