//! Where a loop is.
use serde::{Deserialize, Serialize};

/// A place in the events: to be saved, and to go on from after a restart.
///
/// It is given after the events of each answer ([`Answered::position`](crate::Answered::position)).
///
/// ```
/// use vk_longpoll::Position;
///
/// let position = Position::new(150).with_pts(10_000);
/// let saved = serde_json::to_string(&position)?;
/// assert_eq!(saved, r#"{"ts":150,"pts":10000}"#);
/// assert_eq!(serde_json::from_str::<Position>(&saved)?, position);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Position {
    /// The number of the last event, as the long poll server counts. It is forgotten after a while.
    pub ts: i64,
    /// The number of the last change, as the account's history counts: with it what was missed can be
    /// read for a much longer time. Bots have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pts: Option<i64>,
    /// Whether the account's history was being read: it is read on after `pts` before the next poll.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovering: bool,
}

impl Position {
    /// After the event with this number.
    pub fn new(ts: i64) -> Self {
        Self { ts, pts: None, recovering: false }
    }

    /// The same place, with its number in the account's history.
    #[must_use]
    pub fn with_pts(mut self, pts: i64) -> Self {
        self.pts = Some(pts);
        self
    }

    /// The place in the history that a page of it ends at.
    pub(crate) fn recovering(mut self, pts: Option<i64>) -> Self {
        (self.pts, self.recovering) = (pts, true);
        self
    }
}
