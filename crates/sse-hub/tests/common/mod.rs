//! A client of a hub in this process: reads the body's frames and decodes them.
#![allow(dead_code, reason = "each test file uses its own part")]

use http::{Request, Response};
use http_body_util::BodyExt as _;
use rt_broker::{Bounds, Broker, MemoryEngine};
use sse_codec::{Decoder, Item};
use sse_hub::{Body, ClientId, Hub, HubBuilder, Zone};
use std::collections::VecDeque;
use tokio::time::{Duration, timeout};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Got {
    Event { event: String, data: String, id: String },
    Comment(String),
    Retry(Duration),
}

pub struct Client {
    body: Body,
    decoder: Decoder,
    got: VecDeque<Got>,
}

impl Client {
    pub fn new(response: Response<Body>) -> Self {
        assert_eq!(response.status(), 200);
        Self { body: response.into_body(), decoder: Decoder::new(), got: VecDeque::new() }
    }

    pub fn join(hub: &Hub, zone: &str, id: &str) -> Self {
        Self::new(hub.register(&request("/"), zone, || id.to_owned()))
    }

    pub fn resume(hub: &Hub, zone: &str, id: &str, last_event_id: &str) -> Self {
        let mut request = request("/");
        request.headers_mut().insert("last-event-id", last_event_id.parse().expect("a header"));
        Self::new(hub.register(&request, zone, || id.to_owned()))
    }

    /// The next thing on the stream; `None` at its end.
    pub async fn next(&mut self) -> Option<Got> {
        while self.got.is_empty() {
            let frame = self.body.frame().await?.expect("never fails").into_data().expect("data");
            let mut feed = self.decoder.feed(&frame);
            while let Some(item) = feed.next() {
                self.got.push_back(match item {
                    Item::Event(event) => Got::Event {
                        event: event.event().to_owned(),
                        data: event.data().to_owned(),
                        id: event.id().to_owned(),
                    },
                    Item::Comment(comment) => Got::Comment(comment.to_owned()),
                    Item::Retry(retry) => Got::Retry(retry),
                    other => panic!("{other:?}"),
                });
            }
        }
        self.got.pop_front()
    }

    /// The next event: type, data and id.
    pub async fn event(&mut self) -> (String, String, String) {
        loop {
            match self.next().await.expect("the stream goes on") {
                Got::Event { event, data, id } => return (event, data, id),
                Got::Comment(_) | Got::Retry(_) => {}
            }
        }
    }

    /// The data of the next event, which must be of this type.
    pub async fn data(&mut self, of: &str) -> String {
        let (event, data, _) = self.event().await;
        assert_eq!(event, of, "with data {data:?}");
        data
    }

    /// Reads the connect event and gives its id.
    pub async fn ping(&mut self) -> String {
        let (event, _, id) = self.event().await;
        assert_eq!(event, "ping");
        id
    }

    /// Everything up to the end.
    pub async fn rest(mut self) -> Vec<Got> {
        let mut rest = Vec::new();
        while let Some(got) = self.next().await {
            rest.push(got);
        }
        rest
    }

    /// Whether nothing is there now. With paused time this waits for nothing.
    pub async fn is_silent(&mut self) -> bool {
        self.got.is_empty() && timeout(Duration::ZERO, self.body.frame()).await.is_err()
    }
}

pub fn zone(name: &str) -> Zone {
    Zone::new(name).expect("a zone")
}

pub fn client_id(id: &str) -> ClientId {
    ClientId::new(id).expect("a client id")
}

pub fn request(uri: &str) -> Request<()> {
    Request::get(uri).body(()).expect("a request")
}

pub fn hub_with(bounds: Bounds) -> HubBuilder {
    Hub::builder(Broker::builder(MemoryEngine::builder().bounds(bounds).build()).build())
}
