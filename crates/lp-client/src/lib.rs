//! A long polling client.
