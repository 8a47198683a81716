//! The engine: commands for the writer, and what is answered from memory.

use super::state::Publish;
use super::store::message_codec::Origin;
#[cfg(feature = "simulation")]
use super::writer::Writer;
use super::writer::{Command, Opening, QueuedPublish, Shared, closed};
use crate::bounds::Bounds;
use crate::boxed_future::BoxFuture;
use crate::claim::{Claim, ClaimRequest};
use crate::durability::Durability;
use crate::engine::control::Control;
use crate::engine::history::History;
use crate::engine::history::Page;
use crate::engine::history::Receipt;
use crate::engine::presence::Presence;
use crate::engine::{Capabilities, Engine, Health};
use crate::error::Error;
use crate::external_id::ExternalId;
use crate::local::control::LocalControl;
use crate::local::presence::LocalPresence;
use crate::log::Log;
use crate::message::Message;
use crate::node::NodeId;
use crate::position::Position;
use crate::start::Start;
use crate::timestamp::Timestamp;
use crate::topic_name::check_topic;
use std::collections::HashSet;
use std::fmt;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Publications that an import writes at once.
const IMPORTED_AT_ONCE: usize = 1_024;
const IMPORTED_BYTES: usize = 4 << 20;
/// The largest message, in bytes: far below what a record of the journal can hold.
const MAX_MESSAGE: usize = 64 << 20;

/// Keeps the history in a folder, through the end of the process and, as
/// [asked](crate::FileEngineBuilder::durability), of the system.
///
/// ```no_run
/// use rt_broker::{Broker, Durability, FileEngine, Message};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rt_broker::Error> {
/// let engine = FileEngine::builder("/var/lib/news").durability(Durability::Always).open()?;
/// let engine = Arc::new(engine);
/// let broker = Broker::builder_shared(engine.clone()).build();
/// broker.publish("news", Message::text("on the disk when this resolves")).await?;
/// engine.backup("/backups/monday").await?;
/// engine.close().await?;
/// # Ok(()) }
/// ```
///
/// Dropping the last handle closes the store, and blocks while it does; subscriptions are handles too.
/// In asynchronous code [`close`](Self::close) the engine, which also returns how that went.
pub struct FileEngine {
    shared: Arc<Shared>,
    presence: LocalPresence,
    control: LocalControl,
    /// The result with which the writer ended.
    ended: watch::Receiver<Option<Result<(), Error>>>,
    writer: Mutex<Option<WriterHandle>>,
}

/// How the writer runs.
enum WriterHandle {
    Thread(JoinHandle<()>),
    /// A simulation, in turns.
    #[cfg(feature = "simulation")]
    Turns(Box<Writer>),
}

/// A publication that was made elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Import {
    /// The topic to which it is imported.
    pub topic: Box<str>,
    /// The message.
    pub message: Message,
    /// When it was published there. It keeps this time if its topic has nothing newer.
    pub time: Timestamp,
    /// Its id there.
    pub id: ExternalId,
}

impl Import {
    /// A publication to import.
    #[must_use]
    pub fn new(
        topic: impl Into<Box<str>>,
        message: Message,
        time: Timestamp,
        id: ExternalId,
    ) -> Self {
        Self { topic: topic.into(), message, time, id }
    }
}

/// The earlier imports into a topic.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// The ids of the imported publications that are held.
    pub ids: HashSet<ExternalId>,
    /// The newest time of an imported publication, where it was published; it is known even where
    /// the publication is no longer held.
    pub newest: Option<Timestamp>,
}

