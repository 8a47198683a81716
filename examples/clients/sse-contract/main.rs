//! The service through which a contract-test harness drives `sse-client`.
//!
//! ```text
//! cargo run --example sse-contract -- --listen 127.0.0.1:8123
//! ```
//! It starts clients and makes requests to whatever URLs it is told, so it listens on loopback
//! only.
mod client;
mod service;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// Drive sse-client through a contract-test harness.
#[derive(Parser)]
#[command(name = "sse-contract")]
struct Args {
    /// Where to listen: a loopback address; port 0 picks a free one, which is printed.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8123")]
    listen: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sse-contract: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    if !args.listen.ip().is_loopback() {
        return Err(format!("{} is not a loopback address", args.listen.ip()).into());
    }
    let listener = tokio::net::TcpListener::bind(args.listen).await?;
    let addr = listener.local_addr()?;
    println!("listening on http://{addr}");
    let (app, quit) = service::app(addr)?;
    let server = axum::serve(listener, app).with_graceful_shutdown(quit.clone().wait());
    tokio::select! {
        result = async { server.await } => result?,
        // A harness that keeps its connection open must not keep the process.
        () = async { quit.wait().await; tokio::time::sleep(Duration::from_secs(1)).await } => {}
    }
    Ok(())
}
