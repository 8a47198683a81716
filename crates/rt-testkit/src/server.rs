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
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A server on a free port of 127.0.0.1. Dropping it closes everything, waits for its threads, and
/// panics if one of them did.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    closing: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Server {
    /// Starts a server that runs `script` for each connection.
    pub fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("a bound listener has an address");
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
                    shared.sockets.lock().unwrap().push(copy);
                    let script = Arc::clone(&script);
                    let thread = std::thread::spawn(move || {
                        let mut connection = Connection::new(index, stream);
                        script(&mut connection);
                        connection.close();
                    });
                    shared.threads.lock().unwrap().push(thread);
                }
            })
        };
        Self { addr, shared, acceptor: Some(acceptor) }
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a path (with its leading `/`) on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the accept loop.
        let _ = TcpStream::connect(self.addr);
        let mut panicked = self.acceptor.take().is_some_and(|thread| thread.join().is_err());
        // Wakes every script that reads or writes.
        for socket in self.shared.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        let threads: Vec<_> = self.shared.threads.lock().unwrap().drain(..).collect();
        for thread in threads {
            panicked |= thread.join().is_err();
        }
        assert!(!panicked || std::thread::panicking(), "a script of the test server panicked");
    }
}

/// One accepted connection, as a script sees it.
#[derive(Debug)]
pub struct Connection {
    index: usize,
    reader: BufReader<TcpStream>,
}

impl Connection {
    fn new(index: usize, stream: TcpStream) -> Self {
        Self { index, reader: BufReader::new(stream) }
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
        self.reader.get_mut().write_all(bytes.as_ref()).is_ok()
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

    /// Closes the connection; what was sent still arrives.
    pub fn close(&mut self) {
        let _ = self.reader.get_mut().shutdown(Shutdown::Both);
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
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
