//! Making a TCP connection.
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use http::uri::Authority;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::error::HttpError;

/// How long one address is tried by itself before the next is tried beside it (RFC 8305).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// More addresses of one name than this are not tried.
const MAX_ADDRESSES: usize = 16;
/// A peer that has vanished from under an idle connection is noticed after a minute.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
/// And one that has vanished while something is on the way to it after this.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects within the time.
pub(super) async fn to(
    authority: &Authority,
    within: Option<Duration>,
) -> Result<TcpStream, HttpError> {
    let connect = async {
        let mut addresses = resolve(authority).await?;
        addresses.truncate(MAX_ADDRESSES);
        first_of(addresses).await
    };
    let stream = match within {
        None => connect.await,
        Some(within) => match tokio::time::timeout(within, connect).await {
            Ok(done) => done,
            Err(elapsed) => return Err(HttpError::connect_timed_out(elapsed)),
        },
    };
    let stream = stream.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => HttpError::connect_timed_out(error),
        _ => HttpError::connect_failed(error),
    })?;
    prepare(&stream);
    Ok(stream)
}

async fn resolve(authority: &Authority) -> io::Result<Vec<SocketAddr>> {
    let port = authority.port_u16().unwrap_or(80);
    let host = authority.host();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    Ok(interleave(tokio::net::lookup_host((host, port)).await?))
}

/// The two families in turn, beginning with the one that the system prefers.
fn interleave(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = addresses.peekable();
    let Some(first) = addresses.peek().map(SocketAddr::is_ipv4) else { return Vec::new() };
    let (first, second): (Vec<_>, Vec<_>) = addresses.partition(|one| one.is_ipv4() == first);
    let mut second = second.into_iter();
    let mut all = Vec::new();
    for one in first {
        all.push(one);
        all.extend(second.next());
    }
    all.extend(second);
    all
}

/// The first connection that comes about; the next address is tried when one fails, or when it
/// takes long.
async fn first_of(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut left = addresses.into_iter();
    let mut attempts = Vec::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        match left.next() {
            Some(address) => attempts.push(Box::pin(TcpStream::connect(address))),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let one = std::future::poll_fn(|cx| {
            for at in 0..attempts.len() {
                if let Poll::Ready(done) = attempts[at].as_mut().poll(cx) {
                    drop(attempts.swap_remove(at));
                    return Poll::Ready(done);
                }
            }
            Poll::Pending
        });
        let done = match left.len() {
            0 => one.await,
            _ => match tokio::time::timeout(NEXT_ADDRESS, one).await {
                Ok(done) => done,
                Err(_) => continue,
            },
        };
        match done {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
}

/// What cannot be set is left: the connection works without.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    #[cfg(any(target_vendor = "apple", target_os = "linux", target_os = "android"))]
    let keepalive = keepalive.with_interval(KEEPALIVE).with_retries(KEEPALIVE_RETRIES);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(USER_TIMEOUT));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    fn loopback() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn the_families_take_turns_and_the_preferred_one_begins() {
        let all = ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"].map(|one| one.parse().unwrap());
        let turns = ["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"].map(|one| one.parse().unwrap());
        assert_eq!(interleave(all.into_iter()), turns);
        assert_eq!(interleave([].into_iter()), []);
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let refused = TcpListener::bind(loopback()).await.unwrap().local_addr().unwrap();
        let good = TcpListener::bind(loopback()).await.unwrap();
        let stream = first_of(vec![refused, good.local_addr().unwrap()]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
        let error = first_of(vec![refused]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    /// One that answers nobody any more: a full backlog lets connections wait, on Linux.
    #[cfg(target_os = "linux")]
    async fn mute() -> (SocketAddr, [Box<dyn std::any::Any>; 2]) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(loopback()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let fills_it = TcpStream::connect(address).await.unwrap();
        (address, [Box::new(listener), Box::new(fills_it)])
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn connecting_takes_no_longer_than_it_may() {
        let (address, _open) = mute().await;
        let authority = address.to_string().parse().unwrap();
        let error = to(&authority, Some(Duration::from_millis(50))).await.unwrap_err();
        assert!(error.is_connect() && error.is_timeout() && error.is_retryable(), "{error}");
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn an_address_that_does_not_answer_is_not_waited_for() {
        let (mute, _open) = mute().await;
        let good = TcpListener::bind(loopback()).await.unwrap();
        let stream = first_of(vec![mute, good.local_addr().unwrap()]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
    }
}
