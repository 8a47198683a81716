//! Where to poll, and with which key.
use http::Uri;
use rt_common::Secret;
use url::{Host, Url};

use crate::Error;

/// A long poll server as VK names it, found good.
#[derive(Clone, Debug)]
pub struct Server {
    /// Without a query.
    pub(crate) url: Url,
    pub(crate) key: Secret,
}

/// Which servers are followed.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Those on VK's domains, over https.
    Vk,
    /// Any: the API's address is one's own. Where the scheme is missing, this is it.
    Any { scheme: String },
}

/// Domains of VK's, on which it has named long poll servers, or where it has its API.
const DOMAINS: [&str; 4] = ["vk.com", "vk.ru", "vk.me", "userapi.com"];

impl Trust {
    pub(crate) fn of_api(address: &Url) -> Self {
        match Self::is_vk(address) {
            true => Self::Vk,
            false => Self::Any { scheme: address.scheme().to_owned() },
        }
    }

    /// For a server that the user names, not an answer.
    pub(crate) fn given() -> Self {
        Self::Any { scheme: "https".into() }
    }

    /// Whether the host is VK's.
    pub(crate) fn is_vk(url: &Url) -> bool {
        let Some(Host::Domain(host)) = url.host() else { return false };
        let host = host.trim_end_matches('.');
        DOMAINS.iter().any(|domain| {
            host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
        })
    }

    /// The server that an answer names, with or without a scheme.
    pub(crate) fn server(&self, name: &str, key: Secret) -> Result<Server, Error> {
        let scheme = match self {
            Self::Vk => "https",
            Self::Any { scheme } => scheme,
        };
        let with_scheme = match name.contains("://") {
            true => name.to_owned(),
            false => format!("{scheme}://{name}"),
        };
        let foreign = || {
            Error::foreign_server(rt_common::redact_url(name).chars().take(200).collect::<String>())
        };
        let mut url = Url::parse(&with_scheme).map_err(|_| foreign())?;
        let is_good = match self {
            Self::Vk => url.scheme() == "https" && Self::is_vk(&url),
            Self::Any { .. } => matches!(url.scheme(), "https" | "http") && url.has_host(),
        };
        // Credentials are no part of what VK names.
        if !is_good || !url.username().is_empty() || url.password().is_some() {
            return Err(foreign());
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(Server { url, key })
    }
}

impl Server {
    /// The address of a poll: `act=a_check`, the key and these.
    pub(crate) fn poll(&self, params: &[(&str, i64)]) -> Result<Uri, Error> {
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("act", "a_check").append_pair("key", self.key.expose());
            for (name, value) in params {
                query.append_pair(name, &value.to_string());
            }
        }
        url.as_str().parse().map_err(|_| Error::foreign_server("an address that cannot be asked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vk(name: &str) -> Result<String, Error> {
        Trust::Vk.server(name, Secret::new("k")).map(|server| server.url.to_string())
    }

    #[test]
    fn a_server_comes_with_a_scheme_or_without() {
        assert_eq!(vk("im.vk.com/nim123").unwrap(), "https://im.vk.com/nim123");
        assert_eq!(vk("https://lp.vk.com/whp/1").unwrap(), "https://lp.vk.com/whp/1");
        assert_eq!(vk("api.vk.ru/ruim1?x=1#y").unwrap(), "https://api.vk.ru/ruim1");
        assert_eq!(vk("imv4.vk.com:8443/x").unwrap(), "https://imv4.vk.com:8443/x");
    }

    #[test]
    fn what_is_not_vks_over_https_is_not_followed() {
        for name in [
            "http://im.vk.com/nim",
            "evil.example/nim",
            "https://vk.com.evil.example/",
            "evilvk.com",
            "https://vk.com@evil.example/",
            "https://u:p@im.vk.com/",
            "127.0.0.1:80/x",
            "ftp://vk.com",
            "",
            "//",
            "https://",
            "file:///etc/passwd",
        ] {
            let error = vk(name).unwrap_err();
            assert!(error.is_foreign_server() && !error.is_retryable(), "{name}");
        }
    }

    #[test]
    fn ones_own_address_is_followed_anywhere_with_its_scheme() {
        let trust = Trust::of_api(&"http://127.0.0.1:5000".parse().unwrap());
        let server = |name| trust.server(name, Secret::new("a&b")).map(|it| it.url.to_string());
        assert_eq!(server("127.0.0.1:5001/lp").unwrap(), "http://127.0.0.1:5001/lp");
        assert_eq!(server("https://h/lp").unwrap(), "https://h/lp");
        assert!(server("gopher://h/").is_err());
        assert!(matches!(Trust::of_api(&"https://api.vk.ru".parse().unwrap()), Trust::Vk));
    }

    #[test]
    fn a_poll_has_the_key_escaped() {
        let server = Trust::Vk.server("im.vk.com/nim", Secret::new("a&b")).unwrap();
        let uri = server.poll(&[("ts", 5), ("wait", 25)]).unwrap().to_string();
        assert_eq!(uri, "https://im.vk.com/nim?act=a_check&key=a%26b&ts=5&wait=25");
        assert!(!format!("{server:?}").contains("a&b"));
    }
}
