//! What a poll of a bot is answered with.

use super::event::Event;
use crate::answer::Parts;
use crate::{DecodeError, Failed};
use serde_json::value::RawValue;

/// What a poll is answered with: events, or that it failed.
///
/// ```
/// use vk_longpoll::bots::Answer;
///
/// let body = br#"{"ts":"8","updates":[{"type":"group_leave","object":{"user_id":1,"self":1}}]}"#;
/// let Answer::Updates(updates) = Answer::decode(body)? else { panic!() };
/// assert_eq!((updates.ts, updates.events[0].kind.name()), (8, "group_leave"));
///
/// let Answer::Failed(failed) = Answer::decode(br#"{"failed":2}"#)? else { panic!() };
/// assert_eq!(failed.code, 2);
/// # Ok::<(), vk_longpoll::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// Events, or none where the wait was over.
    Updates(Updates),
    /// There are no events for this `ts` and key.
    Failed(Failed),
}

/// The events of an answer, and where to go on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Updates {
    /// What the next poll begins at. It comes as a string.
    pub ts: i64,
    /// In their order; one for each update, whatever it is.
    pub events: Vec<Event>,
}

impl Answer {
    /// What the body of an answer says, as with [users](crate::user::Answer::decode).
    ///
    /// # Errors
    /// The body is no JSON, or an object with neither `failed` nor both of `ts` and `updates`. Or it
    /// has more than 262,144 updates.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let parts = Parts::decode(body, |update: &RawValue| Event::decode(update))?;
        Ok(match parts {
            Ok((ts, _, events)) => Self::Updates(Updates { ts, events }),
            Err(failed) => Self::Failed(failed),
        })
    }
}
