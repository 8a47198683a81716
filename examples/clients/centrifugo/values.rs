//! Values of flags.
use std::time::Duration;

use centrifugo_api::Position;

pub fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or("expected seconds, such as 2.5")
}

pub fn tag(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=TEXT")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub fn position(text: &str) -> Result<Position, &'static str> {
    let expected = "expected OFFSET:EPOCH, such as 41:pBKc";
    let (offset, epoch) = text.split_once(':').ok_or(expected)?;
    Ok(Position::new(offset.parse().map_err(|_| expected)?, epoch))
}
