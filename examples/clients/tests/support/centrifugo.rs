//! Runs the example `centrifugo`, and looks at all that it writes.
use serde_json::Value;

use super::Program;

pub const KEY: &str = "the-key-7f3a";
pub const TOKEN_SECRET: &str = "the-secret-91c4";

/// How a run ended, and what it wrote.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub lines: Vec<Value>,
    pub errors: String,
}

impl Done {
    /// The one line of a success.
    pub fn line(&self) -> &Value {
        assert_eq!((self.code, self.errors.as_str()), (Some(0), ""), "{self:?}");
        assert_eq!(self.lines.len(), 1, "{self:?}");
        &self.lines[0]
    }

    /// The one line of a failure.
    pub fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.errors.lines().count(), 1, "{self:?}");
        self.errors.strip_prefix("centrifugo: ").expect("it says who speaks")
    }
}

/// With the server at this endpoint and the key in the environment.
pub fn run(endpoint: &str, args: &[&str]) -> Done {
    run_in(&[("CENTRIFUGO_ENDPOINT", endpoint), ("CENTRIFUGO_KEY", KEY)], args, None)
}

/// With this environment and input. No output ever has a key or a secret.
pub fn run_in(variables: &[(&str, &str)], args: &[&str], input: Option<&str>) -> Done {
    // What is set outside is not meant.
    let unset =
        [("CENTRIFUGO_ENDPOINT", ""), ("CENTRIFUGO_KEY", ""), ("CENTRIFUGO_TOKEN_SECRET", "")];
    let all: Vec<_> = unset.iter().chain(variables).copied().collect();
    let mut program = Program::start_in("centrifugo", args, &all, input);
    let mut text = Vec::new();
    while let Some(line) = program.line() {
        text.push(line);
    }
    let code = program.wait().code();
    let errors = program.errors();
    for secret in [KEY, TOKEN_SECRET] {
        let shown = errors.contains(secret) || text.iter().any(|line| line.contains(secret));
        assert!(!shown, "{args:?} shows a secret: {text:?} {errors}");
    }
    let json = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| line.as_str().into());
    Done { code, lines: text.iter().map(json).collect(), errors }
}
