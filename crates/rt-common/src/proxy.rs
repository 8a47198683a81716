//! Which proxy a client uses: one that was given, or those of the environment.
//!
//! reqwest, and the matcher of hyper-util that it uses, drop a proxy that they do not understand, and
//! send the request directly, with its credentials. So the settings are read and checked here.
use std::fmt;
use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Url};

use crate::error::HttpError;
use crate::redact_url;

/// The proxy schemes that are supported, and `socks`, which means `socks5` as in other tools.
const SPOKEN: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// What the user chose.
#[derive(Clone)]
pub(crate) enum ProxyChoice {
    Environment,
    None,
    Url(String),
}

impl fmt::Debug for ProxyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::None => f.write_str("none"),
            Self::Url(url) => f.write_str(&redact_url(url)),
        }
    }
}

/// The proxies of a client, all of which are understood.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    /// The hosts that are asked directly, separated by commas.
    except: String,
}

impl Proxies {
    /// # Errors
    /// When a proxy, or an exception, is not understood.
    pub(crate) fn new(choice: &ProxyChoice) -> Result<Self, HttpError> {
        match choice {
            ProxyChoice::None => Ok(Self::default()),
            ProxyChoice::Url(url) => {
                let url = parse("the proxy", url)?;
                Ok(Self { http: Some(url.clone()), https: Some(url), except: String::new() })
            }
            ProxyChoice::Environment => Self::from_variables(|name| std::env::var_os(name)),
        }
    }

    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or their lower-case spellings. If
    /// both are set, the upper-case one wins, even if it is empty, which means "no proxy".
    fn from_variables(
        variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Self, HttpError> {
        // In a CGI program HTTP_PROXY is the header `Proxy` of whoever sent the request.
        if variable("REQUEST_METHOD").is_some() {
            return Ok(Self::default());
        }
        let value = |names: [&'static str; 2]| {
            let found = names.into_iter().find_map(|name| Some((name, variable(name)?)));
            let Some((name, value)) = found else { return Ok(None) };
            let value = value.into_string();
            let value = value.map_err(|_| refused(name, "its value is not UTF-8"))?;
            Ok((!value.is_empty()).then_some((name, value)))
        };
        let proxy = |names| match value(names)? {
            Some((name, url)) => parse(name, &url).map(Some),
            None => Ok(None),
        };
        let all = proxy(["ALL_PROXY", "all_proxy"])?;
        let except = match value(["NO_PROXY", "no_proxy"])? {
            Some((name, list)) => exceptions(name, &list)?,
            None => String::new(),
        };
        Ok(Self {
            http: proxy(["HTTP_PROXY", "http_proxy"])?.or_else(|| all.clone()),
            https: proxy(["HTTPS_PROXY", "https_proxy"])?.or(all),
            except,
        })
    }

    /// Sets them in a client of reqwest, in place of those that it would find itself.
    pub(crate) fn apply(
        &self,
        mut builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, reqwest::Error> {
        builder = builder.no_proxy();
        let except = || NoProxy::from_string(&self.except);
        if let Some(url) = &self.http {
            builder = builder.proxy(reqwest::Proxy::http(url.as_str())?.no_proxy(except()));
        }
        if let Some(url) = &self.https {
            builder = builder.proxy(reqwest::Proxy::https(url.as_str())?.no_proxy(except()));
        }
        Ok(builder)
    }

    /// Tells which requests over plain HTTP go over a proxy; `None` if none does.
    pub(crate) fn http_matcher(&self) -> Option<Matcher> {
        let url = self.http.as_ref()?;
        Some(Matcher::builder().http(String::from(url.as_str())).no(self.except.clone()).build())
    }
}

/// A proxy's URL. Without a scheme it is that of an HTTP proxy, as in other tools.
///
/// `place` is where it was given. No part of the URL that may be a credential is shown.
fn parse(place: &str, text: &str) -> Result<Url, HttpError> {
    let text = text.trim();
    let with_scheme = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let scheme = with_scheme.split("://").next().unwrap_or_default().to_ascii_lowercase();
    let with_scheme = match scheme.as_str() {
        "socks" => format!("socks5{}", &with_scheme["socks".len()..]),
        spoken if SPOKEN.contains(&spoken) => with_scheme,
        other => {
            let known = SPOKEN.join(", ");
            let shown: String = other.chars().take(20).collect();
            let why = format!("the proxy scheme {shown:?} is not supported: use one of {known}");
            return Err(refused(place, &why));
        }
    };
    let url = Url::parse(&with_scheme)
        .map_err(|error| refused(place, &format!("{:?}: {error}", redact_url(text))))?;
    let why = if url.host_str().is_none_or(str::is_empty) {
        "it has no host"
    } else if url.port() == Some(0) {
        "port 0 cannot be connected to"
    } else if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        "a proxy has no path, no query and no fragment"
    } else if url.scheme().starts_with("socks4")
        && (!url.username().is_empty() || url.password().is_some())
    {
        "SOCKS 4 has no passwords: use socks5://"
    } else {
        return Ok(url);
    };
    Err(refused(place, &format!("{:?}: {why}", redact_url(text))))
}

/// The hosts that are asked directly: names with all below them, addresses, networks, or `*`. A name
/// written as `*.example.org` means `.example.org`, as in other tools.
fn exceptions(place: &str, list: &str) -> Result<String, HttpError> {
    let mut entries = Vec::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let shown: String = entry.chars().take(100).collect();
        let entry = match entry.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') => suffix,
            _ => entry,
        };
        if let Some((address, bits)) = entry.split_once('/') {
            let most = match address.parse() {
                Ok(IpAddr::V4(_)) => 32,
                Ok(IpAddr::V6(_)) => 128,
                Err(_) => 0,
            };
            if most == 0 || bits.parse::<u8>().map_or(true, |bits| bits > most) {
                return Err(refused(
                    place,
                    &format!("{shown:?} is not a network such as 10.0.0.0/8"),
                ));
            }
        } else if entry.parse::<IpAddr>().is_err() && entry.contains([':', '[', ']']) {
            let why = format!(
                "{shown:?} is no plain name or address: a host is excepted with all its ports"
            );
            return Err(refused(place, &why));
        } else if entry != "*" && entry.contains('*') {
            return Err(refused(
                place,
                &format!("{shown:?}: a `*` is allowed only alone, or as a leading `*.`"),
            ));
        }
        entries.push(entry);
    }
    Ok(entries.join(","))
}

