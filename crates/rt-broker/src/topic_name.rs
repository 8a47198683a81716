//! The rule on the names of topics.

use crate::error::Error;

/// Longest name of a topic, in bytes.
const MAX_TOPIC_LEN: usize = 1024;

/// Checks a topic's name.
///
/// # Errors
/// When it is empty or longer than 1,024 bytes.
pub(crate) fn check_topic(topic: &str) -> Result<(), Error> {
    if topic.is_empty() {
        return Err(Error::topic("it is empty"));
    }
    if topic.len() > MAX_TOPIC_LEN {
        return Err(Error::topic("it is longer than 1,024 bytes"));
    }
    Ok(())
}
