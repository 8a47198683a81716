//! `llm-chat` against scripted servers that end a response in every way there is.
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use std::sync::mpsc;

use rt_testkit::server::{Received, Server};
use serde_json::{Value, json};
use support::Program;

const KEY: &str = "sk-s3cret";

/// How a run ended.
struct Run {
    out: String,
    errors: String,
    code: Option<i32>,
    requests: Vec<Received>,
}

/// A response as the script writes it.
enum Script {
    Status(u16, &'static str, &'static str),
    /// The body of an event stream, and then the end of the connection.
    Stream(String),
    /// The same as a body of a given length that does not come.
    Broken(String),
}

/// Asks a server that gives these responses, one after the other.
fn ask(api: &str, responses: Vec<Script>) -> Run {
    let (sender, requests) = mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let server = Server::start(move |connection| {
        sender.lock().unwrap().send(connection.request().unwrap()).unwrap();
        match responses.get(connection.index()).expect("the script has a response left") {
            Script::Status(status, headers, body) => connection.answer(*status, headers, body),
            Script::Stream(body) => connection.open_event_stream() && connection.send(body),
            Script::Broken(body) => connection.send(format!(
                "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n{body}"
            )),
        };
    });
    let url = server.url("");
    let args = ["--api", api, "--model", "m-1", "--url", &url, "--system", "Be brief.", "Why?"];
    let keys = [("ANTHROPIC_API_KEY", KEY), ("OPENAI_API_KEY", KEY)];
    let mut program = Program::start_with("llm-chat", &args, &keys);
    let out = std::iter::from_fn(|| program.line()).collect::<Vec<_>>().join("\n");
    let (code, errors) = (program.wait().code(), program.errors());
    assert!(!errors.contains(KEY), "{errors}");
    Run { out, errors, code, requests: requests.try_iter().collect() }
}

fn named(events: &[Value]) -> String {
    let event =
        |data: &Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    events.iter().map(event).collect()
}

fn unnamed(events: &[Value]) -> String {
    events.iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// The beginning of a response, with the text `Hello`, in each of the APIs.
fn begun(api: &str) -> String {
    match api {
        "anthropic" => named(&[
            json!({"type": "message_start", "message": {"usage": {"input_tokens": 25, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}}),
            json!({"type": "of_a_later_version"}),
        ]),
        "openai" => named(&[
            json!({"type": "response.created", "response": {"status": "in_progress", "usage": null}}),
            json!({"type": "response.output_text.delta", "delta": "Hel"}),
            json!({"type": "response.output_text.delta", "delta": "lo"}),
            json!({"type": "of_a_later_version"}),
        ]),
        _ => unnamed(&[
            json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
            json!({"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": null}]}),
            json!({"choices": [{"index": 0, "delta": {"content": "lo"}}], "usage": null}),
        ]),
    }
}

/// The end of a response.
fn end(api: &str) -> String {
    match api {
        "anthropic" => named(&[
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}}),
            json!({"type": "message_stop"}),
        ]),
        "openai" => named(&[
            json!({"type": "response.output_text.done", "text": "Hello"}),
            json!({"type": "response.completed", "response": {
                "status": "completed", "incomplete_details": null,
                "usage": {"input_tokens": 25, "output_tokens": 15},
            }}),
        ]),
        _ => {
            unnamed(&[
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
                json!({"choices": [], "usage": {"prompt_tokens": 25, "completion_tokens": 15}}),
            ]) + "data: [DONE]\n\n"
        }
    }
}

const APIS: [&str; 3] = ["anthropic", "openai", "openai-chat"];

#[test]
fn the_tokens_of_a_whole_response_are_printed_and_its_usage_at_the_end() {
    for (api, reason) in APIS.into_iter().zip(["end_turn", "completed", "stop"]) {
        let run = ask(api, vec![Script::Stream(begun(api) + &end(api))]);
        assert_eq!((run.out.as_str(), run.code), ("Hello", Some(0)), "{api}: {}", run.errors);
        let summary = format!("llm-chat: stopped: {reason}, 25 input tokens, 15 output tokens\n");
        assert_eq!(run.errors, summary, "{api}");
    }
}

#[test]
fn the_request_is_as_its_api_wants_it() {
    let user = json!({"role": "user", "content": "Why?"});
    for (api, path, expected) in [
        (
            "anthropic",
            "/v1/messages",
            json!({"model": "m-1", "max_tokens": 4096, "stream": true, "system": "Be brief.", "messages": [user]}),
        ),
        (
            "openai",
            "/v1/responses",
            json!({"model": "m-1", "max_output_tokens": 4096, "stream": true, "instructions": "Be brief.", "input": [user]}),
        ),
        (
            "openai-chat",
            "/v1/chat/completions",
            json!({
                "model": "m-1", "max_completion_tokens": 4096, "stream": true,
                "stream_options": {"include_usage": true},
                "messages": [{"role": "system", "content": "Be brief."}, user],
            }),
        ),
    ] {
        let run = ask(api, vec![Script::Stream(begun(api) + &end(api))]);
        let request = &run.requests[0];
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", path));
        assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
        match api {
            "anthropic" => {
                assert_eq!(request.header("x-api-key"), Some(KEY));
                assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
            }
            _ => assert_eq!(request.header("authorization"), Some("Bearer sk-s3cret")),
        }
    }
}

