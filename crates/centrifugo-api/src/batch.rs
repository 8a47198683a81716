//! Several commands in one request.
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rt_common::Redactor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exchange::Reply;
use crate::idempotency::Keys;
use crate::request::{Repeat, Request};
use crate::wire::{self, Outcome};
use crate::{Error, Form, Replies};

const START: &[u8] = b"{\"commands\":[";

/// Several commands for one request; see [`Client::batch`](crate::Client::batch).
///
/// Each command that is added gives a [`Ticket`], with which its result is taken from the
/// [`Replies`], typed. A command that fails does not keep the others from being done.
///
/// ```no_run
/// # async fn run(client: centrifugo_api::Client) -> Result<(), centrifugo_api::Error> {
/// use centrifugo_api::{Batch, Presence, Publish};
///
/// let mut batch = Batch::new();
/// let hello = batch.add(Publish::new("news", "hello"));
/// let who = batch.add(Presence::new("news"));
/// let mut replies = client.batch(batch).await?;
/// println!("published as {:?}", replies.take(hello)?.offset);
/// match replies.take(who) {
///     Ok(present) => println!("{} are there", present.presence.len()),
///     Err(error) => println!("who is there is not known: {error}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// A batch is sent once. To send it again after a failure, keep a clone: it has the same bytes, the
/// idempotency keys among them.
///
/// A batch of one kind is collected from its requests, and its replies are read in their order:
///
/// ```no_run
/// # async fn run(client: centrifugo_api::Client) -> Result<(), centrifugo_api::Error> {
/// use centrifugo_api::{Batch, Publish};
///
/// let batch: Batch = (0..100).map(|n| Publish::new("numbers", &n)).collect();
/// for (n, published) in client.batch(batch).await?.into_results::<Publish>().enumerate() {
///     if let Err(error) = published {
///         println!("{n} was not published: {error}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Batch {
    /// Which batch a ticket is of.
    id: u64,
    /// The request as the path form has it, but for its end.
    body: Vec<u8>,
    commands: Vec<Command>,
    is_parallel: bool,
    repeat: Repeat,
    keys: Option<Arc<Keys>>,
    mistake: Option<Arc<Error>>,
}

#[derive(Clone)]
struct Command {
    shape: Shape,
    method: Cow<'static, str>,
    /// Where its parameters are in the body.
    params: Range<usize>,
}

/// The place of one command's result in the [`Replies`].
pub struct Ticket<R> {
    pub(crate) batch: u64,
    pub(crate) index: usize,
    pub(crate) shape: Shape,
    result: PhantomData<fn() -> R>,
}

/// What a command's result must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Any,
    Object,
    /// An object with so many responses.
    Responses(usize),
}

impl Shape {
    pub(crate) fn of<R: Request>(request: &R) -> Self {
        request.responses().map_or(Self::Object, Self::Responses)
    }
}

impl Batch {
    /// An empty batch, whose commands are done in their order.
    pub fn new() -> Self {
        static BATCHES: AtomicU64 = AtomicU64::new(0);
        Self {
            id: BATCHES.fetch_add(1, Ordering::Relaxed),
            body: START.to_vec(),
            commands: Vec::new(),
            is_parallel: false,
            repeat: Repeat::Always,
            keys: None,
            mistake: None,
        }
    }

    /// Lets the server do the commands at the same time, in any order. (The
    /// [line form](Form::Lines) has no word for that: there they are done in their order.)
    pub fn parallel(mut self) -> Self {
        self.is_parallel = true;
        self
    }

    /// Gives each publication and broadcast that is added from now on an idempotency key, unless it
    /// brings one. A batch of nothing but these and of questions is tried again when it fails.
    pub fn with_idempotency_keys(mut self) -> Self {
        self.keys.get_or_insert_with(|| Arc::new(Keys::new()));
        self
    }

    /// Adds a command. One that cannot be written as JSON is told when the batch is sent; then
    /// nothing of it is sent.
    pub fn add<R: Request>(&mut self, mut request: R) -> Ticket<R::Result> {
        if let Some(keys) = &self.keys {
            request.offer_key(|| keys.next());
        }
        if let Some(mistake) = request.mistake() {
            self.note(Arc::clone(mistake));
        }
        self.repeat = self.repeat.min(request.repeat());
        self.push(R::METHOD.into(), Shape::of(&request), &request)
    }

    /// Adds a command by its method's name; see [`Client::call`](crate::Client::call).
    pub fn call<R: DeserializeOwned>(
        &mut self,
        method: impl Into<String>,
        params: &(impl Serialize + ?Sized),
    ) -> Ticket<R> {
        let method = method.into();
        if let Err(mistake) = wire::check_method(&method) {
            self.note(Arc::new(mistake));
        }
        self.repeat = Repeat::Never;
        self.push(method.into(), Shape::Any, params)
    }

