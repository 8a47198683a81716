//! The bytes of requests: those that gocent v1.0.1 put on the wire for the same calls.
use centrifugo_api::{Payload, legacy};
use rt_testkit::legacy_centrifugo::LegacyCentrifugo;
use serde_json::json;

use super::{SECRET, builder, signed};

/// Recorded from gocent, but for the ids, and in their lines' order.
const GOCENT: [&str; 4] = [
    r#"[{"uid":"_","method":"publish","params":{"channel":"c","data":{"a":"\u003cb\u003e\u0026"}}}]"#,
    r#"[{"uid":"_","method":"publish","params":{"channel":"c","client":"cl","data":1}}]"#,
    r#"[{"uid":"_","method":"publish","params":{"channel":"c","data":null}}]"#,
    r#"[{"uid":"_","method":"channels","params":{}}]"#,
];

/// The bodies that came, with `_` for each id.
fn bodies(server: &LegacyCentrifugo) -> Vec<String> {
    let masked = |body: Vec<u8>| {
        let body = String::from_utf8(body).unwrap();
        let mut pieces = body.split(r#""uid":""#);
        let mut out = pieces.next().unwrap().to_owned();
        for piece in pieces {
            assert_eq!(piece.find('"'), Some(36), "a UUID: {piece}");
            out += &format!(r#""uid":"_{}"#, &piece[36..]);
        }
        out
    };
    server.take_requests().into_iter().map(|request| masked(request.body)).collect()
}

#[tokio::test]
async fn what_was_recorded_of_gocent_is_what_is_sent() {
    let server = LegacyCentrifugo::start(SECRET);
    let client = signed(&server);
    client.publish("c", Payload::raw(r#"{"a" : "<b>&"}"#)).await.unwrap();
    client.publish_client("c", json!(1), "cl").await.unwrap();
    client.publish("c", json!(null)).await.unwrap();
    client.channels().await.unwrap();
    assert_eq!(bodies(&server), GOCENT);
}

#[tokio::test]
async fn every_other_command_has_its_keys_in_go_s_order() {
    let server = LegacyCentrifugo::start(SECRET);
    let mut client = signed(&server);
    client.add_broadcast(&["a", "b<"], json!({"z": 1, "a": "\u{2028}"})).unwrap();
    client.add_broadcast_client(&["a"], json!([]), "cl\n").unwrap();
    client.add_unsubscribe("c", "u\"").unwrap();
    client.add_disconnect("é").unwrap();
    client.add_presence("c\u{1}").unwrap();
    client.add_history("c/\\").unwrap();
    client.add_stats().unwrap();
    client.add_node().unwrap();
    client.send().await.unwrap();
    let expected = [
        r#"[{"uid":"_","method":"broadcast","params":{"channels":["a","b\u003c"],"data":{"a":"\u2028","z":1}}}"#,
        r#"{"uid":"_","method":"broadcast","params":{"channels":["a"],"client":"cl\n","data":[]}}"#,
        r#"{"uid":"_","method":"unsubscribe","params":{"channel":"c","user":"u\""}}"#,
        r#"{"uid":"_","method":"disconnect","params":{"user":"é"}}"#,
        r#"{"uid":"_","method":"presence","params":{"channel":"c\u0001"}}"#,
        r#"{"uid":"_","method":"history","params":{"channel":"c/\\"}}"#,
        r#"{"uid":"_","method":"stats","params":{}}"#,
        r#"{"uid":"_","method":"node","params":{}}]"#,
    ];
    assert_eq!(bodies(&server), [expected.join(",")]);
}

#[tokio::test]
async fn the_sign_is_over_the_exact_bytes_and_the_headers_are_gocents() {
    let server = LegacyCentrifugo::start(SECRET);
    let client = builder(server.url()).secret(SECRET).header("x-mine", "1").build().unwrap();
    client.publish("c", Payload::raw("{ \"a\" : [1,\n\t2] }")).await.unwrap();
    let request = &server.take_requests()[0];
    assert_eq!((&*request.method, &*request.target), ("POST", "/api/"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let sign = legacy::generate_api_sign(SECRET, &request.body);
    assert_eq!(request.header("x-api-sign"), Some(&*sign));
    assert_eq!(request.header("x-mine"), Some("1"));
    assert!(request.body.ends_with(br#""data":{"a":[1,2]}}}]"#));
}
