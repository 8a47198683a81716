//! Where publications are kept.

use crate::options::{Kept, Options, SyncMode};
use sse_hub::rt_broker::{
    Broker, BrokerBuilder, Durability, Engine, Error, FileEngine, Health, MemoryEngine,
};
use std::sync::Arc;
use std::time::Duration;

/// `--sync group`: on the disk after so many bytes, or so long.
const GROUP: Durability = Durability::Group { bytes: 64 << 10, period: Duration::from_millis(100) };

#[derive(Clone)]
pub enum Store {
    Memory(Arc<MemoryEngine>),
    File(Arc<FileEngine>),
}

impl Store {
    pub fn open(options: &Options) -> Result<Self, Error> {
        Ok(match &options.broker {
            Kept::Memory => {
                let engine = MemoryEngine::builder()
                    .bounds(options.bounds())
                    .max_topics(options.zones_max)
                    .max_bytes(options.history_total_bytes);
                Self::Memory(Arc::new(engine.build()))
            }
            Kept::File(path) => {
                let engine = FileEngine::builder(path)
                    .durability(match options.sync {
                        SyncMode::Always => Durability::Always,
                        SyncMode::Group => GROUP,
                        SyncMode::None => Durability::None,
                    })
                    .bounds(options.bounds())
                    .max_topics(options.zones_max)
                    .max_bytes(options.history_total_bytes);
                Self::File(Arc::new(engine.open()?))
            }
        })
    }

    pub fn broker(&self) -> BrokerBuilder {
        Broker::builder_shared(match self {
            Self::Memory(engine) => engine.clone(),
            Self::File(engine) => engine.clone(),
        })
    }

    pub async fn health(&self) -> Health {
        match self {
            Self::Memory(engine) => engine.health().await,
            Self::File(engine) => engine.health().await,
        }
    }

    /// Bytes of all history.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Memory(engine) => engine.bytes(),
            Self::File(engine) => engine.bytes(),
        }
    }

    /// Writes what is not on the disk yet.
    pub async fn close(&self) -> Result<(), Error> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(engine) => engine.close().await,
        }
    }
}
