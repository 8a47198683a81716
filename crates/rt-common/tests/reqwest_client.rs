//! What a reqwest client brings along: one of the user's own, and features that others turn on.
#![cfg(feature = "reqwest")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use std::time::Duration;

use common::{LONG, get};
use http::{HeaderMap, StatusCode};
use rt_common::HttpClient;
use rt_testkit::server::Server;

/// In this build reqwest's gzip is on.
#[tokio::test]
async fn our_client_neither_asks_for_compression_nor_decompresses() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        assert_eq!(request.header("accept-encoding"), None);
        connection.answer(200, "content-encoding: gzip\r\n", "packed");
    });
    let client = HttpClient::builder().no_proxy().build().unwrap();
    let answer = client.fetch(get(&server.url("/")), LONG, 99).await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.body(), "packed");
}

/// Nothing here can change it: it is what the documentation of `from_reqwest` warns of.
#[tokio::test]
async fn a_foreign_client_follows_redirects_and_adds_headers_by_its_own_rules() {
    let other = Server::start(|connection| {
        let key = connection.request().unwrap().header("x-key").unwrap_or("-").to_owned();
        connection.answer(200, "", &key);
    });
    let location = format!("location: {}\r\n", other.url("/"));
    let server = Server::start(move |connection| {
        connection.request();
        connection.answer(302, &location, "");
    });
    let headers = HeaderMap::from_iter([("x-key".parse().unwrap(), "k".parse().unwrap())]);
    let build = || reqwest::Client::builder().no_proxy().default_headers(headers.clone());

    let careless = HttpClient::from_reqwest(build().build().unwrap());
    let answer = careless.fetch(get(&server.url("/")), LONG, 99).await.unwrap();
    assert_eq!((answer.status(), answer.body().as_ref()), (StatusCode::OK, &b"k"[..]));

    let build = build().redirect(reqwest::redirect::Policy::none());
    let careful = HttpClient::from_reqwest(build.build().unwrap());
    let answer = careful.fetch(get(&server.url("/")), LONG, 99).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn the_time_outs_of_a_foreign_client_are_time_outs() {
    let server = Server::start(|connection| {
        let Some(request) = connection.request() else { return };
        if request.target == "/body" {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
        }
        connection.wait_closed();
    });
    let build = || reqwest::Client::builder().no_proxy();
    for (client, path) in [
        (build().timeout(Duration::from_millis(100)), "/head"),
        (build().timeout(Duration::from_millis(100)), "/body"),
        (build().read_timeout(Duration::from_millis(100)), "/body"),
    ] {
        let client = HttpClient::from_reqwest(client.build().unwrap());
        let error = client.fetch(get(&server.url(path)), LONG, 99).await.unwrap_err();
        assert!(error.is_timeout() && error.is_retryable(), "{path}: {error:?}");
        assert!(!error.is_connect() && !error.is_body(), "{path}: {error:?}");
    }
}
