//! Folders of conversations: the codes 501 to 507. Undocumented; the shapes are from
//! danyadev/longpoll-doc.

use super::row::{Fault, FromRow, Row};
use super::rows::rows;
use crate::json::{Typed, split};
use serde::Serialize;

rows! {
    /// Code 501: a folder was made.
    FolderCreated {
        /// The folder.
        folder_id: i64;
        /// Its name.
        name: String,
        /// The number that its maker gave it.
        random_id: i64
    }

    /// Code 502: a folder was deleted.
    FolderDeleted {
        /// The folder.
        folder_id: i64
    }

    /// Code 503: a folder has another name.
    FolderRenamed {
        /// The folder.
        folder_id: i64;
        /// Its name.
        name: String
    }
}

/// Code 504: conversations were put into a folder.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FolderPeersAdded {
    /// The folder.
    pub folder_id: i64,
    /// Which conversations.
    pub peer_ids: Vec<i64>,
}

/// Code 505: conversations were taken out of a folder.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FolderPeersRemoved {
    /// The folder.
    pub folder_id: i64,
    /// Which conversations.
    pub peer_ids: Vec<i64>,
}

/// Code 506: the folders have another order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FoldersReordered {
    /// All of them, in their order.
    pub folder_ids: Vec<i64>,
}

/// Code 507: folders have other counters.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FolderCountersChanged {
    /// The folders whose counters have changed.
    pub folders: Vec<FolderCounters>,
}

/// The counters of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FolderCounters {
    /// The folder.
    pub folder_id: i64,
    /// Its unread conversations.
    pub unread_count: i64,
    /// Of them, those that are not muted.
    pub unread_unmuted_count: i64,
}

impl Typed for FolderCounters {
    fn typed(json: &str) -> Option<Self> {
        let parts = split(json)?;
        let number = |at: usize| parts.get(at).and_then(|part| i64::typed(part));
        Some(Self {
            folder_id: number(0)?,
            unread_count: number(1)?,
            unread_unmuted_count: number(2)?,
        })
    }
}

impl FromRow for FolderPeersAdded {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self { folder_id: row.need(1)?, peer_ids: row.rest(2) })
    }
}

impl FromRow for FolderPeersRemoved {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self { folder_id: row.need(1)?, peer_ids: row.rest(2) })
    }
}

impl FromRow for FoldersReordered {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self { folder_ids: row.rest(1) })
    }
}

impl FromRow for FolderCountersChanged {
    fn from_row(row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self { folders: row.rest(1) })
    }
}
