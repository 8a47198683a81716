//! `centrifugo` calls today's API, and says what goes wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use centrifugo_api::test_server::{ChannelOptions, TestServer};
use centrifugo_api::{ErrorCode, StatusCode};
use serde_json::{Value, json};
use support::centrifugo::{Done, KEY, run, run_in};

async fn server() -> TestServer {
    let server = TestServer::builder().key(KEY);
    let server = server.namespace("chat", ChannelOptions::new());
    server.namespace("none", ChannelOptions::none()).start().await.unwrap()
}

fn with_input(server: &TestServer, args: &[&str], input: &str) -> Done {
    let variables = [("CENTRIFUGO_ENDPOINT", &*server.endpoint()), ("CENTRIFUGO_KEY", KEY)];
    run_in(&variables, args, Some(input))
}

/// Runs it, and gives the request that came.
fn asked(server: &TestServer, args: &[&str]) -> (String, Value) {
    let before = server.requests().len();
    run(&server.endpoint(), args).line();
    let mut requests = server.requests();
    assert_eq!(requests.len(), before + 1, "{args:?}");
    let request = requests.remove(before);
    (request.method, request.params)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_command_is_its_request() {
    let server = server().await;
    server.answer_rpc("sum", json!({"sum": 3}));
    server.connect("42", "c", ["chat:1"]);
    for (args, method, params) in [
        ("publish chat:1 {\"n\":1}", "publish", json!({"channel": "chat:1", "data": {"n": 1}})),
        (
            "publish chat:1 -1 --idempotency-key k --skip-history --tag a=b=c --tag d= --delta \
             --version 7 --version-epoch e",
            "publish",
            json!({
                "channel": "chat:1", "data": -1, "idempotency_key": "k", "skip_history": true,
                "tags": {"a": "b=c", "d": ""}, "delta": true, "version": 7, "version_epoch": "e",
            }),
        ),
        (
            "broadcast -c chat:1 --channel chat:2 --text hi --tag a=b",
            "broadcast",
            json!({"channels": ["chat:1", "chat:2"], "data": "hi", "tags": {"a": "b"}}),
        ),
        (
            "subscribe 42 chat:1 --client c --session s --info {\"a\":1} --data [2] --expire-at 9 \
             --recover-since 3:e",
            "subscribe",
            json!({
                "user": "42", "channel": "chat:1", "client": "c", "session": "s", "info": {"a": 1},
                "data": [2], "expire_at": 9, "recover_since": {"offset": 3, "epoch": "e"},
            }),
        ),
        (
            "unsubscribe 42 chat:2 --client c --session s",
            "unsubscribe",
            json!({"user": "42", "channel": "chat:2", "client": "c", "session": "s"}),
        ),
        (
            "disconnect 7 --client c --session s --whitelist a --whitelist b --code 4500 --reason r",
            "disconnect",
            json!({
                "user": "7", "client": "c", "session": "s", "whitelist": ["a", "b"],
                "disconnect": {"code": 4500, "reason": "r"},
            }),
        ),
        (
            "refresh 42 --client c --session s --expired --expire-at 9 --info null",
            "refresh",
            json!({
                "user": "42", "client": "c", "session": "s", "expired": true, "expire_at": 9,
                "info": null,
            }),
        ),
        ("presence chat:1", "presence", json!({"channel": "chat:1"})),
        ("presence-stats chat:1", "presence_stats", json!({"channel": "chat:1"})),
        ("history chat:1", "history", json!({"channel": "chat:1", "limit": -1})),
        ("history chat:1 --limit 0", "history", json!({"channel": "chat:1"})),
        (
            "history chat:1 --limit 2 --since 1: --reverse",
            "history",
            json!({
                "channel": "chat:1", "limit": 2, "since": {"offset": 1, "epoch": ""},
                "reverse": true,
            }),
        ),
        ("history-remove chat:1", "history_remove", json!({"channel": "chat:1"})),
        ("channels", "channels", json!({})),
        ("channels --pattern chat:*", "channels", json!({"pattern": "chat:*"})),
        ("info", "info", json!({})),
        ("rpc sum [1,2]", "rpc", json!({"method": "sum", "params": [1, 2]})),
        ("rpc sum", "rpc", json!({"method": "sum"})),
        ("call presence {\"channel\":\"chat:1\"}", "presence", json!({"channel": "chat:1"})),
        ("call info", "info", json!({})),
    ] {
        let args: Vec<_> = args.split_whitespace().collect();
        assert_eq!(asked(&server, &args), (method.to_owned(), params), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_a_line_of_json() {
    let server = server().await;
    server.connect("42", "c1", ["chat:1"]);
    server.answer_rpc("sum", json!({"sum": 3}));
    let endpoint = server.endpoint();
    let line = |args: &[&str]| run(&endpoint, args).line().clone();
    let published = line(&["publish", "chat:1", r#"{"n":1}"#, "--tag", "a=b"]);
    assert_eq!(published["offset"], 1);
    let epoch = published["epoch"].clone();
    assert_eq!(line(&["publish", "none:1", "1"]), json!({}));
    assert_eq!(
        line(&["history", "chat:1"]),
        json!({
            "publications": [{"offset": 1, "data": {"n": 1}, "tags": {"a": "b"}}],
            "offset": 1, "epoch": epoch,
        })
    );
    assert_eq!(
        line(&["broadcast", "-c", "chat:1", "-c", "none:1", "1"]),
        json!({"responses": [{"result": {"offset": 2, "epoch": epoch}}, {"result": {}}]})
    );
    assert_eq!(line(&["subscribe", "42", "chat:1", "--info", r#"{"a":1}"#]), json!({}));
    assert_eq!(
        line(&["presence", "chat:1"]),
        json!({"presence": {"c1": {"user": "42", "client": "c1", "chan_info": {"a": 1}}}})
    );
    assert_eq!(line(&["presence-stats", "chat:1"]), json!({"num_clients": 1, "num_users": 1}));
    assert_eq!(line(&["channels"]), json!({"channels": {"chat:1": {"num_clients": 1}}}));
    assert_eq!(line(&["info"])["nodes"][0]["num_clients"], 1);
    assert_eq!(line(&["rpc", "sum"]), json!({"sum": 3}));
    assert_eq!(
        line(&["call", "presence_stats", r#"{"channel":"chat:1"}"#]),
        json!({"num_clients": 1, "num_users": 1})
    );
    assert_eq!(line(&["disconnect", "42"]), json!({}));
    assert_eq!(server.connections(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_in_part_is_told_beside_what_was_done() {
    let server = server().await;
    let done = run(&server.endpoint(), &["broadcast", "-c", "chat:1", "-c", "other:1", "1"]);
    assert_eq!(done.failed(1), "1 of 2 channels failed\n");
    let responses = done.lines[0]["responses"].as_array().unwrap();
    assert_eq!(responses[0]["result"]["offset"], 1);
    assert_eq!(responses[1], json!({"error": {"code": 102, "message": "unknown channel"}}));

    let input = "{\"publish\":{\"channel\":\"chat:1\",\"data\":2}}\n\n\
                 {\"publish\": {\"channel\": \"other:1\", \"data\": 2}}\n\
                 {\"presence_stats\":{\"channel\":\"chat:1\"}}\n";
    for form in [&["batch"][..], &["batch", "--parallel"], &["batch", "--lines"]] {
        let done = with_input(&server, form, input);
        assert_eq!(done.failed(1), "1 of 3 commands failed\n");
        assert!(done.lines[0]["publish"]["offset"].as_u64() > Some(1), "{done:?}");
        assert_eq!(done.lines[1], json!({"error": {"code": 102, "message": "unknown channel"}}));
        assert_eq!(done.lines[2], json!({"presence_stats": {"num_clients": 0, "num_users": 0}}));
        assert_eq!(done.lines.len(), 3);
    }
    let done = with_input(&server, &["batch"], "{\"info\":{}}\n");
    assert_eq!(done.line()["info"]["nodes"].as_array().unwrap().len(), 1);
    let done = with_input(&server, &["batch"], "");
    assert_eq!((done.code, done.lines.len(), done.errors.as_str()), (Some(0), 0, ""));

    let before = server.requests().len();
    for (input, told) in [
        ("{\"info\":{}}\nhello\n", "line 2 of the input: expected value"),
        ("{\"info\":{},\"channels\":{}}", "line 1 of the input: it is not an object with one"),
        ("{}", "line 1 of the input: it is not an object with one method; a command is {"),
        ("{\"no/method\":{}}", "is not the name of a method"),
    ] {
        let done = with_input(&server, &["batch"], input);
        assert!(done.failed(2).contains(told), "{done:?}");
    }
    assert_eq!(server.requests().len(), before, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_comes_from_the_argument_the_input_or_a_file() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.json");
    std::fs::write(&file, "{\"from\":\n \"a file\"}\n").unwrap();
    let at_file = format!("@{}", file.display());
    let publish = |args: &[&str]| {
        let args = [&["publish", "chat:1"], args].concat();
        with_input(&server, &args, "{\"from\":\n \"the input\"}\n").line().clone()
    };
    for args in [&["-"][..], &[&at_file], &["--text", "@ann, -: hi"], &["--text", "7"], &["7"]] {
        publish(args);
    }
    assert_eq!(
        server.publications("chat:1"),
        [
            json!({"from": "the input"}),
            json!({"from": "a file"}),
            json!("@ann, -: hi"),
            json!("7"),
            json!(7),
        ]
    );
    // A command of several lines is one all the same in the line form.
    std::fs::write(&file, "{\n \"channel\": \"chat:1\"\n}").unwrap();
    let done = run(&server.endpoint(), &["call", "presence_stats", &at_file, "--lines"]);
    assert_eq!(done.line(), &json!({"num_clients": 0, "num_users": 0}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_is_told_with_how_to_write_it() {
    let server = server().await;
    for (data, told) in [
        ("hello", r#"'"hello"'; or say --text"#),
        ("{n:1}", r#"'{"n":1}'"#),
        ("", "--text"),
        ("@/nowhere/at/all", "/nowhere/at/all cannot be read: "),
    ] {
        let done = run(&server.endpoint(), &["publish", "chat:1", data]);
        assert!(done.failed(2).contains(told), "{data:?}: {done:?}");
    }
    let done = with_input(&server, &["rpc", "sum", "-"], "no JSON");
    assert!(done.failed(2).starts_with("the input is not JSON: "), "{done:?}");
    let done = run(&server.endpoint(), &["refresh", "42", "--info", "hello"]);
    assert!(done.failed(2).contains(r#"'"hello"'"#), "{done:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_errors_are_told() {
    let server = server().await;
    let endpoint = server.endpoint();
    for (args, told) in [
        (&["publish", "other:1", "1"][..], "publish: the server answered 102: unknown channel"),
        (&["presence", "none:1"], "presence: the server answered 108: not available"),
        (&["call", "no_such_method"], "early 4 want --lines"),
    ] {
        let done = run(&endpoint, args);
        assert!(done.failed(1).contains(told), "{done:?}");
        assert!(done.lines.is_empty());
    }
    server.fail_next("channels", ErrorCode::from(4242));
    let done = run(&endpoint, &["channels", "--transport-errors"]);
    assert!(done.failed(1).contains("4242"), "{done:?}");
    server.answer_next(StatusCode::OK, "<html>\n<p>a proxy</p>");
    let done = run(&endpoint, &["history-remove", "chat:1"]);
    assert!(done.failed(1).contains("malformed response"), "{done:?}");
    assert!(done.errors.contains("<html> <p>a proxy"), "{done:?}");
}
