//! A request's query, read as Go's `url.ParseQuery` reads it, since that is what golongpoll's
//! clients were tested against: a pair with a broken percent-escape or a semicolon is left out.

use std::borrow::Cow;

/// The pairs of a query, each decoded when it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    pub(crate) fn new(query: Option<&'a str>) -> Self {
        let pieces = query.unwrap_or_default().split('&').filter(|piece| !piece.is_empty());
        let pairs = pieces.map(|piece| piece.split_once('=').unwrap_or((piece, "")));
        Self(pairs.collect())
    }

    /// The first value of a parameter; empty where there is none, as Go has it.
    pub(crate) fn first(&self, name: &str) -> Cow<'a, [u8]> {
        self.all(name).next().unwrap_or_default()
    }

    /// The first value as text; `None` where it is empty or is not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = match self.first(name) {
            Cow::Borrowed(value) => Cow::Borrowed(std::str::from_utf8(value).ok()?),
            Cow::Owned(value) => Cow::Owned(String::from_utf8(value).ok()?),
        };
        Some(value).filter(|value| !value.is_empty())
    }

    /// Every value of a parameter, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.0.iter().filter_map(move |&(key, value)| {
            // As a rule names are written plainly, and nothing else of the others is looked at.
            let named =
                key == name || (key.contains(['%', '+']) && *unescape(key)? == *name.as_bytes());
            (named && !value.contains(';') && !key.contains(';')).then(|| unescape(value)).flatten()
        })
    }
}

fn unescape(text: &str) -> Option<Cow<'_, [u8]>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (&[high, low], after) = rest.split_first_chunk()?;
                rest = after;
                hex(high)? << 4 | hex(low)?
            }
            other => other,
        });
    }
    Some(Cow::Owned(decoded))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str, name: &str) -> Vec<u8> {
        Query::new(Some(query)).first(name).into_owned()
    }

    #[test]
    fn reads_as_go_does() {
        for (query, value) in [
            ("a=1&a=2", "1"),
            ("b=1", ""),
            ("a", ""),
            ("a=x+y%20z", "x y z"),
            ("%61=1", "1"),
            // A broken pair is no pair.
            ("a=%zz&a=2", "2"),
            ("a=%2&a=3", "3"),
            ("a=1;b=2&a=4", "4"),
            ("&&a=5&", "5"),
            ("a=1=2", "1=2"),
            ("A=1&a=6", "6"),
        ] {
            assert_eq!(first(query, "a"), value.as_bytes(), "{query}");
        }
        assert_eq!(first("a=%ff", "a"), [0xff]);
        assert_eq!(Query::new(Some("a=%ff")).text("a"), None);
        assert_eq!(Query::new(None).all("a").count(), 0);
    }
}
