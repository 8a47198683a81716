//! Where a follower is.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use uuid::Uuid;

use crate::Error;

/// The longest cursor that is kept, in bytes: it goes into a URL.
pub(crate) const MAX_CURSOR: usize = 4 * 1024;

/// A place in the events of a category, to start from and to come back to.
///
/// It is what golongpoll keeps, a time and an event's id, and the cursor of a server that has
/// cursors. It can be saved as text ([`Display`](fmt::Display), [`FromStr`], serde): `now`, `oldest`,
/// or its parts in the form of a query.
///
/// ```
/// use lp_client::Position;
///
/// let id = uuid::uuid!("6ba7b810-9dad-41d1-80b4-00c04fd430c8");
/// let saved = Position::after(1_795_230_332_805, id).to_string();
/// assert_eq!(saved, "since_time=1795230332805&last_id=6ba7b810-9dad-41d1-80b4-00c04fd430c8");
/// assert_eq!(saved.parse::<Position>()?, Position::after(1_795_230_332_805, id));
/// assert_eq!("oldest".parse::<Position>()?, Position::oldest());
/// # Ok::<(), lp_client::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    pub(crate) since: Option<i64>,
    pub(crate) last_id: Option<Uuid>,
    pub(crate) cursor: Option<String>,
    /// With several categories: the last event of each that was handed out after the cursor.
    pub(crate) seen: Vec<Uuid>,
}

/// The most ids that are kept beside a cursor: more than any server takes categories.
pub(crate) const MAX_SEEN: usize = 1_024;

impl Position {
    /// From the moment when the server gets the first poll.
    pub fn now() -> Self {
        Self::default()
    }

    /// From the oldest event that the server still has.
    pub fn oldest() -> Self {
        Self::since(0)
    }

    /// What was published after this time, in milliseconds since the epoch by the server's clock.
    pub fn since(timestamp: i64) -> Self {
        Self { since: Some(timestamp), ..Self::default() }
    }

    /// What follows an event; see [`Event::position`](crate::Event::position).
    pub fn after(timestamp: i64, last_id: Uuid) -> Self {
        Self { since: Some(timestamp), last_id: Some(last_id), ..Self::default() }
    }

    /// Whether this is [`Position::now`]: nothing is known yet.
    pub fn is_now(&self) -> bool {
        *self == Self::default()
    }

    /// The parameters of a poll from here. A cursor says it all by itself.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let cursor = self.cursor.clone();
        let (since, last_id) = match cursor {
            Some(_) => (None, None),
            None => (self.since, self.last_id),
        };
        let cursor = cursor.map(|cursor| ("cursor", cursor));
        let since = since.map(|since| ("since_time", since.to_string()));
        let last_id = last_id.map(|id| ("last_id", id.to_string()));
        cursor.into_iter().chain(since).chain(last_id)
    }
}

/// The texts of the positions that have a name.
const NOW: &str = "now";
const OLDEST: &str = "oldest";

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_now() {
            return f.write_str(NOW);
        }
        if *self == Self::oldest() {
            return f.write_str(OLDEST);
        }
        let mut text = form_urlencoded::Serializer::new(String::new());
        if let Some(since) = self.since {
            text.append_pair("since_time", &since.to_string());
        }
        if let Some(id) = self.last_id {
            text.append_pair("last_id", &id.to_string());
        }
        if let Some(cursor) = &self.cursor {
            text.append_pair("cursor", cursor);
        }
        for id in &self.seen {
            text.append_pair("seen", &id.to_string());
        }
        f.write_str(&text.finish())
    }
}

impl FromStr for Position {
    type Err = Error;

    /// # Errors
    /// When the text is not what `Display` writes, with [`Error::is_builder`].
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            NOW => return Ok(Self::now()),
            OLDEST => return Ok(Self::oldest()),
            _ => {}
        }
        let mut position = Self::default();
        let bad =
            || Error::builder("not a position: expected now, oldest, or since_time=…&last_id=…");
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let known = match &*name {
                "since_time" => {
                    value.parse().is_ok_and(|since| position.since.replace(since).is_none())
                }
                "last_id" => value.parse().is_ok_and(|id| position.last_id.replace(id).is_none()),
                "cursor" if is_cursor(&value) => {
                    position.cursor.replace(value.into_owned()).is_none()
                }
                "seen" if position.seen.len() < MAX_SEEN => {
                    value.parse().map(|id| position.seen.push(id)).is_ok()
                }
                _ => false,
            };
            if !known {
                return Err(bad());
            }
        }
        // An id without its time is refused by golongpoll.
        let alone = position.last_id.is_some() && position.since.is_none();
        match position.is_now() || alone {
            true => Err(bad()),
            false => Ok(position),
        }
    }
}

/// Whether a server's cursor can be kept and sent back.
pub(crate) fn is_cursor(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_CURSOR
}

impl TryFrom<String> for Position {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "",
            " ",
            "later",
            "now ",
            "oldest ",
            "Oldest",
            "oldest=",
            "since_time=",
            "since_time=x",
            "since_time=1.5",
            "since_time=1&since_time=2",
            "since_time=1&last_id=x",
            "last_id=6ba7b810-9dad-41d1-80b4-00c04fd430c8",
            "since_time=1&other=2",
            "cursor=",
            "1795230332805",
        ] {
            let error = text.parse::<Position>().unwrap_err();
            assert!(error.is_builder(), "{text:?}: {error}");
        }
        let long = format!("cursor={}", "x".repeat(MAX_CURSOR + 1));
        long.parse::<Position>().unwrap_err();
    }

    #[test]
    fn now_and_oldest_have_names() {
        for (name, position) in [("now", Position::now()), ("oldest", Position::oldest())] {
            assert_eq!(position.to_string(), name);
            assert_eq!(name.parse::<Position>().unwrap(), position);
        }
        assert_eq!("since_time=0".parse::<Position>().unwrap(), Position::oldest());
    }

    proptest! {
        #[test]
        fn a_position_comes_back_from_its_text(
            since in proptest::option::of(prop_oneof![Just(0), any::<i64>()]),
            last_id in proptest::option::of(any::<u128>()),
            cursor in proptest::option::of("\\PC{1,40}"),
            seen in proptest::collection::vec(any::<u128>(), 0..4),
        ) {
            let last_id = last_id.filter(|_| since.is_some()).map(Uuid::from_u128);
            let seen = seen.into_iter().map(Uuid::from_u128).collect();
            let position = Position { since, last_id, cursor, seen };
            prop_assert_eq!(&position.to_string().parse::<Position>().unwrap(), &position);
            let json = serde_json::to_string(&position).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Position>(&json).unwrap(), &position);
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,80}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(&position.to_string().parse::<Position>().unwrap(), &position);
            }
        }
    }
}
