//! The hub inside axum: an event stream from a handler, another one as a route of its own, and a
//! way to send.
//!
//! ```text
//! cargo run --example hub-axum -- 127.0.0.1:8081
//! curl -N http://127.0.0.1:8081/events/news
//! curl -N 'http://127.0.0.1:8081/stream?zone=news'
//! curl http://127.0.0.1:8081/send/news -d hello
//! ```
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use sse_hub::{Body, Hub, Packet, json_error, random_id};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().skip(1).find(|arg| arg != "--listen");
    let listener = TcpListener::bind(listen.as_deref().unwrap_or("127.0.0.1:8081")).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let hub = Hub::in_memory();
    let app = Router::new()
        .route("/events/{zone}", get(events))
        .route("/send/{zone}", post(send))
        .route_service("/stream", hub.service())
        .layer(from_fn(peer))
        .with_state(hub.clone())
        .into_make_service_with_connect_info::<SocketAddr>();

    let (stopping, stopped) = oneshot::channel();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        let _ = tokio::signal::ctrl_c().await;
        // The streams first: the server waits for them before it ends.
        hub.shutdown();
        let _ = stopping.send(());
    });
    tokio::select! {
        ended = async { server.await } => ended?,
        // A client that never reads its last bytes does not hold it up.
        () = async { let _ = stopped.await; tokio::time::sleep(Duration::from_secs(2)).await } => {}
    }
    Ok(())
}

/// axum knows the peer as its own type; the hub, which counts connections an address, as this one.
async fn peer(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(peer);
    next.run(request).await
}

async fn events(
    State(hub): State<Hub>,
    Path(zone): Path<String>,
    request: Request,
) -> http::Response<Body> {
    hub.register(&request, zone, random_id)
}

async fn send(
    State(hub): State<Hub>,
    Path(zone): Path<String>,
    text: String,
) -> http::Response<Body> {
    match hub.send(Packet::to_zone(zone, text)).await {
        Ok(sent) => http::Response::new(Body::from(format!("{{\"reached\":{}}}\n", sent.reached))),
        Err(error) => json_error(error.status(), &error.to_string()),
    }
}
