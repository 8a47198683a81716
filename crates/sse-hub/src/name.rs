//! The names of zones and clients, which are parsed once, by one rule, wherever they come in.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest zone, in bytes: the broker's bound on the names of topics.
const MAX_ZONE: usize = 1024;
/// Longest client id, in bytes: the broker's bound on the targets of messages.
const MAX_CLIENT_ID: usize = 256;

/// The zone of clients and packets that name none.
const DEFAULT_ZONE: &str = "default";

/// The name of a zone: 1 to 1,024 bytes without control characters and without U+FFFD, which stands for
/// bytes that are not UTF-8.
///
/// An empty text is the zone `default`. A zone is a topic of the broker, so what else publishes to
/// that broker uses the same names.
///
/// ```
/// use sse_hub::Zone;
///
/// let zone: Zone = "orders".parse()?;
/// assert_eq!(zone.as_str(), "orders");
/// assert_eq!("".parse::<Zone>()?, Zone::default());
/// assert!("two\nlines".parse::<Zone>().is_err());
/// # Ok::<(), sse_hub::InvalidName>(())
/// ```
// `Hash` and `Eq` are those of the text, as `Borrow<str>` demands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Zone(Arc<str>);

impl Zone {
    /// Parses the name of a zone.
    ///
    /// # Errors
    /// When it is longer than 1,024 bytes or has a control character.
    pub fn new(name: impl AsRef<str>) -> Result<Self, InvalidName> {
        match name.as_ref() {
            "" => Ok(Self::default()),
            name => check("zone", name, MAX_ZONE).map(|()| Self(name.into())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Zone {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Default for Zone {
    /// The zone `default`.
    fn default() -> Self {
        Self(DEFAULT_ZONE.into())
    }
}

/// The id of a client within its zone: 1 to 256 bytes without control characters and without U+FFFD.
///
/// An id either names a client, so that it is the same whenever the client connects, or it was made
/// for one request alone ([`random`](Self::random)). The hub needs to know which: a client that was
/// closed is recognised by its name where it has one.
///
/// ```
/// use sse_hub::ClientId;
///
/// let named = ClientId::new("user-7")?;
/// assert!(!named.is_random() && ClientId::random().is_random());
/// # Ok::<(), sse_hub::InvalidName>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientId {
    text: Arc<str>,
    random: bool,
}

impl ClientId {
    /// Parses the id of a client that has the same id whenever it connects.
    ///
    /// # Errors
    /// When it is empty, longer than 256 bytes or has a control character.
    pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidName> {
        let id = id.as_ref();
        check("client id", id, MAX_CLIENT_ID)?;
        Ok(Self { text: id.into(), random: false })
    }

    /// Makes an id of 16 random letters and digits for one request.
    #[must_use]
    pub fn random() -> Self {
        let id: String = std::iter::repeat_with(fastrand::alphanumeric).take(16).collect();
        Self { text: id.into(), random: true }
    }

    /// Marks an id as made for one request, as a UUID of your own may be.
    #[must_use]
    pub fn made_for_one_request(mut self) -> Self {
        self.random = true;
        self
    }

    /// Whether the id was made for one request and does not recognise a client that comes back.
    #[must_use]
    pub fn is_random(&self) -> bool {
        self.random
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id's text, shared with all that hold it.
    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.text
    }

    /// This id with a text that is held already.
    pub(crate) fn with_shared(&self, text: Arc<str>) -> Self {
        Self { text, random: self.random }
    }
}

/// A client id of 16 random letters and digits: [`ClientId::random`].
#[must_use]
pub fn random_id() -> ClientId {
    ClientId::random()
}

/// Two ids are equal if their texts are.
impl PartialEq for ClientId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ClientId {}

/// Why a text cannot be the name of a zone or the id of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidName {
    what: &'static str,
    wrong: Wrong,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Wrong {
    Length { max: usize, was: usize },
    Control,
    NotUtf8,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        match self.wrong {
            Wrong::Length { max, was } => {
                write!(f, "the {what} must be 1 to {max} bytes long, this one has {was}")
            }
            Wrong::Control => write!(f, "the {what} must not contain control characters"),
            Wrong::NotUtf8 => write!(f, "the {what} must be UTF-8, or it holds U+FFFD"),
        }
    }
}

impl std::error::Error for InvalidName {}

/// Needed because `TryInto<Zone>` of a `Zone` has the error `Infallible`.
impl From<Infallible> for InvalidName {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Names stand in events, headers and logs: short, and on one line.
fn check(what: &'static str, name: &str, max: usize) -> Result<(), InvalidName> {
    let wrong = if name.is_empty() || name.len() > max {
        Wrong::Length { max, was: name.len() }
    } else if name.chars().any(char::is_control) {
        Wrong::Control
    } else if name.contains(char::REPLACEMENT_CHARACTER) {
        // Each door would make another name of the same bytes, and different bytes would make one.
        Wrong::NotUtf8
    } else {
        return Ok(());
    };
    Err(InvalidName { what, wrong })
}

macro_rules! text_conversions {
    ($($name:ident)*) => {$(
        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<&$name> for $name {
            fn from(name: &$name) -> Self {
                name.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

text_conversions!(Zone ClientId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_on_one_line() {
        for text in ["a", "grün 1", &"x".repeat(256)] {
            assert_eq!(Zone::new(text).unwrap().as_str(), text);
            assert_eq!(ClientId::new(text).unwrap().as_str(), text);
        }
        for text in ["\n", "a\0", "a\u{7f}b", "\u{85}", &"x".repeat(1025)] {
            assert!(Zone::new(text).is_err() && ClientId::new(text).is_err(), "{text:?}");
        }
        assert!(Zone::new("x".repeat(1024)).is_ok());
        assert!(ClientId::new("x".repeat(257)).is_err() && ClientId::new("").is_err());
        assert_eq!(Zone::new("").unwrap().as_str(), "default");
    }

    #[test]
    fn an_error_says_what_is_wrong_without_the_name() {
        let long = Zone::new("x".repeat(1025)).unwrap_err().to_string();
        assert_eq!(long, "the zone must be 1 to 1024 bytes long, this one has 1025");
        let control = ClientId::new("secret\n").unwrap_err().to_string();
        assert_eq!(control, "the client id must not contain control characters");
        let lossy = Zone::new("a\u{FFFD}").unwrap_err().to_string();
        assert_eq!(lossy, "the zone must be UTF-8, or it holds U+FFFD");
    }
}
