//! Who is let in: by Host, Origin, token and cookie.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod common;

use common::Gateway;

const TOKEN: &str = "s3cret-0123456789-tell-tale";
const PUBLISH: &str = r#"{"category":"z","data":1}"#;

/// A token file of this test's own, removed with it.
struct TokenFile(std::path::PathBuf);

impl TokenFile {
    fn new(name: &str, token: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gateway-{}-{name}", std::process::id()));
        std::fs::write(&path, format!("{token}\n")).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_host_that_is_not_known_is_refused() {
    let gateway = Gateway::start(&["--allow-host", "Events.example.org"]);
    let status = |host| gateway.ask("GET", "/healthz", &[("host", host)], "").status;
    for host in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
    ] {
        let (status, error) = gateway.ask("GET", "/", &[("host", host)], "").error();
        assert_eq!(status, 403, "{host}");
        assert!(error.contains("--allow-host"), "{error}");
        assert_eq!(gateway.ask("POST", "/publish", &[("host", host)], PUBLISH).status, 403);
    }
    for host in
        ["localhost", "localhost:1", "LocalHost:9", "127.0.0.1", "127.0.0.1:7", "[::1]:5", "[::1]"]
    {
        assert_eq!(status(host), 200, "{host}");
    }
    assert_eq!((status("events.example.org"), status("events.example.org:443")), (200, 200));
    assert_eq!((status("a b"), status("user@localhost")), (400, 400));
    assert_eq!(gateway.raw(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").status, 400);
}

#[test]
fn a_post_from_a_foreign_origin_is_refused() {
    let gateway = Gateway::start(&[]);
    let post = |origin: &str| gateway.ask("POST", "/publish", &[("origin", origin)], PUBLISH);
    let other_port = "http://127.0.0.1:1".to_owned();
    for origin in ["https://evil.example", "null", other_port.as_str()] {
        let (status, error) = post(origin).error();
        assert_eq!(status, 403, "{origin}");
        assert!(error.contains("--allow-origin"), "{error}");
    }
    assert_eq!(post(&format!("http://{}", gateway.address)).status, 200);
    // Read it may, but its page's script is not shown the answer.
    let read = gateway.ask("GET", "/presence", &[("origin", "https://evil.example")], "");
    assert_eq!((read.status, read.header("access-control-allow-origin")), (200, None));
    let preflight = gateway.ask("OPTIONS", "/publish", &[("origin", "https://evil.example")], "");
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (403, None));
}

#[test]
fn an_allowed_origin_may_read_and_write() {
    let origin = "https://app.example";
    let gateway = Gateway::start(&["--allow-origin", "https://app.example/"]);
    for (method, path, body) in
        [("POST", "/publish", PUBLISH), ("GET", "/presence", ""), ("OPTIONS", "/send", "")]
    {
        let answer = gateway.ask(method, path, &[("origin", origin)], body);
        assert!(answer.status < 300, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{method}");
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let preflight = gateway.ask("OPTIONS", "/send", &[("origin", origin)], "");
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("authorization"));
    let other = gateway.ask("POST", "/publish", &[("origin", "https://b.example")], PUBLISH);
    assert_eq!((other.status, other.header("access-control-allow-origin")), (403, None));
}

#[test]
fn listening_beyond_loopback_needs_a_token_or_a_word() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let ended = Gateway::fails(&["--listen", listen]);
        assert_eq!(ended.status.code(), Some(1));
        assert!(
            ended.log.contains("--token-file") && ended.log.contains("--insecure"),
            "{}",
            ended.log
        );
    }
    let short = TokenFile::new("short", "short");
    let ended = Gateway::fails(&["--listen", "0.0.0.0:0", "--token-file", short.path()]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains("16 or more"), "{}", ended.log);
}

#[test]
fn options_are_checked() {
    for args in [
        ["--heartbeat", "0"],
        ["--heartbeat=-1", "--http2"],
        ["--heartbeat", "NaN"],
        ["--retry", "inf"],
        ["--retry", "soon"],
        ["--history-age", "0"],
        ["--log", "a=b=c"],
    ] {
        let ended = Gateway::fails(&args);
        assert_eq!(ended.status.code(), Some(2), "{args:?}");
        assert!(ended.log.contains(args[0].split('=').next().unwrap()), "{}", ended.log);
    }
}

#[test]
fn a_token_is_asked_for_and_never_shown() {
    let file = TokenFile::new("token", TOKEN);
    let gateway = Gateway::start(&["--token-file", file.path(), "--log", "trace"]);
    let bearer = format!("Bearer {TOKEN}");
    let wrong = [("authorization", "Bearer s3cret-0123456789-tell-tales")];
    let right = [("authorization", bearer.as_str())];
    for (method, path, body) in [
        ("GET", "/sse?zone=z", ""),
        ("POST", "/publish", PUBLISH),
        ("POST", "/send", ""),
        ("GET", "/presence", ""),
        ("GET", "/metrics", ""),
    ] {
        for headers in [&[][..], &wrong] {
            let answer = gateway.ask(method, path, headers, body);
            assert_eq!(answer.error().0, 401, "{path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(gateway.ask("POST", "/session", &wrong, "").status, 401);
    // The page asks for the token, so it is shown to all.
    assert_eq!((gateway.get("/").status, gateway.get("/healthz").status), (200, 200));
    assert_eq!(gateway.ask("POST", "/publish", &right, PUBLISH).status, 200);

    let session = gateway.ask("POST", "/session", &right, "");
    assert_eq!(session.status, 204);
    let cookie = session.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(TOKEN), "{cookie}");
    let tls = [right[0], ("x-forwarded-proto", "https")];
    let secure = gateway.ask("POST", "/session", &tls, "");
    assert!(secure.header("set-cookie").unwrap().ends_with("; Secure"), "{secure:?}");

    let pair = cookie.split(';').next().unwrap();
    let mut stream = gateway.open("/sse?zone=z", &[("cookie", pair)]);
    assert_eq!(stream.next().event, "ping");
    assert_eq!(gateway.ask("POST", "/publish", &[("cookie", pair)], PUBLISH).status, 200);
    assert_eq!(stream.next().data, "1");
    let (until, mac) = pair.split_once('=').unwrap().1.split_once('.').unwrap();
    let later = until.parse::<u64>().unwrap() + 1;
    for forged in [format!("{later}.{mac}"), format!("{until}.00"), format!("{until}.")] {
        let cookie = format!("gateway_session={forged}");
        assert_eq!(gateway.ask("GET", "/presence", &[("cookie", &cookie)], "").status, 401);
    }

    gateway.signal("TERM");
    assert_eq!(stream.try_next().map(|last| last.data), Some(String::new()));
    let ended = gateway.ended();
    assert!(ended.status.success());
    assert!(ended.log.contains("client connected"), "{}", ended.log);
    assert!(!ended.log.contains(TOKEN) && !ended.out.contains(TOKEN), "{}", ended.log);
}
