//! The command line.

use clap::{Parser, ValueEnum};
use lp_server::LongPollBuilder;
use sse_hub::rt_broker::Bounds;
use sse_hub::{HubBuilder, Zone};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::filter::Targets;

/// Streams events to browsers and takes them over HTTP, with a page that shows it live.
///
/// Streams at /sse?zone=Z, long polls at /events, publishes at /publish and /send, tells who is
/// there at /presence?zone=Z; /metrics and /healthz for operations; the page at /.
#[derive(Parser, Debug)]
#[command(name = "gateway", version, max_term_width = 100)]
pub struct Options {
    /// Address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Where publications are kept: memory, or file:PATH for a folder that survives the process.
    #[arg(long, value_name = "memory|file:PATH", value_parser = kept, help_heading = "History")]
    #[arg(default_value = "memory")]
    pub broker: Kept,

    /// When a publication in a file is acknowledged.
    #[arg(long, value_enum, default_value_t = SyncMode::Always, help_heading = "History")]
    pub sync: SyncMode,

    /// Publications that a zone keeps for those who come back; 0 keeps none.
    #[arg(long, value_name = "N", default_value_t = 250, help_heading = "History")]
    pub history: usize,

    /// Bytes that a zone keeps.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, help_heading = "History")]
    pub history_bytes: usize,

    /// Seconds that a zone keeps a publication; without it age does not matter.
    #[arg(long, value_name = "SECONDS", value_parser = some_seconds, help_heading = "History")]
    pub history_age: Option<Duration>,

    /// Bytes that all zones keep together.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20, help_heading = "History")]
    pub history_total_bytes: usize,

    /// Zones at the most; the least recently used one without clients makes room for a new one.
    #[arg(long, value_name = "N", default_value_t = 100_000, help_heading = "Limits")]
    pub zones_max: usize,

    /// Streams at the most.
    #[arg(long, value_name = "N", default_value_t = 50_000, help_heading = "Limits")]
    pub connections_max: usize,

    /// Streams of one zone at the most.
    #[arg(long, value_name = "N", default_value_t = 50_000, help_heading = "Limits")]
    pub zone_connections_max: usize,

    /// Streams from one address other than loopback at the most; polls and all else have 100 more.
    #[arg(long, value_name = "N", default_value_t = 1_000, help_heading = "Limits")]
    pub address_connections_max: usize,

    /// Bytes of a body that is posted.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, help_heading = "Limits")]
    pub body_max: u64,

    /// Bytes that may wait for one client before it counts as slow.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, help_heading = "Streams")]
    pub lag_bytes: usize,

    /// What happens to a slow client.
    #[arg(long, value_enum, default_value_t = Slow::Gap, help_heading = "Streams")]
    pub slow: Slow,

    /// What happens when a second client comes with the same id.
    #[arg(long, value_enum, default_value_t = SameId::Share, help_heading = "Streams")]
    pub same_id: SameId,

    /// Seconds of silence before a stream is sent a comment, or an event `heartbeat` where it was
    /// asked for by /sse?heartbeat=event.
    #[arg(long, value_name = "SECONDS", value_parser = some_seconds, help_heading = "Streams")]
    #[arg(default_value = "15")]
    pub heartbeat: Duration,

    /// Seconds that a client waits before it comes back.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Streams")]
    #[arg(default_value = "3")]
    pub retry: Duration,

    /// Sends no event `ping` when a stream begins.
    #[arg(long, help_heading = "Streams")]
    pub no_connect_event: bool,

    /// Whole seconds that a long poll may ask to wait at the most.
    #[arg(long, value_name = "SECONDS", default_value = "110", help_heading = "Polls")]
    pub poll_timeout_max: NonZeroU32,

    /// Threads that serve; without it as many as there are cores.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub threads: Option<NonZeroUsize>,

    /// Takes HTTP/2 with prior knowledge beside HTTP/1.1.
    #[arg(long, help_heading = "Streams")]
    pub http2: bool,

    /// Lets clients name themselves, by /sse?zone=Z&id=ID.
    #[arg(long, help_heading = "Access")]
    pub trust_client_ids: bool,

    /// A name by which the gateway is reached, as behind a proxy; may be given again.
    #[arg(long, value_name = "HOST", help_heading = "Access")]
    pub allow_host: Vec<String>,

