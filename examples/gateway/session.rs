//! The token, and the cookie that a page gets for it: EventSource cannot send a header.

use hmac::{Hmac, Mac};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;

const COOKIE: &str = "gateway_session";
const LIFETIME: u64 = 12 * 60 * 60;

/// Who may use the gateway: anyone, or who has the token.
pub struct Access {
    token: Option<String>,
}

impl Access {
    pub fn new(token: Option<String>) -> Self {
        Self { token }
    }

    /// Whether the request carries the token, or a cookie that was given for it.
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        self.token.is_none() || self.has_token(headers) || self.has_cookie(headers)
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

    /// A `Set-Cookie` for who has shown the token.
    pub fn cookie(&self) -> String {
        let until = now() + LIFETIME;
        let mac = hex::encode(self.mac(until).finalize().into_bytes());
        format!("{COOKIE}={until}.{mac}; HttpOnly; SameSite=Strict; Path=/; Max-Age={LIFETIME}")
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|p| p.split_once('='));
        let Some((_, value)) = pairs.find(|(name, _)| name.trim() == COOKIE) else { return false };
        let Some((until, mac)) = value.trim().split_once('.') else { return false };
        let (Ok(until), Ok(mac)) = (until.parse::<u64>(), hex::decode(mac)) else { return false };
        until > now() && self.mac(until).verify_slice(&mac).is_ok()
    }

    fn mac(&self, until: u64) -> Hmac<Sha256> {
        let key = self.token.as_deref().unwrap_or_default();
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(key.as_bytes());
        mac.expect("HMAC takes a key of any length").chain_update(format!("session {until}"))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
