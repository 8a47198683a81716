//! The replies to a batch.
use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use rt_common::Redactor;
use serde::de::{DeserializeOwned, Error as _};

use crate::batch::Shape;
use crate::request::Request;
use crate::wire::{self, Outcome};
use crate::{Error, Ticket};

/// The replies to a [`Batch`](crate::Batch), one a command and in their order.
///
/// A result is read as its type when it is taken.
#[must_use = "some of the commands may have failed"]
pub struct Replies {
    batch: u64,
    items: Vec<Item>,
    secrets: Redactor,
}

struct Item {
    method: Cow<'static, str>,
    shape: Shape,
    /// Until it is taken.
    outcome: Option<Result<Bytes, Error>>,
}

impl Replies {
    pub(crate) fn new(
        batch: u64,
        methods: Vec<(Cow<'static, str>, Shape)>,
        outcomes: Vec<Outcome>,
        secrets: Redactor,
    ) -> Self {
        let items = methods.into_iter().zip(outcomes).map(|((method, shape), outcome)| {
            let outcome =
                Some(outcome.map_err(|error| error.into_error(&method).redacted(&secrets)));
            Item { method, shape, outcome }
        });
        Self { batch, items: items.collect(), secrets }
    }

    /// The result of the command with this ticket.
    ///
    /// # Errors
    /// The command's own error; a result of a wrong type ([`Error::is_data`]); a ticket of another
    /// batch ([`Error::is_builder`]).
    pub fn take<R: DeserializeOwned>(&mut self, ticket: Ticket<R>) -> Result<R, Error> {
        let item = self.items.get_mut(ticket.index).filter(|_| ticket.batch == self.batch);
        match item.and_then(|item| item.outcome.take()) {
            Some(outcome) => read(outcome, ticket.shape, &self.secrets),
            None => Err(Error::builder("the ticket is of another batch")),
        }
    }

    /// All results of a batch that is of one kind; each is as [`Replies::take`] gives it.
    pub fn into_results<R: Request>(self) -> impl Iterator<Item = Result<R::Result, Error>> {
        let secrets = self.secrets;
        self.items.into_iter().map(move |item| match item.outcome {
            None => Err(Error::builder("the result was taken already")),
            Some(outcome) if item.method == R::METHOD || outcome.is_err() => {
                read(outcome, item.shape, &secrets)
            }
            Some(_) => Err(Error::builder(format!(
                "a command of the batch is {}, not {}",
                item.method,
                R::METHOD
            ))),
        })
    }

    /// The commands that failed: which of the batch, and why. Those whose result was taken are not
    /// among them.
    pub fn failed(&self) -> impl Iterator<Item = (usize, &Error)> {
        self.items.iter().enumerate().filter_map(|(index, item)| match &item.outcome {
            Some(Err(error)) => Some((index, error)),
            _ => None,
        })
    }

    pub(crate) fn into_outcomes(self) -> impl Iterator<Item = Result<Bytes, Error>> {
        self.items.into_iter().filter_map(|item| item.outcome)
    }

    /// How many there are: as many as commands.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the batch was empty.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// The result in an outcome.
pub(crate) fn read<R: DeserializeOwned>(
    outcome: Result<Bytes, Error>,
    shape: Shape,
    secrets: &Redactor,
) -> Result<R, Error> {
    let mut raw = outcome?;
    if let Shape::Responses(expected) = shape {
        let got = wire::responses(&raw);
        if got != expected {
            let what = format!("{got} responses to {expected} channels");
            return Err(Error::data(serde_json::Error::custom(what)));
        }
        // Errors of its channels are read with it, and quote the server.
        if memchr::memmem::find(&raw, b"\"error\"").is_some()
            && let Ok(text) = std::str::from_utf8(&raw)
            && let Cow::Owned(redacted) = secrets.text(text)
        {
            raw = redacted.into();
        }
    }
    match shape {
        Shape::Any => serde_json::from_slice(&raw),
        _ => serde_json::from_slice(&raw).map(|wire::Object(result)| result),
    }
    .map_err(|error| Error::data(error).redacted(secrets))
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies")
            .field("len", &self.len())
            .field("failed", &self.failed().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
