//! The requests of the server API, one type per method.
/// Requests that change nothing, so that they may be repeated.
macro_rules! safe {
    ($($request:ident),*) => {$(
        impl Details for $request {
            fn repeat(&self) -> Repeat {
                Repeat::Always
            }
        }
    )*};
}

/// Requests for which the channel's name alone is enough.
macro_rules! of_channel {
    ($($request:ident),*) => {$(
        impl From<&str> for $request {
            fn from(channel: &str) -> Self {
                Self::new(channel)
            }
        }

        impl From<String> for $request {
            fn from(channel: String) -> Self {
                Self::new(channel)
            }
        }

        impl From<&String> for $request {
            fn from(channel: &String) -> Self {
                Self::new(channel)
            }
        }
    )*};
}

macro_rules! requests {
    ($($request:ident: $method:literal => $result:ident),* $(,)?) => {$(
        impl Request for $request {
            const METHOD: &'static str = $method;
            type Result = $result;
        }
    )*};
}

/// The options of each request that publishes; a macro, because a trait would have to be imported to be
/// seen.
macro_rules! publication_options {
    ($request:ident) => {
        impl $request {
            /// Adds a tag, in place of one of that name: text that goes with the publication.
            pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.publication.tags.insert(name.into(), value.into());
                self
            }

            /// Has the server drop a publication whose idempotency key it saw in the last five minutes,
            /// and answer with the first one's result (from Centrifugo 5.2, with its memory or Redis
            /// engine). It makes a retry harmless, so the client retries. An empty key is none.
            pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
                self.publication.idempotency_key = Some(key.into()).filter(|key| !key.is_empty());
                self
            }

            /// Sends subscribers that asked for it only the difference to the publication before
            /// (from Centrifugo 5.4).
            pub fn delta(mut self) -> Self {
                self.publication.delta = true;
                self
            }

            /// Has the server drop a publication whose version is not above the last one's in the
            /// channel, or of the key in a map (from Centrifugo 6.2). Zero is none.
            pub fn version(mut self, version: u64) -> Self {
                self.publication.version = version;
                self
            }

            /// A version counts only within its epoch (from Centrifugo 6.2).
            pub fn version_epoch(mut self, epoch: impl Into<String>) -> Self {
                self.publication.version_epoch = Some(epoch.into());
                self
            }
        }
    };
}

mod connection;
mod map;
mod map_read;
mod publication;
mod publish;
mod state;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

pub use connection::{Disconnect, Override, Refresh, Subscribe, Unsubscribe};
pub use map::{KeyMode, MapClear, MapPublish, MapRemove, SharedPollPublish};
pub use map_read::{MapReadState, MapReadStream, MapStats};
pub use publish::{Broadcast, Publish};
pub use state::{Channels, History, HistoryRemove, Info, Presence, PresenceStats, Rpc};

/// A request of the server API; as `Serialize` it is what goes over the wire.
///
/// Only the types of this crate are requests. For a method that has none here,
/// [`Client::call`](crate::Client::call) and [`Batch::call`](crate::Batch::call) take any.
pub trait Request: Serialize + sealed::Details {
    /// The method's name on the wire.
    const METHOD: &'static str;
    /// What the server answers.
    type Result: DeserializeOwned;
}

/// When a request may be made again without being done twice; the least of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repeat {
    /// Only if it was surely not done.
    Never,
    /// As long as the server remembers its idempotency key.
    ByKey,
    /// It changes nothing.
    Always,
}

impl Repeat {
    /// Of a request with this idempotency key.
    fn by_key(key: Option<&String>) -> Self {
        if key.is_some() { Self::ByKey } else { Self::Never }
    }
}

pub(crate) mod sealed {
    use super::{Arc, Error, Repeat};

    /// What the client needs to know of a request beside its JSON.
    pub trait Details {
        /// The first payload that could not be written.
        fn mistake(&self) -> Option<&Arc<Error>> {
            None
        }

        /// Whether doing it twice is the same as doing it once.
        fn repeat(&self) -> Repeat {
            Repeat::Never
        }

        /// How many responses the result must have, if it is a list of them.
        fn responses(&self) -> Option<usize> {
            None
        }

        /// Takes the key that makes repeating safe, if there is none and the method has one.
        fn offer_key(&mut self, _key: impl FnOnce() -> String)
        where
            Self: Sized,
        {
        }
    }
}

/// Zero values need not be sent.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
