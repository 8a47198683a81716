//! Private keys from PEM text.
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, RsaKeyPair,
};
use jsonwebtoken::EncodingKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::Algorithm;
use crate::Error;

/// Reads the private key for this algorithm, and checks that it is one.
pub(super) fn private_key(algorithm: Algorithm, pem: &[u8]) -> Result<EncodingKey, Error> {
    let expected = match algorithm {
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => "an RSA private key",
        Algorithm::Es256 => "an EC private key on the curve P-256",
        Algorithm::Es384 => "an EC private key on the curve P-384",
        Algorithm::EdDsa => "an Ed25519 private key",
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            return Err(Error::builder(format!("{algorithm:?} wants a secret: use `Key::hmac`")));
        }
    };
    let key = PrivateKeyDer::from_pem_slice(pem).ok();
    key.as_ref().and_then(|key| read(algorithm, key, pem)).ok_or_else(|| {
        let found = key.as_ref().map_or_else(|| kind_of_text(pem), kind_of_key);
        Error::builder(format!("{algorithm:?} wants {expected} as PEM text; this is {found}"))
    })
}

fn read(algorithm: Algorithm, key: &PrivateKeyDer<'_>, pem: &[u8]) -> Option<EncodingKey> {
    let der = key.secret_der();
    match algorithm {
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => {
            match key {
                PrivateKeyDer::Pkcs8(_) => RsaKeyPair::from_pkcs8(der).ok()?,
                _ => RsaKeyPair::from_der(der).ok()?,
            };
            // The signer wants PKCS#1, and takes it out of PKCS#8 by itself.
            EncodingKey::from_rsa_pem(pem).ok()
        }
        Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, der),
        Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, der),
        Algorithm::EdDsa => {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
            Some(EncodingKey::from_ed_der(der))
        }
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => None,
    }
}

/// An EC key in either form, PKCS#8 or SEC1 (what `openssl ecparam -genkey` writes). The signer takes
/// the first one only.
fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, der: &[u8]) -> Option<EncodingKey> {
    let pair = EcdsaKeyPair::from_private_key_der(algorithm, der).ok()?;
    Some(EncodingKey::from_ec_der(pair.to_pkcs8v1().ok()?.as_ref()))
}

/// Names the kind of an unexpected private key.
fn kind_of_key(key: &PrivateKeyDer<'_>) -> &'static str {
    // The object identifiers of algorithms and curves (RFC 8017, RFC 5480, RFC 8410), in DER.
    const KINDS: [(&[u8], &str); 6] = [
        (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", "an EC key on the curve P-256"),
        (b"\x2b\x81\x04\x00\x22", "an EC key on the curve P-384"),
        (b"\x2b\x81\x04\x00\x23", "an EC key on the curve P-521"),
        (b"\x2a\x86\x48\xce\x3d\x02\x01", "an EC key on another curve"),
        (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "an RSA key"),
        (b"\x06\x03\x2b\x65\x70", "an Ed25519 key"),
    ];
    let der = key.secret_der();
    let holds = |id: &[u8]| der.windows(id.len()).any(|part| part == id);
    match (KINDS.iter().find(|(id, _)| holds(id)), key) {
        (Some((_, kind)), _) => kind,
        (None, PrivateKeyDer::Pkcs1(_)) => "an RSA key",
        (None, PrivateKeyDer::Sec1(_)) => "an EC key on another curve",
        (None, _) => "a private key of another kind",
    }
}

/// Names the kind of a text without a private key.
fn kind_of_text(pem: &[u8]) -> &'static str {
    let holds = |label: &str| {
        let begin = format!("-----BEGIN {label}-----");
        pem.windows(begin.len()).any(|part| part == begin.as_bytes())
    };
    if holds("ENCRYPTED PRIVATE KEY") {
        "an encrypted private key: decrypt it first, with `openssl pkcs8 -in FILE`"
    } else if holds("PUBLIC KEY") || holds("RSA PUBLIC KEY") {
        "a public key: the server takes that one, and tokens are signed with the private one"
    } else if holds("CERTIFICATE") {
        "a certificate"
    } else {
        "no PEM text of a private key"
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::{ConnectionClaims, Key};
    use super::*;

    /// The text that an `openssl` command writes; `None` where there is no `openssl`.
    fn openssl(arguments: &str) -> Option<Vec<u8>> {
        let output = Command::new("openssl").args(arguments.split(' ')).output().ok()?;
        assert!(output.status.success(), "openssl {arguments}");
        Some(output.stdout)
    }

    const ALL: [Algorithm; 6] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ];

    #[test]
    fn a_key_is_taken_for_its_algorithm_in_each_form_and_refused_for_any_other() {
        const RSA: &[Algorithm] = &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
        for (arguments, fits, kind) in [
            ("ecparam -name prime256v1 -genkey", &[Algorithm::Es256][..], "curve P-256"),
            ("ecparam -name secp384r1 -genkey -noout", &[Algorithm::Es384], "curve P-384"),
            ("ecparam -name secp521r1 -genkey", &[], "curve P-521"),
            ("ecparam -name secp256k1 -genkey", &[], "another curve"),
            (
                "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                &[Algorithm::Es256],
                "curve P-256",
            ),
            ("genpkey -algorithm ed25519", &[Algorithm::EdDsa], "an Ed25519 key"),
            ("genrsa 2048", RSA, "an RSA key"),
            ("genrsa -traditional 2048", RSA, "an RSA key"),
        ] {
            let Some(pem) = openssl(arguments) else { return };
            for algorithm in ALL {
                let key = Key::pem(algorithm, &pem);
                if fits.contains(&algorithm) {
                    let token = key.unwrap().sign(&ConnectionClaims::new("42")).unwrap();
                    assert_eq!(token.split('.').count(), 3, "{arguments}");
                } else {
                    let error = key.unwrap_err();
                    let text = error.to_string();
                    assert!(error.is_builder() && text.ends_with(kind), "{arguments}: {text}");
                    assert!(text.starts_with(&format!("{algorithm:?} wants an ")), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_text_without_a_private_key_is_refused_by_its_name() {
        let public = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMFkw\n-----END ENCRYPTED PRIVATE KEY-----\n";
        for algorithm in ALL {
            for (text, kind) in [
                (public, "this is a public key"),
                (encrypted, "this is an encrypted private key"),
                ("-----BEGIN CERTIFICATE-----\n", "this is a certificate"),
                ("secret", "this is no PEM text of a private key"),
                ("", "this is no PEM text of a private key"),
                (
                    "-----BEGIN PRIVATE KEY-----\nMFkw\n-----END PRIVATE KEY-----\n",
                    "this is a private key of another kind",
                ),
            ] {
                let error = Key::pem(algorithm, text).unwrap_err();
                assert!(error.is_builder() && error.to_string().contains(kind), "{error}");
            }
        }
    }
}
