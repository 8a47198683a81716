//! The hub inside a plain hyper server: an event stream, and a way to send.
//!
//! ```text
//! cargo run --example hub-hyper -- 127.0.0.1:8081
//! curl -N http://127.0.0.1:8081/events
//! curl http://127.0.0.1:8081/send -d hello
//! ```
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use sse_hub::{Body, Hub, Packet, json_error, random_id};
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// Bytes of what is sent at the most.
const MAX_BODY: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().skip(1).find(|arg| arg != "--listen");
    let listener = TcpListener::bind(listen.as_deref().unwrap_or("127.0.0.1:8081")).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let hub = Hub::in_memory();
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Too many open files, as a rule; some are closed sooner or later.
                Err(_) => { tokio::time::sleep(Duration::from_millis(50)).await; continue }
            },
            pressed = &mut stop => { pressed?; break }
        };
        let _ = stream.set_nodelay(true);
        let hub = hub.clone();
        let service = service_fn(move |request| answer(hub.clone(), peer, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new()) // Without one hyper waits for a request for ever.
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    // The streams first: hyper's graceful shutdown would wait for them for ever.
    hub.shutdown();
    let _ = tokio::time::timeout(Duration::from_secs(2), connections.shutdown()).await;
    Ok(())
}

async fn answer(
    hub: Hub,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    // The hub counts connections an address.
    request.extensions_mut().insert(peer);
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/events") => hub.register(&request, "news", random_id),
        (&Method::POST, "/send") => match Limited::new(request, MAX_BODY).collect().await {
            Ok(body) => send(&hub, body.to_bytes()).await,
            Err(error) => json_error(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        _ => json_error(StatusCode::NOT_FOUND, "try GET /events or POST /send"),
    })
}

async fn send(hub: &Hub, text: Bytes) -> Response<Body> {
    let text = String::from_utf8_lossy(&text);
    match hub.send(Packet::to_zone("news", text.as_ref())).await {
        Ok(sent) => Response::new(Body::from(format!("{{\"reached\":{}}}\n", sent.reached))),
        Err(error) => json_error(error.status(), &error.to_string()),
    }
}
