//! Bytes as Go's `encoding/json` writes them: what servers and signs were made with.

/// A string: quotes around it, and what Go escapes escaped.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    // Up to where the text is in `out`.
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if PLAIN[usize::from(byte)] {
            continue;
        }
        // The start of many characters, of which two are escaped.
        if byte == 0xe2 && !matches!(bytes[at..], [_, 0x80, 0xa8 | 0xa9, ..]) {
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        done = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0xe2 => {
                out.extend_from_slice(line_end(bytes[at + 2]));
                done = at + 3;
            }
            _ => escape(out, byte),
        }
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

/// Valid JSON without the whitespace between its tokens, and with what Go escapes escaped.
pub(super) fn json(out: &mut Vec<u8>, json: &str) {
    let bytes = json.as_bytes();
    out.reserve(bytes.len());
    // Up to where the text is in `out`.
    let mut done = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                loop {
                    while bytes.get(at).is_some_and(|&byte| PLAIN[usize::from(byte)]) {
                        at += 1;
                    }
                    match bytes[at..] {
                        // What is escaped ends no string.
                        [b'\\', _, ..] => at += 2,
                        [byte @ (b'<' | b'>' | b'&'), ..] => {
                            out.extend_from_slice(&bytes[done..at]);
                            escape(out, byte);
                            at += 1;
                            done = at;
                        }
                        [0xe2, 0x80, last @ (0xa8 | 0xa9), ..] => {
                            out.extend_from_slice(&bytes[done..at]);
                            out.extend_from_slice(line_end(last));
                            at += 3;
                            done = at;
                        }
                        [0xe2, ..] => at += 1,
                        // The quote at the end.
                        _ => break,
                    }
                }
                at += 1;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {
                out.extend_from_slice(&bytes[done..at]);
                at += 1;
                done = at;
            }
            _ => at += 1,
        }
    }
    out.extend_from_slice(&bytes[done..]);
}

/// A random UUID (version 4), in quotes.
pub(super) fn uuid(out: &mut Vec<u8>) {
    // Random is enough: nobody gains by a guess, and the server only repeats it.
    let bytes = fastrand::u128(..).to_be_bytes();
    let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    out.push(b'"');
    out.extend_from_slice(uuid.hyphenated().encode_lower(&mut [0; 36]).as_bytes());
    out.push(b'"');
}

/// Bytes that stand for themselves in a string; 0xe2 is looked at more closely.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    let escaped = b"\"\\<>&\xe2";
    let mut at = 0;
    while at < escaped.len() {
        plain[escaped[at] as usize] = false;
        at += 1;
    }
    plain
};

fn escape(out: &mut Vec<u8>, byte: u8) {
    let [high, low] = hex(byte);
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
}

/// U+2028 or U+2029, told by its last byte.
fn line_end(last: u8) -> &'static [u8] {
    if last == 0xa8 { b"\\u2028" } else { b"\\u2029" }
}

fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compacted(text: &str) -> String {
        let mut out = b"before ".to_vec();
        json(&mut out, text);
        String::from_utf8(out).unwrap().split_off(7)
    }

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    /// Printed by Go 1.26 for the same string.
    #[test]
    fn a_string_is_escaped_as_go_escapes_it() {
        let controls: String = (0..0x20_u8).map(char::from).collect();
        let expected = concat!(
            r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#,
            r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017",
            r#"\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f""#,
        );
        assert_eq!(written(&controls), expected);
        assert_eq!(
            written("\x7f\"\\/<>&\u{2028}\u{2029}é\u{80}"),
            "\"\x7f\\\"\\\\/\\u003c\\u003e\\u0026\\u2028\\u2029é\u{80}\""
        );
        assert_eq!(written("\u{2027}\u{2030}€"), "\"\u{2027}\u{2030}€\"");
        assert_eq!(written(""), r#""""#);
    }

    /// Printed by Go 1.26 for the same raw message.
    #[test]
    fn json_is_compacted_and_escaped_as_go_does_it() {
        let given = "{\"a\" : \"<\\/\\u003C\u{2028}\" }";
        assert_eq!(compacted(given), r#"{"a":"\u003c\/\u003C\u2028"}"#);
        assert_eq!(compacted(" [ \"\\\\\" , \" \\\" <\" ]\n"), r#"["\\"," \" \u003c"]"#);
        assert_eq!(compacted("1"), "1");
    }

    #[test]
    fn a_uid_is_a_random_uuid_of_version_4() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100 {
            let mut out = Vec::new();
            uuid(&mut out);
            let text = String::from_utf8(out).unwrap();
            let text = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            let groups: Vec<_> = text.split('-').collect();
            assert_eq!(groups.iter().map(|g| g.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(groups.concat().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
            assert!(groups[2].starts_with('4') && groups[3].starts_with(['8', '9', 'a', 'b']));
            assert!(seen.insert(text.to_owned()));
        }
    }

    /// A piece of a string as somebody wrote it, and as Go hands it on.
    fn piece() -> impl Strategy<Value = (&'static str, &'static str)> {
        prop::sample::select(vec![
            ("<", "\\u003c"),
            (">", "\\u003e"),
            ("&", "\\u0026"),
            ("\u{2028}", "\\u2028"),
            ("\u{2029}", "\\u2029"),
            // As it was, even what means one of those, or nothing.
            ("\u{2027}", "\u{2027}"),
            ("\u{20a8}", "\u{20a8}"),
            ("é", "é"),
            (" ", " "),
            ("[,]", "[,]"),
            ("\\\"", "\\\""),
            ("\\\\", "\\\\"),
            ("\\/", "\\/"),
            ("\\n", "\\n"),
            ("\\u003C", "\\u003C"),
            ("\\u2028", "\\u2028"),
            ("\\ud800", "\\ud800"),
        ])
    }

    proptest! {
        #[test]
        fn others_json_is_handed_on_as_go_does_it(
            strings in prop::collection::vec(prop::collection::vec(piece(), 0..8), 0..5),
            space in "[ \t\r\n]{0,3}",
        ) {
            let mut given = format!("{space}[{space}null");
            let mut expected = "[null".to_owned();
            for pieces in strings {
                given += &format!("{space},{space}\"");
                expected += ",\"";
                for (before, after) in pieces {
                    given += before;
                    expected += after;
                }
                given += &format!("\"{space}");
                expected.push('"');
            }
            given += &format!("]{space}");
            expected.push(']');
            prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&given).is_ok());
            prop_assert_eq!(compacted(&given), expected);
        }

        #[test]
        fn what_is_written_reads_back_as_the_text(text in "[ -~\\x00-\\x1f<>&\u{2028}\u{2029}\u{2027}é]{0,20}") {
            let written = written(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
