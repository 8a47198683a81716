//! The polls of the table: what people send, and what they should not.
//!
//! `{ID1}` and `{TS1}` (to 3) stand for the ids and timestamps of the events in the category
//! `seeded`, which hold 1, 2 and 3.

use crate::publications;

/// One request.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub method: &'static str,
    pub target: String,
    pub headers: &'static str,
    pub body: Vec<u8>,
    /// The category that is read afterwards, from its beginning.
    pub then_read: Option<String>,
}

/// Every request, by a name of its own.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    timeouts(&mut cases);
    queries(&mut cases);
    categories(&mut cases);
    positions(&mut cases);
    methods(&mut cases);
    publications::add(&mut cases);
    cases
}

fn get(cases: &mut Vec<Case>, name: impl Into<String>, query: impl AsRef<str>) {
    cases.push(Case {
        name: name.into(),
        method: "GET",
        target: format!("/events{}", query.as_ref()),
        headers: "",
        body: Vec::new(),
        then_read: None,
    });
}

fn timeouts(cases: &mut Vec<Case>) {
    get(cases, "no query at all", "");
    get(cases, "an empty query", "?");
    get(cases, "timeout missing", "?category=seeded&since_time=1");
    for value in [
        "",
        "0",
        "1",
        "110",
        "111",
        "-1",
        "-0",
        "1.0",
        "1.5",
        "%2B1",
        "%2b0",
        "+1",
        "%201",
        "1%20",
        "01",
        "0x1",
        "1e0",
        "1_0",
        "%D9%A1",
        "99999999999999999999",
        "9223372036854775807",
        "-9223372036854775808",
        "abc",
        "%31",
        "1%00",
        "1%0A",
        "true",
        "1s",
        "%zz",
        "1%",
        "1%3",
        "%2",
        "\"1\"",
    ] {
        get(
            cases,
            format!("timeout {value:?}"),
            format!("?timeout={value}&category=seeded&since_time=1"),
        );
    }
    get(cases, "timeout without a value", "?timeout&category=seeded&since_time=1");
    get(cases, "timeout twice, good first", "?timeout=1&timeout=x&category=seeded&since_time=1");
    get(cases, "timeout twice, bad first", "?timeout=x&timeout=1&category=seeded&since_time=1");
    get(cases, "timeout twice, empty first", "?timeout=&timeout=1&category=seeded&since_time=1");
    get(cases, "Timeout in another case", "?Timeout=1&category=seeded&since_time=1");
    get(cases, "the name escaped", "?time%6Fut=1&c%61tegory=seeded&since%5Ftime=1");
    get(cases, "nothing happens", "?timeout=1&category=quiet");
    get(cases, "nothing since the epoch", "?timeout=1&category=quiet&since_time=0");
}

