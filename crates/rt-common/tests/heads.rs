//! The bound on a response's header lines, over every transport.
#![cfg(feature = "reqwest")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use bytes::Bytes;
use common::{LONG, get};
use rt_common::HttpClient;
use rt_testkit::server::Server;

/// 150 header lines, and one of 300 kB: by each transport, and by a service of the user's own.
#[tokio::test]
async fn a_head_that_is_too_large_is_named_and_final() {
    let server = Server::start(|connection| {
        let target = connection.request().unwrap().target;
        let lines: String = match target.as_str() {
            "/many" => (0..150).map(|n| format!("x-{n}: y\r\n")).collect(),
            "/most" => (0..98).map(|n| format!("x-{n}: y\r\n")).collect(),
            _ => format!("x: {}\r\n", "y".repeat(300_000)),
        };
        connection.send(format!("HTTP/1.1 200 OK\r\n{lines}content-length: 2\r\n\r\nhi"));
    });
    let reqwest = || reqwest::Client::builder().no_proxy().build().unwrap();
    let hyper = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
    let many: hyper_util::client::legacy::Client<_, http_body_util::Full<Bytes>> =
        hyper.clone().http1_max_headers(1_000).build_http();
    for client in [
        HttpClient::builder().no_proxy().build().unwrap(),
        HttpClient::plain(),
        HttpClient::from_reqwest(reqwest()),
        HttpClient::from_service::<http_body_util::Full<Bytes>, _, _>(many),
        HttpClient::from_service::<http_body_util::Full<Bytes>, _, _>(hyper.build_http()),
    ] {
        for path in ["/many", "/large"] {
            let url = server.url(path);
            let Err(error) = client.fetch(get(&url), LONG, 99).await else { panic!("{path}") };
            assert!(error.is_head_too_large() && !error.is_retryable(), "{path}: {error:?}");
            let what = "the response has more than 100 header lines, or more than 256 KiB of them";
            assert_eq!(error.to_string(), format!("GET {url}: {what}"));
        }
        let most = client.fetch(get(&server.url("/most")), LONG, 99).await.unwrap();
        assert_eq!(most.headers().len(), 99);
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_final_over_http_2_too() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut connection = h2::server::Builder::new()
            .max_header_list_size(1 << 20)
            .handshake::<_, Bytes>(listener.accept().await.unwrap().0)
            .await
            .unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let mut response = http::Response::new(());
            let headers = response.headers_mut();
            let (lines, bytes) = match request.uri().path() {
                "/many" => (150, 1),
                "/large" => (30, 10_000),
                _ => (30, 1_000),
            };
            for n in 0..lines {
                let name = http::HeaderName::try_from(format!("x-{n}")).unwrap();
                headers.insert(name, "y".repeat(bytes).parse().unwrap());
            }
            respond.send_response(response, true).unwrap();
        }
    });
    let client = HttpClient::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for path in ["/many", "/large"] {
        let error = client.fetch(get(&format!("http://{addr}{path}")), LONG, 99).await;
        let Err(error) = error else { panic!("{path}") };
        assert!(error.is_head_too_large() && !error.is_retryable(), "{path}: {error:?}");
    }
    let fine = client.fetch(get(&format!("http://{addr}/")), LONG, 99).await.unwrap();
    assert_eq!(fine.headers().len(), 30);
}
