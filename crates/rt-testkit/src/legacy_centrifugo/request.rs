//! What is checked about a whole request.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Access;
use crate::http::Answer;
use crate::server::Received;

pub(super) const BAD_REQUEST: &str = "400 Bad Request";
const UNAUTHORIZED: &str = "401 Unauthorized";

/// The commands' bytes, once their sign is found right; else the status of the answer.
pub(super) fn data(request: &Received, access: &Access) -> Result<Vec<u8>, &'static str> {
    let json = request
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    let (sign, data) = if json {
        (request.header("x-api-sign").unwrap_or_default().to_owned(), request.body.clone())
    } else {
        let sign = String::from_utf8_lossy(&form(&request.body, "sign")).into_owned();
        (sign, form(&request.body, "data"))
    };
    match access {
        Access::Insecure => {}
        Access::NoSecret => return Err(BAD_REQUEST),
        Access::Signed(_) if sign.is_empty() => return Err(BAD_REQUEST),
        Access::Signed(secret) => {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(&data);
            // Lower case only: the server compares the text.
            if hex::encode(mac.finalize().into_bytes()) != sign {
                return Err(UNAUTHORIZED);
            }
        }
    }
    Ok(data)
}

/// An answer of text, as Go's `http.Error` gives it: the status' own words.
pub(super) fn text(status: &'static str) -> Answer {
    let words = status.split_once(' ').unwrap().1;
    let headers = vec![
        ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ];
    Answer { status, headers, body: format!("{words}\n") }
}

/// A field of a form; empty when it is not there.
fn form(body: &[u8], name: &str) -> Vec<u8> {
    let fields = body.split(|&byte| byte == b'&');
    let mut fields = fields.map(|field| match field.iter().position(|&byte| byte == b'=') {
        Some(at) => (unescaped(&field[..at]), unescaped(&field[at + 1..])),
        None => (unescaped(field), Vec::new()),
    });
    fields.find(|(other, _)| other == name.as_bytes()).map(|(_, value)| value).unwrap_or_default()
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|two| hex::decode(two).ok());
        match (byte, digits) {
            (b'+', _) => out.push(b' '),
            (b'%', Some(value)) => {
                out.extend(value);
                rest = &after[2..];
            }
            _ => out.push(byte),
        }
    }
    out
}
