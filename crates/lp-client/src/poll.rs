//! What is asked of a server.
use std::time::Duration;

use url::form_urlencoded;

use crate::{Error, Position};

/// The longest category, in bytes.
pub(crate) const MAX_CATEGORY: usize = 1_024;

/// The parameters that a poll writes itself.
pub(crate) const PARAMETERS: [&str; 5] = ["timeout", "category", "since_time", "last_id", "cursor"];

/// What to wait for: a category, or several where the server takes them, and from where.
///
/// The category's name alone does, for what comes from now on.
///
/// ```
/// use std::time::Duration;
/// use lp_client::{Poll, Position};
///
/// let poll = Poll::new("news").position(Position::oldest()).timeout(Duration::from_secs(60));
/// let several = Poll::new("news").and("sport");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Poll {
    pub(crate) categories: Vec<String>,
    pub(crate) position: Position,
    pub(crate) timeout: Option<Duration>,
}

impl Poll {
    /// What comes in this category (1 to 1,024 bytes) from now on.
    pub fn new(category: impl Into<String>) -> Self {
        Self { categories: vec![category.into()], position: Position::now(), timeout: None }
    }

    /// Another category, too. golongpoll takes one a poll: with its server this is an error
    /// ([`Error::is_one_category`]) once it has answered.
    pub fn and(mut self, category: impl Into<String>) -> Self {
        self.categories.push(category.into());
        self
    }

    /// Where to start (default: [`Position::now`]).
    pub fn position(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// How long the server may wait for an event, in whole seconds (default: the client's). Its
    /// maximum, often 110 s, is the server's to tell.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(timeout) = self.timeout {
            check_timeout(timeout)?;
        }
        self.categories.iter().try_for_each(|category| check_category(category))
    }

    /// The query, to go behind that of the URL.
    pub(crate) fn query(&self, position: &Position, timeout: Duration) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("timeout", &timeout.as_secs().to_string());
        query.extend_pairs(self.categories.iter().map(|category| ("category", category)));
        query.extend_pairs(position.parameters());
        query.finish()
    }
}

impl<T: Into<String>> From<T> for Poll {
    fn from(category: T) -> Self {
        Self::new(category)
    }
}

pub(crate) fn check_category(category: &str) -> Result<(), Error> {
    match category.len() {
        1..=MAX_CATEGORY => Ok(()),
        length => {
            Err(Error::builder(format!("a category has 1 to {MAX_CATEGORY} bytes, not {length}")))
        }
    }
}

pub(crate) fn check_timeout(timeout: Duration) -> Result<(), Error> {
    match timeout.as_secs() >= 1 && timeout.subsec_nanos() == 0 {
        true => Ok(()),
        false => Err(Error::builder(format!(
            "a poll's timeout is in whole seconds, at least 1, not {timeout:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_what_the_server_reads() {
        let id = uuid::uuid!("6ba7b810-9dad-41d1-80b4-00c04fd430c8");
        let second = Duration::from_secs(1);
        let poll = Poll::new("a b&c=ü");
        for (position, rest) in [
            (Position::now(), ""),
            (Position::oldest(), "&since_time=0"),
            (Position::since(-5), "&since_time=-5"),
            (Position::after(7, id), "&since_time=7&last_id=6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
            // A cursor stands for both.
            (
                Position { cursor: Some("x+/=".into()), ..Position::after(7, id) },
                "&cursor=x%2B%2F%3D",
            ),
        ] {
            let query = poll.query(&position, second);
            assert_eq!(query, format!("timeout=1&category=a+b%26c%3D%C3%BC{rest}"));
        }
        let query = Poll::new("a").and("b").query(&Position::now(), 45 * second);
        assert_eq!(query, "timeout=45&category=a&category=b");
    }

    #[test]
    fn what_the_server_would_refuse_is_not_sent() {
        for category in ["", &"x".repeat(1_025), &"é".repeat(513)] {
            assert!(Poll::new(category).check().unwrap_err().is_builder());
            assert!(Poll::new("a").and(category).check().unwrap_err().is_builder());
        }
        Poll::new("x".repeat(1_024)).check().unwrap();
        for millis in [0, 999, 1_500] {
            let timeout = Duration::from_millis(millis);
            assert!(Poll::new("a").timeout(timeout).check().unwrap_err().is_builder(), "{millis}");
        }
    }
}
