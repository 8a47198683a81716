//! Prints each event of a stream as `TYPE DATA`: `sse-clients URL`.

use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use futures_util::StreamExt;
use launchdarkly_sdk_transport::HyperTransport;
use std::error::Error;
use std::io::Write;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("a URL is needed")?;
    // Its own delays, which start over with each event; it takes the server's `retry` as well.
    let reconnect = ReconnectOptions::reconnect(true)
        .retry_initial(true)
        .delay(Duration::from_millis(20))
        .backoff_factor(1)
        .delay_max(Duration::from_millis(20))
        .build();
    let client = ClientBuilder::for_url(&url)?
        .reconnect(reconnect)
        .build_with_transport(HyperTransport::builder().build_http()?);
    let mut events = client.stream();
    while let Some(event) = events.next().await {
        // The stream goes on after errors that are worth another try, and ends after others.
        if let Ok(SSE::Event(event)) = event {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{} {}", event.event_type, event.data.replace('\n', "\\n"))?;
        }
    }
    Ok(())
}
