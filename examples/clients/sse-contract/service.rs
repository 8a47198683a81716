//! The service's resources: itself, and the clients it runs.
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use sse_client::HttpClient;
use tokio::sync::watch;

use crate::client::{Command, Params, Running};

/// What the harness may test.
const CAPABILITIES: [&str; 10] = [
    "bom",
    "comments",
    "headers",
    "last-event-id",
    "post",
    "read-timeout",
    "report",
    "restart",
    "event-type-listeners",
    "server-directed-shutdown-request",
];

/// More clients than any harness runs at once.
const MAX_CLIENTS: usize = 1_000;

struct Service {
    addr: SocketAddr,
    http: HttpClient,
    clients: Mutex<Clients>,
    quit: watch::Sender<bool>,
}

#[derive(Default)]
struct Clients {
    made: u64,
    running: HashMap<u64, Running>,
}

/// Resolves when the harness has asked the service to stop.
#[derive(Clone)]
pub(crate) struct Quit(watch::Receiver<bool>);

impl Quit {
    pub(crate) async fn wait(mut self) {
        // An error means that the service is gone, which is as good.
        let _ = self.0.wait_for(|quit| *quit).await;
    }
}

/// The service at this address.
pub(crate) fn app(addr: SocketAddr) -> Result<(Router, Quit), sse_client::HttpError> {
    let (quit, quitting) = watch::channel(false);
    let http = HttpClient::builder().no_proxy().user_agent("sse-contract").build()?;
    let service = Arc::new(Service { addr, http, clients: Mutex::default(), quit });
    let app = Router::new()
        .route("/", get(status).post(create).delete(stop))
        .route("/clients/{id}", axum::routing::post(command).delete(close))
        .layer(middleware::from_fn(from_here_only))
        .with_state(service);
    Ok((app, Quit(quitting)))
}

/// A web page must not reach the service: not through a name that resolves to loopback, and not
/// across origins, for which browsers ask no permission when the body is plain text.
async fn from_here_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_loopback) {
        return (StatusCode::FORBIDDEN, "the Host must be a loopback name\n").into_response();
    }
    if request.headers().contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "web pages are not served\n").into_response();
    }
    next.run(request).await
}

/// Whether a `Host` names this machine, with or without a port.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

async fn status() -> Response {
    json_response(&json!({ "name": "sse-client", "capabilities": CAPABILITIES }))
}

async fn stop(State(service): State<Arc<Service>>) -> StatusCode {
    service.quit.send_replace(true);
    StatusCode::NO_CONTENT
}

async fn create(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    let params: Params = match serde_json::from_slice(&body) {
        Ok(params) => params,
        Err(error) => return bad(&error.to_string()),
    };
    let mut clients = service.clients();
    if clients.running.len() >= MAX_CLIENTS {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many clients\n").into_response();
    }
    let running = match Running::start(params, service.http.clone()) {
        Ok(running) => running,
        Err(error) => return bad(&error),
    };
    clients.made += 1;
    let id = clients.made;
    clients.running.insert(id, running);
    let location = format!("http://{}/clients/{id}", service.addr);
    (StatusCode::CREATED, [(header::LOCATION, location)]).into_response()
}

#[derive(Deserialize)]
struct CommandBody {
    command: String,
    listen: Option<Listen>,
}

#[derive(Deserialize)]
struct Listen {
    #[serde(rename = "type")]
    event_type: String,
}

async fn command(
    State(service): State<Arc<Service>>,
    Path(id): Path<u64>,
    body: Bytes,
) -> Response {
    let clients = service.clients();
    let Some(client) = clients.running.get(&id) else { return no_such_client() };
    let body: CommandBody = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return bad(&error.to_string()),
    };
    let command = match (body.command.as_str(), body.listen) {
        ("restart", _) => Command::Restart,
        ("listen", Some(listen)) => Command::Listen(listen.event_type),
        ("listen", None) => return bad("listen needs {\"listen\":{\"type\":…}}"),
        (other, _) => return bad(&format!("the command {other:?} is not known")),
    };
    client.send(command);
    StatusCode::NO_CONTENT.into_response()
}

async fn close(State(service): State<Arc<Service>>, Path(id): Path<u64>) -> Response {
    match service.clients().running.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => no_such_client(),
    }
}

impl Service {
    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bad(what: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{what}\n")).into_response()
}

fn no_such_client() -> Response {
    (StatusCode::NOT_FOUND, "no such client\n").into_response()
}

fn json_response(value: &serde_json::Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], value.to_string()).into_response()
}
