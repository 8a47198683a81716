//! What a server says, in a form that fits into an error.
use std::borrow::Cow;
use std::fmt;

/// How much of it is shown, in characters.
const SHOWN: usize = 200;

/// One line of what a server says: its first 200 characters, with a space for each control character.
/// What a server says with an error is often the best hint.
///
/// ```
/// use rt_common::Excerpt;
///
/// assert_eq!(Excerpt::of("no\nsuch channel").to_string(), "no such channel");
/// assert_eq!(Excerpt::of_body(b" <html> ").unwrap().to_string(), "<html>");
/// assert!(Excerpt::of_body(b" \n").is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Excerpt<'a>(Cow<'a, str>);

impl<'a> Excerpt<'a> {
    /// Of a text.
    pub fn of(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Of a body, without the whitespace around it; `None` when there is nothing else at its
    /// beginning.
    pub fn of_body(body: &'a [u8]) -> Option<Self> {
        // A character has four bytes at most.
        let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN)]);
        let text = text.trim();
        (!text.is_empty()).then(|| Self(Cow::Owned(text.to_owned())))
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for c in characters.by_ref().take(SHOWN) {
            write!(f, "{}", if c.is_control() { ' ' } else { c })?;
        }
        if characters.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}
