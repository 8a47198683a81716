//! Options of what is done to connections.
use centrifugo_api::Position;
use clap::Args;

use crate::values::position;

/// Which of a user's connections.
#[derive(Args)]
pub struct Only {
    /// Only the connection with this client id.
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,

    /// Only the connection with this session id.
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
}

#[derive(Args)]
pub struct Subscribe {
    pub user: String,
    pub channel: String,
    #[command(flatten)]
    pub only: Only,

    /// What presence shows of the subscriber.
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    pub info: Option<String>,

    /// Data for the subscriber.
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    pub data: Option<String>,

    /// When the subscription ends, in seconds since 1970.
    #[arg(long, value_name = "SECONDS")]
    pub expire_at: Option<i64>,

    /// Send what was published since this position.
    #[arg(long, value_name = "OFFSET:EPOCH", value_parser = position)]
    pub recover_since: Option<Position>,
}

#[derive(Args)]
pub struct Disconnect {
    pub user: String,
    #[command(flatten)]
    pub only: Only,

    /// Not the connection with this client id; several times for several.
    #[arg(long, value_name = "ID")]
    pub whitelist: Vec<String>,

    /// The code that clients are told; from 4500 on they do not come back.
    #[arg(long)]
    pub code: Option<u32>,

    /// The reason that clients are told.
    #[arg(long, value_name = "TEXT", requires = "code", default_value = "")]
    pub reason: String,
}

#[derive(Args)]
pub struct Refresh {
    pub user: String,
    #[command(flatten)]
    pub only: Only,

    /// They are over now.
    #[arg(long)]
    pub expired: bool,

    /// When they are over, in seconds since 1970.
    #[arg(long, value_name = "SECONDS")]
    pub expire_at: Option<i64>,

    /// What presence shows of the connection.
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    pub info: Option<String>,
}
