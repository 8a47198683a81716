//! The secrets that a request carries.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::Secret;
use crate::redact::{find_userinfo, is_secret_name};

/// Returns each secret among these headers.
pub(crate) fn of_headers(headers: &HeaderMap) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for (name, value) in headers {
        if value.is_sensitive() || *name == COOKIE || is_secret_name(name.as_str()) {
            of_header(name, value, &mut secrets);
        }
    }
    secrets.into_iter().map(Secret::from).collect()
}

/// Returns the password of a URL, and each secret of its query.
pub(crate) fn of_url(url: &str) -> Vec<Secret> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut secrets = Vec::new();
    if let (start, Some(end)) = find_userinfo(url) {
        let (user, password) = url[start..end].split_once(':').unwrap_or((&url[start..end], ""));
        let (user, password) = (decoded(user), decoded(password));
        // It goes out as basic credentials.
        secrets.push(STANDARD.encode(format!("{user}:{password}")));
        secrets.push(if password.is_empty() { user } else { password });
    }
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    for pair in query.split('&') {
        if let Some((name, value)) = pair.split_once('=')
            && is_secret_name(name)
        {
            secrets.push(decoded(&value.replace('+', " ")));
        }
    }
    secrets.into_iter().map(Secret::from).collect()
}

fn of_header(name: &HeaderName, value: &HeaderValue, secrets: &mut Vec<String>) {
    let Ok(value) = std::str::from_utf8(value.as_bytes()) else { return };
    if *name == COOKIE {
        // A cookie may have no name, and its value may be quoted (RFC 6265, section 4.1.1).
        let value_of = |pair: &str| {
            let value = pair.split_once('=').map_or(pair, |(_, value)| value);
            value.trim().trim_matches('"').to_owned()
        };
        secrets.extend(value.split(';').map(value_of));
        return;
    }
    // `Bearer TOKEN`, `apikey KEY`: the scheme is no secret.
    let credentials = match value.split_once([' ', '\t']) {
        Some((_, rest)) if *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION => rest.trim(),
        _ => value,
    };
    if *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION {
        // `Token token=TOKEN`, `Digest …, response="HASH"`.
        let parts = credentials.split([',', ' ', '\t']).filter_map(|part| part.split_once('='));
        secrets.extend(parts.map(|(_, value)| value.trim_matches('"').to_owned()));
    }
    let pair = STANDARD.decode(credentials).ok().and_then(|pair| String::from_utf8(pair).ok());
    if let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
        secrets.push(password.to_owned());
    }
    secrets.push(credentials.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(secrets: &[Secret]) -> Vec<&str> {
        secrets.iter().map(Secret::expose).collect()
    }

    #[test]
    fn credentials_cookies_and_keys_are_secrets() {
        for (name, value, expected) in [
            ("authorization", "Bearer t0ken", &["t0ken"][..]),
            ("authorization", "apikey k3y", &["k3y"]),
            ("authorization", "bare", &["bare"]),
            ("authorization", "Basic dTpwYXNz", &["pass", "dTpwYXNz"]),
            ("authorization", "Bearer\tt0ken", &["t0ken"]),
            ("authorization", "Token token=\"t0ken\"", &["t0ken", "token=\"t0ken\""]),
            ("proxy-authorization", "Bearer t0ken", &["t0ken"]),
            ("x-api-key", "a key", &["a key"]),
            ("x-auth-token", "t", &["t"]),
            ("cookie", "a=1; session=s3cret", &["1", "s3cret"]),
            ("cookie", "bare; b=\"quoted\"", &["bare", "quoted"]),
            ("accept", "text/event-stream", &[]),
            ("last-event-id", "7", &[]),
        ] {
            let name: HeaderName = name.parse().unwrap();
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            assert_eq!(exposed(&of_headers(&headers)), expected, "{headers:?}");
        }
        let mut value = HeaderValue::from_static("v4lue");
        value.set_sensitive(true);
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-mine"), value)]);
        assert_eq!(exposed(&of_headers(&headers)), ["v4lue"]);
    }

    #[test]
    fn the_secrets_of_a_url_are_decoded() {
        let url = "http://u:p%40ss@h/x?zone=a&access_token=t%26k+n&sig=#key=x";
        assert_eq!(exposed(&of_url(url)), ["dTpwQHNz", "p@ss", "t&k n", ""]);
        assert_eq!(exposed(&of_url("http://h/?%74oken=t0ken")), ["t0ken"]);
        assert_eq!(exposed(&of_url("http://h/?zone=a")), [""; 0]);
    }
}
