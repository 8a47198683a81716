//! What a poll is answered with.

use super::event::Event;
use crate::Failed;
use crate::answer::Parts;
use crate::decode_error::DecodeError;
use serde_json::value::RawValue;

/// What a poll is answered with: events, or that it failed.
///
/// ```
/// use vk_longpoll::user::Answer;
///
/// let body = br#"{"ts":1820350874,"pts":10,"updates":[[61,42,1],[],"malformed",[12345,"new"]]}"#;
/// let Answer::Updates(updates) = Answer::decode(body)? else { panic!() };
/// assert_eq!((updates.ts, updates.pts), (1_820_350_874, Some(10)));
/// let kinds: Vec<_> = updates.events.iter().map(|event| event.kind.name()).collect();
/// assert_eq!(kinds, ["user_typing", "malformed", "malformed", "unknown"]);
///
/// let Answer::Failed(failed) = Answer::decode(br#"{"failed":1,"ts":"30"}"#)? else { panic!() };
/// assert_eq!((failed.code, failed.ts), (1, Some(30)));
///
/// assert!(Answer::decode(b"{}").unwrap_err().is_incomplete());
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
    /// What the next poll begins at.
    pub ts: i64,
    /// The same for the history, if the mode asks for it.
    pub pts: Option<i64>,
    /// In their order; one for each row, whatever it is.
    pub events: Vec<Event>,
}

impl Answer {
    /// What the body of an answer says.
    ///
    /// Bytes that are no UTF-8 become U+FFFD; entries that are not known are left alone; numbers may
    /// be strings. No row makes it fail.
    ///
    /// # Errors
    /// The body is no JSON, or an object with neither `failed` nor both of `ts` and `updates`: it
    /// never begins again at 0. Or it has more than 262,144 updates.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let parts = Parts::decode(body, |row: &RawValue| Event::decode(row))?;
        Ok(match parts {
            Ok((ts, pts, events)) => Self::Updates(Updates { ts, pts, events }),
            Err(failed) => Self::Failed(failed),
        })
    }
}
