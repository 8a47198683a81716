//! `centrifugo --legacy` calls the API of version 1.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use centrifugo_api::legacy::{Command, generate_channel_sign, generate_client_token};
use rt_testkit::legacy_centrifugo::LegacyCentrifugo;
use serde_json::{Value, json};
use support::centrifugo::{Done, KEY, TOKEN_SECRET, run_in};

fn run(server: &LegacyCentrifugo, args: &[&str], input: Option<&str>) -> Done {
    let variables = [("CENTRIFUGO_ENDPOINT", &*server.url()), ("CENTRIFUGO_KEY", KEY)];
    run_in(&variables, &[&["--legacy"], args].concat(), input)
}

#[test]
fn each_command_is_its_request() {
    let server = LegacyCentrifugo::start(KEY);
    for (args, method, params) in [
        ("publish public:a {\"n\":1}", "publish", json!({"channel": "public:a", "data": {"n": 1}})),
        (
            "publish public:a --text hi --client c",
            "publish",
            json!({"channel": "public:a", "data": "hi", "client": "c"}),
        ),
        (
            "broadcast -c public:a -c b -1",
            "broadcast",
            json!({"channels": ["public:a", "b"], "data": -1}),
        ),
        (
            "broadcast -c public:a [] --client c",
            "broadcast",
            json!({"channels": ["public:a"], "data": [], "client": "c"}),
        ),
        ("unsubscribe 42 public:a", "unsubscribe", json!({"channel": "public:a", "user": "42"})),
        ("disconnect 42", "disconnect", json!({"user": "42"})),
        ("presence public:a", "presence", json!({"channel": "public:a"})),
        ("history public:a", "history", json!({"channel": "public:a"})),
        ("channels", "channels", json!({})),
        ("stats", "stats", json!({})),
        ("node", "node", json!({})),
    ] {
        let args: Vec<_> = args.split_whitespace().collect();
        // The server checks the sign.
        run(&server, &args, None).line();
        let request = server.take_requests().pop().expect("a request");
        let sent: Vec<Command> = serde_json::from_slice(&request.body).unwrap();
        let sent_params: Value = serde_json::from_str(sent[0].params.get()).unwrap();
        assert_eq!((sent.len(), &*sent[0].method, sent_params), (1, method, params), "{args:?}");
    }
}

#[test]
fn results_are_a_line_of_json() {
    let server = LegacyCentrifugo::start(KEY);
    server.subscribe("public:a", ("c1", "42"), r#"{"name":"Alex"}"#, "");
    let line = |args: &[&str]| run(&server, args, None).line().clone();
    assert_eq!(
        line(&["presence", "public:a"]),
        json!({"presence": {
            "c1": {"user": "42", "client": "c1", "default_info": {"name": "Alex"}},
        }})
    );
    assert_eq!(line(&["channels"]), json!({"channels": ["public:a"]}));
    assert_eq!(line(&["publish", "public:a", r#"{"n":1}"#, "--client", "c1"]), json!({}));
    let history = line(&["history", "public:a"]);
    let message = &history["messages"][0];
    assert_eq!(message["data"], json!({"n": 1}));
    assert_eq!((&message["channel"], &message["client"]), (&json!("public:a"), &json!("c1")));
    assert_eq!(line(&["node"])["metrics"]["node_num_channels"], 1);
    assert_eq!(line(&["stats"])["nodes"][0], line(&["node"]));
    assert_eq!(line(&["disconnect", "42"]), json!({}));
    assert_eq!(line(&["channels"]), json!({"channels": []}));
}

#[test]
fn a_batch_is_one_request_and_a_reply_a_line() {
    let server = LegacyCentrifugo::start(KEY);
    let input = "{\"publish\":{\"channel\":\"public:a\",\"data\":1}}\n\
                 {\"publish\":{\"channel\":\"other:a\",\"data\":1,\"client\":\"c\"}}\n\
                 {\"channels\":{}}\n";
    let done = run(&server, &["batch"], Some(input));
    assert_eq!(done.failed(1), "1 of 3 commands failed\n");
    assert_eq!(
        done.lines,
        [
            json!({"publish": null}),
            json!({"error": {"message": "namespace not found", "advice": "fix"}}),
            json!({"channels": {"data": []}}),
        ]
    );
    assert_eq!(server.take_requests().len(), 1);
    for (input, told) in [
        ("{\"publish\":{\"channel\":\"a\"}}", "command 1: publish: data is missing"),
        ("{\"node\":{}}\n{\"info\":{}}", "command 2: the legacy API has no method \"info\""),
        ("{\"node\":{\"chanel\":1}}", "command 1: node: unknown field `chanel`"),
        ("{\"publish\":{\"data\":1}}", "command 1: publish: the channel is empty"),
    ] {
        let done = run(&server, &["batch"], Some(input));
        assert!(done.failed(2).contains(told), "{done:?}");
    }
    assert!(server.take_requests().is_empty(), "nothing was sent");
}

#[test]
fn the_servers_errors_are_told() {
    let server = LegacyCentrifugo::start(KEY);
    let done = run(&server, &["publish", "other:a", "1"], None);
    assert!(done.failed(1).contains("publish: the server answered: namespace not found"));
    let done = run(&server, &["publish", "a", "hello"], None);
    assert!(done.failed(2).contains(r#"'"hello"'; or say --text"#), "{done:?}");
    server.shut_down(true);
    assert!(run(&server, &["node"], None).failed(1).contains("503"));

    let other = LegacyCentrifugo::start("another secret");
    assert!(run(&other, &["node"], None).failed(1).contains("401 Unauthorized"));
    let open = LegacyCentrifugo::insecure();
    run(&open, &["node", "--insecure"], None).line();
    assert_eq!(open.take_requests()[0].header("x-api-sign"), None);
}

#[test]
fn tokens_and_signs_are_what_clients_pass_on() {
    let info = r#"{"name": "Alex"}"#;
    let args = ["--legacy", "token", "--user", "42", "--timestamp", "1430669930", "--info", info];
    // One secret for requests and tokens, unless another one is given.
    for (variable, secret) in [("CENTRIFUGO_KEY", KEY), ("CENTRIFUGO_TOKEN_SECRET", TOKEN_SECRET)] {
        let token = generate_client_token(secret, "42", 1430669930, info);
        let variables = [("CENTRIFUGO_KEY", KEY), (variable, secret)];
        assert_eq!(
            run_in(&variables, &args, None).line(),
            &json!({"user": "42", "timestamp": "1430669930", "info": info, "token": token})
        );
    }
    let variables = [("CENTRIFUGO_KEY", KEY)];
    let now = run_in(&variables, &["--legacy", "token", "--user", "42"], None).line().clone();
    let timestamp = now["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(timestamp > 1_700_000_000);
    assert_eq!(now["token"], generate_client_token(KEY, "42", timestamp, ""));

    let sign = run_in(&variables, &["--legacy", "sign", "c", "$public:a", "--info", "{}"], None);
    let expected = generate_channel_sign(KEY, "c", "$public:a", "{}");
    assert_eq!(
        sign.line(),
        &json!({"client": "c", "channel": "$public:a", "info": "{}", "sign": expected})
    );
}
