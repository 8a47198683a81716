//! An event stream as an HTTP body: a position in its zone's log, a heartbeat, an end.

use crate::close_id::{CloseId, CloseKind};
use crate::encode::{self, HEARTBEAT};
use crate::hub::Inner;
use crate::{Client, CloseReason, Grant, SlowClient};
use bytes::Bytes;
use futures_core::Stream as _;
use http_body::{Body as HttpBody, Frame};
use rt_broker::{Delivery, Entry, Gap, GapReason, Position, Subscription, WireFormat};
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep_until};

/// The body of a response of a [`Hub`](crate::Hub): an event stream or a short text.
pub struct Body(Kind);

enum Kind {
    Once(Bytes),
    // Boxed, so that the state of a connection with a short response stays small.
    Stream(Box<Stream>),
}

struct Stream {
    hub: Arc<Inner>,
    client: Arc<Client>,
    subscription: Subscription,
    greeted: bool,
    slow: SlowClient,
    /// Whether the heartbeat is an event, so that only events count as a sign of life.
    heartbeat_event: bool,
    /// Fires when a heartbeat may be due or the grant expires. A delivery sets `active` only, so that
    /// it does not touch a timer.
    timer: Pin<Box<Sleep>>,
    active: Instant,
    expires: Option<Instant>,
    ended: bool,
}

impl Body {
    /// A body of these bytes.
    pub(crate) fn once(bytes: Bytes) -> Self {
        Self(Kind::Once(bytes))
    }

    pub(crate) fn stream(
        hub: Arc<Inner>,
        client: Arc<Client>,
        subscription: Subscription,
        grant: &Grant,
    ) -> Self {
        let now = Instant::now();
        let expires = grant.expires_in.and_then(|time| now.checked_add(time));
        let slow = grant.slow.unwrap_or(hub.options.slow_client);
        let heartbeat_event = grant.heartbeat_event.unwrap_or(hub.options.heartbeat_event);
        let mut stream = Stream {
            hub,
            client,
            subscription,
            greeted: false,
            slow,
            heartbeat_event,
            timer: Box::pin(sleep_until(now)),
            active: now,
            expires,
            ended: false,
        };
        stream.set_timer();
        Self(Kind::Stream(Box::new(stream)))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::once(text.into())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::once(bytes)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.0 {
            Kind::Once(bytes) => {
                Poll::Ready(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()))
            }
            Kind::Stream(stream) => stream.poll(cx),
        };
        bytes.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Once(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match &self.0 {
            Kind::Once(bytes) => http_body::SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(_) => http_body::SizeHint::default(),
        }
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(reason) = self.client.closed() {
            return self.end(reason.clone());
        }
        match self.poll_delivery(cx) {
            Poll::Ready(Ok((bytes, is_seen))) => {
                if is_seen {
                    self.active = Instant::now();
                }
                return Poll::Ready(Some(bytes));
            }
            Poll::Ready(Err(reason)) => return self.end(reason),
            Poll::Pending => {}
        }
        self.client.watch(cx.waker());
        if let Some(reason) = self.client.closed() {
            return self.end(reason.clone());
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if self.expires.is_some_and(|expires| now >= expires) {
                return self.end(CloseReason::Expired);
            }
            let silent = now >= self.active + self.hub.options.heartbeat;
            if silent {
                self.active = now;
            }
            self.set_timer();
            if silent {
                return Poll::Ready(Some(self.heartbeat()));
            }
        }
        Poll::Pending
    }

