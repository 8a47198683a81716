//! The client handle over tower services.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use std::cell::Cell;
use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::get;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rt_common::{BoxError, HttpClient, HttpError};
use rt_testkit::server::Server;

#[tokio::test]
async fn hyper_works_and_its_errors_are_sorted() {
    let server = Server::start(|connection| {
        connection.request();
        connection.answer(200, "", "hi");
    });
    let hyper = Client::builder(TokioExecutor::new()).build_http();
    let client = HttpClient::from_service::<Full<Bytes>, _, _>(hyper);
    let answer = client.fetch(get(&server.url("/")), Duration::from_secs(10), 99).await.unwrap();
    assert_eq!((answer.status(), answer.body().as_ref()), (StatusCode::OK, &b"hi"[..]));

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client.send(get(&format!("http://{free}/"))).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

/// Ready at the second question only; answers or fails as told.
#[derive(Clone)]
struct Scripted {
    asked: u32,
    fail: Option<fn() -> BoxError>,
}

impl tower_service::Service<Request<Full<Bytes>>> for Scripted {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.asked += 1;
        cx.waker().wake_by_ref();
        if self.asked < 2 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(self.asked >= 2, "called before it was ready");
        std::future::ready(match self.fail {
            Some(fail) => Err(fail()),
            None => Ok(Response::new(Full::from("ok"))),
        })
    }
}

async fn scripted(fail: Option<fn() -> BoxError>) -> Result<Bytes, HttpError> {
    let client = HttpClient::from_service::<Full<Bytes>, _, _>(Scripted { asked: 0, fail });
    client.send(get("http://h/")).await?.into_body().collect_within(99).await
}

#[tokio::test]
async fn readiness_is_waited_for() {
    assert_eq!(scripted(None).await.unwrap(), "ok");
}

#[tokio::test]
async fn errors_keep_what_they_are() {
    let refused =
        scripted(Some(|| std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()));
    assert!(refused.await.unwrap_err().is_connect());
    let slow = scripted(Some(|| std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
    assert!(slow.await.unwrap_err().is_timeout());
    let other = scripted(Some(|| "broken".into())).await.unwrap_err();
    assert!(other.is_retryable() && !other.is_connect() && !other.is_timeout(), "{other:?}");
    let own = scripted(Some(|| HttpError::too_large(7).into())).await.unwrap_err();
    assert!(own.is_too_large(), "{own:?}");
}

#[tokio::test]
async fn a_service_that_is_not_sync_will_do() {
    let service = NotSync(Cell::new(0));
    let client = HttpClient::from_service::<Full<Bytes>, _, _>(service);
    assert_eq!(client.send(get("http://h/")).await.unwrap().status(), StatusCode::OK);
}

/// `Cell` is `Send` and not `Sync`, as many boxed services are.
#[derive(Clone)]
struct NotSync(Cell<u8>);

impl tower_service::Service<Request<Full<Bytes>>> for NotSync {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        self.0.set(self.0.get() + 1);
        std::future::ready(Ok(Response::new(Full::default())))
    }
}