    /// An origin whose pages may use the gateway, such as https://example.org; may be given again.
    /// With --token-file such a page must use fetch and send the Authorization header: EventSource
    /// cannot, and the session's cookie stays on the gateway's own site.
    #[arg(long, value_name = "ORIGIN", help_heading = "Access")]
    pub allow_origin: Vec<String>,

    /// A file with the token that every request must carry (Authorization: Bearer TOKEN).
    #[arg(long, value_name = "PATH", help_heading = "Access")]
    pub token_file: Option<PathBuf>,

    /// Listens beyond loopback without a token: anyone who gets there may read and publish.
    #[arg(long, help_heading = "Access")]
    pub insecure: bool,

    /// What is logged to standard error, such as info or sse_hub=debug.
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "warn")]
    pub log: Targets,

    /// Shows payloads in the log of packets.
    #[arg(long)]
    pub log_payloads: bool,
}

#[derive(Clone, Debug)]
pub enum Kept {
    Memory,
    File(PathBuf),
}

#[derive(Clone, Copy, ValueEnum, Debug)]
pub enum SyncMode {
    /// Once it is on the disk.
    Always,
    /// At once; it is on the disk 100 ms later at the most.
    Group,
    /// At once; the system writes it when it sees fit.
    None,
}

#[derive(Clone, Copy, ValueEnum, Debug)]
pub enum Slow {
    /// It is told what it lost and goes on.
    Gap,
    /// It is disconnected.
    Disconnect,
}

#[derive(Clone, Copy, ValueEnum, Debug)]
pub enum SameId {
    /// Both stay.
    Share,
    /// The first is closed.
    Replace,
    /// The second is refused.
    Refuse,
}

impl Options {
    pub fn bounds(&self) -> Bounds {
        let bounds = Bounds::new().count(self.history).bytes(self.history_bytes);
        self.history_age.map_or(bounds, |age| bounds.age(age))
    }

    pub fn hub(&self, hub: HubBuilder) -> HubBuilder {
        hub.connect_event(!self.no_connect_event)
            .retry(self.retry)
            .heartbeat(self.heartbeat)
            .slow_client(match self.slow {
                Slow::Gap => sse_hub::SlowClient::Gap,
                Slow::Disconnect => sse_hub::SlowClient::Disconnect,
            })
            .same_id(match self.same_id {
                SameId::Share => sse_hub::SameId::Share,
                SameId::Replace => sse_hub::SameId::Replace,
                SameId::Refuse => sse_hub::SameId::Refuse,
            })
            .max_connections(self.connections_max)
            .max_connections_per_zone(self.zone_connections_max)
            .max_connections_per_address(self.address_connections_max)
            .log_payloads(self.log_payloads)
    }

    pub fn polls(&self, polls: LongPollBuilder) -> LongPollBuilder {
        polls
            // A category is a zone here, whichever path it comes in by.
            .category_rule(|name| Zone::new(name).map(drop).map_err(|wrong| wrong.to_string()))
            .max_body(usize::try_from(self.body_max).unwrap_or(usize::MAX))
            .max_waiting(self.connections_max)
            .max_timeout(Duration::from_secs(self.poll_timeout_max.get().into()))
    }

    /// The token, if there is one; beyond loopback there must be, or the word that there is none.
    pub fn token(&self) -> Result<Option<String>, String> {
        let Some(path) = &self.token_file else {
            if self.listen.ip().is_loopback() || self.insecure {
                return Ok(None);
            }
            return Err(format!(
                "{} can be reached from other machines: name a --token-file, or say --insecure",
                self.listen
            ));
        };
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the token file {shown} cannot be read: {error}"))?;
        let token = text.trim();
        if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "the token in {shown} must be 16 or more printable characters without spaces"
            ));
        }
        Ok(Some(token.to_owned()))
    }
}

fn kept(text: &str) -> Result<Kept, String> {
    match text.split_once(':') {
        None if text == "memory" => Ok(Kept::Memory),
        Some(("file", path)) if !path.is_empty() => Ok(Kept::File(path.into())),
        _ => Err("must be memory, or file: and the path of a folder".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "this is no number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "must be 0 or more, and finite".to_owned())
}

/// Seconds of which there is at least a thousandth.
fn some_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        time if time < Duration::from_millis(1) => Err("must be 0.001 or more".to_owned()),
        time => Ok(time),
    }
}