impl FileEngine {
    pub(super) fn start(opening: Opening) -> Result<Self, Error> {
        let presence = LocalPresence::new(opening.time.clone());
        let (shared, writer) = opening.open()?;
        let (ended_sender, ended) = watch::channel(None);
        let writer_shared = shared.clone();
        let run = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| writer.run())).unwrap_or_else(|_| {
                let why = "it panicked, most likely in the function given to `bounds_of`";
                Err(Error::unavailable("its writer failed", why))
            });
            // Nobody waits for it after that, however it ended.
            writer_shared.queue.close();
            writer_shared.queue.clear();
            writer_shared.room.close();
            writer_shared.set_down(Some("its store was closed".to_owned()));
            ended_sender.send_replace(Some(ended));
        };
        let thread = std::thread::Builder::new().name("rt-broker-file".into()).spawn(run);
        let writer =
            thread.map_err(|error| Error::unavailable("its writer cannot be started", error))?;
        let writer = Mutex::new(Some(WriterHandle::Thread(writer)));
        Ok(Self { shared, presence, control: LocalControl::default(), ended, writer })
    }

    /// An engine that works in turns.
    #[cfg(feature = "simulation")]
    pub(super) fn without_thread(opening: Opening) -> Result<Self, Error> {
        let presence = LocalPresence::new(opening.time.clone());
        let (shared, writer) = opening.open()?;
        let writer = Mutex::new(Some(WriterHandle::Turns(Box::new(writer))));
        let (_, ended) = watch::channel(None);
        Ok(Self { shared, presence, control: LocalControl::default(), ended, writer })
    }

    fn lock_writer(&self) -> MutexGuard<'_, Option<WriterHandle>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Syncs everything that was published so far.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn flush(&self) -> Result<(), Error> {
        self.shared.request(|reply| Command::Flush { reply }).await
    }

    /// Closes the store: what was handed in before is written, everything is on the disk, and the
    /// folder is free for another engine. What is published later is an error. May be called
    /// again, with the same result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.queue.close();
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await.map_err(|_| closed())?;
        match &*ended {
            Some(Err(error)) => Err(error.repeat()),
            _ => Ok(()),
        }
    }

    /// Returns the bytes of all history that is held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shared.topics().held().bytes
    }

    /// Writes a copy of the store into a folder, which is made and must be empty or missing. It
    /// holds everything that was published before the call, and opens like any store.
    ///
    /// A copy may be older than what its clients have seen. So what is opened from it begins a new
    /// epoch in each topic, and clients that come back with a position are given a gap.
    ///
    /// # Errors
    /// When the folder is not empty or cannot be written, when the store cannot be read, and when
    /// it is closed before the copy is complete. What was begun is deleted then.
    pub async fn backup(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let folder = folder.as_ref().to_owned();
        self.shared.request(|reply| Command::Backup { folder, reply }).await
    }

    /// Stores publications that were made elsewhere, in this order. They keep their ids and, where
    /// their topics have nothing newer, their times.
    ///
    /// Import before the first poll: what is stamped later than a publication in its topic, or a
    /// [watermark](History::watermark) that was given out, moves the publication's time up to its
    /// own. An import that failed may have stored a part of the publications.
    ///
    /// # Errors
    /// When a message is not valid, and when the store cannot be written.
    pub async fn import(&self, publications: Vec<Import>) -> Result<(), Error> {
        for import in &publications {
            check_topic(&import.topic)?;
            import.message.validate()?;
        }
        let mut publications = publications.into_iter().peekable();
        while publications.peek().is_some() {
            let (mut at_once, mut bytes) = (Vec::new(), 0);
            while at_once.len() < IMPORTED_AT_ONCE
                && bytes < IMPORTED_BYTES
                && let Some(Import { topic, message, time, id }) = publications.next()
            {
                bytes += message.size() + topic.len();
                at_once.push(Publish { topic, message, origin: Some(Origin { id, time }) });
            }
            let room = self.shared.take_room(bytes).await?;
            let command = |reply| Command::Import { publications: at_once, room, reply };
            self.shared.request_with_room(command).await?;
        }
        Ok(())
    }

    /// Returns what a topic has of earlier imports.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn imported(&self, topic: &str) -> Result<Imported, Error> {
        let page = self.read(topic, Start::Earliest, usize::MAX).await?;
        let ids = page.entries.iter().filter_map(|entry| entry.publication().external_id());
        let ids = ids.cloned().collect();
        let newest = self.shared.topics().get(topic).and_then(|topic| topic.head.imported);
        Ok(Imported { ids, newest })
    }
}

/// The turns of a simulation, in place of a thread.
#[cfg(feature = "simulation")]
#[doc(hidden)]
impl FileEngine {
    /// Executes the queued commands.
    pub fn turn(&self) {
        if let Some(WriterHandle::Turns(writer)) = &mut *self.lock_writer() {
            writer.turn_now();
        }
    }

    /// Closes the store.
    pub fn close_now(self) -> Result<(), Error> {
        match self.lock_writer().take() {
            Some(WriterHandle::Turns(writer)) => writer.close(),
            _ => Err(closed()),
        }
    }

    /// Ends without closing the store, as a killed process does.
    pub fn kill(self) {
        drop(self);
    }
}

impl History for FileEngine {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
        from: NodeId,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            let size = message.size();
            if size > MAX_MESSAGE {
                return Err(Error::message("it is larger than 64 MiB"));
            }
            let room = self.shared.take_room(size + topic.len()).await?;
            let publish = Publish { topic: topic.into(), message, origin: None };
            let command = |reply| Command::Publish(QueuedPublish { publish, from, room, reply });
            self.shared.request_with_room(command).await
        })
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        let topic = topic.into();
        Box::pin(self.shared.request(move |reply| Command::Read { topic, start, limit, reply }))
    }

    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        let topic = topic.into();
        Box::pin(self.shared.request(move |reply| Command::Tail { topic, log, reply }))
    }

    fn claim<'a>(
        &'a self,
        topic: &'a str,
        request: ClaimRequest,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        let topic = topic.into();
        Box::pin(self.shared.request(move |reply| Command::Claim { topic, request, reply }))
    }

    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let topic = topic.into();
        Box::pin(self.shared.request(move |reply| Command::Confirm { topic, position, reply }))
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let topic = topic.into();
        Box::pin(self.shared.request(move |reply| Command::Remove { topic, reply }))
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn watermark(&self, topic: &str) -> Timestamp {
        let now = self.shared.clock.markable(&self.shared.queue);
        self.shared.topics().watermark(topic, now)
    }

    fn bounds(&self, topic: &str) -> Bounds {
        self.shared.topics().bounds_of(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.shared.topics().iter().map(|(name, _)| name.clone()).collect()
    }

    fn knows(&self, topic: &str) -> bool {
        self.shared.topics().get(topic).is_some()
    }
}

impl Engine for FileEngine {
    fn history(&self) -> &dyn History {
        self
    }

    fn presence(&self) -> &dyn Presence {
        &self.presence
    }

    fn control(&self) -> &dyn Control {
        &self.control
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: true, ..Capabilities::local() }
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        Box::pin(ready(self.shared.health()))
    }

    fn sweep(&self) {
        self.presence.sweep();
        if !self.shared.sweeping.swap(true, Ordering::Relaxed) {
            // A closed store needs no housekeeping.
            let _ = self.shared.queue.push(Command::Sweep);
        }
    }
}

impl Drop for FileEngine {
    fn drop(&mut self) {
        self.shared.queue.close();
        let writer = self.lock_writer().take();
        match writer {
            // `close` returns how it went.
            Some(WriterHandle::Thread(writer)) => drop(writer.join()),
            #[cfg(feature = "simulation")]
            Some(WriterHandle::Turns(writer)) => drop(writer),
            None => {}
        }
    }
}

impl fmt::Debug for FileEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let durability: &Durability = &self.shared.durability;
        f.debug_struct("FileEngine").field("durability", durability).finish_non_exhaustive()
    }
}
