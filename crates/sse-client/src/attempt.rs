//! One attempt: the request, its redirects, and whether the answer is an event stream.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use rt_common::{Body, HttpError};

use crate::body::Chunks;
use crate::builder::{Attempt, Config};
use crate::redirect::{self, LAST_EVENT_ID, RedirectProblem};
use crate::{Error, Opened};

const EVENT_STREAM: &str = "text/event-stream";

/// How much of an unexpected answer's body is kept for the error, and how long it is waited for.
const ERROR_BODY_BYTES: usize = 4 * 1024;
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(2);

/// What an attempt that did not fail came to.
pub(crate) enum Answer {
    Open(Opened, Chunks),
    NoContent,
}

/// What became of an attempt.
pub(crate) struct Outcome {
    pub(crate) result: Result<Answer, Error>,
    /// Whether a server may have got a request with a body, redirected or not.
    pub(crate) body_sent: bool,
}

/// Makes an attempt.
pub(crate) async fn make(config: Arc<Config>, attempt: Attempt) -> Outcome {
    let mut body_sent = false;
    let result = answer(&config, attempt, &mut body_sent).await;
    Outcome { result, body_sent }
}

async fn answer(config: &Config, attempt: Attempt, body_sent: &mut bool) -> Result<Answer, Error> {
    let (asked, answer) = match config.response_timeout {
        None => ask(config, attempt, body_sent).await?,
        Some(timeout) => tokio::time::timeout(timeout, ask(config, attempt, body_sent))
            .await
            .map_err(|_| Error::no_response(timeout))??,
    };
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::NO_CONTENT => return Ok(Answer::NoContent),
        status => {
            let (head, body) = answer.into_parts();
            let body = body.prefix(ERROR_BODY_BYTES, ERROR_BODY_PATIENCE).await;
            return Err(asked.named(HttpError::from_status(status, &head.headers, body)));
        }
    }
    let (head, body) = answer.into_parts();
    if !is_event_stream(&head.headers) {
        let body = body.prefix(ERROR_BODY_BYTES, ERROR_BODY_PATIENCE).await;
        let error = HttpError::wrong_content_type(EVENT_STREAM, &head.headers, body);
        return Err(asked.named(error));
    }
    let chunks = Chunks::new(body, &head.headers)?;
    let url = asked.url;
    Ok(Answer::Open(Opened { status: head.status, headers: head.headers, url }, chunks))
}

/// The request that was answered in the end.
struct Asked {
    method: Method,
    url: String,
}

impl Asked {
    fn named(&self, error: HttpError) -> Error {
        error.with_target(&self.method, &self.url).into()
    }
}

/// Sends the request and follows its redirects; what was asked in the end, and the answer.
async fn ask(
    config: &Config,
    attempt: Attempt,
    body_sent: &mut bool,
) -> Result<(Asked, Response<Body>), Error> {
    let mut request = first_request(config, &attempt.last_event_id);
    if let Some(hook) = &config.hook {
        request = hook(request, attempt).await.map_err(Error::hook)?;
    }
    let client = config.client.as_ref().expect("the builder always sets a client");
    let mut redirects = 0;
    loop {
        let sent_before = *body_sent;
        // Set before it is sent: a time-out drops this future while it waits.
        *body_sent |= !request.body().is_empty();
        let answer = client.send(request.clone()).await.inspect_err(|error| {
            if error.is_connect() || error.is_request() {
                *body_sent = sent_before;
            }
        })?;
        if !redirect::is_redirect(answer.status()) {
            let asked = Asked { method: request.method().clone(), url: shown_url(&request) };
            return Ok((asked, answer));
        }
        if redirects == config.max_redirects {
            return Err(Error::redirect(RedirectProblem::TooMany(config.max_redirects)));
        }
        redirects += 1;
        redirect::follow(&mut request, answer.status(), answer.headers())
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

/// Whether the content type is `text/event-stream`, with any parameters.
fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(EVENT_STREAM.as_bytes())
    })
}

fn shown_url(request: &Request<Bytes>) -> String {
    let url = request.uri().to_string();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for (value, expected) in [
            ("text/event-stream", true),
            ("Text/Event-Stream;charset=utf-8", true),
            (" text/event-stream ; charset=windows-1251", true),
            ("text/event-streams", false),
            ("text/plain", false),
            ("application/json; x=text/event-stream", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(is_event_stream(&headers), expected, "{value}");
        }
        assert!(!is_event_stream(&HeaderMap::new()));
    }
}
