//! The APIs of the model vendors: the request, and what each event of the response means.
use clap::ValueEnum;
use serde_json::{Value, json};
use sse_client::{Error, Event, EventStream, EventStreamBuilder};

use crate::response::Part;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Api {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Responses.
    Openai,
    /// OpenAI's Chat Completions, which many other servers speak.
    OpenaiChat,
}

/// A question to a model.
pub struct Request<'a> {
    /// Where the API is, without the path.
    pub url: &'a str,
    /// Empty where the server needs none.
    pub key: &'a str,
    pub model: &'a str,
    pub system: Option<&'a str>,
    pub question: &'a str,
    pub max_tokens: u32,
}

impl Api {
    pub fn default_url(self) -> &'static str {
        match self {
            Self::Anthropic => "https://api.anthropic.com",
            Self::Openai | Self::OpenaiChat => "https://api.openai.com",
        }
    }

    pub fn key_variable(self) -> &'static str {
        match self {
            Self::Anthropic => "ANTHROPIC_API_KEY",
            Self::Openai | Self::OpenaiChat => "OPENAI_API_KEY",
        }
    }

    /// Describes the stream of the response: the request, and the events that end it.
    pub fn describe(self, request: &Request<'_>) -> EventStreamBuilder {
        let Request { model, question, max_tokens, .. } = *request;
        let user = json!({"role": "user", "content": question});
        let (path, mut body) = match self {
            Self::Anthropic => (
                "/v1/messages",
                json!({"model": model, "max_tokens": max_tokens, "stream": true, "messages": [user]}),
            ),
            Self::Openai => (
                "/v1/responses",
                json!({"model": model, "max_output_tokens": max_tokens, "stream": true, "input": [user]}),
            ),
            Self::OpenaiChat => (
                "/v1/chat/completions",
                json!({
                    "model": model, "max_completion_tokens": max_tokens, "stream": true,
                    "stream_options": {"include_usage": true}, "messages": [user],
                }),
            ),
        };
        if let Some(system) = request.system {
            match self {
                Self::Anthropic => body["system"] = system.into(),
                Self::Openai => body["instructions"] = system.into(),
                Self::OpenaiChat => {
                    body["messages"] = json!([{"role": "system", "content": system}, user]);
                }
            }
        }
        let url = format!("{}{path}", request.url.trim_end_matches('/'));
        let builder = EventStream::builder(url).json_body(&body);
        let builder = match self {
            _ if request.key.is_empty() => builder,
            Self::Anthropic => builder.header("x-api-key", request.key),
            _ => builder.header("authorization", format!("Bearer {}", request.key)),
        };
        match self {
            Self::Anthropic => builder
                .header("anthropic-version", "2023-06-01")
                .end_event("message_stop")
                .error_event("error"),
            Self::Openai => builder
                .end_event("response.completed")
                .end_event("response.incomplete")
                .error_event("response.failed")
                .error_event("error"),
            // An error comes as an event like any other: as an object or, from some servers, as a
            // text. Others give it a type.
            Self::OpenaiChat => {
                builder.sentinel("[DONE]").error_event("error").error_when(|event| {
                    event.json::<Value>().is_ok_and(|data| !data["error"].is_null())
                })
            }
        }
    }

    /// Returns what an event adds to the response. An event of an unknown type adds nothing: the
    /// vendors announce that there will be more of them.
    pub fn read(self, event: &Event) -> Result<Vec<Part>, Error> {
        let mut parts = Vec::new();
        match (self, event.event()) {
            (Self::Anthropic, "message_start") => {
                parts.push(usage(&event.json::<Value>()?["message"]["usage"]));
            }
            (Self::Anthropic, "content_block_delta") => {
                // Thinking and the input of tools come as deltas of other types.
                let data: Value = event.json()?;
                parts.extend(text(&data["delta"]["text"]));
            }
            (Self::Anthropic, "message_delta") => {
                let data: Value = event.json()?;
                parts.extend(stopped(&data["delta"]["stop_reason"]));
                parts.push(usage(&data["usage"]));
            }
            (Self::Openai, "response.output_text.delta" | "response.refusal.delta") => {
                parts.extend(text(&event.json::<Value>()?["delta"]));
            }
            (Self::Openai, "response.completed" | "response.incomplete") => {
                let data: Value = event.json()?;
                let response = &data["response"];
                let reason = &response["incomplete_details"]["reason"];
                let reason = if reason.is_null() { &response["status"] } else { reason };
                parts.extend(stopped(reason));
                parts.push(usage(&response["usage"]));
            }
            (Self::OpenaiChat, _) => {
                let data: Value = event.json()?;
                // The event with the usage has no choice.
                let choice = &data["choices"][0];
                parts.extend(text(&choice["delta"]["content"]));
                parts.extend(text(&choice["delta"]["refusal"]));
                parts.extend(stopped(&choice["finish_reason"]));
                parts.push(usage(&data["usage"]));
            }
            _ => {}
        }
        Ok(parts)
    }
}

fn text(value: &Value) -> Option<Part> {
    value.as_str().map(|text| Part::Text(text.to_owned()))
}

fn stopped(value: &Value) -> Option<Part> {
    value.as_str().map(|reason| Part::Stopped(reason.to_owned()))
}

fn usage(value: &Value) -> Part {
    let count = |names: [&str; 2]| names.iter().find_map(|name| value[*name].as_u64());
    Part::Usage {
        input: count(["input_tokens", "prompt_tokens"]),
        output: count(["output_tokens", "completion_tokens"]),
    }
}
