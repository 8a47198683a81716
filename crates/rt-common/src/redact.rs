//! URLs and secrets in a form that may be logged.
use std::fmt;

/// The text in place of a secret.
pub(crate) const MASK: &str = "***";

/// A URL without its secrets: the userinfo, and the query (and fragment) values whose name or
/// content looks like a credential, become `***`.
///
/// It works on any text, valid URL or not, and keeps the rest as it is.
///
/// ```
/// use rt_common::redact_url;
///
/// assert_eq!(
///     redact_url("https://ann:pw@example.org/sse?zone=a&access_token=eyJhbGciOi"),
///     "https://***@example.org/sse?zone=a&access_token=***",
/// );
/// ```
pub fn redact_url(url: &str) -> String {
    let (before, userinfo_end) = find_userinfo(url);
    let mut out = String::with_capacity(url.len());
    let mut rest = url;
    if let Some(end) = userinfo_end {
        out.push_str(&url[..before]);
        out.push_str(MASK);
        rest = &url[end..];
    }
    let (head, fragment) = split_at_char(rest, '#');
    let (path, query) = split_at_char(head, '?');
    out.push_str(path);
    for (mark, pairs) in [('?', query), ('#', fragment)] {
        let Some(pairs) = pairs else { continue };
        out.push(mark);
        for (index, pair) in pairs.split('&').enumerate() {
            if index > 0 {
                out.push('&');
            }
            push_pair(&mut out, pair);
        }
    }
    out
}

/// A string that never shows itself: its `Debug` is `Secret(***)` and it has no `Display`.
///
/// ```
/// use rt_common::Secret;
///
/// let key = Secret::new("hunter2");
/// assert_eq!(format!("{key:?}"), "Secret(***)");
/// assert_eq!(key.expose(), "hunter2");
/// ```
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is the empty string.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

fn split_at_char(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(head, tail)| (head, Some(tail)))
}

/// Where the authority starts, and where its userinfo ends (at the `@`) if it has one.
///
/// A password with a `/`, `?` or `#` that was not escaped cuts the authority short. If what is left
/// is no host, and an `@` follows, the text up to the last one is taken for the userinfo.
pub(crate) fn find_userinfo(url: &str) -> (usize, Option<usize>) {
    let path = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    let slashes = path.find("//");
    let start = slashes.map_or(0, |at| at + 2);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let at = url[start..end].rfind('@').map(|at| start + at);
    let host = &url[at.map_or(start, |at| at + 1)..end];
    // A path alone has no authority.
    let plausible =
        is_host_and_port(host) || (host.is_empty() && slashes.is_none() && at.is_none());
    match url[end..].rfind('@') {
        Some(last) if !plausible => (start, Some(end + last)),
        _ => (start, at),
    }
}

fn is_host_and_port(text: &str) -> bool {
    let (host, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_is_fine = match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok(),
        None => rest.is_empty(),
    };
    !host.is_empty() && port_is_fine
}

fn push_pair(out: &mut String, pair: &str) {
    let (name, value) = split_at_char(pair, '=');
    match value {
        Some(value) if !value.is_empty() && (is_secret_name(name) || holds_secret(value)) => {
            out.push_str(name);
            out.push('=');
            out.push_str(MASK);
        }
        // A pair without a name may be a bare token; what is long enough to be one is not shown.
        None if pair.len() >= 32 || holds_secret(pair) => out.push_str(MASK),
        _ => out.push_str(pair),
    }
}

