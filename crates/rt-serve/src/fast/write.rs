//! An answer onto its socket: in one write as a rule.

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice, Write as _};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A body of up to this many bytes is copied behind its head: the system takes longer to gather two
/// pieces.
const JOINED: usize = 8 << 10;

thread_local! {
    /// Where heads are written; a thread serves one connection at a time.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static DATE: Cell<(u64, [u8; 29])> = const { Cell::new((0, [0; 29])) };
}

/// Whether the answer says that its connection ends with it.
pub(super) fn is_last(response: &Response<Bytes>) -> bool {
    let connection = response.headers().get(header::CONNECTION);
    connection.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// Writes an answer; a client that takes nothing of it for `patience` is an error, and so is one that
/// still takes it when the server is killed.
pub(super) async fn response(
    stream: &mut TcpStream,
    response: Response<Bytes>,
    last: bool,
    patience: Duration,
    kill: &CancellationToken,
) -> io::Result<()> {
    let rest = write_now(stream, response, last)?;
    if rest.iter().any(|part| !part.is_empty()) {
        tokio::select! {
            written = write_rest(stream, rest, patience) => written?,
            () = kill.cancelled() => return Err(io::ErrorKind::Interrupted.into()),
        }
    }
    match last {
        true => stream.shutdown().await,
        false => Ok(()),
    }
}

async fn write_rest(
    stream: &mut TcpStream,
    mut rest: [Bytes; 2],
    patience: Duration,
) -> io::Result<()> {
    for part in &mut rest {
        while !part.is_empty() {
            let written = timeout(patience, stream.write(part)).await??;
            part.advance(written);
        }
    }
    Ok(())
}

/// Writes what the socket takes at once, and gives back what it does not.
fn write_now(stream: &TcpStream, response: Response<Bytes>, last: bool) -> io::Result<[Bytes; 2]> {
    let (parts, mut body) = response.into_parts();
    if is_bodiless(parts.status) {
        // What would follow the head would be read as the next answer.
        body.clear();
    }
    SCRATCH.with_borrow_mut(|head| {
        head.clear();
        write_head(head, parts.status, &parts.headers, body.len(), last);
        if body.len() <= JOINED {
            head.extend_from_slice(&body);
            body.clear();
        }
        let tried = match body.is_empty() {
            true => stream.try_write(head),
            false => stream.try_write_vectored(&[IoSlice::new(head), IoSlice::new(&body)]),
        };
        let written = match tried {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        let of_head = written.min(head.len());
        body.advance(written - of_head);
        Ok([Bytes::copy_from_slice(&head[of_head..]), body])
    })
}

fn write_head(
    head: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap<HeaderValue>,
    length: usize,
    last: bool,
) {
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        // These are ours to say.
        if matches!(
            *name,
            header::CONNECTION | header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::DATE
        ) {
            continue;
        }
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if !is_bodiless(status) {
        // Nothing fails that is written to memory.
        let _ = write!(head, "content-length: {length}\r\n");
    }
    if last {
        head.extend_from_slice(b"connection: close\r\n");
    }
    head.extend_from_slice(b"date: ");
    head.extend_from_slice(&date());
    head.extend_from_slice(b"\r\n\r\n");
}

/// RFC 9110, section 6.4.1.
fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The date as heads carry it, formatted once a second and thread.
fn date() -> [u8; 29] {
    let now = SystemTime::now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (of, mut text) = DATE.get();
    if of != second {
        // 29 bytes, whatever the date (RFC 9110, section 5.6.7).
        let formatted = httpdate::fmt_http_date(now);
        text.iter_mut().zip(formatted.bytes()).for_each(|(to, from)| *to = from);
        DATE.set((second, text));
    }
    text
}
