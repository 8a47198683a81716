//! A publisher's JSON, made safe for every reader.
//!
//! What one client cannot read would cost it the whole batch. So what golongpoll's decoder refuses is
//! refused (numbers past a double, 10,000 levels), and what it replaces is replaced (bytes that are
//! not UTF-8, halves of a surrogate pair that stand alone). Everything else stays as it is written.

use bytes::Bytes;
use std::borrow::Cow;

/// Levels of arrays and objects that Go's decoder takes.
const MAX_DEPTH: usize = 10_000;
/// A number of fewer characters, and without an exponent, is no larger than a double.
const SHORT_NUMBER: usize = 300;

/// The first JSON value of a body as every reader can take it; `None` where some could not. Whether
/// it is JSON at all is for the parser to say.
pub(crate) fn readable(body: Bytes) -> Option<Bytes> {
    let body = match as_go_reads(&body) {
        Cow::Borrowed(_) => body,
        Cow::Owned(text) => text.into(),
    };
    let mut alone = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => at = string_end(&body, at, &mut alone),
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            b'-' | b'0'..=b'9' => {
                let number = body[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                if !is_a_double(&body[at..at + number]) {
                    return None;
                }
                at += number;
            }
            _ => at += 1,
        }
    }
    if alone.is_empty() {
        return Some(body);
    }
    let mut patched = body.to_vec();
    for at in alone {
        patched[at..at + 6].copy_from_slice(b"\\ufffd");
    }
    Some(patched.into())
}

/// Each byte that is not UTF-8 is the replacement character to Go's decoder.
pub(crate) fn as_go_reads(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// The index after the string that begins at `start`; notes escaped surrogates that stand alone.
fn string_end(body: &[u8], start: usize, alone: &mut Vec<usize>) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => match unit(body, at) {
                Some(0xd800..=0xdbff) => match unit(body, at + 6) {
                    Some(0xdc00..=0xdfff) => at += 12,
                    _ => {
                        alone.push(at);
                        at += 6;
                    }
                },
                Some(0xdc00..=0xdfff) => {
                    alone.push(at);
                    at += 6;
                }
                _ => at += 2,
            },
            _ => at += 1,
        }
    }
    at
}

/// The UTF-16 unit of an escape `\uXXXX` at this index.
fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

fn is_a_double(number: &[u8]) -> bool {
    if number.len() < SHORT_NUMBER && !number.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return true;
    }
    let parsed = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
    // What is no number is for the parser to refuse.
    parsed.is_none_or(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let read = readable(Bytes::copy_from_slice(text.as_bytes()))?;
        Some(String::from_utf8(read.into()).unwrap())
    }

    #[test]
    fn what_stands_alone_is_replaced_and_nothing_else() {
        for (text, expected) in [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud800""#, r#""\ufffd""#),
            (r#""\udc00\uD800x""#, r#""\ufffd\ufffdx""#),
            (r#""\ud800\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud800\"\ud800""#, r#""\\ud800\"\ufffd""#),
            (r#"{"\ud800":1}"#, r#"{"\ufffd":1}"#),
            (r#""\u12"#, r#""\u12"#),
            (r#""\u+123""#, r#""\u+123""#),
            (r#"{"a": [1, 2.5e3]} 1e999"#, r#"{"a": [1, 2.5e3]} 1e999"#),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected));
        }
        assert_eq!(readable(Bytes::from_static(b"\"\xff\xfe\"")).unwrap(), "\"\u{fffd}\u{fffd}\"");
    }

    #[test]
    fn what_some_reader_could_not_take_is_refused() {
        let long = format!("[{}]", "9".repeat(400));
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        for text in ["1e400", "[-1e400]", r#"{"a":1E999}"#, &long, &deep(10_001)] {
            assert_eq!(read(text), None, "{}", &text[..6.min(text.len())]);
        }
        for text in ["1e308", "1e-400", "\"1e400\"", &deep(10_000), &"9".repeat(300)] {
            assert_eq!(read(text).as_deref(), Some(text));
        }
    }
}