fn queries(cases: &mut Vec<Case>) {
    for (name, query) in [
        ("an escape broken in another parameter", "?x=%zz&timeout=1&category=seeded&since_time=1"),
        ("an escape broken in another name", "?%zz=1&timeout=1&category=seeded&since_time=1"),
        ("an escape cut at the end", "?timeout=1&category=seeded&since_time=1&x=%"),
        ("an escape broken in category", "?timeout=1&category=%zz&since_time=1"),
        (
            "an escape broken in the first category",
            "?timeout=1&category=%zz&category=seeded&since_time=1",
        ),
        ("an escape broken in since_time", "?timeout=1&category=seeded&since_time=%zz"),
        ("an escape broken in last_id", "?timeout=1&category=seeded&since_time=1&last_id=%zz"),
        ("semicolons between all", "?timeout=1;category=seeded;since_time=1"),
        ("a semicolon after timeout", "?timeout=1;x=2&category=seeded&since_time=1"),
        ("a semicolon in category", "?timeout=1&category=seeded;x&since_time=1"),
        ("a semicolon escaped in category", "?timeout=1&category=a%3Bb&since_time=1"),
        ("a semicolon in another parameter", "?timeout=1&category=seeded&since_time=1&x=a;b"),
        ("a semicolon alone", "?;&timeout=1&category=seeded&since_time=1"),
        ("ampersands doubled and at the ends", "?&&timeout=1&&category=seeded&since_time=1&"),
        ("a name that is empty", "?=x&timeout=1&category=seeded&since_time=1"),
        ("a second question mark", "?timeout=1&category=seeded&since_time=1?"),
        ("a question mark first", "??timeout=1&category=seeded&since_time=1"),
        ("equals signs in a value", "?timeout=1&category=a=b=c&since_time=1"),
        ("a plus in a name", "?timeout=1&category=seeded&since+time=1&since_time=1"),
        ("raw bytes that are not ASCII", "?timeout=1&category=\u{e9}&since_time=1"),
        ("several categories", "?timeout=1&category=seeded&category=other&since_time=1"),
        (
            "several categories, the other first",
            "?timeout=1&category=quiet&category=seeded&since_time=1",
        ),
        ("bad timeout before bad category", "?timeout=x&category="),
        ("bad category before bad since_time", "?timeout=1&category=&since_time=x"),
        ("bad since_time before bad last_id", "?timeout=1&category=seeded&since_time=x&last_id=x"),
        ("all is bad", "?timeout=x&since_time=x&last_id=x"),
        ("a parameter nobody knows", "?timeout=1&category=seeded&since_time=1&_=123"),
    ] {
        get(cases, name, query);
    }
    for (name, headers) in [
        ("Accept */*", "Accept: */*\r\n"),
        ("Accept application/json", "Accept: application/json\r\n"),
        ("Accept text/html as browsers", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"),
        ("If-None-Match", "If-None-Match: *\r\n"),
        ("Accept-Encoding gzip", "Accept-Encoding: gzip, br\r\n"),
        ("Origin", "Origin: http://example.org\r\n"),
    ] {
        get(cases, name, "?timeout=1&category=seeded&since_time=1");
        if let Some(case) = cases.last_mut() {
            case.headers = headers;
        }
    }
}

fn categories(cases: &mut Vec<Case>) {
    get(cases, "category missing", "?timeout=1&since_time=1");
    get(cases, "category without a value", "?timeout=1&category&since_time=1");
    for (name, value) in [
        ("empty", String::new()),
        ("of 1 byte", "x".into()),
        ("of 1,024 bytes", "x".repeat(1_024)),
        ("of 1,025 bytes", "x".repeat(1_025)),
        ("of 512 characters of 2 bytes", "%C3%A9".repeat(512)),
        ("of 513 characters of 2 bytes", "%C3%A9".repeat(513)),
        ("of 1,024 bytes that are not UTF-8", "%FF".repeat(1_024)),
        ("of 1,025 bytes that are not UTF-8", "%FF".repeat(1_025)),
        ("that is not UTF-8", "%FF".into()),
        ("that is a NUL", "%00".into()),
        ("with a plus", "a+b".into()),
        ("with a line break", "a%0Ab".into()),
        ("with a slash", "a/b".into()),
    ] {
        get(cases, format!("category {name}"), format!("?timeout=1&category={value}&since_time=1"));
    }
}

fn positions(cases: &mut Vec<Case>) {
    for value in [
        "",
        "0",
        "1",
        "-1",
        "-9223372036854775808",
        "-9223372036854775809",
        "9223372036854775807",
        "9223372036854775808",
        "1.5",
        "1e3",
        "abc",
        "%2B1",
        "+1",
        "1+",
        "%201",
        "0x10",
        "1_000",
        "99999999999999",
        "{TS1}",
        "{TS3}",
    ] {
        get(
            cases,
            format!("since_time {value:?}"),
            format!("?timeout=1&category=seeded&since_time={value}"),
        );
    }
    get(cases, "since_time twice", "?timeout=1&category=seeded&since_time=1&since_time=x");
    get(
        cases,
        "since_time twice, bad first",
        "?timeout=1&category=seeded&since_time=x&since_time=1",
    );
    get(cases, "since_time missing", "?timeout=1&category=seeded");
    for (name, value) in [
        ("of the first", "{ID1}"),
        ("empty", ""),
        ("in capitals", "{ID1:upper}"),
        ("in braces", "%7B{ID1}%7D"),
        ("in raw braces", "{{ID1}}"),
        ("with one brace", "%7B{ID1}"),
        ("as a URN", "urn:uuid:{ID1}"),
        ("as a URN in capitals", "URN:UUID:{ID1}"),
        ("of 32 digits", "{ID1:short}"),
        ("of 32 digits in braces", "%7B{ID1:short}%7D"),
        ("of 32 digits as a URN", "urn:uuid:{ID1:short}"),
        ("of 31 digits", "0123456789abcdef0123456789abcde"),
        ("with dashes elsewhere", "01234567-89ab-cdef-01234-56789abcdef"),
        ("of zeros", "00000000-0000-0000-0000-000000000000"),
        ("nobody knows", "01234567-89ab-4def-8123-456789abcdef"),
        ("that is no UUID", "abc"),
        ("with letters past f", "g1234567-89ab-4def-8123-456789abcdef"),
        ("with a space", "{ID1}%20"),
        ("in quotes", "%22{ID1}%22"),
    ] {
        get(
            cases,
            format!("last_id {name}"),
            format!("?timeout=1&category=seeded&since_time={{TS1}}&last_id={value}"),
        );
    }
    get(
        cases,
        "last_id of the second",
        "?timeout=1&category=seeded&since_time={TS2}&last_id={ID2}",
    );
    get(cases, "last_id of the last", "?timeout=1&category=seeded&since_time={TS3}&last_id={ID3}");
    get(
        cases,
        "last_id of the last, long ago",
        "?timeout=1&category=seeded&since_time=1&last_id={ID3}",
    );
    get(cases, "last_id without since_time", "?timeout=1&category=seeded&last_id={ID1}");
    get(
        cases,
        "last_id with an empty since_time",
        "?timeout=1&category=seeded&since_time=&last_id={ID1}",
    );
    get(cases, "bad last_id without since_time", "?timeout=1&category=seeded&last_id=x");
    get(cases, "empty last_id without since_time", "?timeout=1&category=seeded&last_id=");
    get(
        cases,
        "last_id twice, empty first",
        "?timeout=1&category=seeded&since_time=1&last_id=&last_id=x",
    );
}

fn methods(cases: &mut Vec<Case>) {
    for method in ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"] {
        for (name, target) in [
            ("subscribe", "/events?timeout=1&category=seeded&since_time=1"),
            ("subscribe wrongly", "/events?timeout=0"),
        ] {
            cases.push(Case {
                name: format!("{method} to {name}"),
                method,
                target: target.into(),
                headers: "",
                body: Vec::new(),
                then_read: None,
            });
        }
    }
    cases.push(Case {
        name: "parameters in a form are no parameters".into(),
        method: "POST",
        target: "/events".into(),
        headers: "Content-Type: application/x-www-form-urlencoded\r\n",
        body: b"timeout=1&category=seeded&since_time=1".into(),
        then_read: None,
    });
    for method in ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "post"] {
        cases.push(Case {
            name: format!("{method} to publish"),
            method,
            target: "/publish".into(),
            headers: "",
            body: match method {
                "PUT" | "PATCH" | "post" => br#"{"category":"m","data":1}"#.into(),
                _ => Vec::new(),
            },
            then_read: None,
        });
    }
}
