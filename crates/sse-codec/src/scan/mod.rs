//! Finding the end of a line, and whether it is ASCII, in one pass.

pub(crate) mod plain;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod simd;
#[cfg(test)]
mod tests;

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(crate) use plain::scan;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(crate) use simd::scan;

/// From this length on a line is long: `memchr` takes over, and whether it is ASCII is left open.
const LONG: usize = 512;

/// The start of a chunk up to its first CR or LF, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scan<'a> {
    /// The bytes before the first CR or LF; the whole input if there is none.
    pub(crate) line: &'a [u8],
    /// The same as text, if it is ASCII and not long.
    pub(crate) ascii: Option<&'a str>,
}