    /// Adds a command that is without a mistake, or nothing.
    pub(crate) fn try_add<R: Request>(&mut self, request: &R) -> Result<(), Error> {
        let before = self.body.len();
        let _: Ticket<R::Result> = self.push(R::METHOD.into(), Shape::of(request), request);
        match self.mistake.take() {
            None => {
                self.repeat = self.repeat.min(request.repeat());
                Ok(())
            }
            Some(mistake) => {
                self.body.truncate(before);
                self.commands.pop();
                Err(Error::shared(&mistake))
            }
        }
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there is no command.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The size of the request so far, in bytes.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    fn push<R>(
        &mut self,
        method: Cow<'static, str>,
        shape: Shape,
        params: &(impl Serialize + ?Sized),
    ) -> Ticket<R> {
        if !self.commands.is_empty() {
            self.body.push(b',');
        }
        self.body.extend_from_slice(b"{\"");
        self.body.extend_from_slice(method.as_bytes());
        self.body.extend_from_slice(b"\":");
        let start = self.body.len();
        if let Err(mistake) = wire::write(&mut self.body, params, "command") {
            self.note(Arc::new(mistake));
        }
        let index = self.commands.len();
        self.commands.push(Command { shape, method, params: start..self.body.len() });
        self.body.push(b'}');
        Ticket { batch: self.id, index, shape, result: PhantomData }
    }

    fn note(&mut self, mistake: Arc<Error>) {
        self.mistake.get_or_insert(mistake);
    }

    /// What is sent, in this form.
    pub(crate) fn finish(mut self, form: Form) -> Result<Commands, Error> {
        if let Some(mistake) = &self.mistake {
            return Err(Error::shared(mistake));
        }
        let body = match form {
            Form::Paths => {
                let end: &[u8] = if self.is_parallel { b"],\"parallel\":true}" } else { b"]}" };
                self.body.extend_from_slice(end);
                self.body
            }
            Form::Lines => {
                let mut lines = Vec::with_capacity(self.body.len() + 32 * self.commands.len());
                for (index, Command { method, params, .. }) in self.commands.iter().enumerate() {
                    let params = &self.body[params.clone()];
                    wire::line(&mut lines, Some(index + 1), method, params);
                }
                lines
            }
        };
        let commands = self.commands.into_iter();
        let methods = commands.map(|command| (command.method, command.shape)).collect();
        Ok(Commands { batch: self.id, body: body.into(), methods, form, repeat: self.repeat })
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Request> Extend<R> for Batch {
    fn extend<I: IntoIterator<Item = R>>(&mut self, requests: I) {
        for request in requests {
            self.add(request);
        }
    }
}

impl<R: Request> FromIterator<R> for Batch {
    fn from_iter<I: IntoIterator<Item = R>>(requests: I) -> Self {
        let mut batch = Self::new();
        batch.extend(requests);
        batch
    }
}

/// A batch that is being sent.
pub(crate) struct Commands {
    batch: u64,
    body: Bytes,
    methods: Vec<(Cow<'static, str>, Shape)>,
    form: Form,
    repeat: Repeat,
}

impl Commands {
    pub(crate) fn is_empty(&self) -> bool {
        self.methods.is_empty()
    }

    pub(crate) fn repeat(&self) -> Repeat {
        self.repeat
    }

    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    pub(crate) fn into_replies(self, outcomes: Vec<Outcome>, secrets: &Redactor) -> Replies {
        Replies::new(self.batch, self.methods, outcomes, secrets.clone())
    }

    /// The outcomes in an answer, one a command.
    pub(crate) fn read(&self, reply: &Reply) -> Result<Vec<Outcome>, Error> {
        let outcomes = match self.form {
            Form::Lines => wire::lines(&reply.body)
                .map_err(|error| reply.malformed("it is not a reply a line", Some(error)))?,
            Form::Paths => self.read_array(reply)?,
        };
        let (got, sent) = (outcomes.len(), self.methods.len());
        match got == sent {
            true => Ok(outcomes),
            false => Err(reply.malformed(&format!("{got} replies to {sent} commands"), None)),
        }
    }

    fn read_array(&self, reply: &Reply) -> Result<Vec<Outcome>, Error> {
        let body = &reply.body;
        let wire::Replies { error, replies } = serde_json::from_slice(body)
            .map_err(|error| reply.malformed("it is not an answer to a batch", Some(error)))?;
        if let Some(error) = error {
            return Err(error.into_error("batch"));
        }
        let mut outcomes = Vec::with_capacity(self.methods.len());
        for (at, item) in replies.unwrap_or_default().into_iter().enumerate() {
            if let (Some(got), Some((sent, _))) = (&item.method, self.methods.get(at))
                && got != sent
            {
                let what = format!("the reply to a {sent} command is one to {got:?}");
                return Err(reply.malformed(&what, None));
            }
            outcomes.push(item.into_outcome(body));
        }
        Ok(outcomes)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.commands.iter().map(|command| &command.method).collect();
        f.debug_struct("Batch").field("methods", &methods).finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Ticket<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("index", &self.index).finish_non_exhaustive()
    }
}
