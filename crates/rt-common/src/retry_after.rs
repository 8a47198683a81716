//! How long a server asks to wait: the headers `Retry-After` (RFC 9110, section 10.2.3) and
//! `retry-after-ms`.
use std::time::{Duration, SystemTime};

#[cfg(feature = "http")]
pub(crate) fn from_headers(
    headers: &http::HeaderMap,
    now: SystemTime,
    cap: Duration,
) -> Option<Duration> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let exact = value("retry-after-ms").and_then(|value| parse_retry_after_ms(value, cap));
    exact.or_else(|| value("retry-after").and_then(|value| parse_retry_after(value, now, cap)))
}

/// How long a `retry-after-ms` value asks to wait: a decimal number of milliseconds, with or without
/// a fraction.
///
/// Several vendors of language models send this header beside `Retry-After`, because it is more
/// exact. A wait longer than `cap` is cut to `cap`. Any other text is `None`.
///
/// ```
/// use std::time::Duration;
/// use rt_common::parse_retry_after_ms;
///
/// let cap = Duration::from_secs(300);
/// assert_eq!(parse_retry_after_ms("1500", cap), Some(Duration::from_millis(1_500)));
/// assert_eq!(parse_retry_after_ms("0.5", cap), Some(Duration::from_micros(500)));
/// assert_eq!(parse_retry_after_ms("-1", cap), None);
/// ```
pub fn parse_retry_after_ms(value: &str, cap: Duration) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    if whole.is_empty() || fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    // Any number of digits parses as a float, if only as infinity, which is "very long".
    let millis: f64 = value.parse().ok()?;
    Some(Duration::try_from_secs_f64(millis / 1_000.0).unwrap_or(Duration::MAX).min(cap))
}

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
    fn milliseconds() {
        let parse = |value: &str| parse_retry_after_ms(value, CAP);
        assert_eq!(parse("0"), Some(Duration::ZERO));
        assert_eq!(parse(" 20 "), Some(Duration::from_millis(20)));
        assert_eq!(parse("1500.25"), Some(Duration::from_micros(1_500_250)));
        assert_eq!(parse(&"9".repeat(400)), Some(CAP));
        for bad in ["", ".", "1.", ".5", "+5", "-1", "1e3", "inf", "NaN", "5ms", "5 5", "1.2.3"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn milliseconds_win_over_seconds_if_they_are_valid() {
        let wait = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = http::HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, http::HeaderValue::from_static(value));
            }
            from_headers(&headers, SystemTime::UNIX_EPOCH, CAP)
        };
        let both = [("retry-after", "2"), ("retry-after-ms", "1700")];
        assert_eq!(wait(&both), Some(Duration::from_millis(1_700)));
        assert_eq!(wait(&both[1..]), Some(Duration::from_millis(1_700)));
        let invalid = [("retry-after", "2"), ("retry-after-ms", "soon")];
        assert_eq!(wait(&invalid), Some(Duration::from_secs(2)));
        assert_eq!(wait(&[]), None);
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
