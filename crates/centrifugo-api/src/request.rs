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

mod connection;
mod map;
mod publish;
mod state;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

pub use connection::{Disconnect, Override, Refresh, Subscribe, Unsubscribe};
pub use map::{
    KeyMode, MapClear, MapPublish, MapReadState, MapReadStream, MapRemove, MapStats,
    SharedPollPublish,
};
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
