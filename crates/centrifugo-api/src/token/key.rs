//! What a token is signed with.
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rt_common::Secret;
use sha2::Sha256;

use super::Claims;
use crate::Error;

/// A key for tokens: one secret that the server has too, or (with the feature `jwt`) the private key
/// of a pair.
///
/// It never shows itself.
#[derive(Clone)]
pub struct Key {
    kind: Kind,
    id: Option<String>,
}

#[derive(Clone)]
enum Kind {
    Hs256(Secret),
    #[cfg(feature = "jwt")]
    Other(Algorithm, Box<jsonwebtoken::EncodingKey>),
}

/// How a token is signed. (A server takes ES512 as well; there is no key of that kind here.)
#[cfg(feature = "jwt")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names of RFC 7518, section 3.1.
#[non_exhaustive]
pub enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    /// ECDSA on the curve P-256.
    Es256,
    /// ECDSA on the curve P-384.
    Es384,
    /// Ed25519; a server takes it from a key set (JWKS) only.
    EdDsa,
}

impl Key {
    /// The secret for HS256: `token_hmac_secret_key` in the server's configuration
    /// (`client.token.hmac_secret_key` from version 6 on).
    ///
    /// # Errors
    /// When it is empty, with [`Error::is_builder`].
    pub fn hs256(secret: impl Into<Secret>) -> Result<Self, Error> {
        let secret = not_empty(secret.into())?;
        Ok(Self { kind: Kind::Hs256(secret), id: None })
    }

    /// The secret for HS256, HS384 or HS512.
    ///
    /// # Errors
    /// When it is empty or the algorithm is another, with [`Error::is_builder`].
    #[cfg(feature = "jwt")]
    pub fn hmac(algorithm: Algorithm, secret: impl Into<Secret>) -> Result<Self, Error> {
        let secret = not_empty(secret.into())?;
        match algorithm {
            Algorithm::Hs256 => Self::hs256(secret),
            Algorithm::Hs384 | Algorithm::Hs512 => {
                let key = jsonwebtoken::EncodingKey::from_secret(secret.expose().as_bytes());
                Ok(Self { kind: Kind::Other(algorithm, Box::new(key)), id: None })
            }
            other => Err(Error::builder(format!("{other:?} wants a private key, not a secret"))),
        }
    }

    /// The private key of a pair as PEM text: PKCS#8 for all (`BEGIN PRIVATE KEY`), PKCS#1 for RS
    /// (`BEGIN RSA PRIVATE KEY`), or SEC1 for ES (`BEGIN EC PRIVATE KEY`).
    ///
    /// # Errors
    /// When it is not a private key for this algorithm, with [`Error::is_builder`]. The error names what
    /// it is instead: a key of another kind or on another curve, a public or an encrypted key.
    #[cfg(feature = "jwt")]
    pub fn pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        let key = super::pem::private_key(algorithm, pem.as_ref())?;
        let key = Self { kind: Kind::Other(algorithm, Box::new(key)), id: None };
        // Whatever the checks above let pass is reported now, not with the first user's token.
        key.sign(&super::ConnectionClaims::new(""))?;
        Ok(key)
    }

    /// Names the key in its tokens' heads (`kid`): a server that has several picks by it.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Signs these claims: the token.
    ///
    /// # Errors
    /// When a payload in them cannot be written as JSON, with [`Error::is_builder`].
    pub fn sign(&self, claims: &impl Claims) -> Result<String, Error> {
        if let Some(mistake) = claims.mistake() {
            return Err(Error::shared(mistake));
        }
        match &self.kind {
            Kind::Hs256(secret) => hs256(secret, self.id.as_deref(), claims),
            #[cfg(feature = "jwt")]
            Kind::Other(algorithm, key) => {
                let mut header = jsonwebtoken::Header::new(algorithm.into_theirs());
                header.kid.clone_from(&self.id);
                jsonwebtoken::encode(&header, claims, key)
                    .map_err(|error| Error::builder_from("the token cannot be signed", error))
            }
        }
    }
}

fn not_empty(secret: Secret) -> Result<Secret, Error> {
    match secret.is_empty() {
        true => Err(Error::builder("the secret for tokens is empty: anybody could sign with it")),
        false => Ok(secret),
    }
}

/// RFC 7515, section 3.1: head, claims and signature, each in base64url, with dots between.
fn hs256(secret: &Secret, id: Option<&str>, claims: &impl Claims) -> Result<String, Error> {
    #[derive(serde::Serialize)]
    struct Head<'a> {
        alg: &'static str,
        typ: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }
    let unwritable = |error| Error::builder_from("the claims cannot be written as JSON", error);
    let head = serde_json::to_vec(&Head { alg: "HS256", typ: "JWT", kid: id });
    let head = head.map_err(unwritable)?;
    let claims = serde_json::to_vec(claims).map_err(unwritable)?;
    let mut token = URL_SAFE_NO_PAD.encode(head);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes a key of any length");
    let signature = mac.chain_update(&token).finalize().into_bytes();
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

#[cfg(feature = "jwt")]
impl Algorithm {
    fn into_theirs(self) -> jsonwebtoken::Algorithm {
        use jsonwebtoken::Algorithm as A;
        match self {
            Self::Hs256 => A::HS256,
            Self::Hs384 => A::HS384,
            Self::Hs512 => A::HS512,
            Self::Rs256 => A::RS256,
            Self::Rs384 => A::RS384,
            Self::Rs512 => A::RS512,
            Self::Es256 => A::ES256,
            Self::Es384 => A::ES384,
            Self::EdDsa => A::EdDSA,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConnectionClaims, SubscriptionClaims};
    use super::*;

    #[test]
    fn the_vectors() {
        let key = Key::hs256("secret").unwrap();
        assert_eq!(
            key.sign(&ConnectionClaims::new("42")).unwrap(),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiJ9.\
             79CVgMIG_JB921dVUeJDWNJubJojFodH3-XtC_1C408"
        );
        let token = key.sign(&SubscriptionClaims::new("42", "public:chat")).unwrap();
        assert!(token.ends_with(".lcd7Vnh9etTbNJ63_0P2kB53gsdAey8xSsjnlpZRS7s"), "{token}");
    }

    #[test]
    fn a_key_that_is_none_is_told_and_none_shows_itself() {
        assert!(Key::hs256("").unwrap_err().is_builder());
        let key = Key::hs256("the secret").unwrap().with_id("k1");
        assert_eq!(format!("{key:?}"), "Key { id: Some(\"k1\"), .. }");
        let bad = ConnectionClaims::new("42").meta(crate::Payload::raw("{"));
        assert!(key.sign(&bad).unwrap_err().is_builder());
    }

    #[cfg(feature = "jwt")]
    #[test]
    fn a_key_of_another_kind_is_told() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es384, Algorithm::EdDsa] {
            assert!(Key::hmac(algorithm, "secret").unwrap_err().is_builder());
            assert!(Key::pem(algorithm, "no PEM").unwrap_err().is_builder());
        }
        assert!(Key::pem(Algorithm::Hs256, "secret").unwrap_err().is_builder());
    }
}
