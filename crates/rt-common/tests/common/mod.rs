//! What the tests share.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part of this module.
use std::time::Duration;

use bytes::Bytes;
use http::Request;

/// No test waits longer for a response.
pub const LONG: Duration = Duration::from_secs(10);

pub fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}
