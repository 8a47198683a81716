//! One event a packet in the log, its payload only on request.

mod common;

use common::Client;
use rt_broker::Broker;
use sse_hub::{Hub, Packet};
use std::io;
use std::sync::{Arc, Mutex};
use tracing::Level;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged at DEBUG while three packets are sent, one of them in vain.
async fn logged(payloads: bool) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let hub = Hub::builder(Broker::in_memory()).log_payloads(payloads).build();
    let _client = Client::join(&hub, "z", "c");
    for packet in [
        Packet::to_zone("z", "a secret"),
        Packet::to_client("z", "c", "a secret"),
        Packet::to_client("z", "nobody", "a secret"),
    ] {
        let _ = hub.send(packet).await;
    }
    let text = String::from_utf8(lines.0.lock().expect("whole").clone()).expect("text");
    text.lines().filter(|line| line.contains(": packet")).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn a_packet_is_one_debug_event_without_its_payload() {
    let text = logged(false).await;
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().all(|line| line.contains("DEBUG") && line.contains("bytes=8")), "{text}");
    assert!(text.contains("reached=1") && text.contains(r#"client="nobody""#), "{text}");
    assert!(text.contains("has no client"), "an error is told: {text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn the_payload_is_shown_on_request() {
    assert_eq!(logged(true).await.matches(r#"data="a secret""#).count(), 3);
}
