//! Basic credentials from the URL (RFC 7617).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use percent_encoding::percent_decode_str;

use crate::error::HttpError;

/// Moves the URL's userinfo to `Authorization`; a header that is there already wins.
pub(crate) fn to_header(request: &mut Request<Bytes>) -> Result<(), HttpError> {
    let Some((userinfo, host)) =
        request.uri().authority().and_then(|authority| authority.as_str().rsplit_once('@'))
    else {
        return Ok(());
    };
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .map_err(HttpError::invalid_request)?;
    value.set_sensitive(true);

    let mut parts = request.uri().clone().into_parts();
    parts.authority = Some(host.parse().map_err(HttpError::invalid_request)?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(HttpError::invalid_request)?;
    request.headers_mut().entry(AUTHORIZATION).or_insert(value);
    Ok(())
}
