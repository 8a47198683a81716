//! An event as the client hands it out.
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Error, Position};

/// An event. Its data is the JSON text that came until it is asked for as a type, so that data of
/// an unexpected shape costs nothing but itself.
///
/// ```
/// # fn show(event: lp_client::Event) -> Result<(), lp_client::Error> {
/// #[derive(serde::Deserialize)]
/// struct Tick<'a> { symbol: &'a str, price: f64 }
///
/// let tick: Tick<'_> = event.json()?;
/// println!("{} at {}: {} {}", event.id, event.timestamp, tick.symbol, tick.price);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event<T = Box<RawValue>> {
    /// When it was published, in milliseconds since the epoch by the server's clock; never
    /// negative.
    pub timestamp: i64,
    /// The category it was published to.
    pub category: String,
    /// Its id.
    pub id: Uuid,
    /// Its data; JSON text unless [`typed`](Event::typed).
    pub data: T,
    /// Its type, where the server has one (a message that was sent as text, say).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

impl Event {
    /// The data read as a type. The result may borrow from the event.
    ///
    /// # Errors
    /// When the data is not JSON of this shape, with [`Error::is_json`]; nothing else is affected.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_str(self.data.get()).map_err(Error::json)
    }

    /// The event with its data as a type.
    ///
    /// # Errors
    /// As [`Event::json`].
    pub fn typed<T: DeserializeOwned>(self) -> Result<Event<T>, Error> {
        let data = self.json()?;
        let Self { timestamp, category, id, event, .. } = self;
        Ok(Event { timestamp, category, id, data, event })
    }
}

impl<T> Event<T> {
    /// The position right after this event, to go on from.
    pub fn position(&self) -> Position {
        Position::after(self.timestamp, self.id)
    }
}

/// Events are missing here: the server no longer has what came after the position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// The category where they are missing; `None` if the server does not say.
    #[serde(default)]
    pub category: Option<String>,
    /// Why, in the server's word: `epoch` (its history was lost), `evicted` (there were too many
    /// events), `unknown` (it does not know the position), `slow`.
    pub reason: String,
    /// Where the hole begins, as the server writes it.
    #[serde(default)]
    pub from: Option<String>,
    /// Where it goes on, as the server writes it.
    #[serde(default)]
    pub resume: Option<String>,
}
