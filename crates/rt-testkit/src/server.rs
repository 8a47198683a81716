//! A scripted HTTP/1.1 server that writes exactly the bytes it is told to.
//!
//! A script is a function that is called, in a thread of its own, for each connection. It needs no
//! async runtime, so a test may use any, and it can misbehave as no real server would.
//!
//! ```
//! use rt_testkit::server::Server;
//!
//! let server = Server::start(|connection| {
//!     let request = connection.request().expect("a request");
//!     assert_eq!(request.target, "/hello");
//!     connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
//! });
//! let url = server.url("/hello");
//! # use std::io::{Read, Write};
//! # let mut client = std::net::TcpStream::connect(server.addr()).unwrap();
//! # client.write_all(format!("GET /hello HTTP/1.1\r\nhost: {}\r\n\r\n", server.addr()).as_bytes()).unwrap();
//! # let mut answer = String::new();
//! # client.read_to_string(&mut answer).unwrap();
//! # assert!(answer.ends_with("hi"), "{answer} {url}");
//! ```
mod stream;

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use stream::{Stream, Tls};

/// A server on a free port of 127.0.0.1. Dropping it closes everything, waits for its threads, and
/// panics if one of them did.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    certificate: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    closing: AtomicBool,
    panicked: AtomicBool,
    // Those of the scripts that still run, by the connections' indexes.
    sockets: Mutex<HashMap<usize, TcpStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Server {
    /// Starts a server that runs `script` for each connection.
    pub fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::listen(None, script)
    }

    /// The same over TLS, with a fresh certificate for `localhost` and 127.0.0.1.
    pub fn start_tls(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::listen(Some(Tls::new()), script)
    }

    fn listen(tls: Option<Tls>, script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let certificate = tls.as_ref().map(|tls| tls.pem.clone());
        let shared = Arc::new(Shared::default());
        let script = Arc::new(script);
        let acceptor = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                for (index, stream) in listener.incoming().enumerate() {
                    if shared.closing.load(Ordering::SeqCst) {
                        break;
                    }
                    let stream = stream.expect("accepting");
                    stream.set_nodelay(true).expect("TCP_NODELAY");
                    let copy = stream.try_clone().expect("a socket can be cloned");
                    shared.sockets.lock().unwrap().insert(index, copy);
                    let ended = Forget { shared: Arc::clone(&shared), index };
                    let (script, tls) = (Arc::clone(&script), tls.clone());
                    let thread = std::thread::spawn(move || {
                        let mut connection =
                            Connection::new(index, Stream::new(stream, tls.as_ref()));
                        // Before the connection itself, whose close may have to be the last one.
                        let ended = ended;
                        script(&mut connection);
                        if !connection.reset {
                            connection.close();
                        }
                        drop(ended);
                    });
                    shared.started(thread);
                }
            })
        };
        Self { addr, shared, acceptor: Some(acceptor), certificate }
    }

    /// The certificate of a server with TLS, as PEM.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a path (with its leading `/`) on this server.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the accept loop.
        let _ = TcpStream::connect(self.addr);
        let mut panicked = self.acceptor.take().is_some_and(|thread| thread.join().is_err());
        // Wakes every script that reads or writes.
        for socket in self.shared.sockets.lock().unwrap().values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        let threads: Vec<_> = self.shared.threads.lock().unwrap().drain(..).collect();
        for thread in threads {
            panicked |= thread.join().is_err();
        }
        panicked |= self.shared.panicked.load(Ordering::SeqCst);
        assert!(!panicked || std::thread::panicking(), "a script of the test server panicked");
    }
}

impl Shared {
    /// Keeps the thread, and joins those that have ended: a long test makes many.
    fn started(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock().unwrap();
        threads.push(thread);
        for thread in threads.extract_if(.., |thread| thread.is_finished()) {
            if thread.join().is_err() {
                self.panicked.store(true, Ordering::SeqCst);
            }
        }
    }
}

/// Gives up the server's copy of a socket, also when the script panics.
struct Forget {
    shared: Arc<Shared>,
    index: usize,
}

impl Drop for Forget {
    fn drop(&mut self) {
        self.shared.sockets.lock().unwrap().remove(&self.index);
    }
}

/// One accepted connection, as a script sees it.
pub struct Connection {
    index: usize,
    reset: bool,
    reader: BufReader<Stream>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Connection {
    fn new(index: usize, stream: Stream) -> Self {
        Self { index, reset: false, reader: BufReader::new(stream) }
    }

    /// Which connection of the server this is, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Reads the next request with its body; `None` when the peer has closed.
    pub fn request(&mut self) -> Option<Received> {
        let mut line = self.line()?;
        let target = line.split(' ').nth(1).expect("a request line").to_owned();
        line.truncate(line.find(' ').expect("a request line"));
        let mut request = Received { method: line, target, headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header");
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if let Some(length) = request.header("content-length") {
            request.body = vec![0; length.parse().expect("a length")];
            self.reader.read_exact(&mut request.body).ok()?;
        }
        Some(request)
    }

    /// Writes these bytes at once. `false` when the peer is gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let stream = self.reader.get_mut();
        stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()).is_ok()
    }

    /// Answers with the head of an event stream whose body lasts until the connection ends.
    pub fn open_event_stream(&mut self) -> bool {
        self.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    }

    /// Answers with this status, these header lines (each with its CRLF) and this body.
    pub fn answer(&mut self, status: u16, headers: &str, body: &str) -> bool {
        let length = body.len();
        self.send(format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
    }

    /// Waits until the peer has closed the connection (or reset it).
    pub fn wait_closed(&mut self) {
        let mut rest = [0; 1024];
        while matches!(self.reader.read(&mut rest), Ok(1..)) {}
    }

    /// Whether the peer has closed (or reset) by now; it does not wait.
    pub fn is_gone(&mut self) -> bool {
        self.reader.get_mut().is_gone()
    }

    /// Closes the connection; what was sent still arrives.
    pub fn close(&mut self) {
        self.reader.get_mut().close();
    }

    /// Makes the connection end with a reset, once the script returns.
    pub fn reset(&mut self) {
        self.reset = true;
        self.reader.get_ref().reset_on_close();
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).ok()?;
        if line.last() != Some(&b'\n') {
            return None;
        }
        // Header values may hold any bytes; a test compares them as UTF-8.
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// A request that was read.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The request target: path and query (or the whole URL, from a proxy's client).
    pub target: String,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if a length was given.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of a header, by its name in lower case; the first if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}
