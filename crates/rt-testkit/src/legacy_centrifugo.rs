//! A stand-in for the server API of Centrifugo v1.
//!
//! It answers as a recorded 1.8.0 does whose configuration knows one namespace, `public`, with
//! presence and a history of ten messages; a channel without a namespace has neither. It checks the
//! sign over the exact bytes. There are no real subscribers: [`LegacyCentrifugo::subscribe`] says who
//! would be there.

mod commands;
mod request;
mod state;

use std::sync::{Arc, Mutex, MutexGuard};

use crate::http::Answer;
use crate::server::{Received, Server};
use state::State;

/// The stand-in. Dropping it ends it, as it ends a [`Server`].
#[derive(Debug)]
pub struct LegacyCentrifugo {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    access: Access,
    state: Mutex<State>,
    requests: Mutex<Vec<Received>>,
    shutting_down: Mutex<bool>,
}

/// Who may use the API.
#[derive(Debug)]
enum Access {
    Signed(String),
    Insecure,
    NoSecret,
}

impl LegacyCentrifugo {
    /// A server with this secret.
    pub fn start(secret: &str) -> Self {
        Self::with(Access::Signed(secret.to_owned()))
    }

    /// A server with `insecure_api`: it wants no sign and looks at none.
    pub fn insecure() -> Self {
        Self::with(Access::Insecure)
    }

    /// A server that was given no secret: it refuses every sign.
    pub fn without_secret() -> Self {
        Self::with(Access::NoSecret)
    }

    fn with(access: Access) -> Self {
        let shared = Arc::new(Shared {
            access,
            state: Mutex::default(),
            requests: Mutex::default(),
            shutting_down: Mutex::default(),
        });
        let server = {
            let shared = Arc::clone(&shared);
            Server::http(move |request| shared.answer(request))
        };
        Self { server, shared }
    }

    /// The server under it.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The endpoint, as clients are told it.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// Subscribes a connection of a user to a channel; `default_info` and `channel_info` are JSON, or
    /// empty for none.
    pub fn subscribe(
        &self,
        channel: &str,
        (client, user): (&str, &str),
        default_info: &str,
        channel_info: &str,
    ) {
        self.shared.state().subscribe(channel, client, user, default_info, channel_info);
    }

    /// From now on (or no longer) every request is answered as by a server that shuts down.
    pub fn shut_down(&self, shutting_down: bool) {
        *self.shared.shutting_down.lock().unwrap() = shutting_down;
    }

    /// The requests so far, in their order; they are forgotten here.
    pub fn take_requests(&self) -> Vec<Received> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn answer(&self, request: &Received) -> Answer {
        self.requests.lock().unwrap().push(request.clone());
        if *self.shutting_down.lock().unwrap() {
            return request::text("503 Service Unavailable");
        }
        let path = request.target.split('?').next().unwrap_or_default();
        if path == "/api" {
            let headers = vec![("Location", "/api/".to_owned())];
            return Answer { status: "301 Moved Permanently", headers, body: String::new() };
        }
        if !path.starts_with("/api/") {
            return Answer {
                body: "404 page not found\n".into(),
                ..request::text("404 Not Found")
            };
        }
        let body = match request::data(request, &self.access) {
            Ok(data) => data,
            Err(status) => return request::text(status),
        };
        match commands::run(&body, &mut self.state()) {
            Some(body) => {
                let headers = vec![("Content-Type", "application/json".to_owned())];
                Answer { status: "200 OK", headers, body }
            }
            None => request::text(request::BAD_REQUEST),
        }
    }
}
