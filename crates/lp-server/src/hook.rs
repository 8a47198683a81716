//! What may refuse a request before it is looked at.

use crate::{Body, error_answer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use subtle::ConstantTimeEq;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Refuses by an answer of its own.
pub(crate) type Hook = Arc<dyn Fn(&Parts) -> BoxFuture<Result<(), Response<Body>>> + Send + Sync>;

/// A hook that lets in who sends this name and password by basic auth (RFC 7617), and answers 401
/// to all others. Names and passwords are compared in constant time.
///
/// ```
/// use lp_server::{LongPoll, basic_auth};
/// let polls = LongPoll::builder(rt_broker::Broker::in_memory())
///     .before_publish(basic_auth("publisher", "correct horse"))
///     .build();
/// ```
pub fn basic_auth(
    user: impl AsRef<str>,
    password: impl AsRef<str>,
) -> impl Fn(&Parts) -> Ready<Result<(), Response<Body>>> + Send + Sync + 'static {
    // Digests have one length, so that the comparison tells nothing of the secret's.
    let expected = Sha256::digest(format!("{}:{}", user.as_ref(), password.as_ref()));
    move |parts| {
        let given = credentials(&parts.headers).map(Sha256::digest);
        let known = given.is_some_and(|given| bool::from(given.ct_eq(&expected)));
        ready(if known { Ok(()) } else { Err(challenge()) })
    }
}

fn credentials(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_first_chunk::<6>()?;
    let basic = scheme.eq_ignore_ascii_case(b"basic ");
    basic.then(|| STANDARD.decode(encoded.trim_ascii()).ok()).flatten()
}

fn challenge() -> Response<Body> {
    let error = "a user name and a password are needed";
    let mut response = error_answer(StatusCode::UNAUTHORIZED, error);
    let challenge = HeaderValue::from_static("Basic realm=\"long polling\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
