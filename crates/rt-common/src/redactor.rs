//! Taking secrets out of text that came from elsewhere.
use std::borrow::Cow;
use std::sync::Arc;

use crate::Secret;
use crate::redact::MASK;

/// The number of bytes that an error quotes.
pub(crate) const QUOTED: usize = 4 * 1024;

/// A shorter secret is not taken out: it would take ordinary words with it.
const SHORTEST: usize = 4;

/// Takes a client's secrets out of what a server says, before an error quotes it: the error pages of many
/// proxies repeat the address or the headers of the request.
///
/// A secret is found as it is and as it is spelled in URLs, HTML and JSON. One of fewer than four bytes
/// is left where it is. Cheap to clone.
///
/// ```
/// use rt_common::{Redactor, Secret};
///
/// let redactor = Redactor::new([Secret::new("k3y&v4lue")]);
/// let page = b"cannot GET /events?key=k3y%26v4lue";
/// assert_eq!(redactor.quote(page), b"cannot GET /events?key=***");
/// assert_eq!(redactor.text("unknown key k3y&v4lue"), "unknown key ***");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    // The longest first: one may be the beginning of another.
    secrets: Arc<[Secret]>,
}

impl Redactor {
    /// Returns a redactor that takes these secrets out.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let long = |secret: &Secret| secret.expose().len() >= SHORTEST;
        let mut secrets: Vec<_> = secrets.into_iter().filter(long).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self { secrets: secrets.into() }
    }

    /// Returns a redactor for a client that sends these headers to these URLs: it takes out
    /// credentials, cookies and all that a header's or a query parameter's name declares a secret.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use rt_common::Redactor;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("authorization", "Bearer t0ken".parse().expect("a valid header"));
    /// let redactor = Redactor::for_client(&headers, ["https://example.org/sse?api_key=k3y5"]);
    /// assert_eq!(redactor.text("no access for t0ken and k3y5"), "no access for *** and ***");
    /// ```
    #[cfg(feature = "http")]
    pub fn for_client<U: AsRef<str>>(
        headers: &http::HeaderMap,
        urls: impl IntoIterator<Item = U>,
    ) -> Self {
        let mut secrets = crate::request_secrets::of_headers(headers);
        secrets
            .extend(urls.into_iter().flat_map(|url| crate::request_secrets::of_url(url.as_ref())));
        Self::new(secrets)
    }

    /// Returns the beginning of `text`, at most 4 KiB, with `***` in place of each secret. A part of a
    /// secret at the end, where the text is cut, is taken out, too.
    pub fn quote(&self, text: &[u8]) -> Vec<u8> {
        self.beginning(text, QUOTED)
    }

    /// Returns `text` with `***` in place of each secret.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let redacted = self.beginning(text.as_bytes(), usize::MAX);
        match redacted == text.as_bytes() {
            true => Cow::Borrowed(text),
            // A secret is whole characters, and so is what is left.
            false => Cow::Owned(String::from_utf8_lossy(&redacted).into_owned()),
        }
    }

    fn beginning(&self, text: &[u8], max: usize) -> Vec<u8> {
        let kept = &text[..text.len().min(max)];
        if self.secrets.is_empty() {
            return kept.to_vec();
        }
        let is_cut = kept.len() < text.len();
        let mut out = Vec::with_capacity(kept.len());
        let mut rest = kept;
        while let Some((first, after)) = rest.split_first() {
            let mut secrets = self.secrets.iter().map(|secret| secret.expose().as_bytes());
            match secrets.find_map(|secret| spelled(rest, secret, is_cut)) {
                Some(length) => {
                    out.extend_from_slice(MASK.as_bytes());
                    rest = &rest[length..];
                }
                None => {
                    out.push(*first);
                    rest = after;
                }
            }
        }
        out
    }
}

/// The length of the secret that the text begins with; of its beginning, where the text is cut.
fn spelled(text: &[u8], secret: &[u8], is_cut: bool) -> Option<usize> {
    let mut at = 0;
    for byte in secret {
        let rest = &text[at..];
        match spelling(rest, *byte) {
            Some(length) => at += length,
            None if is_cut && at > 0 && may_continue(rest) => return Some(text.len()),
            None => return None,
        }
    }
    Some(at)
}

