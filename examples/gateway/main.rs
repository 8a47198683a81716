//! The gateway: event streams, three ways to send, and a page that shows it all live.
//!
//! `cargo run --release --example gateway`, then open the address it prints.

mod app;
mod guard;
mod memory;
mod options;
mod page;
mod session;
mod store;

use app::App;
use clap::Parser;
use lp_server::LongPoll;
use metrics_exporter_prometheus::PrometheusBuilder;
use options::Options;
use rt_serve::{Limits, Server, service_fn};
use sse_hub::Hub;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::time::MissedTickBehavior;
use tracing_subscriber::prelude::*;

/// How long open requests may take to finish after Ctrl-C.
const DRAIN: Duration = Duration::from_millis(1500);

/// How often what is too old is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let options = Options::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = options.threads {
        runtime.worker_threads(threads.get());
    }
    let ended = match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(run(options)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(options.log.clone())).init();
    let token = options.token()?;
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);

    let store = Store::open(&options)?;
    let broker = store.broker().max_lag(options.lag_bytes).build();
    let hub = options.hub(Hub::builder(broker.clone()));
    let hub = match &token {
        // A secret that outlives the process: a client that was closed stays away over restarts.
        Some(token) => hub.close_key(token.as_str()),
        None => hub,
    };
    let hub = hub.build();
    let polls = options.polls(LongPoll::builder(broker)).build();

    let limits = Limits::default()
        .connections(options.connections_max.saturating_add(1_000))
        // Polls have no limit of their own for an address; streams are told before this one is met.
        .connections_per_address(options.address_connections_max.saturating_add(100))
        .body_bytes(options.body_max);
    let server = Server::builder().limits(limits).http2(options.http2).bind(options.listen)?;
    let address = server.local_addr();
    let app = Arc::new(App::new(
        hub.clone(),
        polls.clone(),
        store.clone(),
        metrics,
        token,
        &options,
        address,
    ));
    let (fast, app) = (app.clone(), app);
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, std::convert::Infallible>(app.answer(request).await) }
    });
    tokio::spawn(memory::give_back(hub.clone()));
    let (streams, waiting) = (hub.clone(), polls.clone());
    let running =
        server.serve_with_fast_path(service, move |request, peer| fast.fast(request, peer));
    let running = running.before_drain(move || {
        streams.shutdown();
        waiting.shutdown();
    });
    tokio::spawn(sweep(hub.clone()));
    greet(address)?;
    tracing::info!(%address, open_files = files, "listening");

    interrupted().await?;
    let streams = hub.connections();
    let drained = running.shutdown(DRAIN).await;
    store.close().await?;
    // Who started it may not be listening any more.
    let _ = writeln!(
        std::io::stdout(),
        "stopped: {streams} streams ended, {} connections cut",
        drained.cut
    );
    Ok(())
}

/// Frees what has grown too old in zones that nobody publishes to any more.
async fn sweep(hub: Hub) {
    let mut due = tokio::time::interval(SWEEP_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        hub.broker().sweep();
    }
}

/// An error with all its causes, on one line. Some errors name their causes themselves.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let named = cause.to_string();
        if !text.contains(&named) {
            text = format!("{text}: {named}");
        }
        next = cause.source();
    }
    text
}

fn greet(address: std::net::SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "gateway on http://{address}/  (Ctrl-C ends it)\n")?;
    writeln!(out, "  watch    curl -N 'http://{address}/sse?zone=default'")?;
    writeln!(out, "  poll     curl 'http://{address}/events?timeout=60&category=default'")?;
    writeln!(
        out,
        "  publish  curl http://{address}/publish -d '{{\"category\":\"default\",\"data\":\"hello\"}}'"
    )?;
    out.flush()
}

/// Waits for Ctrl-C, or for the signal by which a service manager ends a program.
async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
