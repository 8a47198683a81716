//! Which content types are read as an event stream.
use http::header::{self, HeaderMap};

pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// The content types that a stream accepts, beside `text/event-stream`.
#[derive(Clone, Debug)]
pub(crate) enum ContentTypes {
    /// These, in lower case and without parameters.
    Also(Vec<String>),
    /// Any, and a response without one.
    Any,
}

impl ContentTypes {
    pub(crate) fn accept(&self, headers: &HeaderMap) -> bool {
        let Self::Also(others) = self else { return true };
        let Some(essence) = essence(headers) else { return false };
        essence == EVENT_STREAM || others.contains(&essence)
    }
}

/// A content type in lower case, without its parameters.
pub(crate) fn normalize(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The content type in effect: the last one of the list that the header's lines form (Fetch, "extract
/// a MIME type"). So `application/json, text/event-stream`, which a model server sends, is an event
/// stream, as it is for browsers.
fn essence(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::CONTENT_TYPE).iter().rev();
    let types = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(','));
    types.map(normalize).find(|essence| essence.contains('/') && essence != "*/*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(types: &ContentTypes, values: &[&str]) -> bool {
        let header = |value: &&str| (header::CONTENT_TYPE, value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in values.iter().map(header) {
            headers.append(name, value);
        }
        types.accept(&headers)
    }

    #[test]
    fn only_event_streams_are_accepted_unless_told_otherwise() {
        let only = ContentTypes::Also(Vec::new());
        for (values, expected) in [
            (&["text/event-stream"][..], true),
            (&["Text/Event-Stream;charset=utf-8"], true),
            (&[" text/event-stream ; charset=windows-1251"], true),
            (&["application/json, text/event-stream"], true),
            (&["application/json", "text/event-stream"], true),
            (&["text/event-stream, */*"], true),
            (&["text/event-stream, nonsense"], true),
            (&["text/event-stream, text/html"], false),
            (&["text/event-stream", "text/html"], false),
            (&["text/event-streams"], false),
            (&["text/plain"], false),
            (&["application/json; x=text/event-stream"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(accepted(&only, values), expected, "{values:?}");
        }
    }

    #[test]
    fn others_are_accepted_where_they_are_named() {
        let plain = ContentTypes::Also(vec![normalize("Text/Plain; charset=utf-8")]);
        for (value, expected) in
            [("text/plain", true), ("text/event-stream", true), ("text/html", false)]
        {
            assert_eq!(accepted(&plain, &[value]), expected, "{value}");
        }
        assert!(!accepted(&plain, &[]));
        for values in [&[][..], &["text/html"], &["nonsense"]] {
            assert!(accepted(&ContentTypes::Any, values), "{values:?}");
        }
    }
}
