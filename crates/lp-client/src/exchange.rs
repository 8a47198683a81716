//! One exchange with the server: a request, its deadline, and whether it was a success.
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use rt_common::{Body, HttpError, Redactor};

use crate::builder::Config;
use crate::{Error, parse};

/// An answer of success with its whole body.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends the request and takes the whole answer within `deadline`.
pub(crate) async fn exchange(
    config: &Config,
    request: Request<Bytes>,
    deadline: Duration,
) -> Result<Reply, Error> {
    let method = request.method().clone();
    let url = request.uri().to_string();
    let named = |error: HttpError| error.with_target(&method, &url);
    let taken = async {
        let answer = config.http.send(request).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => {
                let (head, body) = answer.into_parts();
                let body = body.collect_within(config.max_answer_bytes).await.map_err(named)?;
                Ok(Reply { status: head.status, headers: head.headers, body })
            }
            _ => Err(unwanted(answer, &config.secrets, named).await),
        }
    };
    match tokio::time::timeout(deadline, taken).await {
        Ok(reply) => reply,
        Err(_) => Err(named(HttpError::timed_out()).into()),
    }
}

async fn unwanted(
    answer: Response<Body>,
    secrets: &Redactor,
    named: impl Fn(HttpError) -> HttpError,
) -> Error {
    let (head, body) = answer.into_parts();
    if head.status.is_redirection()
        && let Some(location) = head.headers.get(header::LOCATION)
    {
        return Error::redirect(head.status, &String::from_utf8_lossy(location.as_bytes()));
    }
    let body = body.quotation(secrets, Body::QUOTATION_PATIENCE).await;
    let refusal = parse::refusal(&body);
    Error::status_with(named(HttpError::from_status(head.status, &head.headers, body)), refusal)
}
