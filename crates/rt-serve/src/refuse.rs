//! A connection that is not taken is told so.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
    Retry-After: 10\r\nConnection: close\r\nContent-Length: 50\r\n\r\n\
    {\"error\": \"too many connections, try again later\"}";

/// How many are told at once; the rest of a flood is dropped without a word.
const TOLD_AT_ONCE: usize = 64;
/// How long one may take to send its request and to read the answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers 503 to connections beyond a limit.
#[derive(Clone, Debug)]
pub(crate) struct Refuser(Arc<Semaphore>);

impl Refuser {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(TOLD_AT_ONCE)))
    }

    /// Answers and closes. What the peer sends is read until it closes as well: a socket that is
    /// closed with something unread is reset, and the answer is lost with it.
    pub(crate) fn refuse(&self, mut stream: TcpStream) {
        let Ok(place) = self.0.clone().try_acquire_owned() else { return };
        tokio::spawn(async move {
            let told = async {
                stream.write_all(BUSY).await?;
                stream.shutdown().await?;
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                std::io::Result::Ok(())
            };
            // Whether it got there is the peer's business.
            let _ = timeout(PATIENCE, told).await;
            drop(place);
        });
    }
}
