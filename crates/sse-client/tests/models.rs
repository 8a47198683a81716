//! The README's programs for language models, run against a scripted server with every end that a
//! response has.
#![cfg(feature = "json")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // In helpers, too.
mod support;

use rt_testkit::server::Server;

/// What stands between these marks is the README's text, too.
// README begins
mod ask {
    use futures_util::TryStreamExt;
    use serde_json::{Value, json};
    use sse_client::{Error, EventStream};

    /// Anthropic's Messages.
    pub async fn anthropic(url: &str, key: &str, question: &str) -> Result<String, Error> {
        let mut events = EventStream::builder(format!("{url}/v1/messages"))
            .header("x-api-key", key)
            .header("anthropic-version", "2023-06-01")
            .json_body(&json!({
                "model": "claude-sonnet-4-5", "max_tokens": 1024, "stream": true,
                "messages": [{"role": "user", "content": question}],
            }))
            .end_event("message_stop") // a response that ends without it was cut short: an error
            .error_event("error") // `event: error` in a response that began well
            .build()?
            .events();
        let mut text = String::new();
        while let Some(event) = events.try_next().await? {
            // Pings, the beginnings and ends of blocks and the usage have other types.
            if event.event() == "content_block_delta" {
                let data: Value = event.json()?;
                text += data["delta"]["text"].as_str().unwrap_or_default();
            }
        }
        Ok(text)
    }

    /// OpenAI's Responses.
    pub async fn openai(url: &str, key: &str, question: &str) -> Result<String, Error> {
        let mut events = EventStream::builder(format!("{url}/v1/responses"))
            .header("authorization", format!("Bearer {key}"))
            .json_body(&json!({"model": "gpt-5", "input": question, "stream": true}))
            .end_event("response.completed")
            .end_event("response.incomplete")
            .error_event("response.failed")
            .error_event("error")
            .build()?
            .events();
        let mut text = String::new();
        while let Some(event) = events.try_next().await? {
            if event.event() == "response.output_text.delta" {
                let data: Value = event.json()?;
                text += data["delta"].as_str().unwrap_or_default();
            }
        }
        Ok(text)
    }
}
// README ends

#[test]
fn the_readme_shows_these_programs() {
    let this = include_str!("models.rs");
    let begin = this.find("mod ask {\n").unwrap() + "mod ask {\n".len();
    let end = this.find("\n}\n// README ends").unwrap();
    let code: Vec<_> =
        this[begin..end].lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let readme = include_str!("../README.md");
    assert!(readme.contains(&code.join("\n")), "the README's programs differ from those tested");
}

/// The ends of a response: its bytes after the text `Hello`, and what the program returns.
struct End {
    bytes: &'static str,
    /// The text, or a part of the error's text.
    result: Result<&'static str, &'static str>,
}

const CUT: &str = "the response was cut short: it ended before the event that completes it";
const CUT_INSIDE: &str = "the response was cut short: it ended inside an event";

const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
    "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\n",
);

const ANTHROPIC_ENDS: [End; 4] = [
    End {
        bytes: "event: message_delta\ndata: {}\n\nevent: message_stop\ndata: {}\n\n",
        result: Ok("Hello"),
    },
    End { bytes: "", result: Err(CUT) },
    End { bytes: "event: message_stop\ndata: {", result: Err(CUT_INSIDE) },
    End {
        bytes: "event: error\ndata: {\"error\":{\"type\":\"overloaded_error\"}}\n\n",
        result: Err("overloaded_error"),
    },
];

const OPENAI: &str = concat!(
    "event: response.created\ndata: {}\n\n",
    "event: response.output_text.delta\ndata: {\"delta\":\"Hel\"}\n\n",
    "event: response.output_text.delta\ndata: {\"delta\":\"lo\"}\n\n",
);

const OPENAI_ENDS: [End; 6] = [
    End { bytes: "event: response.completed\ndata: {}\n\n", result: Ok("Hello") },
    End { bytes: "event: response.incomplete\ndata: {}\n\n", result: Ok("Hello") },
    End { bytes: "", result: Err(CUT) },
    End { bytes: "event: response.com", result: Err(CUT_INSIDE) },
    End {
        bytes: "event: response.failed\ndata: {\"x\":\"no\"}\n\n",
        result: Err("{\"x\":\"no\"}"),
    },
    End { bytes: "event: error\ndata: {\"code\":\"busy\"}\n\n", result: Err("busy") },
];

#[tokio::test]
async fn every_end_of_a_response_is_what_it_is() {
    for (text, ends, anthropic) in
        [(ANTHROPIC, &ANTHROPIC_ENDS[..], true), (OPENAI, &OPENAI_ENDS, false)]
    {
        for end in ends {
            let body = format!("{text}{}", end.bytes);
            let server = Server::start(move |connection| {
                connection.request();
                connection.open_event_stream();
                connection.send(&body);
            });
            let url = server.url("");
            let result = match anthropic {
                true => ask::anthropic(&url, "key", "?").await,
                false => ask::openai(&url, "key", "?").await,
            };
            match (&end.result, result) {
                (Ok(text), result) => assert_eq!(result.unwrap(), *text, "{}", end.bytes),
                (Err(part), Err(error)) => assert!(error.to_string().contains(part), "{error}"),
                (Err(part), Ok(text)) => panic!("{text:?} instead of the error {part:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_says_what_the_server_says() {
    let server = Server::start(|connection| {
        connection.request();
        connection.answer(401, "", r#"{"error":{"message":"invalid x-api-key"}}"#);
    });
    let error = ask::anthropic(&server.url(""), "s3cret", "?").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("401 Unauthorized") && text.contains("invalid x-api-key"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}
