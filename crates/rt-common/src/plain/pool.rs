//! The idle connections.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::uri::Authority;

use super::connection::Connection;

/// Idle connections kept for one host and port; one more is closed.
const MAX_IDLE: usize = 256;
/// Many servers and balancers close what has been idle for a minute: not used at the last moment.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The one that was used last stands last.
    by_authority: HashMap<Authority, Vec<Since>>,
    swept: Option<Instant>,
}

struct Since {
    since: Instant,
    connection: Box<Connection>,
}

impl Pool {
    /// An idle connection that is still open: the one that was used last. Those that the server has
    /// closed meanwhile are dropped.
    pub(super) fn take(&self, authority: &Authority) -> Option<Box<Connection>> {
        loop {
            let connection = self.lock().pop(authority, Instant::now())?;
            if connection.is_open() {
                return Some(connection);
            }
        }
    }

    /// Keeps an idle connection for the next request.
    pub(super) fn give(&self, connection: Box<Connection>) {
        // Sockets are closed once the lock is free.
        let old = self.lock().push(connection, Instant::now());
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn pop(&mut self, authority: &Authority, now: Instant) -> Option<Box<Connection>> {
        let list = self.by_authority.get_mut(authority)?;
        let last = list.pop()?;
        if now.duration_since(last.since) < IDLE_TIMEOUT {
            return Some(last.connection);
        }
        // The others are older.
        self.by_authority.remove(authority);
        None
    }

    /// Gives what is not kept.
    fn push(&mut self, connection: Box<Connection>, now: Instant) -> Vec<Since> {
        let mut dropped = Vec::new();
        if self.swept.is_none_or(|swept| now.duration_since(swept) >= IDLE_TIMEOUT) {
            self.swept = Some(now);
            self.by_authority.retain(|_, list| {
                let fresh = |one: &Since| now.duration_since(one.since) < IDLE_TIMEOUT;
                let old = list.partition_point(|one| !fresh(one));
                dropped.extend(list.drain(..old));
                !list.is_empty()
            });
        }
        let since = Since { since: now, connection };
        match self.by_authority.get_mut(&since.connection.authority) {
            Some(list) if list.len() < MAX_IDLE => list.push(since),
            Some(_) => dropped.push(since),
            None => drop(self.by_authority.insert(since.connection.authority.clone(), vec![since])),
        }
        dropped
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    const HOSTS: [Authority; 2] = [Authority::from_static("a:1"), Authority::from_static("b:2")];

    /// As many connections to a server that does nothing with them.
    async fn connections(host: &Authority, count: usize) -> Vec<Box<Connection>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut all = Vec::new();
        for _ in 0..count {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            listener.accept().await.unwrap();
            all.push(Connection::new(host.clone(), stream).await.unwrap());
        }
        all
    }

    async fn one(host: &Authority) -> Box<Connection> {
        connections(host, 1).await.remove(0)
    }

    #[tokio::test]
    async fn what_was_idle_for_long_is_not_used_and_goes_when_another_comes() {
        let [a, b] = &HOSTS;
        let (mut idle, start) = (Idle::default(), Instant::now());
        let just_before = start + IDLE_TIMEOUT - Duration::from_millis(1);
        assert!(idle.push(one(a).await, start).is_empty());
        assert!(idle.pop(b, start).is_none());
        let kept = idle.pop(a, just_before).unwrap();
        assert!(idle.push(kept, start).is_empty());
        assert!(idle.push(one(a).await, just_before).is_empty());
        assert!(idle.push(one(b).await, start).is_empty());

        // The older one of `a`, and that of `b`.
        assert_eq!(idle.push(one(b).await, start + IDLE_TIMEOUT).len(), 2);
        assert_eq!((idle.by_authority[a].len(), idle.by_authority[b].len()), (1, 1));
        assert!(idle.pop(a, just_before + IDLE_TIMEOUT).is_none());
        assert!(!idle.by_authority.contains_key(a));
    }

    #[tokio::test]
    async fn no_more_than_the_bound_are_kept_for_a_host() {
        let [a, b] = &HOSTS;
        let (mut idle, now) = (Idle::default(), Instant::now());
        for connection in connections(a, MAX_IDLE).await {
            assert!(idle.push(connection, now).is_empty());
        }
        assert_eq!(idle.push(one(a).await, now).len(), 1);
        assert_eq!(idle.by_authority[a].len(), MAX_IDLE);
        assert!(idle.push(one(b).await, now).is_empty());
    }
}
