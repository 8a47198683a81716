//! A TCP proxy whose connections can be cut, at once or at random bytes, and stalled.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// How much is kept of what was sent last before a random cut, in bytes.
const TAIL: usize = 512;

/// Passes bytes between whoever connects to its port and one server; ends with its handle.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
    cutting: Arc<Mutex<Cutting>>,
    stalls: Arc<AtomicUsize>,
    acceptor: AbortHandle,
}

/// Where connections are cut at random, and where they were.
#[derive(Debug, Default)]
struct Cutting {
    random: Option<(fastrand::Rng, Range<usize>, &'static str)>,
    cuts: Vec<Vec<u8>>,
}

/// Where one connection is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// After so many more bytes,
    bytes: usize,
    /// and at the end of the next line then that begins so, if that is said.
    line: Option<&'static str>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1, in front of `server`.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let cutting = Arc::new(Mutex::new(Cutting::default()));
        let stalls = Arc::new(AtomicUsize::new(0));
        let (accepted, cutter) = (Arc::clone(&connections), Arc::clone(&cutting));
        let stalled = Arc::clone(&stalls);
        let acceptor = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (cutting, stalls) = (Arc::clone(&cutter), Arc::clone(&stalled));
                accepted.lock().unwrap().spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    // A peer that is gone ends the connection, as does a cut.
                    let _ = pass(near, far, &cutting, &stalls).await;
                });
            }
        });
        Self { addr, connections, cutting, stalls, acceptor: acceptor.abort_handle() }
    }

    /// Where the proxy listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Cuts every connection, in the middle of whatever it carries; new ones are accepted.
    pub async fn cut(&self) {
        let mut cut = std::mem::take(&mut *self.connections.lock().unwrap());
        cut.shutdown().await;
    }

    /// Passes nothing more on the connections that are open, and does not end them either, as when
    /// the server's machine has lost its power. New ones are served.
    pub fn stall(&self) {
        self.stalls.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on cuts each connection, open or new, after a number of the server's bytes that is
    /// drawn from this range; one in four goes on to the end of the next line that begins with
    /// `line`. All up to there arrives.
    ///
    /// # Panics
    /// If the range is empty, once a connection is there.
    pub fn cut_at_random(&self, seed: u64, bytes: Range<usize>, line: &'static str) {
        let random = fastrand::Rng::with_seed(seed);
        self.cutting.lock().unwrap().random = Some((random, bytes, line));
    }

    /// Cuts no more at random, not the connections that are open either.
    pub fn stop_cutting(&self) {
        self.cutting.lock().unwrap().random = None;
    }

    /// The last bytes, up to 512, that were sent on each connection before its random cut.
    pub fn random_cuts(&self) -> Vec<Vec<u8>> {
        self.cutting.lock().unwrap().cuts.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.connections.lock().unwrap().abort_all();
    }
}

/// Passes bytes both ways until both sides have ended, or until the cut.
async fn pass(
    mut near: TcpStream,
    mut far: TcpStream,
    cutting: &Mutex<Cutting>,
    stalls: &AtomicUsize,
) -> std::io::Result<()> {
    let begun = stalls.load(Ordering::SeqCst);
    near.set_nodelay(true)?;
    let (mut from_near, mut to_near) = near.split();
    let (mut from_far, mut to_far) = far.split();
    let upwards = async {
        tokio::io::copy(&mut from_near, &mut to_far).await?;
        to_far.shutdown().await
    };
    let downwards = async {
        let mut cut = None;
        let (mut buffer, mut sent) = (vec![0; 16 << 10], Vec::new());
        loop {
            let read = from_far.read(&mut buffer).await?;
            if stalls.load(Ordering::SeqCst) != begun {
                std::future::pending::<()>().await;
            }
            if read == 0 {
                to_near.shutdown().await?;
                return Ok(());
            }
            let end = cutting.lock().unwrap().end(&mut cut, &buffer[..read], &sent);
            let part = &buffer[..end.unwrap_or(read)];
            to_near.write_all(part).await?;
            sent.extend_from_slice(part);
            sent.drain(..sent.len().saturating_sub(TAIL));
            if end.is_some() {
                to_near.shutdown().await?;
                cutting.lock().unwrap().cuts.push(sent);
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
        }
    };
    tokio::try_join!(upwards, downwards).map(|_| ())
}

impl Cutting {
    /// Where these bytes are cut, if they are, on a connection that has sent those before. Its cut
    /// is drawn when this is first asked.
    fn end(&mut self, cut: &mut Option<Cut>, bytes: &[u8], sent: &[u8]) -> Option<usize> {
        let (random, range, line) = self.random.as_mut()?;
        let cut = cut.get_or_insert_with(|| {
            let line = (random.u8(..4) == 0).then_some(*line);
            Cut { bytes: random.usize(range.clone()), line }
        });
        if cut.bytes > bytes.len() {
            cut.bytes -= bytes.len();
            return None;
        }
        let from = std::mem::take(&mut cut.bytes);
        let Some(line) = cut.line else { return Some(from) };
        let all = [sent, bytes].concat();
        let ends = (from..bytes.len()).filter(|&at| bytes[at] == b'\n');
        let begins_so = |end: usize| {
            let before = &all[..sent.len() + end];
            let begin = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            before[begin..].starts_with(line.as_bytes())
        };
        ends.map(|end| (end, begins_so(end))).find(|(_, so)| *so).map(|(end, _)| end + 1)
    }
}
