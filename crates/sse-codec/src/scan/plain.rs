//! The scan in plain Rust: used where there is no other, and what the other is held to.

use super::{LONG, Scan};
use memchr::memchr2;

/// Scans to the first CR or LF.
#[cfg_attr(all(target_arch = "x86_64", target_feature = "sse2"), allow(dead_code))]
pub(crate) fn scan(hay: &[u8]) -> Scan<'_> {
    let end = memchr2(b'\n', b'\r', hay).unwrap_or(hay.len());
    let line = &hay[..end];
    let ascii = (end < LONG && line.is_ascii()).then(|| core::str::from_utf8(line).ok());
    Scan { line, ascii: ascii.flatten() }
}
