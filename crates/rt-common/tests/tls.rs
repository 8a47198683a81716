//! TLS against a real TLS server: own roots, and a refused certificate told from other failures.
#![cfg(feature = "reqwest")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rt_common::{HttpClient, HttpError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A server for `localhost`; its certificate as PEM, and where it listens.
async fn server() -> (String, SocketAddr) {
    server_with(CertificateParams::new(["localhost".to_owned()]).unwrap()).await
}

/// A server with a self-signed certificate of this description.
async fn server_with(params: CertificateParams) -> (String, SocketAddr) {
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that refuses the certificate ends the handshake with an error.
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (cert.pem(), addr)
}

async fn fetch(client: &HttpClient, addr: SocketAddr, host: &str) -> Result<Bytes, HttpError> {
    let url = format!("https://{host}:{}/", addr.port());
    let request = Request::get(url).body(Bytes::new()).unwrap();
    Ok(client.fetch(request, Duration::from_secs(10), 99).await?.into_body())
}

#[tokio::test]
async fn an_own_root_is_trusted() {
    let (pem, addr) = server().await;
    let builder = HttpClient::builder().no_proxy().add_root_certificate_pem(pem);
    let client = builder.clone().only_own_roots().build().unwrap();
    assert_eq!(fetch(&client, addr, "localhost").await.unwrap(), "hi");
    let client = builder.build().unwrap();
    assert_eq!(fetch(&client, addr, "localhost").await.unwrap(), "hi");
}

#[tokio::test]
async fn a_refused_certificate_is_final() {
    let (pem, addr) = server().await;
    let stranger = HttpClient::builder().no_proxy().build().unwrap();
    let other_name = HttpClient::builder().no_proxy().add_root_certificate_pem(pem);
    for (client, host, meaning) in [
        (stranger, "localhost", "its issuer is not trusted: add the issuer's root"),
        (other_name.build().unwrap(), "127.0.0.1", "it is for another name"),
    ] {
        let error = fetch(&client, addr, host).await.unwrap_err();
        assert!(error.is_tls() && error.is_connect() && !error.is_retryable(), "{error:?}");
        let text = format!(": the server's certificate is refused: {meaning}");
        assert!(error.to_string().contains(&text), "{error}");
    }
}

#[tokio::test]
async fn each_refusal_says_what_is_wrong_with_the_certificate_and_what_to_do() {
    let params = || CertificateParams::new(["localhost".to_owned()]).unwrap();
    let mut ca = params();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (mut expired, mut early) = (params(), params());
    expired.not_after = date_time_ymd(2001, 1, 1);
    early.not_before = date_time_ymd(4_000, 1, 1);
    let mut for_clients = params();
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (params, words) in [
        (ca, "issue a certificate for the server (CA:FALSE)"),
        (expired, "it has expired"),
        (early, "check the clock"),
        (for_clients, "server authentication"),
    ] {
        let (pem, addr) = server_with(params).await;
        // The verifier of the system takes an own root for trusted as it is.
        let client = HttpClient::builder().no_proxy().only_own_roots();
        let client = client.add_root_certificate_pem(pem).build().unwrap();
        let error = fetch(&client, addr, "localhost").await.unwrap_err();
        assert!(error.is_tls() && !error.is_retryable(), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("certificate is refused: it") || text.contains("refused: the server")
        );
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_a_failed_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let client = HttpClient::builder().no_proxy().build().unwrap();
    let error = fetch(&client, addr, "localhost").await.unwrap_err();
    assert!(error.is_tls() && error.is_retryable(), "{error:?}");
}

/// The request was sent by then: whoever must not send it twice must be able to tell.
#[tokio::test]
async fn tls_that_breaks_after_the_request_is_no_connect_error() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(socket).await.unwrap();
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).await.unwrap() > 0);
        // Not a TLS record.
        stream.get_mut().0.write_all(&[b'x'; 64]).await.unwrap();
        std::future::pending::<()>().await;
    });
    let client = HttpClient::builder().no_proxy().add_root_certificate_pem(made.cert.pem());
    let error = fetch(&client.build().unwrap(), addr, "localhost").await.unwrap_err();
    assert!(!error.is_connect() && !error.is_tls() && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn the_connect_timeout_covers_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let client = HttpClient::builder().no_proxy().connect_timeout(Duration::from_millis(100));
    // The system accepts the connection, and nobody speaks.
    let error = fetch(&client.build().unwrap(), addr, "localhost").await.unwrap_err();
    assert!(error.is_connect() && error.is_timeout() && error.is_retryable(), "{error:?}");
}