fn refused(place: &str, why: &str) -> HttpError {
    HttpError::invalid_client(format!("{place}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Proxies, HttpError> {
        Proxies::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        })
    }

    fn urls(variables: &[(&str, &str)]) -> [Option<String>; 2] {
        let Proxies { http, https, .. } = from(variables).unwrap();
        [http, https].map(|url| url.map(String::from))
    }

    #[test]
    fn every_scheme_that_is_spoken_is_taken_and_socks_is_socks5() {
        for (given, url) in [
            ("http://p:1", "http://p:1/"),
            ("HTTPS://p", "https://p/"),
            ("p:3128", "http://p:3128/"),
            ("u:pw@p:3128", "http://u:pw@p:3128/"),
            ("socks://p:1", "socks5://p:1"),
            ("SOCKS://u:pw@p:1", "socks5://u:pw@p:1"),
            ("SOCKS5://p:1", "socks5://p:1"),
            ("socks5h://[::1]:1", "socks5h://[::1]:1"),
            ("socks4://p", "socks4://p"),
            ("socks4a://p/", "socks4a://p/"),
        ] {
            assert_eq!(parse("x", given).unwrap().as_str(), url, "{given}");
        }
    }

    #[test]
    fn what_is_not_spoken_is_refused_without_its_credentials() {
        for scheme in ["sock5", "socks6", "socks5s", "ftp", "tcp", "httpss", "ssh", "unix", ""] {
            let url = format!("{scheme}://user:S3CRET@127.0.0.1:1");
            let error = parse("the proxy", &url).unwrap_err();
            let text = format!("{error}");
            assert!(
                error.is_request() && !format!("{text} {error:?}").contains("S3CRET"),
                "{text}"
            );
            let end = "use one of http, https, socks4, socks4a, socks5, socks5h";
            assert!(text.contains("the proxy: the proxy scheme") && text.ends_with(end), "{text}");
        }
        for url in [
            "http://",
            "socks5://",
            "socks5://:1080",
            "http://u:S3CRET@",
            "http://p:0",
            "http://p:99999",
            "http://p:port",
            "http://p/path",
            "http://p?q=1",
            "socks5://p#f",
            "socks4://u@p",
            "socks4a://u:S3CRET@p:1",
            "http://a b",
            "://p",
            "://",
            "",
            " ",
        ] {
            let error = parse("ALL_PROXY", url).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("ALL_PROXY: ") && !text.contains("S3CRET"), "{url}: {text}");
        }
    }

    #[test]
    fn each_variable_is_read_and_the_upper_case_wins() {
        let all = Some("socks5://a:1".to_owned());
        let http = Some("http://h:1/".to_owned());
        for names in
            [["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"], ["all_proxy", "http_proxy", "https_proxy"]]
        {
            assert_eq!(urls(&[(names[0], "socks://a:1")]), [all.clone(), all.clone()]);
            assert_eq!(urls(&[(names[1], "h:1")]), [http.clone(), None]);
            assert_eq!(urls(&[(names[2], "h:1")]), [None, http.clone()]);
            let both = [(names[0], "socks://a:1"), (names[1], "h:1")];
            assert_eq!(urls(&both), [http.clone(), all.clone()]);
        }
        assert_eq!(urls(&[("HTTP_PROXY", "h:1"), ("http_proxy", "other")]), [http, None]);
        assert_eq!(urls(&[("HTTP_PROXY", ""), ("http_proxy", "other")]), [None, None]);
        assert_eq!(urls(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil")]), [None, None]);
    }

    #[test]
    fn a_variable_that_is_not_understood_is_named() {
        for name in
            ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"]
        {
            let error = from(&[(name, "ftp://u:S3CRET@p")]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("{name}: ")) && !text.contains("S3CRET"), "{text}");
        }
        for list in ["10.0.0.0/33", "h/8", "h:80", "[::1]", "a.*", "*a"] {
            let text = from(&[("no_proxy", list)]).unwrap_err().to_string();
            assert!(text.contains("no_proxy: "), "{text}");
        }
    }

    #[test]
    fn excepted_hosts_are_asked_directly() {
        let list = "*.internal, .corp,example.org,10.0.0.0/8,::1,fd00::/8";
        let proxies = from(&[("HTTP_PROXY", "p:1"), ("NO_PROXY", list)]).unwrap();
        let matcher = proxies.http_matcher().unwrap();
        for (host, proxied) in [
            ("a.internal", false),
            ("a.corp", false),
            ("example.org", false),
            ("www.example.org", false),
            ("10.1.2.3", false),
            ("[::1]", false),
            ("[fd00::1]", false),
            ("notexample.org", true),
            ("192.0.2.1", true),
        ] {
            let uri = format!("http://{host}/").parse().unwrap();
            assert_eq!(matcher.intercept(&uri).is_some(), proxied, "{host}");
        }
        let none = from(&[("HTTP_PROXY", "p:1"), ("NO_PROXY", "*")]).unwrap();
        let matcher = none.http_matcher().unwrap();
        assert!(matcher.intercept(&"http://h/".parse().unwrap()).is_none());
    }
}
