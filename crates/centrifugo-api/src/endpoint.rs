//! Where the server is.
use url::Url;

use crate::Error;

/// The URL of the API as both kinds of client are told it: the path gets a final `/api` unless it
/// ends so, slashes at its end are left out.
pub(crate) fn parse(endpoint: &str) -> Result<Url, Error> {
    let mut url = parse_as_it_is(endpoint)?;
    if !url.path().ends_with("/api") {
        let path = format!("{}/api", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

/// The same with any path, without slashes at its end.
pub(crate) fn parse_as_it_is(endpoint: &str) -> Result<Url, Error> {
    let shown = rt_common::redact_url(endpoint);
    let mut url = Url::parse(endpoint).map_err(|error| match error {
        // "localhost:8000" parses, as a scheme; it is told below.
        url::ParseError::RelativeUrlWithoutBase => no_scheme(&shown),
        error => Error::builder_from(format!("{shown:?} is not a valid URL"), error),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let with_host = !endpoint.contains("://");
        return Err(match with_host {
            true => no_scheme(&shown),
            false => Error::builder(format!("{shown:?} is not an http or https URL")),
        });
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn no_scheme(shown: &str) -> Error {
    let what = format!("the endpoint {shown:?} has no scheme: write \"http://{shown}\", or https");
    Error::builder(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_ends_with_api_once() {
        for (given, path) in [
            ("http://h:8000", "/api"),
            ("http://h:8000/", "/api"),
            ("http://h:8000/api", "/api"),
            ("http://h:8000/api/", "/api"),
            ("http://h:8000/api///", "/api"),
            ("https://h/x", "/x/api"),
            ("https://h/x/api/", "/x/api"),
            ("https://h/myapi", "/myapi/api"),
        ] {
            assert_eq!(parse(given).unwrap().path(), path, "{given}");
        }
        assert_eq!(parse_as_it_is("http://h/private/").unwrap().path(), "/private");
        assert_eq!(parse("http://h/?a=b#c").unwrap().as_str(), "http://h/api?a=b");
    }

    #[test]
    fn what_is_no_endpoint_is_told_with_what_to_write() {
        for given in ["localhost:8000/api", "127.0.0.1:8000", "h", "/api", ""] {
            let error = parse(given).unwrap_err();
            assert!(error.is_builder(), "{given}");
            assert!(error.to_string().contains("has no scheme: write"), "{error}");
        }
        for given in ["ftp://h/api", "http://", "http://h:99999"] {
            assert!(parse(given).unwrap_err().is_builder(), "{given}");
        }
        let error = parse("ftp://u:pw@h/").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("pw"), "{error}");
    }
}
