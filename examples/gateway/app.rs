//! The gateway's routes.

use crate::guard::Guard;
use crate::options::Options;
use crate::page;
use crate::session::{Access, Entry};
use crate::store::Store;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use lp_server::LongPoll;
use metrics_exporter_prometheus::PrometheusHandle;
use rt_serve::RequestBody;
use sse_hub::rt_broker::{self, Health};
use sse_hub::{Body, Grant, Hub, Packet, Zone, json_error};
use std::future::Future;
use std::net::SocketAddr;

/// The most clients that one answer about presence names; its total counts all.
const PRESENCE_SHOWN: usize = 1_000;

pub struct App {
    hub: Hub,
    polls: LongPoll,
    store: Store,
    metrics: PrometheusHandle,
    access: Access,
    guard: Guard,
    trust_client_ids: bool,
}

type Answer = Result<Response<Body>, Response<Body>>;

impl App {
    pub fn new(
        hub: Hub,
        polls: LongPoll,
        store: Store,
        metrics: PrometheusHandle,
        token: Option<String>,
        options: &Options,
        address: SocketAddr,
    ) -> Self {
        let guard = Guard::new(address, &options.allow_host, &options.allow_origin);
        let access = Access::new(token);
        let trust_client_ids = options.trust_client_ids;
        Self { hub, polls, store, metrics, access, guard, trust_client_ids }
    }