#[test]
fn a_response_at_its_limit_of_tokens_says_so() {
    let limited = [
        named(&[
            json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 15}}),
            json!({"type": "message_stop"}),
        ]),
        named(&[json!({"type": "response.incomplete", "response": {
            "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
            "usage": {"input_tokens": 25, "output_tokens": 15},
        }})]),
        unnamed(&[json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})])
            + "data: [DONE]\n\n",
    ];
    let reasons = ["max_tokens", "max_output_tokens", "length"];
    for ((api, limited), reason) in APIS.into_iter().zip(limited).zip(reasons) {
        let run = ask(api, vec![Script::Stream(begun(api) + &limited)]);
        assert_eq!((run.out.as_str(), run.code), ("Hello", Some(0)), "{api}: {}", run.errors);
        assert!(run.errors.starts_with(&format!("llm-chat: stopped: {reason}")), "{}", run.errors);
    }
}

#[test]
fn a_failure_that_comes_as_an_event_is_an_error() {
    let failures = [
        vec![named(&[
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        ])],
        vec![
            named(&[
                json!({"type": "response.failed", "response": {"error": {"message": "Overloaded"}}}),
            ]),
            named(&[json!({"type": "error", "message": "Overloaded"})]),
        ],
        vec![
            unnamed(&[json!({"error": {"message": "Overloaded"}})]),
            unnamed(&[json!({"error": "Overloaded"})]),
            named(&[json!({"type": "error", "message": "Overloaded"})]),
        ],
    ];
    for (api, failures) in APIS.into_iter().zip(failures) {
        for failure in failures {
            let run = ask(api, vec![Script::Stream(begun(api) + &failure + &end(api))]);
            assert_eq!((run.out.as_str(), run.code), ("Hello", Some(1)), "{api}");
            assert!(run.errors.contains("reported a failure"), "{}", run.errors);
            assert!(run.errors.contains("Overloaded"), "{}", run.errors);
            assert_eq!(run.requests.len(), 1, "what was billed is not asked for again");
        }
    }
}

#[test]
fn a_response_that_is_cut_is_an_error_wherever_it_is_cut() {
    for api in APIS {
        let whole = begun(api) + &end(api);
        // Between two events, inside the last one, inside a line, and before its empty line.
        let cuts = [begun(api).len(), whole.len() - 1, begun(api).len() - 9, begun(api).len() - 1];
        for cut in cuts {
            for script in [Script::Stream, Script::Broken] {
                let run = ask(api, vec![script(whole[..cut].to_owned())]);
                assert_eq!(run.code, Some(1), "{api} {cut}: {}", run.errors);
                assert!(run.errors.contains("the response was cut short"), "{}", run.errors);
                assert_eq!(run.requests.len(), 1);
                assert!(run.out.starts_with("Hel"), "what came is printed: {:?}", run.out);
            }
        }
    }
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    for api in APIS {
        let run = ask(
            api,
            vec![
                Script::Status(
                    429,
                    "retry-after-ms: 5\r\n",
                    r#"{"error":{"message":"slow down"}}"#,
                ),
                Script::Status(
                    529,
                    "retry-after-ms: 5\r\n",
                    r#"{"error":{"message":"overloaded"}}"#,
                ),
                Script::Stream(begun(api) + &end(api)),
            ],
        );
        assert_eq!((run.out.as_str(), run.code), ("Hello", Some(0)), "{api}: {}", run.errors);
        assert!(run.errors.contains("slow down") && run.errors.contains("overloaded"));
        assert!(run.errors.contains("trying again in"), "{}", run.errors);
        assert_eq!(run.requests.len(), 3);
    }
}

#[test]
fn a_refused_request_says_what_the_server_says() {
    for (status, body) in [
        (401, r#"{"error":{"type":"authentication_error","message":"invalid x-api-key"}}"#),
        (404, r#"{"error":{"message":"no model m-1"}}"#),
    ] {
        let run = ask("anthropic", vec![Script::Status(status, "", body)]);
        assert_eq!((run.out.as_str(), run.code), ("", Some(1)));
        assert!(run.errors.contains(&status.to_string()), "{}", run.errors);
        assert!(run.errors.contains(body), "{}", run.errors);
    }
}

#[test]
fn wrong_use_is_reported_with_code_2() {
    for (args, hint) in [
        (&["--api", "anthropic", "--model", "m", "Why?"][..], "set ANTHROPIC_API_KEY"),
        (&["--api", "openai", "--model", "m", "Why?"], "set OPENAI_API_KEY"),
        (
            &["--api", "openai", "--model", "m", "--key-file", "/no/such/file", "Why?"],
            "cannot read the key",
        ),
        (
            &["--api", "openai", "--model", "m", "--url", "http://127.0.0.1:1", " "],
            "the question is empty",
        ),
        (&["--api", "openai", "--model", "m", "--url", "nonsense", "Why?"], "is not a valid URL"),
        (&["--model", "m", "Why?"], "--api"),
    ] {
        let keys = [("ANTHROPIC_API_KEY", ""), ("OPENAI_API_KEY", "")];
        let mut program = Program::start_with("llm-chat", args, &keys);
        assert_eq!(program.line(), None);
        assert_eq!(program.wait().code(), Some(2), "{args:?}");
        let errors = program.errors();
        assert!(errors.contains(hint), "{errors}");
    }
}
