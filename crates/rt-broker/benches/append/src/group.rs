//! Group commit over a store: one thread writes all that waits, syncs, and answers.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

pub trait Store: Send + 'static {
    /// Appends all of them; they are on the disk then if `sync`.
    fn append(&mut self, payloads: &[String], sync: bool);

    fn sync(&mut self);
}

type Job = (String, oneshot::Sender<()>);

pub struct Group {
    jobs: Option<mpsc::SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl Group {
    /// Syncs before it acknowledges, or each `period`; appends at most `most` at once.
    pub fn new(store: impl Store, period: Option<Duration>, most: usize) -> Self {
        let (jobs, waiting) = mpsc::sync_channel(4096);
        let writer = std::thread::spawn(move || write(store, period, most, &waiting));
        Self { jobs: Some(jobs), writer: Some(writer) }
    }

    pub async fn append(&self, payload: String) {
        let (reply, answer) = oneshot::channel();
        self.jobs.as_ref().expect("open").send((payload, reply)).expect("writing");
        answer.await.expect("stored");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.jobs.take();
        self.writer.take().map(JoinHandle::join);
    }
}

fn write(
    mut store: impl Store,
    period: Option<Duration>,
    most: usize,
    waiting: &mpsc::Receiver<Job>,
) {
    let mut synced = Instant::now();
    while let Ok(first) = waiting.recv() {
        let (payloads, replies): (Vec<_>, Vec<_>) =
            std::iter::once(first).chain(waiting.try_iter().take(most - 1)).unzip();
        store.append(&payloads, period.is_none());
        for reply in replies {
            let _ = reply.send(());
        }
        if period.is_some_and(|period| synced.elapsed() >= period) {
            store.sync();
            synced = Instant::now();
        }
    }
}
