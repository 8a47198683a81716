//! The stand-in for legacy Centrifugo against what a real one answered.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

use std::io::{Read, Write};
use std::net::TcpStream;

use rt_testkit::legacy_centrifugo::LegacyCentrifugo;

const RECORDED: &str = include_str!("fixtures/legacy_centrifugo.txt");
const CLIENT: &str = "a3d7a476-8298-452c-8f43-ee6eeef70b43";

/// Sends the request (first line without the version, headers, body) and takes the answer in the
/// same form.
fn exchange(server: &LegacyCentrifugo, request: &str) -> String {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut text = format!("{first} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for header in headers.lines() {
        text += &format!("{header}\r\n");
    }
    if !first.starts_with("GET") {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut stream = TcpStream::connect(server.server().addr()).unwrap();
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.strip_prefix("HTTP/1.1 ").unwrap();
    let length = format!("Content-Length: {}", body.len());
    assert!(head.split("\r\n").any(|line| line == length), "{head}");
    let head: Vec<_> = head.split("\r\n").filter(|line| *line != length).collect();
    format!("{}\n\n{body}", head.join("\n")).trim_end().to_owned()
}

/// Without what differs from server to server and from day to day: the ids of messages (but not one
/// that the publisher chose), the metrics.
fn masked(answer: &str) -> String {
    let mut pieces = answer.split(r#""uid":""#);
    let mut out = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (uid, rest) = piece.split_once('"').unwrap();
        out += r#""uid":""#;
        out += if uid.len() == 22 { "_" } else { uid };
        out.push('"');
        out += rest;
    }
    let Some((before, metrics)) = out.split_once(r#""metrics":{"#) else { return out };
    format!(r#"{before}"metrics":{{_{}"#, &metrics[metrics.find('}').unwrap()..])
}

#[test]
fn every_recorded_request_is_answered_as_the_real_server_answered_it() {
    let mut exchanges = 0;
    for section in RECORDED.split("\n== ").skip(1) {
        let (kind, section) = section.split_once('\n').unwrap();
        let server = match kind {
            "signed" => LegacyCentrifugo::start("secret"),
            "insecure" => LegacyCentrifugo::insecure(),
            "without secret" => LegacyCentrifugo::without_secret(),
            other => panic!("{other}"),
        };
        if kind == "signed" {
            server.subscribe("public:chat", (CLIENT, "42"), r#"{"name":"Alex"}"#, "");
            server.subscribe("$public:priv", (CLIENT, "42"), r#"{"name":"Alex"}"#, r#"{"c":1}"#);
        }
        for recorded in section.split("\n= ").skip(1) {
            let (title, recorded) = recorded.split_once('\n').unwrap();
            let (request, answer) = recorded.split_once("\n->\n").unwrap();
            let given = exchange(&server, request.trim_end());
            assert_eq!(masked(&given), masked(answer.trim_end()), "{kind}: {title}");
            exchanges += 1;
        }
    }
    assert_eq!(exchanges, 54);
}

#[test]
fn a_history_keeps_the_ten_newest() {
    let server = LegacyCentrifugo::insecure();
    let post = |body: &str| {
        exchange(&server, &format!("POST /api/\nContent-Type: application/json\n\n{body}"))
    };
    for n in 0..12 {
        post(&format!(
            r#"{{"method":"publish","params":{{"channel":"public:a","uid":"{n}","data":{n}}}}}"#
        ));
    }
    let answer = post(r#"{"method":"history","params":{"channel":"public:a"}}"#);
    let data: Vec<_> = answer.split(r#""data":"#).skip(2).map(|it| &it[..2]).collect();
    assert_eq!(data, ["11", "10", "9}", "8}", "7}", "6}", "5}", "4}", "3}", "2}"]);
}

#[test]
fn an_array_is_no_command_and_no_params() {
    let server = LegacyCentrifugo::insecure();
    for body in [
        r#"[["","publish",{"channel":"public:a","data":1}]]"#,
        r#"[{"method":"publish","params":["public:a",[],"",1,"",""]}]"#,
        r#"[{"method":"publish","params":{"channel":"public:a","data":1}},[]]"#,
    ] {
        let request = format!("POST /api/\nContent-Type: application/json\n\n{body}");
        assert!(exchange(&server, &request).starts_with("400 Bad Request\n"), "{body}");
    }
    let history = r#"{"method":"history","params":{"channel":"public:a"}}"#;
    let request = format!("POST /api/\nContent-Type: application/json\n\n{history}");
    assert!(exchange(&server, &request).ends_with(r#""data":[]}}]"#));
}

#[test]
fn a_server_that_shuts_down_and_a_path_that_is_not_there() {
    let server = LegacyCentrifugo::insecure();
    assert!(exchange(&server, "GET /").starts_with("404 Not Found\n"));
    server.shut_down(true);
    let answer = exchange(&server, "POST /api/\n\n[]");
    assert!(answer.starts_with("503 Service Unavailable\nContent-Type: text/plain"), "{answer}");
    server.shut_down(false);
    let answer = exchange(&server, "POST /api/\nContent-Type: application/json\n\n[]");
    assert_eq!(answer, "200 OK\nContent-Type: application/json\n\n[]");
    let targets: Vec<_> = server.take_requests().into_iter().map(|it| it.target).collect();
    assert_eq!(targets, ["/", "/api/", "/api/"]);
}