    pub async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let asked = request.headers().get(header::ORIGIN).map(|_| request.headers().clone());
        let response = match self.guard.refuse(&request) {
            Some(refused) => refused,
            None => self.route(request).await.unwrap_or_else(|refused| refused),
        };
        self.finish(asked.as_ref(), response)
    }

    /// Polls and publications on the fast path, where nothing else has to be said of them; of a poll
    /// its wait is all that is kept.
    pub fn fast(
        &self,
        request: Request<Bytes>,
        peer: SocketAddr,
    ) -> Option<impl Future<Output = Response<Bytes>> + Send + use<>> {
        let welcome = matches!(request.uri().path(), "/events" | "/publish")
            && !request.headers().contains_key(header::ORIGIN)
            && self.guard.refuse(&request).is_none()
            && self.access.of(request.headers()).is_some();
        welcome.then(|| self.polls.answer_small(request, peer)).flatten()
    }

    /// What every answer says.
    fn finish(&self, asked: Option<&HeaderMap>, mut response: Response<Body>) -> Response<Body> {
        let nosniff = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        self.guard.allow_origin(asked, &mut response);
        response
    }

    async fn route(&self, request: Request<RequestBody>) -> Answer {
        if is_preflight(&request) {
            return Ok(Guard::preflight());
        }
        let path = request.uri().path();
        if let Some(file) = page::file(path) {
            return read_only(&request).map(|()| file);
        }
        match path {
            "/session" => return self.session(&request),
            "/healthz" => {
                read_only(&request)?;
                return self.health().await;
            }
            _ => {}
        }
        let entry = self.access.of(request.headers()).ok_or_else(unauthorized)?;
        match path {
            "/sse" => {
                only(&request, &[Method::GET])?;
                self.stream(request, &entry)
            }
            "/events" => {
                let (parts, _) = request.into_parts();
                Ok(self.polls.subscribe(&parts).await.map(|body| body.into_bytes().into()))
            }
            // golongpoll's form: to streams it becomes an event `message` with the JSON as its data.
            "/publish" => {
                Ok(self.polls.publish(request).await.map(|body| body.into_bytes().into()))
            }
            "/send" => self.send(request).await,
            "/presence" => self.presence(&request).await,
            "/metrics" => read_only(&request).map(|()| self.metrics()),
            _ => Err(json_error(
                StatusCode::NOT_FOUND,
                "nothing is here; try /, /sse, /events, /publish, /send, /presence, /metrics or /healthz",
            )),
        }
    }

    fn stream(&self, request: Request<RequestBody>, entry: &Entry) -> Answer {
        let mut grant = Grant::new(query(&request, "zone").unwrap_or_default());
        if let Some(id) = query(&request, "id").filter(|_| self.trust_client_ids) {
            grant = grant.id(id);
        }
        match query(&request, "heartbeat").as_deref() {
            None | Some("comment") => {}
            Some("event") => grant = grant.heartbeat_event(true),
            Some(_) => {
                let error = "heartbeat must be comment or event";
                return Err(json_error(StatusCode::BAD_REQUEST, error));
            }
        }
        if let Entry::For(time) = entry {
            grant = grant.expires_in(*time);
        }
        Ok(self.hub.accept(&request, grant))
    }

    /// The hub's packet; answers how many it reached.
    async fn send(&self, request: Request<RequestBody>) -> Answer {
        only(&request, &[Method::POST])?;
        let body = read(request).await?;
        let packet: Packet = serde_json::from_slice(&body).map_err(|error| {
            let error = format!("the body is no packet in JSON: {error}");
            json_error(StatusCode::BAD_REQUEST, &error)
        })?;
        match self.hub.send(packet).await {
            Ok(sent) => Ok(json(serde_json::json!(sent).to_string())),
            Err(error) => Err(json_error(error.status(), &crate::chain(&error))),
        }
    }

    async fn presence(&self, request: &Request<RequestBody>) -> Answer {
        read_only(request)?;
        let zone = Zone::new(query(request, "zone").unwrap_or_default())
            .map_err(|wrong| json_error(StatusCode::BAD_REQUEST, &wrong.to_string()))?;
        let mut clients = self.hub.presence(&zone).await.map_err(|error| refused(&error))?;
        let total = clients.len();
        clients.truncate(PRESENCE_SHOWN);
        let answer =
            serde_json::json!({ "zone": zone.as_str(), "clients": clients, "total": total });
        Ok(json(answer.to_string()))
    }

    fn session(&self, request: &Request<RequestBody>) -> Answer {
        only(request, &[Method::POST])?;
        if !self.access.has_token(request.headers()) {
            return Err(unauthorized());
        }
        let mut response = json(String::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if let Ok(cookie) = HeaderValue::from_str(&self.access.cookie(request.headers())) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn health(&self) -> Answer {
        match self.store.health().await {
            Health::Ok => Ok(json(r#"{"status": "ok"}"#)),
            Health::Degraded(why) => {
                Ok(json(serde_json::json!({ "status": "degraded", "why": why }).to_string()))
            }
            Health::Down(why) => Err(json_error(StatusCode::SERVICE_UNAVAILABLE, &why)),
            other => Err(json_error(StatusCode::SERVICE_UNAVAILABLE, &format!("{other:?}"))),
        }
    }

    fn metrics(&self) -> Response<Body> {
        metrics::gauge!("rt_broker_topics").set(self.hub.broker().topics().len() as f64);
        metrics::gauge!("rt_broker_history_bytes").set(self.store.bytes() as f64);
        let mut response = json(self.metrics.render());
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        response
    }
}

fn query(request: &Request<RequestBody>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(request.uri().query()?.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The whole body; the listener bounds its bytes and its time.
async fn read(request: Request<RequestBody>) -> Result<Bytes, Response<Body>> {
    let body = request.into_body().collect().await.map_err(|error| {
        let status = match () {
            () if error.is_too_large() => StatusCode::PAYLOAD_TOO_LARGE,
            () if error.is_timeout() => StatusCode::REQUEST_TIMEOUT,
            () => StatusCode::BAD_REQUEST,
        };
        json_error(status, &error.to_string())
    })?;
    Ok(body.to_bytes())
}

/// Whether a browser asks whether it may send another request.
fn is_preflight(request: &Request<RequestBody>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ORIGIN)
}

/// HEAD goes where GET does; hyper leaves its body out.
fn read_only(request: &Request<RequestBody>) -> Result<(), Response<Body>> {
    only(request, &[Method::GET, Method::HEAD])
}

fn only(request: &Request<RequestBody>, methods: &[Method]) -> Result<(), Response<Body>> {
    if methods.contains(request.method()) {
        return Ok(());
    }
    let named: Vec<_> = methods.iter().map(Method::as_str).collect();
    let error = format!("Invalid HTTP Method. Only {} allowed.", named[0]);
    let mut response = json_error(StatusCode::METHOD_NOT_ALLOWED, &error);
    if let Ok(allow) = HeaderValue::from_str(&named.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    Err(response)
}

fn json(text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn unauthorized() -> Response<Body> {
    let error = "a token is needed: send Authorization: Bearer TOKEN";
    let mut response = json_error(StatusCode::UNAUTHORIZED, error);
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn refused(error: &rt_broker::Error) -> Response<Body> {
    match error.is_invalid() {
        true => json_error(StatusCode::BAD_REQUEST, &error.to_string()),
        false => json_error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
