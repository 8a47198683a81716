//! Where each method is called.
use http::Uri;
use url::Url;

use crate::Error;

/// The URIs of the endpoint and of its methods, the common ones made once.
pub(crate) struct Uris {
    pub(crate) endpoint: Uri,
    known: Vec<(&'static str, Uri)>,
    url: Url,
}

impl Uris {
    pub(crate) fn new(endpoint: &Url) -> Result<Self, Error> {
        let mut uris = Self { endpoint: uri(endpoint)?, known: Vec::new(), url: endpoint.clone() };
        let known = ["publish", "broadcast", "batch", "presence", "presence_stats", "history"];
        for method in known {
            uris.known.push((method, uris.of(method)?));
        }
        Ok(uris)
    }

    pub(crate) fn of(&self, method: &str) -> Result<Uri, Error> {
        if let Some((_, uri)) = self.known.iter().find(|(known, _)| *known == method) {
            return Ok(uri.clone());
        }
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{method}", url.path()));
        uri(&url)
    }
}

fn uri(url: &Url) -> Result<Uri, Error> {
    url.as_str().parse().map_err(|error: http::uri::InvalidUri| {
        let shown = rt_common::redact_url(url.as_str());
        Error::builder_from(format!("{shown:?} is not a valid URL"), error)
    })
}
