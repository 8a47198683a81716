//! What the gateway takes, and how it refuses what it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use common::Gateway;
use serde_json::json;

const CATEGORY: &str = "Invalid or missing 'category' arg, must be 1-1024 characters long.";
const DATA: &str = "Invalid or missing 'data' arg, must be non-nil.";

#[test]
fn publish_takes_any_json_but_null_as_it_is() {
    let gateway = Gateway::start(&[]);
    let mut stream = gateway.stream("zone=z");
    for data in [r#""hello""#, r#"{"b": 1,  "a":[2]}"#, "7", "false", r#""""#, "[]"] {
        let answer = gateway.post("/publish", format!(r#"{{"category":"z","data":{data}}}"#));
        assert_eq!((answer.status, answer.json()), (200, json!({"success": true})));
        let event = stream.next();
        assert_eq!((event.data.as_str(), event.event.as_str()), (data, ""));
        assert!(event.id.contains('-'), "{event:?}");
    }
}

#[test]
fn publish_says_what_is_wrong() {
    let gateway = Gateway::start(&[]);
    let mut watcher = gateway.stream("zone=z");
    let long = format!(r#"{{"category":"{}","data":1}}"#, "x".repeat(1025));
    for (body, error) in [
        ("", "Invalid POST body json."),
        ("{", "Invalid POST body json."),
        (r#"{"category":7,"data":1}"#, "Invalid POST body json."),
        (r#"{"data":1}"#, CATEGORY),
        (r#"{"category":null,"data":1}"#, CATEGORY),
        (r#"{"category":"","data":1}"#, CATEGORY),
        (long.as_str(), CATEGORY),
        (r#"{"category":"z"}"#, DATA),
        (r#"{"category":"z","data":null}"#, DATA),
    ] {
        assert_eq!(gateway.post("/publish", body).error(), (400, error.to_owned()), "{body}");
    }
    let answer = gateway.get("/publish");
    assert_eq!(answer.error(), (405, "Invalid HTTP Method. Only POST allowed.".to_owned()));
    assert_eq!(answer.header("allow"), Some("POST"));
    let longest = format!(r#"{{"category":"{}","data":1}}"#, "x".repeat(1024));
    assert_eq!(gateway.post("/publish", longest).status, 200);
    gateway.post("/publish", r#"{"category":"z","data":"fine"}"#);
    assert_eq!(watcher.next().data, r#""fine""#);
}

#[test]
fn bodies_have_a_bound() {
    let gateway = Gateway::start(&[]);
    let body = |length: usize| {
        let frame = r#"{"category":"z","data":""}"#.len();
        format!(r#"{{"category":"z","data":"{}"}}"#, "x".repeat(length - frame))
    };
    assert_eq!(gateway.post("/publish", body(1 << 20)).status, 200);
    let (status, error) = gateway.post("/publish", body((1 << 20) + 1)).error();
    assert_eq!((status, error.as_str()), (413, "the body is larger than 1048576 bytes"));

    let small = Gateway::start(&["--body-max", "100"]);
    assert_eq!(small.post("/publish", body(100)).status, 200);
    for path in ["/publish", "/send"] {
        assert_eq!(small.post(path, body(101)).error().0, 413);
    }
    let chunked = format!(
        "POST /send HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
         65\r\n{}\r\n0\r\n\r\n",
        small.address,
        "x".repeat(0x65),
    );
    assert_eq!(small.raw(chunked.as_bytes()).error().0, 413);
}

#[test]
fn send_goes_three_ways_and_says_how_far() {
    let gateway = Gateway::start(&[]);
    let (mut a, mut b) = (gateway.stream("zone=one"), gateway.stream("zone=one"));
    let mut c = gateway.stream("zone=two");
    let reached = |body: serde_json::Value| {
        let answer = gateway.post("/send", body.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["reached"].as_u64().unwrap()
    };
    assert_eq!(reached(json!({"message": {"data": "all"}, "broadcast": true})), 3);
    assert_eq!(reached(json!({"Message": {"Data": "1"}, "Zone": "one", "Broadcast": true})), 2);
    let id = b.client().to_owned();
    let unicast = json!({"message": {"data": "b", "event": "note", "id": "m1", "retry": "3"},
        "zone": "one", "client_id": id});
    assert_eq!(reached(unicast), 1);
    let but_b = json!({"message": {"data": "end"}, "zone": "one", "broadcast": true, "except": id});
    assert_eq!(reached(but_b), 1);
    assert_eq!(reached(json!({"message": {"data": "x"}, "zone": "new", "broadcast": true})), 0);
    assert_eq!(reached(json!({"message": {"data": "end"}, "zone": "two", "broadcast": true})), 1);

    assert_eq!(a.until("end"), ["all", "1", "end"]);
    assert_eq!(c.until("end"), ["all", "end"]);
    assert_eq!(b.until("1"), ["all", "1"]);
    let note = b.next();
    assert_eq!((note.event.as_str(), note.id.as_str(), note.data.as_str()), ("note", "m1", "b"));
}

#[test]
fn send_says_what_is_wrong() {
    let gateway = Gateway::start(&[]);
    let mut watcher = gateway.stream("zone=z");
    for (body, status, says) in [
        (r#"{"message":{"data":"x"},"zone":"z","client_id":"no"}"#, 404, r#"no client "no""#),
        (r#"{"message":{"data":"x"},"zone":"z"}"#, 400, "no target"),
        (r#"{"message":{"data":"x"}}"#, 400, "no target"),
        (r#"{"message":{"data":"x"},"client_id":"c"}"#, 400, "needs the zone"),
        (r#"{"message":{},"broadcast":true}"#, 400, "neither data nor a comment"),
        (
            r#"{"message":{"data":"x","id":"a\nb"},"zone":"z","broadcast":true}"#,
            400,
            "the id has a line break",
        ),
        (
            r#"{"message":{"data":"x","event":"a\rb"},"zone":"z","broadcast":true}"#,
            400,
            "the event has a line break",
        ),
        (r#"[{"data":"x"},"z","",true]"#, 400, "expected a packet as a JSON object"),
        (r#"{"message":["1","e","x"],"broadcast":true}"#, 400, "a message with id, event"),
        ("null", 400, "expected a packet as a JSON object"),
        (r#"{"broadcast":true}"#, 400, "message"),
        (r#"{"message":{"data":7},"broadcast":true}"#, 400, "string"),
        ("nonsense", 400, "no packet in JSON"),
        ("", 400, "no packet in JSON"),
    ] {
        let (was, error) = gateway.post("/send", body).error();
        assert_eq!(was, status, "{body}: {error}");
        assert!(error.contains(says), "{body}: {error}");
    }
    assert_eq!(gateway.get("/send").header("allow"), Some("POST"));
    gateway.post("/publish", r#"{"category":"z","data":"fine"}"#);
    assert_eq!(watcher.next().data, r#""fine""#);
}

#[test]
fn a_zone_is_one_name_by_one_rule_at_every_door() {
    let gateway = Gateway::start(&["--trust-client-ids"]);
    let long = "x".repeat(1025);
    for (zone, says) in [
        ("a\nb", "the zone must not contain control characters"),
        ("a\u{7f}", "control"),
        (&long, "1024"),
    ] {
        let escaped: String = form_urlencoded::byte_serialize(zone.as_bytes()).collect();
        let publication = json!({ "category": zone, "data": 1 }).to_string();
        let packet = json!({ "message": { "data": "x" }, "zone": zone, "broadcast": true });
        let unicast = json!({ "message": { "data": "x" }, "zone": zone, "client_id": "c" });
        let strict = format!("/events?form=strict&category=fine&category={escaped}");
        for response in [
            gateway.get(&format!("/sse?zone={escaped}")),
            gateway.get(&format!("/presence?zone={escaped}")),
            gateway.post("/publish", &publication),
            gateway.ask_kept("POST", "/publish", &[], &publication),
            gateway.post("/send", packet.to_string()),
            gateway.post("/send", unicast.to_string()),
            gateway.get(&strict),
        ] {
            let (status, error) = response.error();
            assert_eq!(status, 400, "{zone:?}: {error}");
            assert!(error.contains(says) || error.contains("1-1024"), "{zone:?}: {error}");
        }
        // golongpoll's own checks are answered with 200, as it does; the zone's rule is not its own.
        let poll = format!("/events?timeout=1&category={escaped}");
        for response in [gateway.get(&poll), gateway.ask_kept("GET", &poll, &[], "")] {
            let (status, error) = response.error();
            let own = error == "Invalid subscription category, must be 1-1024 characters long.";
            assert_eq!(status, if own { 200 } else { 400 }, "{zone:?}: {error}");
            assert!(own || error.contains(says), "{zone:?}: {error}");
        }
    }
    // Bytes that are not UTF-8 are no name either, whatever each door makes of them.
    for path in [
        "/sse?zone=%F0%9F",
        "/presence?zone=%F0%9F",
        "/events?timeout=1&category=%F0%9F",
        "/events?form=strict&category=%F0%9F",
    ] {
        let (status, error) = gateway.get(path).error();
        assert_eq!(status, 400, "{path}: {error}");
    }
    for packet in [
        json!({ "message": { "data": "x" }, "zone": "z", "client_id": "a\nb" }),
        json!({ "message": { "data": "x" }, "zone": "z", "client_id": "x".repeat(257) }),
        json!({ "message": { "data": "x" }, "zone": "z", "broadcast": true, "except": "a\nb" }),
    ] {
        let (status, error) = gateway.post("/send", packet.to_string()).error();
        assert_eq!(status, 400);
        assert!(error.contains("the client id"), "{error}");
    }
    assert_eq!(gateway.get("/presence").json()["zone"], "default");
}

/// All of it while another client's stream is open in the same process.
#[test]
fn nothing_that_is_sent_disturbs_a_stream() {
    let gateway = Gateway::start(&["--trust-client-ids"]);
    let mut watcher = gateway.stream("zone=z");
    let long = "x".repeat(10 << 10);
    for query in [format!("zone={long}"), "zone=a%0Ab".to_owned(), format!("zone=z&id={long}")] {
        let (status, error) = gateway.get(&format!("/sse?{query}")).error();
        assert_eq!(status, 400);
        assert!(error.contains("the zone") || error.contains("the client id"), "{error}");
    }
    assert_eq!(gateway.get("/sse?zone=z&id=a%0Db").status, 400);
    let head = format!(
        "GET / HTTP/1.1\r\nhost: {}\r\nx: {}\r\n\r\n",
        gateway.address,
        "y".repeat(20 << 10)
    );
    assert_eq!(gateway.raw(head.as_bytes()).status, 431);
    let many =
        format!("GET / HTTP/1.1\r\nhost: {}\r\n{}\r\n", gateway.address, "a: b\r\n".repeat(100));
    assert_eq!(gateway.raw(many.as_bytes()).status, 431);
    assert_eq!(gateway.raw(b"\0\x01\x02 nonsense\r\n\r\n").status, 400);
    for body in [&b"\xff\xfe"[..], &[b'['; 100_000]] {
        assert_eq!(gateway.post("/publish", body).status, 400);
        assert_eq!(gateway.post("/send", body).status, 400);
    }
    assert_eq!(gateway.post("/send", b"{\"zone\":\"z\",\"data\":\"\xff\"}").status, 400);
    // golongpoll takes these two, and so what it makes of them is published.
    let trailing = &b"{\"category\":\"z\",\"data\":1} x"[..];
    for (body, data) in
        [(&b"{\"category\":\"z\",\"data\":\"\xff\"}"[..], "\"\u{fffd}\""), (trailing, "1")]
    {
        assert_eq!(gateway.post("/publish", body).status, 200);
        assert_eq!(watcher.next().data, data);
    }
    let (status, error) = gateway.get("/nothing").error();
    assert_eq!(status, 404);
    assert!(error.contains("/publish"), "{error}");

    gateway.post("/publish", r#"{"category":"z","data":"still here"}"#);
    assert_eq!(watcher.next().data, r#""still here""#);
}
