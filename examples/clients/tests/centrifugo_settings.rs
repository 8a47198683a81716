//! How `centrifugo` is told what to talk to and what to sign with; what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rt_testkit::server::{Connection, Received, Server};
use serde_json::{Value, json};
use support::Program;
use support::centrifugo::{KEY, TOKEN_SECRET, run, run_in};

/// Remembers its requests; answers them all alike.
fn server(status: u16, body: &'static str) -> (Server, Receiver<Received>) {
    let (sender, received) = channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |connection: &mut Connection| {
        let Some(request) = connection.request() else { return };
        let _ = sender.lock().unwrap().send(request);
        connection.answer(status, "", body);
    });
    (server, received)
}

#[test]
fn the_key_comes_from_the_environment_or_a_file() {
    let (server, received) = server(200, r#"{"result":{}}"#);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "key-of-the-file\n").unwrap();
    let (file, url) = (file.to_str().unwrap(), server.url("/api"));
    let sent = |variables: &[(&str, &str)], args: &[&str]| {
        let args = [&["presence", "news", "--endpoint", &url], args].concat();
        run_in(variables, &args, None).line();
        received.recv().unwrap().header("authorization").map(str::to_owned)
    };
    let in_environment = [("CENTRIFUGO_KEY", KEY)];
    assert_eq!(sent(&in_environment, &[]).unwrap(), format!("apikey {KEY}"));
    assert_eq!(sent(&[], &["--key-file", file]).unwrap(), "apikey key-of-the-file");
    assert_eq!(sent(&in_environment, &["--key-file", file]).unwrap(), "apikey key-of-the-file");
    assert_eq!(sent(&in_environment, &["--insecure"]), None);

    std::fs::write(file, "\n").unwrap();
    for (args, told) in [
        (&["info"][..], "there is no key: set CENTRIFUGO_KEY"),
        (&["info", "--key-file", file], "is empty"),
        (&["info", "--key-file", "/nowhere/key"], "/nowhere/key cannot be read: "),
        (&["info", "--key-file", file, "--insecure"], "leave out --key-file"),
    ] {
        let done = run_in(&[("CENTRIFUGO_ENDPOINT", &url)], args, None);
        assert!(done.failed(2).contains(told), "{done:?}");
    }
}

#[test]
fn the_key_goes_beside_the_credentials_of_the_endpoint() {
    let (server, received) = server(200, r#"{"result":{}}"#);
    let url = server.url("/api").replace("//", "//proxy:pass@");
    run_in(&[("CENTRIFUGO_KEY", KEY)], &["presence", "news", "--endpoint", &url], None).line();
    let request = received.recv().unwrap();
    assert_eq!(request.header("x-api-key"), Some(KEY));
    assert_eq!(request.header("authorization"), Some("Basic cHJveHk6cGFzcw=="));
}

#[test]
fn a_legacy_batch_that_is_too_large_names_no_call_of_the_library() {
    let data = "x".repeat(1 << 20);
    let line = json!({"publish": {"channel": "news", "data": data}}).to_string();
    let input = format!("{line}\n").repeat(20);
    let done = run_in(
        &[("CENTRIFUGO_KEY", KEY)],
        &["batch", "--legacy", "--endpoint", "http://127.0.0.1:1"],
        Some(&input),
    );
    assert!(done.failed(2).contains("send them in several batches"), "{done:?}");
}

#[test]
fn the_form_and_the_mode_are_chosen() {
    let (server, received) = server(200, r#"{"result":{}}"#);
    let url = server.url("");
    for (args, target, body) in [
        (&["presence", "a"][..], "/api/presence", r#"{"channel":"a"}"#),
        (
            &["--lines", "presence", "a"],
            "/api",
            "{\"method\":\"presence\",\"params\":{\"channel\":\"a\"}}\n",
        ),
    ] {
        run(&url, args).line();
        let request = received.recv().unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", target));
        assert_eq!(String::from_utf8(request.body.clone()).unwrap(), body);
        assert_eq!(request.header("x-centrifugo-error-mode"), None);
    }
    run(&url, &["presence", "a", "--transport-errors"]).line();
    assert_eq!(received.recv().unwrap().header("x-centrifugo-error-mode"), Some("transport"));
    let variables = [("CENTRIFUGO_ENDPOINT", &*url), ("CENTRIFUGO_KEY", KEY)];
    for (args, body) in [
        (&["batch"][..], r#"{"commands":[]}"#),
        (&["batch", "--parallel"], r#"{"commands":[],"parallel":true}"#),
    ] {
        assert_eq!(run_in(&variables, args, Some("")).code, Some(0));
        assert_eq!(String::from_utf8(received.recv().unwrap().body).unwrap(), body);
    }
}

#[test]
fn a_result_is_one_line_however_it_came() {
    let (server, _received) =
        server(200, "{\"result\":{\"a\":\r\n [1,\n 12345678901234567890123]}}");
    let done = run(&server.url("/api"), &["call", "future_method"]);
    assert_eq!((done.code, done.lines.len()), (Some(0), 1), "{done:?}");
    let (number, text) = (&done.lines[0]["a"][1], "12345678901234567890123");
    assert_eq!(number.as_f64(), text.parse().ok());
}

#[test]
fn a_reader_that_goes_is_no_error() {
    let (go, gone) = channel::<()>();
    let gone = Mutex::new(gone);
    let server = Server::start(move |connection: &mut Connection| {
        let Some(_) = connection.request() else { return };
        let _ = gone.lock().unwrap().recv();
        connection.answer(200, "", r#"{"result":{"nodes":[]}}"#);
    });
    let url = server.url("/api");
    let variables = [("CENTRIFUGO_ENDPOINT", &*url), ("CENTRIFUGO_KEY", KEY)];
    let mut program = Program::start_with("centrifugo", &["info"], &variables);
    program.close_output();
    go.send(()).unwrap();
    assert_eq!((program.wait().code(), program.errors()), (Some(0), String::new()));
}

#[test]
fn who_cannot_be_reached_or_refuses_is_told() {
    let done = run("http://127.0.0.1:1/api", &["info"]);
    let told = done.failed(1);
    assert!(told.contains("could not connect: ") && told.contains("refused"), "{told}");

    let (refusing, _received) = server(401, "Unauthorized");
    for args in [&["info"][..], &["node", "--legacy"]] {
        let done = run(&refusing.url("/api"), args);
        let told = done.failed(1);
        assert!(told.contains("401 Unauthorized") && told.contains("is the key right"), "{told}");
    }

    let (_holding, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let silent = Server::start(move |connection: &mut Connection| {
        let _ = connection.request();
        let _ = held.lock().unwrap().recv_timeout(std::time::Duration::from_secs(30));
    });
    let start = Instant::now();
    let done = run(&silent.url("/api"), &["history-remove", "a", "--timeout", "0.2"]);
    assert!(done.failed(1).contains("time"), "{done:?}");
    assert!(start.elapsed().as_secs() < 8, "{:?}", start.elapsed());
    drop(_holding);

    for (endpoint, told) in [
        ("localhost:8000", "has no scheme: write \"http://localhost:8000\""),
        ("ftp://ann:the-key-7f3a@h/", "not an http or https URL"),
    ] {
        let done = run(endpoint, &["info"]);
        assert!(done.failed(2).contains(told), "{done:?}");
    }
}

#[test]
fn nothing_secret_is_in_the_help() {
    let endpoint = format!("http://ann:{KEY}@localhost/");
    let done = run_in(
        &[
            ("CENTRIFUGO_ENDPOINT", &endpoint),
            ("CENTRIFUGO_KEY", KEY),
            ("CENTRIFUGO_TOKEN_SECRET", TOKEN_SECRET),
        ],
        &["token", "--help"],
        None,
    );
    assert_eq!(done.code, Some(0));
    assert!(done.lines.iter().any(|line| line.to_string().contains("--token-secret-file")));
}

/// What a token says, once its signature is seen to be that of the secret.
fn claims(token: &Value, secret: &str) -> Value {
    let token = token["token"].as_str().expect("a token");
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    // HMAC-SHA256 in hex, held by the vectors of the legacy API.
    assert_eq!(hex, centrifugo_api::legacy::generate_api_sign(secret, signed.as_bytes()));
    let (head, claims) = signed.split_once('.').expect("claims");
    let read = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let head: Value = read(head);
    assert_eq!(head, json!({"alg": "HS256", "typ": "JWT"}));
    read(claims)
}

#[test]
fn tokens_are_signed_with_the_secret() {
    let variables = [("CENTRIFUGO_TOKEN_SECRET", TOKEN_SECRET)];
    let claims_of = |args: &[&str]| {
        let args = [&["token", "--user", "42"], args].concat();
        claims(run_in(&variables, &args, None).line(), TOKEN_SECRET)
    };
    assert_eq!(claims_of(&[]), json!({"sub": "42"}));
    assert_eq!(
        claims_of(&["--channel", "chat:1", "--info", r#"{"name":"Alex"}"#]),
        json!({"sub": "42", "channel": "chat:1", "info": {"name": "Alex"}})
    );
    let over = claims_of(&["--expires-in", "3600"])["exp"].as_u64().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((now + 3000..=now + 3600).contains(&over), "{over} at {now}");

    // The vector that servers accept.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "secret\n").unwrap();
    let args = ["token", "--user", "42", "--token-secret-file", file.to_str().unwrap()];
    let token = run_in(&variables, &args, None).line().clone();
    assert_eq!(claims(&token, "secret"), json!({"sub": "42"}));
    assert!(
        token["token"].as_str().unwrap().ends_with(".79CVgMIG_JB921dVUeJDWNJubJojFodH3-XtC_1C408")
    );
}

#[test]
fn a_token_without_a_secret_is_none() {
    for (args, told) in [
        (&["token", "--user", "42"][..], "set CENTRIFUGO_TOKEN_SECRET"),
        (&["token", "--user", "42", "--token-secret-file", "/nowhere/s"], "cannot be read"),
        (&["token", "--user", "42", "--legacy"], "or the project's secret as the key"),
    ] {
        let done = run_in(&[], args, None);
        assert!(done.failed(2).contains(told), "{done:?}");
    }
    // The API's key is no secret for tokens.
    let done = run_in(&[("CENTRIFUGO_KEY", KEY)], &["token", "--user", "42"], None);
    done.failed(2);
}

#[test]
fn what_the_chosen_api_lacks_is_told_with_the_one_that_has_it() {
    for args in [
        &["stats"][..],
        &["node"],
        &["sign", "c", "$a"],
        &["publish", "a", "1", "--client", "c"],
        &["broadcast", "-c", "a", "1", "--client", "c"],
        &["token", "--user", "42", "--timestamp", "1"],
    ] {
        let done = run("http://127.0.0.1:1", args);
        assert!(done.failed(2).contains("is of the legacy API"), "{done:?}");
    }
    for args in [
        &["subscribe", "42", "a"][..],
        &["refresh", "42"],
        &["presence-stats", "a"],
        &["history-remove", "a"],
        &["info"],
        &["rpc", "m"],
        &["call", "m"],
        &["batch", "--parallel"],
        &["publish", "a", "1", "--idempotency-key", "k"],
        &["publish", "a", "1", "--tag", "a=b"],
        &["history", "a", "--limit", "1"],
        &["channels", "--pattern", "a"],
        &["disconnect", "42", "--code", "4500"],
        &["unsubscribe", "42", "a", "--client", "c"],
        &["token", "--user", "42", "--expires-in", "1"],
        &["node", "--lines"],
        &["node", "--transport-errors"],
    ] {
        let done = run("http://127.0.0.1:1", &[args, &["--legacy"]].concat());
        assert!(done.failed(2).contains("is of today's API"), "{done:?}");
    }
    let done = run("http://127.0.0.1:1", &["token", "--user", "4", "--channel", "$a", "--legacy"]);
    assert!(done.failed(2).contains("see `sign`"), "{done:?}");
}
