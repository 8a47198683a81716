//! Requests over proxies: given, and of the environment.
#![cfg(feature = "reqwest")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{LONG, get};
use rt_common::HttpClient;
use rt_testkit::server::Server;

#[tokio::test]
async fn an_http_proxy_is_asked_instead_of_the_server() {
    let proxy = Server::start(|connection| {
        let request = connection.request().unwrap();
        let who = request.header("proxy-authorization").unwrap_or("-").to_owned();
        connection.answer(200, "", &format!("{} {who}", request.target));
    });
    let url = format!("http://u:p@{}", proxy.addr());
    let client = HttpClient::builder().proxy(url).build().unwrap();
    let answer = client.fetch(get("http://far.invalid/x"), LONG, 99).await.unwrap();
    assert_eq!(answer.body(), "http://far.invalid/x Basic dTpw");
}

/// The environment is a process' own: the client runs in a child. It prints what it was answered, or
/// why there is no client.
#[tokio::test]
async fn proxies_of_the_environment_are_asked_or_refused() {
    const URL: &str = "ENVIRONMENT_TEST_URL";
    if let Ok(url) = std::env::var(URL) {
        let said = match HttpClient::builder().build() {
            Ok(client) => {
                let response = client.fetch(get(&url), LONG, 1000).await.unwrap();
                String::from_utf8_lossy(response.body()).into_owned()
            }
            Err(error) => error.to_string(),
        };
        println!("<{said}>");
        return;
    }
    let named = |name: &'static str| {
        Server::start(move |connection| {
            let target = connection.request().unwrap().target;
            connection.answer(200, "", &format!("{name}: {target}"));
        })
    };
    let (proxy, server) = (named("proxy"), named("server"));
    let proxy = format!("http://{}", proxy.addr());
    let far = "http://far.invalid/x".to_owned();
    let is_unsupported =
        |name: &str| format!("<the HTTP client cannot be made: {name}: the proxy scheme");
    for (url, (name, value), except, expected) in [
        (&far, ("http_proxy", &*proxy), "", "<proxy: http://far.invalid/x>".to_owned()),
        (&far, ("ALL_PROXY", &*proxy), "", "<proxy: http://far.invalid/x>".to_owned()),
        (
            &server.url("/x"),
            ("http_proxy", &*proxy),
            "127.0.0.1,other.invalid",
            "<server: /x>".to_owned(),
        ),
        (&server.url("/x"), ("ALL_PROXY", "socks6://u:S3CRET@h"), "", is_unsupported("ALL_PROXY")),
        (&server.url("/x"), ("https_proxy", "ftp://h"), "", is_unsupported("https_proxy")),
    ] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
            child.env_remove(name).env_remove(name.to_lowercase());
        }
        let child = child
            .args(["--exact", "--nocapture", "proxies_of_the_environment_are_asked_or_refused"])
            .env(URL, url)
            .env(name, value)
            .env("no_proxy", except)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(text.contains(&expected), "{text}{}", String::from_utf8_lossy(&child.stderr));
        assert!(!text.contains("S3CRET"), "{text}");
    }
}

/// Nothing of a request may reach the server past a proxy that the client does not speak.
#[tokio::test]
async fn socks_is_socks5() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let proxy = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut first = [0];
        peer.read_exact(&mut first).unwrap();
        first[0]
    });
    let client = HttpClient::builder().proxy(format!("socks://{addr}")).build().unwrap();
    assert!(client.fetch(get("http://127.0.0.1:81/x"), LONG, 99).await.is_err());
    assert_eq!(proxy.join().unwrap(), 5, "the version of SOCKS");
}

#[tokio::test]
async fn a_socks5_proxy_resolves_names_when_asked_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let proxy = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        socks5(&mut peer)
    });
    let client = HttpClient::builder().proxy(format!("socks5h://{addr}")).build().unwrap();
    let answer = client.fetch(get("http://far.invalid:81/x"), LONG, 99).await.unwrap();
    assert_eq!(answer.body(), "hi");
    assert_eq!(proxy.join().unwrap(), ("far.invalid".to_owned(), 81));
}

/// The server's side of RFC 1928 without authentication, then an answer as the far server would.
fn socks5(peer: &mut TcpStream) -> (String, u16) {
    let mut two = [0; 2];
    peer.read_exact(&mut two).unwrap();
    let mut methods = vec![0; two[1].into()];
    peer.read_exact(&mut methods).unwrap();
    peer.write_all(&[5, 0]).unwrap();
    let mut head = [0; 5];
    peer.read_exact(&mut head).unwrap();
    assert_eq!(&head[..4], [5, 1, 0, 3], "CONNECT to a name");
    let mut name = vec![0; head[4].into()];
    peer.read_exact(&mut name).unwrap();
    peer.read_exact(&mut two).unwrap();
    peer.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
    (String::from_utf8(name).unwrap(), u16::from_be_bytes(two))
}
