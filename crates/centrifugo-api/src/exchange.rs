//! One exchange with the server: a request, its deadline, and whether it was a success.
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use rt_common::{Body, HttpClient, HttpError, Redactor};
use tokio::time::Instant;

use crate::Error;

/// What each request needs to know.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) http: HttpClient,
    pub(crate) headers: HeaderMap,
    pub(crate) max_answer_bytes: usize,
    /// Secrets that errors must not quote.
    pub(crate) secrets: Redactor,
}

/// An answer of success with its whole body.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    secrets: Redactor,
}

impl Exchange {
    /// Posts the body and takes the whole answer within `deadline`; `header` is one more header.
    ///
    /// An answer with another status than 200 is an error that has the status and the first bytes
    /// of the body.
    pub(crate) async fn post(
        &self,
        uri: &Uri,
        header: Option<(HeaderName, HeaderValue)>,
        body: Bytes,
        deadline: Duration,
    ) -> Result<Reply, Error> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        request.headers_mut().clone_from(&self.headers);
        request.headers_mut().extend(header);
        let named = |error: HttpError| error.with_target(&Method::POST, &uri.to_string());
        let until = Instant::now() + deadline;
        let taken = async {
            let answer = self.http.send(request).await?;
            if answer.status() != StatusCode::OK {
                // The status is told in time even if its body does not come.
                let left = until.saturating_duration_since(Instant::now());
                let patience = Body::QUOTATION_PATIENCE.min(left / 2);
                return Err(unwanted(answer, &self.secrets, patience, named).await);
            }
            let (head, mut body) = answer.into_parts();
            let mut whole = BytesMut::new();
            let cut = |error, came: &[u8]| {
                Error::cut(named(error), head.status, self.secrets.quote(came))
            };
            loop {
                match body.next_data().await {
                    Err(error) => return Err(cut(error, &whole)),
                    Ok(None) => break,
                    Ok(Some(data)) if data.len() > self.max_answer_bytes - whole.len() => {
                        let came = if whole.is_empty() { &data[..] } else { &whole[..] };
                        return Err(cut(HttpError::too_large(self.max_answer_bytes), came));
                    }
                    Ok(Some(data)) => whole.extend_from_slice(&data),
                }
            }
            let (status, headers, body) = (head.status, head.headers, whole.freeze());
            Ok(Reply { status, headers, body, secrets: self.secrets.clone() })
        };
        match tokio::time::timeout(deadline, taken).await {
            Ok(reply) => reply,
            Err(_) => Err(named(HttpError::timed_out()).into()),
        }
    }
}

impl Reply {
    /// The answer is not what the API says.
    pub(crate) fn malformed(&self, what: &str, source: Option<serde_json::Error>) -> Error {
        let body = self.secrets.quote(&self.body);
        Error::answer(what, (self.status, &self.headers), body, source).redacted(&self.secrets)
    }
}

async fn unwanted(
    answer: Response<Body>,
    secrets: &Redactor,
    patience: Duration,
    named: impl Fn(HttpError) -> HttpError,
) -> Error {
    let (head, body) = answer.into_parts();
    if head.status.is_redirection()
        && let Some(location) = head.headers.get(header::LOCATION)
    {
        return Error::redirect(head.status, &String::from_utf8_lossy(location.as_bytes()));
    }
    let body = body.quotation(secrets, patience).await;
    named(HttpError::from_status(head.status, &head.headers, body)).into()
}
