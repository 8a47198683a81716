//! The `Retry-After` header (RFC 9110, section 10.2.3).
use std::time::{Duration, SystemTime};

/// How long a `Retry-After` value asks to wait: seconds, or the time from `now` to a date.
///
/// A date in the past is zero. What is longer than `cap` is `cap`: a server must not silence a
/// client for ever. Anything that is neither is `None`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use rt_common::parse_retry_after;
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
/// let cap = Duration::from_secs(300);
/// assert_eq!(parse_retry_after("120", now, cap), Some(Duration::from_secs(120)));
/// assert_eq!(parse_retry_after("86400", now, cap), Some(cap));
/// let date = "Sun, 06 Nov 1994 08:49:37 GMT";
/// assert_eq!(parse_retry_after(date, now, cap), Some(Duration::from_secs(7)));
/// assert_eq!(parse_retry_after("soon", now, cap), None);
/// ```
pub fn parse_retry_after(value: &str, now: SystemTime, cap: Duration) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() {
        return None;
    }
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "very long", not "invalid".
        value.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        date.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(3_600);

    fn parse(value: &str) -> Option<Duration> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        parse_retry_after(value, now, CAP)
    }

    #[test]
    fn seconds() {
        assert_eq!(parse("0"), Some(Duration::ZERO));
        assert_eq!(parse(" 007 "), Some(Duration::from_secs(7)));
        assert_eq!(parse("99999999999999999999999999"), Some(CAP));
        for bad in ["", " ", "+5", "-1", "1.5", "5s", "5 5", "٥"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn dates_in_all_three_forms() {
        for date in [
            "Sun, 06 Nov 1994 08:50:37 GMT",
            "Sunday, 06-Nov-94 08:50:37 GMT",
            "Sun Nov  6 08:50:37 1994",
        ] {
            assert_eq!(parse(date), Some(Duration::from_secs(60)), "{date:?}");
        }
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:36 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("Sat, 06 Nov 2094 08:49:37 GMT"), Some(CAP));
        assert_eq!(parse("Sun, 32 Nov 1994 08:49:37 GMT"), None);
    }
}
