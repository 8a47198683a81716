//! What a model's response consists of, whichever API carries it.
use std::fmt;

/// A part of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// Tokens counted so far. A later count replaces an earlier one.
    Usage {
        input: Option<u64>,
        output: Option<u64>,
    },
    /// Why the model stopped, in the API's words.
    Stopped(String),
}

/// What is known at the end of a response.
#[derive(Debug, Default)]
pub struct Summary {
    stopped: Option<String>,
    input: Option<u64>,
    output: Option<u64>,
}

impl Summary {
    pub fn add(&mut self, part: Part) {
        match part {
            Part::Text(_) => {}
            Part::Usage { input, output } => {
                self.input = input.or(self.input);
                self.output = output.or(self.output);
            }
            Part::Stopped(reason) => self.stopped = Some(reason),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.stopped.as_deref().unwrap_or("unknown");
        write!(f, "stopped: {reason}")?;
        for (count, what) in [(self.input, "input"), (self.output, "output")] {
            if let Some(count) = count {
                write!(f, ", {count} {what} tokens")?;
            }
        }
        Ok(())
    }
}
