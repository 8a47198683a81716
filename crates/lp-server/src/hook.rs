//! Hooks: what may refuse a request, or add headers to its response.

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

/// What a hook decides: the request goes on, or this is its response.
pub(crate) type Decision = Result<Admission, Response<Body>>;

/// Looks at the head of a request.
pub(crate) type Hook = Arc<dyn Fn(&Parts) -> BoxFuture<Decision> + Send + Sync>;

/// Looks at a publication.
pub(crate) type PublishHook = Arc<dyn Fn(&PublishRequest<'_>) -> BoxFuture<Decision> + Send + Sync>;

/// Lets a request go on, and adds headers to its response. A hook returns it as its `Ok`, or what it is
/// made of: `()` for no header, or a [`HeaderMap`].
#[derive(Clone, Debug, Default)]
pub struct Admission {
    headers: HeaderMap,
}

impl Admission {
    /// Adds the headers to a response, each in place of those of its name.
    pub(crate) fn apply(self, response: &mut Response<Body>) {
        response.headers_mut().extend(self.headers);
    }
}

impl From<()> for Admission {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<HeaderMap> for Admission {
    fn from(headers: HeaderMap) -> Self {
        Self { headers }
    }
}

/// A publication that was read and checked, but not yet published; see
/// [`LongPollBuilder::check_publication`](crate::LongPollBuilder::check_publication).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PublishRequest<'a> {
    /// The head of the request.
    pub head: &'a Parts,
    /// The category.
    pub category: &'a str,
    /// The data, as the JSON text that came.
    pub data: &'a str,
    /// The whole body of the request, at most
    /// [`max_body`](crate::LongPollBuilder::max_body) bytes.
    pub body: &'a [u8],
}

/// Returns a hook that admits requests with this name and password by basic auth (RFC 7617), and
/// answers 401 to all others. Names and passwords are compared in constant time.
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