    /// The next bytes, and whether they are a sign of life to this client.
    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Bytes, bool), CloseReason>> {
        if !self.greeted {
            let Poll::Ready(opened) = self.subscription.poll_open(cx) else {
                return Poll::Pending;
            };
            let position = opened.map_err(|error| self.failed(&error))?;
            self.greeted = true;
            if let Some(greeting) = self.greeting(position) {
                return Poll::Ready(Ok((greeting, true)));
            }
        }
        let delivery = Pin::new(&mut self.subscription).poll_next(cx);
        delivery.map(|delivery| match delivery {
            Some(Ok(Delivery::Batch(batch))) => {
                self.hub.counters.deliveries.increment(batch.entries().len() as u64);
                let is_event = |entry: &Arc<Entry>| entry.publication().data().is_some();
                let is_seen = !self.heartbeat_event || batch.entries().iter().any(is_event);
                Ok((batch.encoded(WireFormat::EventStream, encode::encode).clone(), is_seen))
            }
            Some(Ok(Delivery::Gap(gap))) => self.gap(&gap).map(|bytes| (bytes, true)),
            Some(Err(error)) => Err(self.failed(&error)),
            // The stream of the hub has ended with the error before.
            None => Err(CloseReason::Failed),
        })
    }

    fn heartbeat(&self) -> Bytes {
        match self.heartbeat_event {
            true => encode::heartbeat_event(self.hub.options.heartbeat),
            false => HEARTBEAT,
        }
    }

    /// The connect event, or an id alone, with the position that the stream continues from; then
    /// the first heartbeat where it is an event, so that the client knows from the beginning how
    /// often it comes.
    fn greeting(&self, position: Position) -> Option<Bytes> {
        let position = Some(position).filter(|_| self.subscription.pending_gap().is_none());
        let options = &self.hub.options;
        let begin = if options.connect_event {
            let (zone, id) = (self.client.zone().as_str(), self.client.id().as_str());
            Some(encode::connected(zone, id, position, options.retry))
        } else {
            position.map(encode::cursor)
        };
        let heartbeat = self.heartbeat_event.then(|| self.heartbeat());
        match (begin, heartbeat) {
            (Some(begin), Some(heartbeat)) => Some([begin, heartbeat].concat().into()),
            (begin, heartbeat) => begin.or(heartbeat),
        }
    }

    fn gap(&self, gap: &Gap) -> Result<Bytes, CloseReason> {
        self.hub.counters.gaps.increment(1);
        let (zone, client) = (self.client.zone().as_str(), self.client.id().as_str());
        tracing::debug!(zone, client, reason = gap.reason().as_str(), "gap");
        match (gap.reason(), self.slow) {
            (GapReason::Slow, SlowClient::Disconnect) => Err(CloseReason::Slow),
            _ => Ok(encode::gap(gap)),
        }
    }

    fn failed(&self, error: &rt_broker::Error) -> CloseReason {
        tracing::warn!(%error, zone = self.client.zone().as_str(), "a stream ends since its zone failed");
        CloseReason::Failed
    }

    /// Ends the stream, with last bytes that tell the client what to do next, if any.
    fn end(&mut self, reason: CloseReason) -> Poll<Option<Bytes>> {
        let farewell = reason.farewell(|kind| self.close_id(kind).to_string());
        self.ended = true;
        // Now and not when the body is dropped, which a peer that reads nothing can delay.
        self.hub.end(&self.client, &reason);
        Poll::Ready(farewell)
    }

    fn close_id(&self, kind: CloseKind) -> CloseId {
        let options = &self.hub.options;
        // A gap that was not delivered must be delivered to the client that resumes.
        let position = match self.subscription.pending_gap() {
            Some(gap) => gap.from().parse().ok(),
            None => self.subscription.position(),
        };
        let now = options.broker.engine().history().now();
        let (zone, client) = (self.client.zone(), self.client.id());
        CloseId::new(&options.close_key, zone, client, kind, position, now)
    }

    fn set_timer(&mut self) {
        let heartbeat = self.active + self.hub.options.heartbeat;
        let next = self.expires.map_or(heartbeat, |expires| expires.min(heartbeat));
        self.timer.as_mut().reset(next);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.hub.end(&self.client, &CloseReason::Gone);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Once(_) => "Body(text)",
            Kind::Stream(_) => "Body(event stream)",
        })
    }
}
