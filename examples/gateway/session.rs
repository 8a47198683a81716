//! The token, and the cookie that a page gets for it: EventSource cannot send a header.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;

const COOKIE: &str = "gateway_session";
const LIFETIME: u64 = 12 * 60 * 60;

/// Who may use the gateway: anyone, or who has the token.
pub struct Access {
    token: Option<String>,
}

/// How a request was let in.
pub enum Entry {
    Lasting,
    /// By a cookie that ends then.
    For(Duration),
}

impl Access {
    pub fn new(token: Option<String>) -> Self {
        Self { token }
    }

    /// Whether the request carries the token, or a cookie that was given for it; and for how long
    /// it is let in.
    pub fn of(&self, headers: &HeaderMap) -> Option<Entry> {
        if self.token.is_none() || self.has_token(headers) {
            return Some(Entry::Lasting);
        }
        self.cookie_left(headers).map(Entry::For)
    }

    /// Whether the request carries the token itself.
    pub fn has_token(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let given = given.and_then(|value| value.split_first_chunk::<7>());
        let Some((scheme, given)) = given else { return false };
        // Digests have one length, so that the comparison tells nothing of the token's.
        let (given, token) = (Sha256::digest(given), Sha256::digest(token));
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(given.ct_eq(&token))
    }

    /// A `Set-Cookie` for who has shown the token in this request.
    pub fn cookie(&self, request: &HeaderMap) -> String {
        // A proxy that speaks TLS says so; a lie costs only who tells it.
        let proto = request.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok());
        let first = proto.and_then(|proto| proto.split(',').next()).unwrap_or_default();
        let secure = if first.trim().eq_ignore_ascii_case("https") { "; Secure" } else { "" };
        let until = now() + LIFETIME;
        let mac = hex::encode(self.mac(until).finalize().into_bytes());
        let flags = format!("HttpOnly; SameSite=Strict; Path=/; Max-Age={LIFETIME}{secure}");
        format!("{COOKIE}={until}.{mac}; {flags}")
    }

    /// How long the request's cookie still holds.
    fn cookie_left(&self, headers: &HeaderMap) -> Option<Duration> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|p| p.split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.trim() == COOKIE)?;
        let (until, mac) = value.trim().split_once('.')?;
        let (until, mac) = (until.parse::<u64>().ok()?, hex::decode(mac).ok()?);
        self.mac(until).verify_slice(&mac).ok()?;
        let left = until.checked_sub(now()).filter(|&left| left > 0)?;
        Some(Duration::from_secs(left))
    }

    fn mac(&self, until: u64) -> Hmac<Sha256> {
        let key = self.token.as_deref().unwrap_or_default();
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes());
        mac.expect("HMAC takes a key of any length").chain_update(format!("session {until}"))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
