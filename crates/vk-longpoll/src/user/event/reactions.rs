//! Reactions to messages, and changes whose shape is not known: the codes 91, 601 and 602.

use super::row::{Fault, FromRow, Row};
use crate::Json;
use serde::Serialize;

/// Code 601: somebody has reacted to a message, or no longer does. Undocumented; the shape is told
/// from a captured row and from Fenrir's names of the changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReactionsChanged {
    /// 1: the account that listens has reacted; 2: another has; 3 and 4: they no longer do.
    pub change: i64,
    /// The conversation.
    pub peer_id: i64,
    /// The message's number in the conversation.
    pub local_id: i64,
    /// The reaction that is meant, where the row tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction_id: Option<i64>,
    /// All reactions to the message now. Empty where the row has another shape than is known.
    pub reactions: Vec<Reaction>,
}

/// A reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reaction {
    /// Which.
    pub reaction_id: i64,
    /// How many have reacted so.
    pub count: i64,
    /// Who; not all of them need be told.
    pub user_ids: Vec<i64>,
}

impl FromRow for ReactionsChanged {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        let (change, peer_id, local_id) = (row.need(1)?, row.need(2)?, row.need(3)?);
        // A number's place says what it is: a list with a hole in it says nothing.
        let rest: Vec<i64> =
            Some(row.rest(4)).filter(|it: &Vec<i64>| it.len() + 4 == row.len()).unwrap_or_default();
        // The reaction that is meant comes first, or does not come: the counts tell which.
        let (reaction_id, reactions) = match (reactions(&rest), rest.split_first()) {
            (Some(all), _) => (None, all),
            (None, Some((first, rest))) => (Some(*first), reactions(rest).unwrap_or_default()),
            (None, None) => (None, Vec::new()),
        };
        Ok(Self { change, peer_id, local_id, reaction_id, reactions })
    }
}

/// The number of reactions; then of each how many numbers follow: which, how many, how many users
/// are told, and these. `None` unless that is exactly what the numbers are.
fn reactions(numbers: &[i64]) -> Option<Vec<Reaction>> {
    let (total, mut rest) = numbers.split_first()?;
    let mut all = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let (one, after) = after.split_at_checked(usize::try_from(*length).ok()?)?;
        let [reaction_id, count, told, users @ ..] = one else { return None };
        if i64::try_from(users.len()).ok()? != *told {
            return None;
        }
        all.push(Reaction { reaction_id: *reaction_id, count: *count, user_ids: users.to_vec() });
        rest = after;
    }
    (i64::try_from(all.len()).ok()? == *total).then_some(all)
}

/// Declares events of which only the code is known.
macro_rules! shapeless {
    ($($(#[$about:meta])* $name:ident)*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct $name {
            /// What comes after the code.
            pub values: Vec<Json>,
        }

        impl FromRow for $name {
            fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
                Ok(Self { values: row.all(1) })
            }
        }
    )*};
}

shapeless! {
    /// Code 91: members have changed. Undocumented, and its shape is not known.
    MembersChanged
    /// Code 602: unread reactions have changed. Undocumented, and its shape is not known.
    UnreadReactionsChanged
}
