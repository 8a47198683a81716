//! Compressed streams: nothing is delayed, and what is unpacked stays bounded.
#![cfg(any(feature = "gzip", feature = "brotli"))]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::pin::pin;

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder};
use rt_testkit::server::Server;
use sse_client::StreamItem;
use support::{disconnected, eager, event, failed, item, opened};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// The compressed bytes up to each of the texts, flushed after each, and the bytes that end it.
async fn packed(encoding: &str, texts: &[&str]) -> Vec<Vec<u8>> {
    async fn pieces<W: AsyncWrite>(
        encoder: W,
        take: impl Fn(&W) -> usize,
        texts: &[&str],
    ) -> Vec<usize> {
        let mut encoder = pin!(encoder);
        let mut ends = Vec::new();
        for text in texts {
            encoder.write_all(text.as_bytes()).await.unwrap();
            encoder.flush().await.unwrap();
            ends.push(take(&encoder));
        }
        encoder.shutdown().await.unwrap();
        ends.push(take(&encoder));
        ends
    }
    let mut bytes = Vec::new();
    let sink = Shared(std::sync::Arc::default());
    let len = |sink: &Shared| sink.0.lock().unwrap().len();
    let ends = match encoding {
        "gzip" => pieces(GzipEncoder::new(sink.clone()), |_| len(&sink), texts).await,
        _ => pieces(BrotliEncoder::new(sink.clone()), |_| len(&sink), texts).await,
    };
    let all = sink.0.lock().unwrap();
    let mut start = 0;
    for end in ends {
        bytes.push(all[start..end].to_vec());
        start = end;
    }
    bytes
}

#[derive(Clone)]
struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl AsyncWrite for Shared {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

fn head(encoding: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: {encoding}\r\nconnection: close\r\n\r\n"
    )
}

fn encodings() -> Vec<&'static str> {
    let mut all = Vec::new();
    if cfg!(feature = "gzip") {
        all.push("gzip");
    }
    if cfg!(feature = "brotli") {
        all.push("br");
    }
    all
}

#[tokio::test]
async fn each_event_comes_as_soon_as_it_is_flushed() {
    for encoding in encodings() {
        let pieces =
            packed(encoding, &["data: one\n\n", "data: two\n\n: c\n", "data: three\n\n"]).await;
        let (go, may_go) = std::sync::mpsc::channel::<()>();
        let may_go = std::sync::Mutex::new(may_go);
        let server = Server::start(move |connection| {
            let request = connection.request().unwrap();
            assert!(request.header("accept-encoding").unwrap().contains(encoding));
            if connection.index() == 0 {
                connection.send(head(encoding));
                for piece in &pieces {
                    connection.send(piece);
                    // The next piece comes only after the event of this one was taken.
                    let _ = may_go.lock().unwrap().recv();
                }
            }
        });
        let mut stream = eager(server.url("/")).build().unwrap();
        opened(&mut stream).await;
        assert_eq!(event(&mut stream).await.data(), "one", "{encoding}");
        go.send(()).unwrap();
        assert_eq!(event(&mut stream).await.data(), "two", "{encoding}");
        assert!(matches!(item(&mut stream).await, StreamItem::Comment(_)));
        go.send(()).unwrap();
        assert_eq!(event(&mut stream).await.data(), "three", "{encoding}");
        go.send(()).unwrap();
        drop(go);
        let lost = disconnected(&mut stream).await;
        assert!(lost.error.is_end_of_body(), "{encoding}: {lost:?}");
    }
}

#[tokio::test]
async fn a_bomb_is_an_event_that_is_too_large() {
    for encoding in encodings() {
        let zeros = "0".repeat(4 << 20);
        let pieces = packed(encoding, &["data: ", &zeros, "\n\ndata: small\n\n"]).await;
        drop(zeros);
        let packed: Vec<u8> = pieces.concat();
        assert!(packed.len() < 20_000, "{encoding}: {}", packed.len());
        let server = Server::start(move |connection| {
            connection.request();
            connection.send(head(encoding));
            connection.send(&packed);
        });
        let mut stream = eager(server.url("/")).max_event_bytes(100_000).build().unwrap();
        opened(&mut stream).await;
        let told = item(&mut stream).await;
        assert!(matches!(told, StreamItem::TooLarge { limit: 100_000, .. }), "{told:?}");
        assert_eq!(event(&mut stream).await.data(), "small");
    }
}

