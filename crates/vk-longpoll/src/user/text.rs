//! Text of messages: as it comes, it is escaped for HTML.

use std::borrow::Cow;

/// The text without the escapes that VK puts into it: `<br>` is a newline, and `&lt;`, `&gt;`,
/// `&quot;`, `&amp;`, `&#39;` and other numbered characters are themselves.
///
/// What is no escape stays as it is. Nothing is decoded twice.
///
/// ```
/// use vk_longpoll::user::text_decoded;
///
/// assert_eq!(text_decoded("a &lt;b&gt;<br>&amp;lt; & c"), "a <b>\n&lt; & c");
/// ```
#[must_use]
pub fn text_decoded(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(['&', '<']) else { return Cow::Borrowed(text) };
    let mut decoded = String::with_capacity(text.len());
    let (plain, mut rest) = text.split_at(first);
    decoded.push_str(plain);
    loop {
        match escape(rest) {
            Some((character, length)) => {
                decoded.push(character);
                rest = &rest[length..];
            }
            None => {
                let mut chars = rest.chars();
                decoded.extend(chars.next());
                rest = chars.as_str();
            }
        }
        let Some(next) = rest.find(['&', '<']) else { break };
        let (plain, after) = rest.split_at(next);
        decoded.push_str(plain);
        rest = after;
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

const ESCAPES: &[(&str, char)] = &[
    ("<br>", '\n'),
    ("<br/>", '\n'),
    ("<br />", '\n'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&quot;", '"'),
    ("&amp;", '&'),
    ("&apos;", '\''),
    ("&nbsp;", '\u{a0}'),
];

/// The character that the text begins with in escaped form, and the length of that form.
fn escape(text: &str) -> Option<(char, usize)> {
    if let Some((form, character)) = ESCAPES.iter().find(|(form, _)| text.starts_with(form)) {
        return Some((*character, form.len()));
    }
    // The longest numbered character is `&#x10FFFF;`.
    let digits = text.strip_prefix("&#")?;
    let end = digits.bytes().take(9).position(|byte| byte == b';')?;
    let digits = &digits[..end];
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok()?,
        None if !digits.starts_with('+') => digits.parse().ok()?,
        _ => return None,
    };
    Some((char::from_u32(code)?, end + 3))
}

/// The text with the escapes that VK's long poll puts into it.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("<br>"),
            other => escaped.push(other),
        }
    }
    escaped
}
