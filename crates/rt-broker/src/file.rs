//! The engine whose history is kept in a folder.

#![allow(dead_code)] // Until the engine above the store is in place.

pub(crate) mod store;