pub(crate) fn is_secret_name(name: &str) -> bool {
    const PARTS: [&str; 11] = [
        "token",
        "secret",
        "passw",
        "passphrase",
        "pwd",
        "auth",
        "jwt",
        "credential",
        "session",
        "signature",
        "bearer",
    ];
    const WORDS: [&str; 11] =
        ["sig", "sign", "hmac", "pass", "pw", "code", "otp", "sid", "pin", "key", "keys"];
    let name = unescaped(name).to_ascii_lowercase();
    name.ends_with("key")
        || PARTS.iter().any(|part| name.contains(part))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// A name in a query as the server reads it: `%74oken` is `token`. By hand, because a build without
/// HTTP has no percent decoder.
fn unescaped(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = after.first_chunk::<2>().filter(|_| *first == b'%');
        let digits = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A value that carries a credential inside, such as JSON with a `token` member, or a JWT.
fn holds_secret(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    ["token", "secret", "password", "eyj"].iter().any(|part| value.contains(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn userinfo_goes() {
        assert_eq!(redact_url("http://u:p@h:1/x"), "http://***@h:1/x");
        assert_eq!(redact_url("http://u@h"), "http://***@h");
        assert_eq!(redact_url("u:p@h"), "***@h");
        assert_eq!(redact_url("http://a@b:c@h/x@y"), "http://***@h/x@y");
        assert_eq!(redact_url("http://h/@me"), "http://h/@me");
    }

    #[test]
    fn a_password_that_is_not_escaped_goes_too() {
        for url in [
            "http://user:pa#ss@h/x",
            "http://user:pa?ss@h/x",
            "http://user:pa/ss@h/x",
            "http://user:/pass@h/x",
            "http://user:1234567/pass@h/x",
            "http://u@ser:pa/ss@h/x",
            "http://user:p@a:b/ss@h/x",
            "http://user:p//a@b//ss@h/x",
        ] {
            assert_eq!(redact_url(url), "http://***@h/x", "{url}");
        }
        assert_eq!(redact_url("user:pa/ss@h"), "***@h");
        for url in ["http://h:80/@me", "http://[::1]:80/@me", "/a:b/@me", "?q=a@b", "http://é/@me"]
        {
            assert_eq!(redact_url(url), url);
        }
    }

    #[test]
    fn secret_values_go_and_others_stay() {
        for name in [
            "token",
            "access_token",
            "Token",
            "key",
            "api_key",
            "apiKey",
            "X-Amz-Signature",
            "sig",
            "client_secret",
            "password",
            "pwd",
            "auth",
            "jwt",
            "session_id",
            "code",
            "x-hmac",
            "pw",
            "otp",
            "passphrase",
            "api_key_2",
            "+key+",
            "%74oken",
            "k%65y",
            "p%61ssword",
        ] {
            assert_eq!(
                redact_url(&format!("/p?a=1&{name}=s3&b=2")),
                format!("/p?a=1&{name}=***&b=2")
            );
        }
        for name in
            ["zone", "id", "last_event_id", "design", "ts", "wait", "codec", "keyboard", "%", "%7"]
        {
            let url = format!("http://h/p?{name}=s3");
            assert_eq!(redact_url(&url), url);
        }
    }

    #[test]
    fn values_that_carry_a_credential_go() {
        assert_eq!(
            redact_url("/uni_sse?cf_connect=%7B%22token%22%3A%22x%22%7D"),
            "/uni_sse?cf_connect=***"
        );
        assert_eq!(redact_url("/a?x=eyJhbGciOiJIUzI1NiJ9.e30.x"), "/a?x=***");
        assert_eq!(redact_url("/a#access_token=x&state=1"), "/a#access_token=***&state=1");
        assert_eq!(redact_url("/a?0123456789abcdef0123456789abcdef"), "/a?***");
    }

    #[test]
    fn anything_is_accepted() {
        for text in ["", "?", "#", "&", "?&=&", "http://", "//@", "?=x", "é?ü=ö", "a#b?token=c"]
        {
            redact_url(text);
        }
        assert_eq!(redact_url("http://h/p?a&b="), "http://h/p?a&b=");
    }

    #[test]
    fn a_secret_does_not_show() {
        #[derive(Debug)]
        #[allow(dead_code)]
        struct Config {
            key: Secret,
        }
        let text = format!("{:?}", Config { key: "hunter2".into() });
        assert!(!text.contains("hunter2"), "{text}");
    }

    proptest! {
        #[test]
        fn what_follows_a_secret_name_or_precedes_the_host_never_shows(
            user in "[a-z]{0,4}",
            before in "[a-z/=&;]{0,12}",
            after in "\\PC{0,12}",
        ) {
            let url = format!("http://{user}:S3CRET@h/{before}?a=1&token=S3CRET&{after}");
            let shown = redact_url(&url);
            prop_assert!(!shown.contains("S3CRET"), "{}", shown);
            prop_assert!(shown.contains("@h/"), "{}", shown);
        }

        /// But for what makes the start of the password the host of a valid URL.
        #[test]
        fn no_password_shows_however_it_is_written(
            user in "[a-z]{0,4}",
            before in "[a-z/?#]{0,4}",
            after in "[a-z/?#@]{0,4}",
            rest in "[a-z/?&=]{0,8}",
        ) {
            let url = format!("http://{user}:{before}S3CRET{after}@h/{rest}");
            let shown = redact_url(&url);
            prop_assert!(!shown.contains("S3CRET"), "{} of {}", shown, url);
            let user = format!("/{user}:");
            prop_assert!(!shown.contains(&user) || user == "/:", "{} of {}", shown, url);
        }

        #[test]
        fn any_text_is_taken(text in "\\PC{0,64}") {
            redact_url(&text);
        }
    }
}
