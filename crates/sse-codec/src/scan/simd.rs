//! The scan with SSE2, which every x86-64 has: 16 bytes at a time, line end and ASCII in one pass.
//!
//! The only unsafe code of this crate. Its twin is [`plain`](super::plain); tests and the fuzzer
//! hold the two equal.
#![allow(unsafe_code)]

use super::{LONG, Scan};
use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
};
use memchr::memchr2;

/// Bytes in a vector.
const LANES: usize = 16;

/// Scans to the first CR or LF.
#[inline(always)]
pub(crate) fn scan(hay: &[u8]) -> Scan<'_> {
    let mut at = 0;
    let mut high = 0;
    while let Some(lanes) = hay.get(at..).and_then(<[u8]>::first_chunk) {
        let (ends, not_ascii) = look(lanes);
        if ends != 0 {
            let found = ends.trailing_zeros();
            high |= not_ascii & ((1 << found) - 1);
            return done(hay, at + found as usize, high);
        }
        high |= not_ascii;
        at += LANES;
        if at >= LONG {
            let end = memchr2(b'\n', b'\r', &hay[at..]).map_or(hay.len(), |end| at + end);
            return Scan { line: &hay[..end], ascii: None };
        }
    }
    last(hay, at, high)
}

/// The last few bytes.
#[inline]
fn last(hay: &[u8], mut at: usize, mut high: u32) -> Scan<'_> {
    if let Some(lanes) = hay.last_chunk() {
        // One more vector, of which the first bytes have been looked at before.
        let seen = LANES - (hay.len() - at);
        let (ends, not_ascii) = look(lanes);
        let (ends, not_ascii) = (ends >> seen, not_ascii >> seen);
        let found = ends.trailing_zeros().min((hay.len() - at) as u32);
        high |= not_ascii & ((1 << found) - 1);
        return done(hay, at + found as usize, high);
    }
    while at < hay.len() && hay[at] != b'\n' && hay[at] != b'\r' {
        high |= u32::from(hay[at] & 0x80);
        at += 1;
    }
    done(hay, at, high)
}

/// A bit for each byte: whether it ends a line, and whether it is not ASCII.
#[inline]
fn look(lanes: &[u8; LANES]) -> (u32, u32) {
    // SAFETY: SSE2 is part of the target, as the cfg on this module says; the load is an unaligned
    // one of exactly the 16 bytes of `lanes`.
    unsafe {
        let bytes = _mm_loadu_si128(lanes.as_ptr().cast::<__m128i>());
        let lf = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8));
        let cr = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\r' as i8));
        let ends = _mm_movemask_epi8(_mm_or_si128(lf, cr));
        (ends as u32, _mm_movemask_epi8(bytes) as u32)
    }
}

/// The line ends at `end`; a bit in `high` says that it is not ASCII.
#[inline]
fn done(hay: &[u8], end: usize, high: u32) -> Scan<'_> {
    let line = &hay[..end];
    let ascii = if high == 0 && end < LONG {
        // SAFETY: no byte of the line has its high bit set, so it is ASCII, which is UTF-8.
        Some(unsafe { core::str::from_utf8_unchecked(line) })
    } else {
        None
    };
    Scan { line, ascii }
}