/// The length of this byte as the text begins with it: escaped for a URL (in another URL, too), for
/// HTML or for JSON, or as it is.
fn spelling(text: &[u8], byte: u8) -> Option<usize> {
    let escaped = match text.first()? {
        b'%' => vec![format!("%{byte:02x}"), format!("%25{byte:02x}")],
        b'&' => {
            let name = match byte {
                b'&' => "amp".to_owned(),
                b'<' => "lt".to_owned(),
                b'>' => "gt".to_owned(),
                b'"' => "quot".to_owned(),
                b'\'' => "apos".to_owned(),
                _ => format!("#{byte}"),
            };
            vec![format!("&{name};"), format!("&#{byte};"), format!("&#x{byte:x};")]
        }
        b'\\' if matches!(byte, b'"' | b'/' | b'\\') => {
            vec![format!("\\u{byte:04x}"), format!("\\{}", char::from(byte))]
        }
        b'\\' => vec![format!("\\u{byte:04x}")],
        b'+' if byte == b' ' => return Some(1),
        _ => Vec::new(),
    };
    let begins = |spelled: &&String| {
        text.get(..spelled.len()).is_some_and(|it| it.eq_ignore_ascii_case(spelled.as_bytes()))
    };
    match escaped.iter().find(begins) {
        Some(spelled) => Some(spelled.len()),
        None => (text.first() == Some(&byte)).then_some(1),
    }
}

/// Whether this end of a text may be half of a character that was escaped.
fn may_continue(end: &[u8]) -> bool {
    match end.first() {
        None => true,
        Some(first) => matches!(first, b'%' | b'&' | b'\\') && end.len() < 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 4096;

    fn redacted(text: &str, secret: &str) -> String {
        let redactor = Redactor::new([secret.into()]);
        String::from_utf8(redactor.beginning(text.as_bytes(), MAX)).unwrap()
    }

    #[test]
    fn a_secret_is_found_however_it_is_spelled() {
        let secret = "a&/<'\"é+Z";
        for text in [
            "a&/<'\"é+Z",
            "a%26%2F%3C%27%22%C3%A9%2BZ",
            "a%26%2f%3c%27%22%c3%a9%2bZ",
            "%61%26/%3C'%22%C3%A9+%5A",
            "a%2526%252F%253C%2527%2522%25C3%25A9%252BZ",
            "a&amp;/&lt;&apos;&quot;é+Z",
            "a&#38;&#47;&#60;&#39;&#x22;é&#x2b;Z",
            r#"a\u0026\/\u003C\u0027\"é+Z"#,
        ] {
            let page = format!("<a href=\"/x?key={text}&ts=1\">{text}</a>{text}");
            let expected = "<a href=\"/x?key=***&ts=1\">***</a>***";
            assert_eq!(redacted(&page, secret), expected, "{text}");
        }
        assert_eq!(redacted("ab+c ab c ab%20c", "ab c"), "*** *** ***");
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        for text in ["", "K3Y", "K3YK3Yy", "%4B3%", "K&am", "\\", "K\u{0}\u{301}"] {
            assert_eq!(redacted(text, "K3YS"), text);
        }
        assert_eq!(redacted("K3YK3YS", "K3YS"), "K3Y***");
        assert_eq!(redacted("nothing to hide", ""), "nothing to hide");
        let redactor = Redactor::new(["K3YS".into()]);
        assert_eq!(redactor.beginning(b"\xffK3YS\xfe", MAX), b"\xff***\xfe");
        assert!(matches!(redactor.text("no secret"), Cow::Borrowed(_)));
    }

    #[test]
    fn each_of_several_secrets_is_taken_out_and_a_short_one_is_not() {
        let secrets = ["secret", "secret-2", "other", "key"].map(Secret::from);
        let text = Redactor::new(secrets).text("secret secret-2 key other key").into_owned();
        assert_eq!(text, "*** *** key *** key");
    }

    #[test]
    fn a_text_that_is_cut_within_the_secret_shows_none_of_it() {
        let before = MAX - 8;
        for (end, kept) in [
            ("12key=K3YK3Y", "12key=***"),
            ("key=K%33YK3Y", "key=***"),
            ("1key=K%33YK3Y", "1key=***"),
            ("123key=K3YK3Y", "123key=***"),
            ("1234key=K3YK3Y", "1234key="),
            ("12345678K3YK3Y", "12345678"),
        ] {
            let page = format!("{}{end}", "x".repeat(before));
            assert_eq!(&redacted(&page, "K3YK3Y")[before..], kept, "{end}");
        }
        // The text's own end is no cut.
        assert_eq!(redacted("key=K3Y", "K3YS"), "key=K3Y");
    }
}
