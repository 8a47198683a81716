//! What an error keeps of an answer: not its secrets.
use bytes::Bytes;
use rt_common::Secret;

/// How much of an answer is kept.
const BYTES: usize = 4 * 1024;

/// What an error may keep of an answer.
#[derive(Clone, Copy)]
pub(crate) enum Kept<'a> {
    /// Its beginning, but for this secret: many a proxy's page repeats the address that was asked.
    Without(&'a Secret),
    /// Nothing: secrets are what was asked for.
    Nothing,
}

impl Kept<'_> {
    /// A copy of what may be kept: the rest of a large answer is not held for it.
    pub(crate) fn of(self, answer: &[u8]) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::Without(secret) => without(answer, secret.expose().as_bytes()).into(),
        }
    }
}

/// The beginning of a text, with `***` in place of the secret however it is spelled.
fn without(text: &[u8], secret: &[u8]) -> Vec<u8> {
    let kept = &text[..text.len().min(BYTES)];
    if secret.is_empty() {
        return kept.to_vec();
    }
    let is_cut = kept.len() < text.len();
    let mut out = Vec::with_capacity(kept.len());
    let mut rest = kept;
    while let Some((first, after)) = rest.split_first() {
        match spelled(rest, secret, is_cut) {
            Some(length) => {
                out.extend_from_slice(b"***");
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

/// The length of the secret that the text begins with; of its beginning, where the text is cut.
fn spelled(text: &[u8], secret: &[u8], is_cut: bool) -> Option<usize> {
    let mut at = 0;
    for byte in secret {
        let rest = &text[at..];
        match spelling(rest, *byte) {
            Some(length) => at += length,
            None if is_cut && at > 0 && may_go_on(rest) => return Some(text.len()),
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
fn may_go_on(end: &[u8]) -> bool {
    match end.first() {
        None => true,
        Some(first) => matches!(first, b'%' | b'&' | b'\\') && end.len() < 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str, secret: &str) -> String {
        String::from_utf8(without(text.as_bytes(), secret.as_bytes())).unwrap()
    }

    #[test]
    fn a_secret_goes_however_it_is_spelled() {
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
            assert_eq!(kept(&page, secret), "<a href=\"/x?key=***&ts=1\">***</a>***", "{text}");
        }
        assert_eq!(kept("a+b a b a%20b", "a b"), "*** *** ***");
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        for text in ["", "K3", "K3K3y", "%4B3%", "K&am", "\\", "K\u{0}\u{301}"] {
            assert_eq!(kept(text, "K3Y"), text);
        }
        assert_eq!(kept("K3K3Y", "K3Y"), "K3***");
        assert_eq!(kept("nothing to hide", ""), "nothing to hide");
        assert_eq!(without(b"\xffK3Y\xfe", b"K3Y"), b"\xff***\xfe");
    }

    #[test]
    fn what_is_cut_within_the_secret_has_none_of_it() {
        let before = BYTES - 8;
        for (end, kept_end) in [
            ("12key=K3YK3Y", "12key=***"),
            ("key=K%33YK3Y", "key=***"),
            ("1key=K%33YK3Y", "1key=***"),
            ("123key=K3YK3Y", "123key=***"),
            ("1234key=K3YK3Y", "1234key="),
            ("12345678K3YK3Y", "12345678"),
        ] {
            let page = format!("{}{end}", "x".repeat(before));
            assert_eq!(&kept(&page, "K3YK3Y")[before..], kept_end, "{end}");
        }
        // The text's own end is no cut.
        assert_eq!(kept("key=K3", "K3Y"), "key=K3");
    }
}
