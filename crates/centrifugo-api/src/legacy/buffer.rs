//! The body of a request, as it grows.
use std::io::Read;

use bytes::Bytes;

use super::Command;
use super::call::Call;
use crate::Error;

/// Commands in the bytes that will be sent. They are written once, when they are added; sending
/// closes the array and takes nothing away.
pub(super) struct Buffer {
    // `[` and commands, with commas between; empty while `closed` has them.
    open: Vec<u8>,
    // The same with its `]`: a body that was sent, or is being sent.
    closed: Option<Bytes>,
    methods: Vec<&'static str>,
    max_bytes: usize,
}

impl Buffer {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { open: Vec::new(), closed: None, methods: Vec::new(), max_bytes }
    }

    /// The methods of the commands, in their order.
    pub(super) fn methods(&self) -> &[&'static str] {
        &self.methods
    }

    /// The commands, read from their bytes.
    pub(super) fn commands(&self) -> Vec<Command> {
        let (open, end) = match &self.closed {
            Some(body) => (&body[..], &b""[..]),
            None if self.methods.is_empty() => return Vec::new(),
            None => (&self.open[..], &b"]"[..]),
        };
        serde_json::from_reader(open.chain(end)).expect("we wrote what we read")
    }

    /// Adds a command, or leaves everything as it was.
    pub(super) fn add(&mut self, call: &Call<'_>) -> Result<(), Error> {
        call.check()?;
        self.reopen();
        let before = self.open.len();
        self.open.push(if self.methods.is_empty() { b'[' } else { b',' });
        call.write(&mut self.open);
        // One more for the `]`.
        if self.open.len() >= self.max_bytes {
            self.open.truncate(before);
            // What did not fit may have been large; its room is not kept.
            self.open.shrink_to(2 * before);
            return Err(Error::full(self.max_bytes));
        }
        self.methods.push(call.method());
        Ok(())
    }

    /// The whole body, of at least one command. The commands stay until [`Buffer::clear`].
    pub(super) fn body(&mut self) -> Bytes {
        if let Some(body) = &self.closed {
            return body.clone();
        }
        let mut open = std::mem::take(&mut self.open);
        open.push(b']');
        let body = Bytes::from(open);
        self.closed = Some(body.clone());
        body
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_bytes);
    }

    fn reopen(&mut self) {
        if let Some(body) = self.closed.take() {
            // No copy, unless a transport still holds the body.
            self.open = Vec::from(body);
            self.open.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(body: &Bytes) -> Vec<String> {
        let commands: Vec<Command> = serde_json::from_slice(body).unwrap();
        commands.into_iter().map(|command| command.method).collect()
    }

    #[test]
    fn commands_are_written_once_and_stay_until_they_are_cleared() {
        let mut buffer = Buffer::new(1000);
        assert!(buffer.commands().is_empty());
        buffer.add(&Call::Channels).unwrap();
        let first = buffer.body();
        assert_eq!(buffer.body(), first);
        buffer.add(&Call::Node).unwrap();
        let second = buffer.body();
        assert_eq!(second[..first.len() - 1], first[..first.len() - 1], "the same uid");
        assert_eq!(methods(&second), ["channels", "node"]);
        assert_eq!(buffer.methods(), ["channels", "node"]);
        buffer.clear();
        assert_eq!((buffer.commands().len(), buffer.methods().len()), (0, 0));
    }

    #[test]
    fn a_body_that_nobody_else_holds_is_opened_without_a_copy() {
        let mut buffer = Buffer::new(1000);
        buffer.add(&Call::Channels).unwrap();
        let at = buffer.body().as_ptr();
        buffer.reopen();
        assert_eq!(buffer.open.as_ptr(), at);
    }

    #[test]
    fn what_does_not_fit_or_is_wrong_leaves_the_buffer_as_it_was() {
        let mut one = Buffer::new(usize::MAX);
        one.add(&Call::Stats).unwrap();
        let room = one.body().len();
        assert!(Buffer::new(room - 1).add(&Call::Stats).unwrap_err().is_full());
        let mut buffer = Buffer::new(room);
        buffer.add(&Call::Stats).unwrap();
        let before = buffer.body();
        assert_eq!(before.len(), room);
        assert!(buffer.add(&Call::Stats).unwrap_err().is_full());
        let large = "1".repeat(100_000);
        let large = Call::Publish { channel: "c", data: &large, client: None };
        assert!(buffer.add(&large).unwrap_err().is_full());
        assert!(buffer.open.capacity() < 1000);
        let nowhere = Call::Publish { channel: "", data: "1", client: None };
        assert!(buffer.add(&nowhere).unwrap_err().is_builder());
        assert_eq!(buffer.body(), before);
        assert_eq!(buffer.methods(), ["stats"]);
    }
}
