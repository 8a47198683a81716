//! Publishes to a category of a long polling server.
//!
//! ```text
//! cargo run --example lp-publish -- http://127.0.0.1:8080/publish --category news '{"n":1}'
//! ```
use std::error::Error as StdError;
use std::io::Read;
use std::process::ExitCode;

use clap::Parser;
use examples_clients::how_to_write_json;
use lp_client::{Client, RawValue};

/// Publish JSON to a category of a long polling server.
#[derive(Parser)]
#[command(name = "lp-publish")]
struct Args {
    /// The http or https URL to publish to, such as `http://127.0.0.1:8080/publish`.
    url: String,

    /// The category.
    #[arg(long, short = 'c')]
    category: String,

    /// A name and a password for the server.
    #[arg(long, value_name = "NAME:PASSWORD", env = "LP_USER", hide_env_values = true)]
    user: Option<String>,

    /// The data, any JSON but null; `-` reads it from the input.
    #[arg(allow_negative_numbers = true)]
    json: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (client, data) = match prepare(&args) {
        Ok(prepared) => prepared,
        Err(error) => {
            eprintln!("lp-publish: {error}");
            return ExitCode::from(2);
        }
    };
    match client.publish(&args.category, &data).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lp-publish: {error}");
            ExitCode::FAILURE
        }
    }
}

fn prepare(args: &Args) -> Result<(Client, Box<RawValue>), Box<dyn StdError>> {
    let mut builder = Client::publisher(&args.url);
    if let Some(user) = &args.user {
        let (name, password) = user.split_once(':').ok_or("--user is written NAME:PASSWORD")?;
        builder = builder.basic_auth(name, password);
    }
    let text = match args.json.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
        text => text.to_owned(),
    };
    let data = RawValue::from_string(text.trim().to_owned())
        .map_err(|error| format!("{error}; {}", how_to_write_json(text.trim())))?;
    Ok((builder.build()?, data))
}
