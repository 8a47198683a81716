//! The bytes under a connection: plain TCP, or TLS over it.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub(super) enum Stream {
    Plain(TcpStream),
    // The handshake happens at the first read.
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// What a server needs to speak TLS.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) pem: String,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// A fresh certificate, signed by itself, for the names of this machine.
    pub(super) fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        // Named, since a build may hold a second provider, and then none is the default.
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the certificate is of this key");
        Self { pem: made.cert.pem(), config: Arc::new(config) }
    }
}

impl Stream {
    pub(super) fn new(socket: TcpStream, tls: Option<&Tls>) -> Self {
        match tls {
            None => Self::Plain(socket),
            Some(tls) => {
                let session = ServerConnection::new(Arc::clone(&tls.config)).expect("a session");
                Self::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// Whether the peer has closed or reset; it does not wait.
    pub(super) fn is_gone(&mut self) -> bool {
        if self.socket().set_nonblocking(true).is_err() {
            return true;
        }
        let gone = match self {
            Self::Plain(socket) => ended(socket.peek(&mut [0])),
            // An end is told inside of TLS first, so what came must be read; the session keeps it.
            Self::Tls(stream) => {
                let read = stream.conn.read_tls(&mut stream.sock);
                let state = stream.conn.process_new_packets();
                ended(read) || state.map_or(true, |state| state.peer_has_closed())
            }
        };
        self.socket().set_nonblocking(false).is_err() || gone
    }

    /// Ends both directions; what was sent still arrives.
    pub(super) fn close(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            // Not `flush`: it would wait for a handshake that failed.
            while stream.conn.wants_write() && stream.conn.write_tls(&mut stream.sock).is_ok() {}
        }
        let _ = self.socket().shutdown(Shutdown::Both);
    }

    /// Makes the close that follows a reset.
    pub(super) fn reset_on_close(&self) {
        let _ = socket2::SockRef::from(self.socket()).set_linger(Some(Duration::ZERO));
    }
}

fn ended(read: Result<usize>) -> bool {
    match read {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
