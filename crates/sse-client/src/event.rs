//! An event as the client hands it out.
use std::fmt;

/// An event: its type, data and the last event id in effect.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Event {
    inner: sse_codec::Event,
}

impl Event {
    /// The event type; `message` if the event names none.
    pub fn event(&self) -> &str {
        self.inner.event()
    }

    /// The data: its lines joined by LF.
    pub fn data(&self) -> &str {
        self.inner.data()
    }

    /// The last event id in effect at this event; empty if there is none.
    pub fn id(&self) -> &str {
        self.inner.id()
    }

    /// The data alone, without a copy.
    pub fn into_data(self) -> String {
        self.inner.into_data()
    }

    /// The data read as JSON. The result may borrow from the event.
    ///
    /// # Errors
    /// When the data is not JSON of this shape; [`Error::is_json`](crate::Error::is_json) is true
    /// and the stream is not affected.
    ///
    /// ```
    /// # fn show(event: &sse_client::Event) -> Result<(), sse_client::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Tick<'a> { symbol: &'a str, price: f64 }
    ///
    /// let tick: Tick<'_> = event.json()?;
    /// println!("{} {}", tick.symbol, tick.price);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "json")]
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, crate::Error> {
        serde_json::from_str(self.data()).map_err(crate::Error::json)
    }
}

impl From<sse_codec::Event> for Event {
    fn from(inner: sse_codec::Event) -> Self {
        Self { inner }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