#[tokio::test]
async fn a_compressed_body_that_is_cut_or_broken_is_tried_again() {
    for encoding in encodings() {
        let mut pieces = packed(encoding, &["data: one\n\n"]).await;
        let whole = pieces.swap_remove(0);
        let server = Server::start(move |connection| {
            connection.request();
            connection.send(head(encoding));
            if connection.index() == 0 {
                connection.send(&whole);
            } else {
                connection.send("data: this is not compressed at all\n\n");
            }
        });
        let mut stream = eager(server.url("/")).build().unwrap();
        opened(&mut stream).await;
        assert_eq!(event(&mut stream).await.data(), "one", "{encoding}");
        assert!(disconnected(&mut stream).await.error.http().unwrap().is_body(), "{encoding}: cut");
        opened(&mut stream).await;
        assert!(disconnected(&mut stream).await.error.http().unwrap().is_body(), "{encoding}: bad");
    }
}

#[tokio::test]
async fn an_encoding_that_was_not_offered_ends_the_stream() {
    let server = Server::start(|connection| {
        connection.request();
        connection.send(head("zstd"));
    });
    let error = failed(&mut eager(server.url("/")).build().unwrap()).await;
    assert!(!error.is_retryable() && error.to_string().contains("\"zstd\""), "{error}");
}

/// The decoder must not keep what its last block held back until more input comes.
#[tokio::test]
async fn a_large_flushed_event_comes_without_a_byte_after_it() {
    for encoding in encodings() {
        for unit in ["x", "some words that repeat, and then some. "] {
            let data = unit.repeat(200 * 1024 / unit.len());
            let mut pieces = packed(encoding, &[&format!("data: {data}\n\n")]).await;
            let flushed = pieces.swap_remove(0);
            let server = Server::start(move |connection| {
                connection.request();
                connection.send(head(encoding));
                connection.send(&flushed);
                connection.wait_closed();
            });
            let mut stream = eager(server.url("/")).build().unwrap();
            opened(&mut stream).await;
            assert!(event(&mut stream).await.data() == data, "{encoding}");
        }
    }
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn a_gzip_body_may_have_several_members() {
    let mut body = packed("gzip", &["data: one\n\n"]).await.concat();
    body.extend(packed("gzip", &["data: two\n\n", "data: three\n\n"]).await.concat());
    let server = Server::start(move |connection| {
        connection.request();
        connection.send(head("gzip"));
        connection.send(&body);
    });
    let mut stream = eager(server.url("/")).build().unwrap();
    opened(&mut stream).await;
    for data in ["one", "two", "three"] {
        assert_eq!(event(&mut stream).await.data(), data);
    }
    assert!(disconnected(&mut stream).await.error.is_end_of_body());
}

/// The head of a gzip body is ten bytes that unpack to nothing.
#[cfg(feature = "gzip")]
#[tokio::test(start_paused = true)]
async fn a_byte_that_unpacks_to_nothing_is_no_silence() {
    use futures_util::StreamExt;
    use std::time::Duration;
    let packed = packed("gzip", &["data: x\n\n"]).await.swap_remove(0);
    let script = support::scripted::Script::default();
    let body = script.stream_with("content-encoding", "gzip");
    let builder = sse_client::EventStream::builder("http://h/").http_client(script.client());
    let mut stream = builder.idle_timeout(Duration::from_secs(3)).build().unwrap();
    opened(&mut stream).await;
    tokio::spawn(async move {
        for byte in packed {
            tokio::time::sleep(Duration::from_secs(2)).await;
            body.send(Ok(vec![byte].into())).unwrap();
        }
        body.closed().await;
    });
    let item = stream.next().await.unwrap().unwrap();
    assert!(matches!(item, StreamItem::Event(_)), "{item:?}");
}
