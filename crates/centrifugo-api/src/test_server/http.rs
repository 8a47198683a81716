//! The listener, and what is decided before a request is read.
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Shared;
use super::form::{Answer, by_lines, by_path};
use super::state::METHODS;
use crate::StatusCode;

const MAX_BODY: usize = 64 * 1024 * 1024;

/// Accepts for ever; its connections end when this future is dropped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A peer that has gone already is no reason to end.
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    // The client sees how it ends.
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

type Response = ::http::Response<Full<Bytes>>;

async fn answer(
    shared: Arc<Shared>,
    request: ::http::Request<Incoming>,
) -> Result<Response, Infallible> {
    let Answer { status, body, is_json } = decide(&shared, request).await;
    let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
    let is_empty = body.is_empty();
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    if !is_empty {
        let kind = ::http::HeaderValue::from_static(kind);
        response.headers_mut().insert(::http::header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

async fn decide(shared: &Shared, request: ::http::Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    // The real one's order: the path, how it is asked, by whom.
    let method = match head.uri.path() {
        "/api" => None,
        path => match path.strip_prefix("/api/") {
            Some(method) if method == "batch" || METHODS.contains(&method) => Some(method),
            _ => return Answer::not_found(),
        },
    };
    if head.method != ::http::Method::POST {
        return Answer::text(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    if !has_key(&head, shared.key.expose()) {
        return Answer::text(StatusCode::UNAUTHORIZED, "");
    }
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Answer::bad_request();
    };
    let body = body.to_bytes();
    let mut state = shared.state();
    if let Some((status, text)) = state.next_answer() {
        return Answer::text(status, &text);
    }
    match method {
        None => by_lines(&mut state, &body),
        Some(method) => {
            let mode = head.headers.get("x-centrifugo-error-mode");
            let with_status = mode.is_some_and(|mode| mode == "transport");
            by_path(&mut state, method, &body, with_status)
        }
    }
}

/// In one of the headers, or in the query.
fn has_key(head: &::http::request::Parts, key: &str) -> bool {
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let query = || {
        let mut pairs = url::form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes());
        pairs.any(|(name, value)| name == "api_key" && value == key)
    };
    header("x-api-key") == Some(key)
        || header("authorization").and_then(|value| value.strip_prefix("apikey ")) == Some(key)
        || query()
}
