//! A transport in memory, for tests with paused time: it answers as told, and notes each request
//! with the time at which it came.
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use sse_client::{EventStream, EventStreamBuilder, HttpClient};
use tokio::sync::mpsc;
use tokio::time::Instant;

type Answer = Result<Response<Pipe>, std::io::Error>;
type Future = Pin<Box<dyn std::future::Future<Output = Answer> + Send>>;

type Seen = (Instant, Request<Bytes>);

/// The requests that came so far, and the answers that are left.
#[derive(Clone, Default)]
pub struct Script {
    answers: Arc<Mutex<VecDeque<Future>>>,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    pub fn client(&self) -> HttpClient {
        HttpClient::from_service::<Bytes, _, _>(self.clone())
    }

    /// Answers with an event stream; the sender is its body, and ends it when dropped.
    pub fn stream(&self) -> mpsc::UnboundedSender<Result<Bytes, std::io::Error>> {
        self.stream_with("x-stream", "1")
    }

    /// As `stream`, with another header.
    pub fn stream_with(
        &self,
        name: &'static str,
        value: &'static str,
    ) -> mpsc::UnboundedSender<Result<Bytes, std::io::Error>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let head = Response::builder().header("content-type", "text/event-stream");
        let head = head.header(name, value);
        self.then(async { Ok(head.body(Pipe(receiver)).unwrap()) });
        sender
    }

    /// Answers with this status, and a header.
    pub fn status(&self, status: u16, name: &'static str, value: &'static str) {
        let head = Response::builder().status(status).header(name, value);
        let (_, empty) = mpsc::unbounded_channel();
        self.then(async { Ok(head.body(Pipe(empty)).unwrap()) });
    }

    /// Refuses the connection.
    pub fn refuse(&self) {
        self.then(async { Err(std::io::ErrorKind::ConnectionRefused.into()) });
    }

    /// Never answers.
    pub fn hang(&self) {
        self.then(std::future::pending());
    }

    pub fn then(&self, answer: impl std::future::Future<Output = Answer> + Send + 'static) {
        self.answers.lock().unwrap().push_back(Box::pin(answer));
    }

    pub fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl tower_service::Service<Request<Bytes>> for Script {
    type Response = Response<Pipe>;
    type Error = std::io::Error;
    type Future = Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Future {
        self.seen.lock().unwrap().push((Instant::now(), request));
        self.answers.lock().unwrap().pop_front().expect("the script has an answer left")
    }
}

/// A builder over a script, which asks again at once.
pub fn scripted(script: &Script) -> EventStreamBuilder {
    EventStream::builder("http://h/").http_client(script.client()).retry(super::at_once())
}

/// A body fed by a channel.
pub struct Pipe(mpsc::UnboundedReceiver<Result<Bytes, std::io::Error>>);

impl http_body::Body for Pipe {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx).map(|item| item.map(|data| data.map(Frame::data)))
    }
}
