//! One attempt: the request, its redirects, and whether the response is an event stream.
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use rt_common::{Body, HttpError, Redactor};

use crate::body::Chunks;
use crate::config::{Attempt, Config};
use crate::content_type::EVENT_STREAM;
use crate::redirect::{self, LAST_EVENT_ID, RedirectProblem};
use crate::{Error, Opened};

/// The response to an attempt that did not fail.
pub(crate) enum Reply {
    Open {
        opened: Opened,
        chunks: Chunks,
        /// The secrets of the request, which an event may repeat.
        secrets: Redactor,
    },
    NoContent,
}

/// How an attempt ended.
pub(crate) struct Outcome {
    pub(crate) result: Result<Reply, Error>,
    pub(crate) info: AttemptInfo,
}

/// What is known of an attempt, however it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttemptInfo {
    /// Whether its first request, before any redirect, had a body.
    pub(crate) has_body: bool,
    /// Whether that request named an event id to resume from that is not the one the stream began
    /// with: with that one, the server repeats all that it sent since.
    pub(crate) resumes: bool,
    /// What the server said about another attempt (`x-should-retry`, sent by the model vendors).
    pub(crate) should_retry: Option<bool>,
}

/// Runs an attempt.
pub(crate) async fn run(config: Arc<Config>, attempt: Attempt) -> Outcome {
    let mut info = AttemptInfo { has_body: !config.body.is_empty(), ..AttemptInfo::default() };
    let result = open(&config, attempt, &mut info).await;
    Outcome { result, info }
}

async fn open(config: &Config, attempt: Attempt, info: &mut AttemptInfo) -> Result<Reply, Error> {
    let (request, response) = match config.response_timeout {
        None => request(config, attempt, info).await?,
        Some(timeout) => tokio::time::timeout(timeout, request(config, attempt, info))
            .await
            .map_err(|_| Error::no_response(timeout))??,
    };
    let (head, body) = response.into_parts();
    match head.status {
        StatusCode::OK => {}
        StatusCode::NO_CONTENT => return Ok(Reply::NoContent),
        status => {
            info.should_retry = should_retry(&head.headers);
            let body = body.quotation(&request.secrets(), Body::QUOTATION_PATIENCE).await;
            return Err(request.named(HttpError::from_status(status, &head.headers, body)));
        }
    }
    if !config.content_types.accept(&head.headers) {
        let body = body.quotation(&request.secrets(), Body::QUOTATION_PATIENCE).await;
        let error = HttpError::wrong_content_type(EVENT_STREAM, &head.headers, body);
        return Err(request.named(error));
    }
    let chunks = Chunks::new(body, &head.headers)?;
    let opened = Opened { status: head.status, headers: head.headers, url: request.url() };
    Ok(Reply::Open { opened, chunks, secrets: request.secrets() })
}

/// The request that got the response, after all redirects.
struct LastRequest(Request<Bytes>);

impl LastRequest {
    fn named(&self, error: HttpError) -> Error {
        error.with_target(self.0.method(), &self.url()).into()
    }

    /// The secrets that a server may repeat.
    fn secrets(&self) -> Redactor {
        Redactor::for_client(self.0.headers(), [self.0.uri().to_string()])
    }

    /// The URL without its userinfo.
    fn url(&self) -> String {
        let url = self.0.uri().to_string();
        match url::Url::parse(&url) {
            Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
                // Neither fails for an http URL, which has a host.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.into()
            }
            _ => url,
        }
    }
}

/// Sends the request and follows its redirects.
async fn request(
    config: &Config,
    attempt: Attempt,
    info: &mut AttemptInfo,
) -> Result<(LastRequest, Response<Body>), Error> {
    let mut request = first_request(config, &attempt.last_event_id);
    if let Some(hook) = &config.hook {
        request = hook(request, attempt).await.map_err(Error::hook)?;
    }
    info.has_body = !request.body().is_empty();
    let resumes_after = request.headers().get(LAST_EVENT_ID);
    info.resumes = resumes_after.is_some_and(|id| id.as_bytes() != config.last_event_id.as_bytes());
    let client = config.client.as_ref().expect("the builder always sets a client");
    let mut redirects = 0;
    loop {
        let response = client.send(request.clone()).await?;
        if !redirect::is_redirect(response.status()) {
            return Ok((LastRequest(request), response));
        }
        if redirects == config.max_redirects {
            return Err(Error::redirect(RedirectProblem::TooMany(config.max_redirects)));
        }
        redirects += 1;
        redirect::follow(&mut request, response.status(), response.headers())
            .map_err(Error::redirect)?;
    }
}

fn first_request(config: &Config, last_event_id: &str) -> Request<Bytes> {
    let mut request = Request::new(config.body.clone());
    *request.uri_mut() = config.uri.clone();
    *request.method_mut() = config.method.clone().unwrap_or(match config.body.is_empty() {
        true => Method::GET,
        false => Method::POST,
    });
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(encodings) = crate::body::ACCEPT_ENCODING {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings));
    }
    headers.extend(config.headers.clone());
    if !last_event_id.is_empty() {
        // UTF-8, as the specification says; control characters cannot be sent in a header.
        match HeaderValue::from_bytes(last_event_id.as_bytes()) {
            Ok(value) => drop(headers.insert(LAST_EVENT_ID, value)),
            Err(_) => tracing::debug!("the last event id does not fit in a header: not sent"),
        }
    }
    request
}

fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}
