//! What proves that somebody has the secret.
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The sign of a request: HMAC-SHA256 over its exact body bytes, in lower-case hex. An empty secret
/// signs too; a [`Client`](super::Client) refuses it.
///
/// ```
/// let sign = centrifugo_api::legacy::generate_api_sign("secret", b"[]");
/// assert_eq!(sign, "53364a07fcc563e712f42cfc9de1e28e1e2d39f236cee430f112203e557aea3f");
/// ```
pub fn generate_api_sign(secret: &str, data: &[u8]) -> String {
    hmac(secret, &[data])
}

/// The sign with which a client proves that it may subscribe to a private channel (its name begins
/// with `$`).
///
/// `client` is the id that the server gave to the client's connection; `channel_data` is JSON about
/// the subscriber, as text, or empty. The client must pass the same text on. Nothing parts the three
/// in what is signed: where users choose names of channels, allow no braces in them.
///
/// An empty secret signs too, and anyone can do the same: refuse it where you read it.
pub fn generate_channel_sign(
    secret: &str,
    client: &str,
    channel: &str,
    channel_data: &str,
) -> String {
    hmac(secret, &[client.as_bytes(), channel.as_bytes(), channel_data.as_bytes()])
}

/// The token with which a client connects as `user`.
///
/// `timestamp` is in Unix seconds; `info` is JSON about the user, as text, or empty. The client must
/// pass the same values on. Nothing parts them in what is signed: where users choose their own ids,
/// see to it that none ends in a digit that could belong to the time.
///
/// An empty secret signs too, and anyone can do the same: refuse it where you read it.
///
/// ```
/// let token = centrifugo_api::legacy::generate_client_token("secret", "42", 1430669930, "");
/// assert_eq!(token.len(), 64);
/// ```
pub fn generate_client_token(secret: &str, user: &str, timestamp: u64, info: &str) -> String {
    hmac(secret, &[user.as_bytes(), timestamp.to_string().as_bytes(), info.as_bytes()])
}

fn hmac(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_signed_as_the_real_server_accepts_it() {
        let published = br#"[{"uid":"u1","method":"publish","params":{"channel":"public:chat","data":{"input":"test"}}}]"#;
        for (data, sign) in [
            (&b"[]"[..], "53364a07fcc563e712f42cfc9de1e28e1e2d39f236cee430f112203e557aea3f"),
            (published, "787855b3446c13fc45ce71ec18f2d2042ee473e8ae377817a172c0f7bfe254ef"),
        ] {
            assert_eq!(generate_api_sign("secret", data), sign);
        }
    }

    #[test]
    fn client_tokens_are_those_of_the_vectors() {
        for (user, info, token) in [
            ("user", "", "d167f0ac311eba53605020a94d1d56774122d30bfd5f5d2f79e42a4311ea1111"),
            (
                "42",
                r#"{"name":"Alex"}"#,
                "7a9163e61b0b5e26c523c0adb4cb6e3e38d2b7a77b1946dbdf76c43db67bba85",
            ),
        ] {
            assert_eq!(generate_client_token("secret", user, 1430669930, info), token);
        }
    }

    #[test]
    fn channel_signs_are_those_of_the_vectors() {
        let client = "a3d7a476-8298-452c-8f43-ee6eeef70b43";
        for (client, channel, data, sign) in [
            (
                "client",
                "channel",
                "",
                "0cfbfe91c28f11cdda195a1ba2379746e36a30b61c10a7a5936fca9333a69255",
            ),
            (
                "client",
                "channel",
                "{}",
                "6aae21b95e459ad2b27d265271811ff670e85bd8af709765915d400444c9217e",
            ),
            // Accepted by a running server.
            (
                client,
                "$public:priv",
                r#"{"c":1}"#,
                "c29927c1244c1369965407849753d7da396f2422f0f0474d57d0bf56950afa9d",
            ),
        ] {
            assert_eq!(generate_channel_sign("secret", client, channel, data), sign);
        }
    }
}
