//! What the script may put into the way of a request, and errors as the API gives them.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// What happens to one request instead of what is right.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Nothing: the model answers. It makes a later step meet a later request.
    Pass,
    /// A poll gets `{"failed":code}` with these fields beside it; the model knows nothing of it.
    Failed {
        /// The number.
        code: i64,
        /// An object whose fields are added.
        extra: Value,
    },
    /// A poll is told that its `ts` is too old, and the rows so far are gone for polls.
    Forget,
    /// All keys so far are refused from now on, with failed 2.
    ExpireKeys,
    /// All keys so far are refused from now on, with failed 3.
    LoseHistory,
    /// The keys expire, and whoever asks for a server is told this address from now on.
    NewServer(String),
    /// A page of HTML with this status.
    Status(u16, String),
    /// Status 200 with an empty body.
    Empty,
    /// Status 200 with `{}`.
    EmptyObject,
    /// Status 200 with a page of HTML.
    Html,
    /// Status 200 with these bytes.
    Body(Vec<u8>),
    /// The request is carried out; of its answer only the first half is sent, then the connection
    /// ends.
    Cut,
    /// The request is carried out; of its answer only the first half is sent, then nothing more, until
    /// the peer goes away.
    Stall,
    /// These bytes, head and all, and the end of the connection: a redirect, a chunked body.
    Raw(Vec<u8>),
    /// The connection is reset before the request is carried out.
    Reset,
    /// The request is carried out, and the connection is reset in place of the answer.
    LostAnswer,
    /// Never an answer, until the peer goes away.
    Hang,
    /// The right answer, after this time.
    Late(Duration),
    /// A poll gets these rows (or bots' events), which are in no log; its `ts` stays.
    Rows(Vec<Value>),
    /// A call fails with this.
    Error(ApiError),
    /// A call gets this under `response`, without being carried out.
    Response(Value),
    /// The call is refused with error 14 until it comes with this sid and this key, or with the key
    /// as `success_token`.
    Captcha {
        /// `captcha_sid`.
        sid: String,
        /// `captcha_img`: where the picture is.
        img: String,
        /// The `captcha_key` that is right.
        key: String,
    },
}

impl Step {
    /// A poll gets `{"failed":code}`.
    pub fn failed(code: i64) -> Self {
        Self::Failed { code, extra: json!({}) }
    }

    /// A poll gets `{"failed":code}` and the fields of this object.
    pub fn failed_with(code: i64, extra: Value) -> Self {
        Self::Failed { code, extra }
    }

    /// A call fails with this code and the words that belong to it.
    pub fn error(code: i64) -> Self {
        Self::Error(ApiError::of(code))
    }

    /// A call fails with this code and the fields of this object.
    pub fn error_with(code: i64, extra: Value) -> Self {
        let mut error = ApiError::of(code);
        error.extra = extra.as_object().cloned().unwrap_or_default();
        Self::Error(error)
    }

    /// Status 200 with this text.
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::Body(body.into())
    }
}

/// An error of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// `error_code`.
    pub code: i64,
    /// `error_msg`.
    pub message: String,
    /// The other fields.
    pub extra: Map<String, Value>,
}

impl ApiError {
    /// An error with this code and these words.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), extra: Map::new() }
    }

    /// An error with this code and the words that belong to it.
    pub fn of(code: i64) -> Self {
        let message = match code {
            3 => "Unknown method passed",
            5 => "User authorization failed: invalid access_token (4).",
            6 => "Too many requests per second",
            7 => "Permission to perform this action is denied",
            9 => "Flood control",
            10 => "Internal server error",
            12 => "Unable to compile code",
            13 => "Runtime error occurred during code invocation",
            14 => "Captcha needed",
            17 => "Validation required",
            24 => "Confirmation required",
            29 => "Rate limit reached",
            100 => "One of the parameters specified was missing or invalid",
            907 => "Value of ts or pts is too old",
            908 => "Value of ts or pts is too new",
            _ => "Unknown error occurred",
        };
        Self::new(code, message)
    }

    /// Error 100 about a parameter.
    pub fn parameter(what: &str) -> Self {
        Self::new(100, format!("One of the parameters specified was missing or invalid: {what}"))
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}
