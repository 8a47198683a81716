//! Which field a line is, and what a retry field is worth.

use core::time::Duration;

/// The longest start of a line that has to be seen to know its field and where its value starts:
/// `retry`, the colon and the space.
pub(super) const LONGEST_NAME: usize = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    Unknown,
}

/// The field of a line that is not empty, and the index at which its value starts.
///
/// The line may be cut after its first [`LONGEST_NAME`] bytes.
#[inline]
pub(super) fn split(line: &[u8]) -> (Field, usize) {
    if let [b'd', b'a', b't', b'a', b':', value @ ..] = line {
        return (Field::Data, 5 + space(value));
    }
    if line[0] == b':' {
        return (Field::Comment, 1);
    }
    split_other(line)
}

fn split_other(line: &[u8]) -> (Field, usize) {
    let start = &line[..line.len().min(LONGEST_NAME - 1)];
    let (name, value) = match start.iter().position(|&byte| byte == b':') {
        Some(colon) => (&line[..colon], colon + 1 + space(&line[colon + 1..])),
        None => (line, line.len()),
    };
    let field = match name {
        b"data" => Field::Data,
        b"event" => Field::Event,
        b"id" => Field::Id,
        b"retry" => Field::Retry,
        _ => Field::Unknown,
    };
    (field, value)
}

/// One space after the colon is no part of the value.
#[inline]
fn space(value: &[u8]) -> usize {
    usize::from(value.first() == Some(&b' '))
}

/// The value of a retry field, in milliseconds: ASCII digits and nothing else.
pub(crate) fn retry(value: &str) -> Option<Duration> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis = value
        .bytes()
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_millis(millis))
}
