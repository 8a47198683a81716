//! The command line.
use std::path::PathBuf;
use std::time::Duration;

use centrifugo_api::Position;
use clap::{Args, Parser, Subcommand};

use crate::values::{position, seconds, tag};

mod connection;

pub use connection::{Disconnect, Only, Refresh, Subscribe};

/// Call Centrifugo's server API; make its tokens.
#[derive(Parser)]
#[command(name = "centrifugo", max_term_width = 100, after_help = AFTER)]
pub struct Options {
    #[command(flatten)]
    pub server: Server,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
The key is in CENTRIFUGO_KEY or in the file of --key-file; the secret for tokens is in
CENTRIFUGO_TOKEN_SECRET or in the file of --token-secret-file. No flag takes their values: other
users of a machine see the flags of its processes.";

/// Which server, and how it is talked to.
#[derive(Args)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// The http or https URL of the API.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "CENTRIFUGO_ENDPOINT",
        hide_env_values = true,
        default_value = "http://localhost:8000/api"
    )]
    pub endpoint: String,

    /// The file with the API key; for --legacy, with the project's secret.
    #[arg(long, global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// Send no key: for a server that asks for none.
    #[arg(long, global = true)]
    pub insecure: bool,

    /// The API of Centrifugo v1.
    #[arg(long, global = true)]
    pub legacy: bool,

    /// How long a call may take in all.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,

    /// A command a line instead of a path a method: for Centrifugo 3 and early 4.
    #[arg(long, global = true)]
    pub lines: bool,

    /// Have the server answer errors with an HTTP status of their own.
    #[arg(long, global = true)]
    pub transport_errors: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Publish to a channel.
    Publish {
        channel: String,
        #[command(flatten)]
        publication: Publication,
    },
    /// Publish the same to several channels.
    Broadcast {
        /// A channel; several times for several.
        #[arg(long = "channel", short = 'c', value_name = "CHANNEL", required = true)]
        channels: Vec<String>,
        #[command(flatten)]
        publication: Publication,
    },
    /// Subscribe a user's connections to a channel.
    Subscribe(Subscribe),
    /// End a user's subscriptions to a channel.
    Unsubscribe {
        user: String,
        channel: String,
        #[command(flatten)]
        only: Only,
    },
    /// Close a user's connections.
    Disconnect(Disconnect),
    /// Give a user's connections another time to live.
    Refresh(Refresh),
    /// Who is in a channel.
    Presence { channel: String },
    /// How many are in a channel.
    PresenceStats { channel: String },
    /// What was published to a channel.
    History(History),
    /// Drop what was published to a channel.
    HistoryRemove { channel: String },
    /// The channels that have subscribers.
    Channels {
        /// Only those whose name matches, such as `chat:*`.
        #[arg(long)]
        pattern: Option<String>,
    },
    /// The nodes of the server.
    Info,
    /// Call a method of the application's own, behind the server.
    Rpc {
        method: String,
        /// JSON, @FILE for a file with JSON, or - for the input.
        #[arg(allow_negative_numbers = true)]
        params: Option<String>,
    },
    /// Call any method of the API; its result is printed as it comes.
    Call {
        method: String,
        /// JSON, @FILE for a file with JSON, or - for the input.
        #[arg(default_value = "{}")]
        params: String,
    },
    /// Send the commands on the input in one request: `{"publish":{…}}`, one a line.
    Batch {
        /// The server may do them at the same time.
        #[arg(long)]
        parallel: bool,
    },
    /// Make a connection token, or a subscription token with --channel.
    Token(Token),
    /// What each node says of itself (--legacy).
    Stats,
    /// What the node that answers says of itself (--legacy).
    Node,
    /// Make the sign for a private channel (--legacy).
    Sign {
        /// The id of the connection.
        client: String,
        channel: String,
        /// What presence shows of the subscriber.
        #[arg(long, value_name = "JSON")]
        info: Option<String>,
        #[command(flatten)]
        secret: TokenSecret,
    },
}

#[derive(Args)]
pub struct Publication {
    /// JSON, @FILE for a file with JSON, or - for the input.
    #[arg(allow_negative_numbers = true)]
    pub data: String,

    /// DATA is a plain text, not JSON.
    #[arg(long)]
    pub text: bool,

    /// The server drops a publication whose key it has just seen; a retry is harmless.
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,

    /// Leave it out of the history.
    #[arg(long)]
    pub skip_history: bool,

    /// Text that goes with it; several times for several.
    #[arg(long = "tag", value_name = "NAME=TEXT", value_parser = tag)]
    pub tags: Vec<(String, String)>,

    /// Send only the difference to the publication before.
    #[arg(long)]
    pub delta: bool,

    /// The server drops it if its version is not above the last one's.
    #[arg(long, value_name = "N")]
    pub version: Option<u64>,

    /// What the version counts in.
    #[arg(long, value_name = "EPOCH", requires = "version")]
    pub version_epoch: Option<String>,

    /// On behalf of the connection with this id (--legacy).
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
}

#[derive(Args)]
pub struct History {
    pub channel: String,

    /// At most this many publications; 0 for the position alone. Without it, all.
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,

    /// Those after this position; with --reverse those before it.
    #[arg(long, value_name = "OFFSET:EPOCH", value_parser = position)]
    pub since: Option<Position>,

    /// The newest first.
    #[arg(long)]
    pub reverse: bool,
}

#[derive(Args)]
pub struct Token {
    /// The user's id; empty for an anonymous one.
    #[arg(long)]
    pub user: String,

    /// The token is for a subscription to this channel.
    #[arg(long)]
    pub channel: Option<String>,

    /// When the token is over. Without it, it is good for ever.
    #[arg(long, value_name = "SECONDS")]
    pub expires_in: Option<u64>,

    /// What presence shows of the user.
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    pub info: Option<String>,

    /// Seconds since 1970, instead of now (--legacy).
    #[arg(long, value_name = "SECONDS")]
    pub timestamp: Option<u64>,

    #[command(flatten)]
    pub secret: TokenSecret,
}

#[derive(Args)]
pub struct TokenSecret {
    /// The file with the secret for tokens.
    #[arg(long, value_name = "FILE")]
    pub token_secret_file: Option<PathBuf>,
}
