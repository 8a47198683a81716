//! A transport in memory, for tests with paused time: it answers as told, and notes each request
//! with the time at which it came.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
#![allow(unreachable_pub)] // A module of a test.
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use lp_client::HttpClient;
use tokio::sync::mpsc;
use tokio::time::Instant;

type Answer = Result<Response<Pipe>, std::io::Error>;
type Future = Pin<Box<dyn std::future::Future<Output = Answer> + Send>>;

type Seen = (Instant, Request<Bytes>);

/// The requests that came so far, and the answers that are left; without any, it hangs.
#[derive(Clone, Default)]
pub struct Script {
    answers: Arc<Mutex<VecDeque<Future>>>,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    pub fn client(&self) -> HttpClient {
        HttpClient::from_service::<Bytes, _, _>(self.clone())
    }

    /// After this time, a 200 with this body.
    pub fn json(&self, after: Duration, body: impl Into<String>) {
        self.answer(after, 200, &[("content-type", "application/json")], body);
    }

    /// After this time, an answer.
    pub fn answer(
        &self,
        after: Duration,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(Ok(Bytes::from(body.into()))).unwrap();
        let mut head = Response::builder().status(status);
        for (name, value) in headers {
            head = head.header(*name, *value);
        }
        let answer = head.body(Pipe(receiver)).unwrap();
        self.then(async move {
            tokio::time::sleep(after).await;
            Ok(answer)
        });
    }

    /// A 200 whose body comes by the sender, and ends with it.
    pub fn body(&self) -> mpsc::UnboundedSender<Result<Bytes, std::io::Error>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.then(async { Ok(Response::new(Pipe(receiver))) });
        sender
    }

    /// Refuses the connection.
    pub fn refuse(&self) {
        self.then(async { Err(std::io::ErrorKind::ConnectionRefused.into()) });
    }

    pub fn then(&self, answer: impl std::future::Future<Output = Answer> + Send + 'static) {
        self.answers.lock().unwrap().push_back(Box::pin(answer));
    }

    pub fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The query of a request, from 0.
    pub fn query(&self, index: usize) -> String {
        self.seen.lock().unwrap()[index].1.uri().query().unwrap_or_default().to_owned()
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
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Box::pin(std::future::pending()))
    }
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
