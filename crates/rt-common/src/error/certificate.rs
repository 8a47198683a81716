//! What a refused certificate means, and what to do about it.
use std::error::Error as StdError;

use rustls::CertificateError;

use crate::causes::chain;

/// The error of rustls in this chain of causes.
pub(crate) fn tls_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    chain(Some(error)).find_map(|cause| {
        // An `io::Error` hides the error it wraps from `source()`.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match inner {
            Some(inner) => inner.downcast_ref().or_else(|| tls_cause(inner)),
            None => cause.downcast_ref(),
        }
    })
}

/// What the refusal in this chain of causes means, and what to do about it.
pub(crate) fn explain(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    match tls_cause(error)? {
        rustls::Error::InvalidCertificate(error) => Some(meaning(error)),
        _ => None,
    }
}

/// The meaning of each refusal. Variants with a context have it in their own text, which follows.
fn meaning(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => {
            "it has expired: the server needs a new one, or the clock of this machine is ahead"
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "it is not valid yet: check the clock of this machine"
        }
        E::UnknownIssuer => {
            "its issuer is not trusted: add the issuer's root with add_root_certificate_pem, or have \
             the server send its intermediate certificates"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "it is for another name: use a host name that it lists, or have it issued for this one"
        }
        E::Revoked => "it has been revoked by its issuer: the server needs a new one",
        E::UnknownRevocationStatus => "its issuer does not say whether it has been revoked",
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
            "the list of revoked certificates is out of date"
        }
        E::InvalidOcspResponse => "the server's proof that it is not revoked is not valid",
        E::BadEncoding => "it is damaged: the server has to send an X.509 certificate",
        E::BadSignature => {
            "its signature does not match its issuer: another issuer of the same name is trusted, or \
             the certificate was changed on the way"
        }
        E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed with an algorithm that is not supported: have it issued with ECDSA, or \
             with RSA and SHA-256"
        }
        E::UnhandledCriticalExtension => "it demands an extension that is not supported",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "it is not for servers: have it issued for server authentication"
        }
        E::ApplicationVerificationFailure => "the verifier of this program rejects it",
        // The standard verifier has its other errors here. It is known by the name alone, since
        // rustls does not show its type.
        E::Other(other) => meaning_by_name(&format!("{other:?}")),
        _ => "it is not accepted",
    }
}

/// Errors of the standard verifier that rustls has no variant for. The name is that in their `Debug`.
const BY_NAME: [(&str, &str); 9] = [
    (
        "CaUsedAsEndEntity",
        "the server presents the certificate of a certificate authority, for instance one that was \
         made self-signed as a CA: issue a certificate for the server (CA:FALSE) from it, and add \
         the CA with add_root_certificate_pem",
    ),
    ("EndEntityUsedAsCa", "its issuer is no certificate authority: have a CA issue it (CA:TRUE)"),
    ("NameConstraintViolation", "its issuer is not allowed to issue certificates for this name"),
    ("PathLenConstraintViolated", "there are more issuers above it than one of them allows"),
    ("MaximumPath", "the chain of its issuers is too long"),
    ("UnsupportedCertVersion", "it is not of version 3: have it issued as X.509 v3"),
    ("InvalidCertValidity", "its period of validity ends before it begins"),
    ("InvalidSerialNumber", "its serial number is not valid"),
    ("Malformed", "it is damaged, or its issuer made it wrongly"),
];

fn meaning_by_name(debug: &str) -> &'static str {
    let known = BY_NAME.iter().find(|(name, _)| debug.contains(name));
    known.map_or("it is not accepted", |(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    /// Stands for the error of the verifier, whose type this crate does not know.
    #[derive(Debug)]
    #[allow(dead_code)]
    enum Verifier {
        CaUsedAsEndEntity,
        SomethingNew,
    }

    impl std::fmt::Display for Verifier {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{self:?}")
        }
    }

    impl StdError for Verifier {}

    #[test]
    fn each_refusal_says_what_it_means_and_what_to_do() {
        let now = UnixTime::now();
        let other = |error: Verifier| CertificateError::Other(OtherError(Arc::new(error)));
        for (error, words) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::ExpiredContext { time: now, not_after: now }, "has expired"),
            (CertificateError::NotValidYet, "check the clock"),
            (CertificateError::NotValidYetContext { time: now, not_before: now }, "the clock"),
            (CertificateError::UnknownIssuer, "add_root_certificate_pem"),
            (CertificateError::NotValidForName, "another name"),
            (
                CertificateError::NotValidForNameContext {
                    expected: ServerName::try_from("h").unwrap(),
                    presented: vec![],
                },
                "another name",
            ),
            (CertificateError::Revoked, "revoked"),
            (CertificateError::BadEncoding, "damaged"),
            (CertificateError::BadSignature, "signature does not match"),
            (CertificateError::InvalidPurpose, "server authentication"),
            (CertificateError::UnhandledCriticalExtension, "extension"),
            (other(Verifier::CaUsedAsEndEntity), "issue a certificate for the server"),
            (other(Verifier::SomethingNew), "it is not accepted"),
        ] {
            // As it comes out of a connector: inside an `io::Error`.
            let wrapped = std::io::Error::other(rustls::Error::InvalidCertificate(error.clone()));
            let meaning = explain(&wrapped).unwrap();
            assert!(meaning.contains(words), "{error:?}: {meaning}");
        }
        let alert = rustls::Error::HandshakeNotComplete;
        assert_eq!(explain(&alert), None);
        assert!(tls_cause(&alert).is_some());
        assert!(tls_cause(&std::io::Error::other("no TLS here")).is_none());
    }
}
