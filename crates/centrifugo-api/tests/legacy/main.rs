//! The legacy client against the stand-in for its server, and against servers that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

mod buffer;
mod calls;
mod wire;
mod wrong;

use std::time::Duration;

use centrifugo_api::HttpClient;
use centrifugo_api::legacy::{Client, ClientBuilder};
use rt_testkit::legacy_centrifugo::LegacyCentrifugo;
use rt_testkit::server::Server;

/// Long enough that no test meets it.
const PATIENCE: Duration = Duration::from_secs(20);

const SECRET: &str = "S3cr3t-of-the-project";

/// Described with an HTTP client, so that the tests run whatever the features.
fn builder(endpoint: impl Into<String>) -> ClientBuilder {
    let http = HttpClient::builder().no_proxy().build().unwrap();
    Client::builder(endpoint).http_client(http).timeout(PATIENCE)
}

fn insecure(server: &Server) -> Client {
    builder(server.url("")).insecure().build().unwrap()
}

fn signed(server: &LegacyCentrifugo) -> Client {
    builder(server.url()).secret(SECRET).build().unwrap()
}

/// A server that answers each request with this status, these headers and this body.
fn answering(status: u16, headers: &'static str, body: impl Into<String>) -> Server {
    let body = body.into();
    Server::start(move |connection| {
        if connection.request().is_some() {
            connection.answer(status, headers, &body);
        }
    })
}
