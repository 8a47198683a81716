//! Finding the end of a line, and whether it is ASCII, in one pass.

/// The start of a chunk up to its first CR or LF, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scan<'a> {
    /// The bytes before the first CR or LF; the whole input if there is none.
    pub(crate) line: &'a [u8],
    /// The same as text, if the scan saw that it is ASCII. `None` says nothing.
    pub(crate) ascii: Option<&'a str>,
}

/// Scans to the first CR or LF.
pub(crate) fn scan(hay: &[u8]) -> Scan<'_> {
    safe::scan(hay)
}

/// The same in plain Rust.
mod safe {
    use super::Scan;

    pub(super) fn scan(hay: &[u8]) -> Scan<'_> {
        let end = memchr::memchr2(b'\n', b'\r', hay).unwrap_or(hay.len());
        let line = &hay[..end];
        let ascii = if line.is_ascii() { core::str::from_utf8(line).ok() } else { None };
        Scan { line, ascii }
    }
}
