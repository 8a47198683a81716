use super::*;
use proptest::prelude::*;

const MAX: Duration = Duration::from_secs(110);

fn poll(query: &str) -> Result<Poll, BadPoll> {
    Poll::parse(&Query::new(Some(query)), MAX)
}

fn resume_of(rest: &str) -> Result<Resume, BadPoll> {
    poll(&format!("timeout=1&category=a{rest}")).map(|poll| poll.resume)
}

#[test]
fn polls_are_checked_in_golongpolls_order() {
    for (query, wrong) in [
        ("", BadPoll::Timeout),
        ("timeout=0&last_id=x", BadPoll::Timeout),
        ("timeout=111&category=a", BadPoll::Timeout),
        ("timeout=1.0&category=a", BadPoll::Timeout),
        ("timeout=+1&category=a", BadPoll::Timeout),
        ("timeout=-1&category=a", BadPoll::Timeout),
        ("timeout=1_0&category=a", BadPoll::Timeout),
        ("timeout=99999999999999999999&category=a", BadPoll::Timeout),
        ("timeout=1&since_time=x", BadPoll::Category),
        ("timeout=1&category=", BadPoll::Category),
        ("timeout=1&category=a&since_time=1.5&last_id=x", BadPoll::SinceTime),
        ("timeout=1&category=a&since_time=9223372036854775808", BadPoll::SinceTime),
        ("timeout=1&category=a&last_id=x", BadPoll::LastIdAlone),
        ("timeout=1&category=a&since_time=1&last_id=x", BadPoll::LastId),
    ] {
        assert_eq!(poll(query), Err(wrong), "{query}");
    }
    let long = "x".repeat(MAX_CATEGORY + 1);
    assert_eq!(poll(&format!("timeout=1&category={long}")), Err(BadPoll::Category));
    assert!(poll(&format!("timeout=110&category={}", &long[1..])).is_ok());
    assert_eq!(poll("timeout=%2B1&category=a&category=b&timeout=x").unwrap().category, "a");
    assert_eq!(
        BadPoll::Timeout.text(7),
        "Invalid or missing 'timeout' arg.  Must be 1-7.",
        "the maximum in its place, two spaces"
    );
}

#[test]
fn a_poll_resumes_from_a_time_or_an_id_or_now() {
    let time = Timestamp::from_millis(7);
    assert_eq!(resume_of(""), Ok(Resume::Live));
    assert_eq!(resume_of("&since_time=&last_id="), Ok(Resume::Live));
    assert_eq!(resume_of("&since_time=7"), Ok(Resume::Since(time)));
    assert_eq!(resume_of("&since_time=-7"), Ok(Resume::Earliest));
    assert_eq!(resume_of("&since_time=-9223372036854775808"), Ok(Resume::Earliest));
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let uuid = Uuid::parse_str(id).unwrap();
    for form in [id.to_uppercase(), format!("%7B{id}%7D"), format!("urn:uuid:{id}")] {
        let resume = resume_of(&format!("&since_time=7&last_id={form}"));
        assert_eq!(resume, Ok(Resume::LastId(LastId { uuid, time })), "{form}");
    }
}

fn published(body: &str) -> Result<(String, String), BadPublish> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let text = |data: Bytes| String::from_utf8(data.into()).unwrap();
    Publish::parse(body).map(|publish| (publish.category, text(publish.data)))
}

#[test]
fn publications_are_read_as_golongpoll_reads_them() {
    let ok = |category: &str, data: &str| Ok((category.to_owned(), data.to_owned()));
    for (body, read) in [
        (r#"{"category":"a","data":1}"#, ok("a", "1")),
        (r#"{"Category":"a","DATA":{"x": [1, 2]}} trailing"#, ok("a", r#"{"x": [1, 2]}"#)),
        (r#"{"category":"a","category":"b","data":1,"data":false}"#, ok("b", "false")),
        (r#"{"category":"a","category":null,"data":"","other":[{}]}"#, ok("a", r#""""#)),
        (
            r#"{"category":"gr\u00fcn","data":12345678901234567890}"#,
            ok("grün", "12345678901234567890"),
        ),
        ("null", Err(BadPublish::Category)),
        ("{}", Err(BadPublish::Category)),
        (r#"{"category":"","data":1}"#, Err(BadPublish::Category)),
        (r#"{"category":"a"}"#, Err(BadPublish::Data)),
        (r#"{"category":"a","data":1,"data":null}"#, Err(BadPublish::Data)),
        (r#"{"category":1,"data":1}"#, Err(BadPublish::Json)),
        (r#"[1]"#, Err(BadPublish::Json)),
        (r#""a""#, Err(BadPublish::Json)),
        (r#"{"category":"a","data":1"#, Err(BadPublish::Json)),
        ("", Err(BadPublish::Json)),
    ] {
        assert_eq!(published(body), read, "{body}");
    }
    let body = Bytes::from_static(b"{\"category\":\"a\xff\xfeb\",\"data\":\"\xe2\x82\"}");
    let publish = Publish::parse(body).unwrap();
    assert_eq!(publish.category, "a\u{fffd}\u{fffd}b");
    assert_eq!(publish.data, "\"\u{fffd}\u{fffd}\"");
}

proptest! {
    /// What is accepted is within its bounds; nothing panics.
    #[test]
    fn any_query_is_read_or_refused(query in "[a-z_=&%0-9+;{}-]{0,80}|\\PC{0,80}") {
        if let Ok(poll) = poll(&format!("timeout=1&category=a&{query}")) {
            prop_assert!(poll.timeout <= MAX && !poll.category.is_empty());
        }
    }

    #[test]
    fn any_body_is_read_or_refused(body: Vec<u8>, tail in "\\PC{0,20}") {
        let _ = Publish::parse(body.into());
        let _ = published(&format!("{{\"category\":\"a\",\"data\":{tail}}}"));
    }
}
