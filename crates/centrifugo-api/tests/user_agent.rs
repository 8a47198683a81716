//! The `User-Agent` of the default clients.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::sync::{Mutex, mpsc};

use centrifugo_api::{Client, legacy};
use rt_testkit::server::Server;

#[tokio::test]
async fn the_default_client_names_itself_unless_the_user_does() {
    let (sender, received) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |connection| {
        let Some(request) = connection.request() else { return };
        let agent = request.header("user-agent").map(str::to_owned);
        sender.lock().unwrap().send(agent).unwrap();
        connection.answer(500, "", "");
    });
    let own = concat!("centrifugo-api/", env!("CARGO_PKG_VERSION"));
    for (agent, expected) in [(None, own), (Some("probe/1"), "probe/1")] {
        let mut client = Client::builder(server.url("/api")).key("key");
        let mut legacy = legacy::Client::builder(server.url("/api")).secret("secret");
        if let Some(agent) = agent {
            client = client.header("user-agent", agent);
            legacy = legacy.header("user-agent", agent);
        }
        let _ = client.retry(centrifugo_api::RetryPolicy::none()).build().unwrap().info().await;
        let _ = legacy.build().unwrap().channels().await;
        for _ in ["today's API", "the legacy API"] {
            assert_eq!(received.recv().unwrap().as_deref(), Some(expected));
        }
    }
}
