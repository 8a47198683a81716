//! Calls and polls over TLS.

use std::io::ErrorKind;
use std::sync::Arc;

use rt_testkit::vk::{Step, Vk};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use crate::client::{Client, Session, connect, get};

fn client(vk: &Vk, name: &'static str) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(vk.certificate_pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = connect(vk);
    Client::over(StreamOwned::new(session, socket))
}

#[test]
fn calls_and_polls_go_over_tls_under_both_names() {
    for name in ["localhost", "127.0.0.1"] {
        let vk = Vk::builder().tls().host(name).start();
        let mut client = client(&vk, name);
        let port = vk.server().addr().port();
        assert_eq!(vk.api_url(), format!("https://{name}:{port}"));
        assert_eq!(vk.server().url("/a"), format!("https://127.0.0.1:{port}/a"));
        let told = client.call("groups.getLongPollServer", &[("group_id", "5")]);
        assert_eq!(told["response"]["server"], format!("https://{name}:{port}/wh5"));
        let session = Session::user(&mut client);
        client.send(&get(&session.target(90))).unwrap();
        vk.wait_for_waiting(1);
        let text = "a".repeat(300_000);
        vk.message(7, 7, &text);
        assert_eq!(client.answer().unwrap().json()["updates"][0][5], text);
    }
}

#[test]
fn another_name_is_not_in_the_certificate() {
    let vk = Vk::start_tls();
    assert!(client(&vk, "vk.example").get("/").is_err());
    // Nor does it speak without TLS.
    assert!(Client::new(&vk).get("/").is_err());
    assert_eq!(client(&vk, "localhost").get("/").unwrap().status, 404);
}

#[test]
fn a_client_that_leaves_is_noticed_over_tls() {
    let vk = Vk::start_tls();
    let mut client = client(&vk, "localhost");
    let session = Session::user(&mut client);
    // More than once: looking after the client must not take anything from the connection.
    for ts in 0..2 {
        let session = Session { ts: (1_000 + ts).to_string(), ..session.clone() };
        client.send(&get(&session.target(90))).unwrap();
        vk.wait_for_waiting(1);
        std::thread::sleep(std::time::Duration::from_millis(60));
        vk.push(json!([7, 5, 1]));
        assert_eq!(client.answer().unwrap().json()["ts"], 1_001 + ts);
    }
    let session = Session { ts: "1002".into(), ..session };
    client.send(&get(&session.target(90))).unwrap();
    vk.wait_for_waiting(1);
    drop(client);
    vk.wait_for_waiting(0);
}

#[test]
fn connections_are_cut_and_reset_over_tls() {
    let vk = Vk::start_tls();
    let session = Session::user(&mut client(&vk, "localhost"));
    vk.script_polls([Step::Cut, Step::Reset]);
    let cut = client(&vk, "localhost").get(&session.target(0)).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::UnexpectedEof);
    let reset = client(&vk, "localhost").get(&session.target(0)).unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
}
