//! A follower against single answers, and its waits.
use http::{HeaderMap, StatusCode};
use rt_common::HttpError;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn event(timestamp: i64, category: &str, id: u128) -> Event {
    let text = format!(
        r#"{{"timestamp":{timestamp},"category":"{category}","id":"{}","data":1}}"#,
        Uuid::from_u128(id)
    );
    serde_json::from_str(&text).unwrap()
}

pub(super) fn batch(events: Vec<Event>) -> Content {
    Content { events, ..Content::default() }
}

pub(super) fn quiet_at(timestamp: i64) -> Content {
    Content { timestamp: Some(timestamp), ..Content::default() }
}

pub(super) fn strict(events: Vec<Event>, cursor: &str) -> Content {
    Content { strict: true, cursor: Some(cursor.into()), events, ..Content::default() }
}

fn policy(position: Position) -> Policy {
    Policy::new(position, 1, RetryPolicy::new().seed(1))
}

fn ids(policy: &mut Policy) -> Vec<u128> {
    let news = std::iter::from_fn(|| policy.next());
    news.filter_map(|news| match news {
        News::Event(event) => Some(event.id.as_u128()),
        _ => None,
    })
    .collect()
}

/// An answer after a good wait.
fn give(policy: &mut Policy, content: Content) {
    let wait = policy.answered(content, Instant::now(), 45 * SECOND).unwrap();
    assert_eq!(wait, Duration::ZERO);
}

fn head(policy: &mut Policy) -> String {
    policy.ask(SECOND).0.to_string()
}

#[test]
fn golongpolls_rule() {
    let mut policy = policy(Position::now());
    assert_eq!(head(&mut policy), "now");
    give(&mut policy, quiet_at(10_000));
    assert_eq!(head(&mut policy), "since_time=9500");
    give(&mut policy, batch(vec![event(9_800, "a", 1), event(9_800, "a", 2)]));
    let last = format!("last_id={}", Uuid::from_u128(2));
    assert_eq!(head(&mut policy), format!("since_time=9800&{last}"));
    // The time moves on, the id stays.
    give(&mut policy, quiet_at(55_000));
    assert_eq!(head(&mut policy), format!("since_time=54500&{last}"));
    // A clock that was set back a little changes nothing, much more leads back.
    give(&mut policy, quiet_at(52_500));
    assert_eq!(head(&mut policy), format!("since_time=54500&{last}"));
    give(&mut policy, quiet_at(20_000));
    assert_eq!(head(&mut policy), format!("since_time=19500&{last}"));
    assert_eq!(ids(&mut policy), [1, 2]);
}

#[test]
fn a_cursor_where_there_is_one_and_time_and_id_where_it_goes() {
    let mut policy = policy(Position::oldest());
    give(&mut policy, strict(vec![event(7, "a", 1)], "c1"));
    let last = format!("since_time=7&last_id={}", Uuid::from_u128(1));
    assert_eq!(head(&mut policy), format!("{last}&cursor=c1"));
    give(&mut policy, Content { strict: true, ..Content::default() });
    assert_eq!(head(&mut policy), format!("{last}&cursor=c1"), "a time-out may have none");
    // Another server answers from now on, since the cursor meant nothing to it: that is no answer.
    give(&mut policy, batch(vec![event(99, "a", 9)]));
    assert_eq!(head(&mut policy), last);
    assert_eq!(ids(&mut policy), [1]);
    give(&mut policy, batch(vec![event(8, "a", 2), event(99, "a", 9)]));
    assert_eq!(ids(&mut policy), [2, 9]);
    // With nothing to fall back to, what comes is taken.
    let mut policy = self::policy(Position::now());
    give(&mut policy, strict(Vec::new(), "c1"));
    give(&mut policy, batch(vec![event(99, "a", 9)]));
    assert_eq!(ids(&mut policy), [9]);
}

#[test]
fn what_comes_again_is_handed_out_once() {
    let mut policy = policy(Position::after(5, Uuid::from_u128(1)));
    give(&mut policy, batch(vec![event(5, "a", 1), event(6, "a", 2), event(6, "a", 2)]));
    assert_eq!(ids(&mut policy), [2]);
    // An answer with nothing else, at once and again and again, is not asked for in a loop.
    let now = Instant::now();
    let mut waited = Duration::ZERO;
    for _ in 0..20 {
        waited += policy.answered(batch(vec![event(6, "a", 2)]), now, Duration::ZERO).unwrap();
        assert_eq!(ids(&mut policy), []);
    }
    assert!(waited > 20 * SECOND, "{waited:?}");
}

#[test]
fn answers_without_a_wait_are_not_asked_for_in_a_loop() {
    let now = Instant::now();
    let gap = |cursor: &str| Content {
        gaps: vec![Gap { category: None, reason: "slow".into(), from: None, resume: None }],
        ..strict(Vec::new(), cursor)
    };
    for content in [quiet_at(1), batch(Vec::new()), strict(Vec::new(), "c"), gap("c")] {
        let mut policy = policy(Position::now());
        let waits = (0..20).map(|_| policy.answered(content.clone(), now, SECOND / 10).unwrap());
        let waited: Duration = waits.sum();
        assert!(waited > 20 * SECOND, "{waited:?} for {content:?}");
    }
    // But where the server says that there is more, and moves on, it is asked at once.
    let mut policy = policy(Position::now());
    for n in 0..20 {
        let content = Content { more: true, ..gap(&n.to_string()) };
        assert_eq!(policy.answered(content, now, Duration::ZERO).unwrap(), Duration::ZERO);
    }
}

#[test]
fn a_gap_comes_before_its_events_and_again_until_it_is_behind() {
    let gap = Gap { category: None, reason: "epoch".into(), from: None, resume: None };
    let content = || Content { gaps: vec![gap.clone()], ..strict(vec![event(7, "a", 1)], "c2") };
    let start = Position { cursor: Some("c1".into()), ..Position::default() };
    let mut policy = policy(start.clone());
    give(&mut policy, content());
    assert!(matches!(policy.next(), Some(News::Gap(_))));
    assert_eq!(*policy.position(), start);
    assert!(matches!(policy.next(), Some(News::Event(_))));
    assert_eq!(policy.position().cursor.as_deref(), Some("c2"));
}

#[test]
fn several_categories_need_a_server_that_takes_them() {
    let mut policy = Policy::new(Position::now(), 2, RetryPolicy::new());
    // It is asked soon whether it does.
    assert_eq!(policy.ask(45 * SECOND).1, SECOND);
    assert_eq!(policy.ask(45 * SECOND).1, 45 * SECOND);
    let error = policy.answered(quiet_at(5), Instant::now(), SECOND).unwrap_err();
    assert!(error.is_one_category() && !error.is_retryable());
}

/// A server that makes up categories does not make the position grow without end.
#[test]
fn a_position_stays_one_that_can_be_read() {
    let events = (0..2_000).map(|n| event(1, &format!("c{n}"), n)).collect();
    let mut policy = Policy::new(Position::now(), 2, RetryPolicy::new());
    give(&mut policy, strict(events, "c"));
    while policy.next().is_some() {
        let position = policy.position();
        if policy.waiting() % 200 == 1 {
            assert_eq!(position.to_string().parse::<Position>().unwrap(), *position);
        }
    }
    assert!(policy.position().seen.is_empty());
}

/// Twice in the middle of one batch: what was read before the first restart is not read again.
#[test]
fn a_second_restart_knows_what_the_first_one_knew() {
    let events = || vec![event(1, "b", 4), event(1, "a", 5), event(1, "a", 6)];
    let mut position = Position { cursor: Some("3".into()), ..Position::default() };
    let mut read = Vec::new();
    for _ in 0..3 {
        let mut policy = Policy::new(position, 2, RetryPolicy::new());
        give(&mut policy, strict(events(), "6"));
        let Some(News::Event(event)) = policy.next() else { panic!("one is left") };
        read.push(event.id.as_u128());
        position = policy.position().clone();
    }
    assert_eq!(read, [4, 5, 6]);
    assert_eq!((position.cursor.as_deref(), position.seen.len()), (Some("6"), 0));
}

fn busy(retry_after: Option<&'static str>) -> Error {
    let mut headers = HeaderMap::new();
    if let Some(value) = retry_after {
        headers.insert("retry-after", value.parse().unwrap());
    }
    HttpError::from_status(StatusCode::SERVICE_UNAVAILABLE, &headers, Default::default()).into()
}

/// The waits of many policies for the same story.
fn waits(tell: impl Fn(&mut Policy) -> Duration) -> (Duration, Duration) {
    let policies =
        (0..500).map(|seed| Policy::new(Position::now(), 1, RetryPolicy::new().seed(seed)));
    let waits = policies.map(|mut policy| tell(&mut policy));
    waits.fold((Duration::MAX, Duration::ZERO), |(low, high), wait| (low.min(wait), high.max(wait)))
}

fn assert_range(got: (Duration, Duration), low: Duration, high: Duration) {
    let slack = (high - low) / 10;
    assert!(got.0 >= low && got.0 <= low + slack, "{got:?} is not {low:?} to {high:?}");
    assert!(got.1 <= high && got.1 >= high - slack, "{got:?} is not {low:?} to {high:?}");
}

#[test]
fn waits_grow_with_full_jitter_until_an_answer() {
    let now = Instant::now();
    let fail = |policy: &mut Policy| policy.failed(busy(None), now).unwrap().1;
    for (failures, high) in [(0, 1), (1, 2), (4, 16), (5, 30), (40, 30)] {
        let got = waits(|policy| {
            (0..failures).for_each(|_| _ = fail(policy));
            fail(policy)
        });
        assert_range(got, Duration::from_millis(100), high * SECOND);
    }
    // Events, or a poll that waited, start it over; an answer without either does not.
    for (content, took, high) in [
        (batch(vec![event(1, "a", 1)]), Duration::ZERO, 1),
        (quiet_at(1), 45 * SECOND, 1),
        (quiet_at(1), Duration::ZERO, 16),
    ] {
        let got = waits(|policy| {
            (0..3).for_each(|_| _ = fail(policy));
            policy.answered(content.clone(), now, took).unwrap();
            fail(policy)
        });
        assert_range(got, Duration::from_millis(100), high * SECOND);
    }
}

#[test]
fn retry_after_is_obeyed_and_capped() {
    let now = Instant::now();
    for (asked, low) in [("20", 20 * SECOND), ("4000", 300 * SECOND), ("0", SECOND / 10)] {
        let got = waits(|policy| policy.failed(busy(Some(asked)), now).unwrap().1);
        assert_range(got, low, low + low / 10);
    }
}

#[test]
fn retries_run_out() {
    let now = Instant::now();
    let mut policy = Policy::new(Position::now(), 1, RetryPolicy::new().max_retries(2));
    for _ in 0..3 {
        policy.failed(busy(None), now).unwrap();
        policy.failed(busy(Some("1")), now).unwrap();
        give(&mut policy, quiet_at(1));
    }
    policy.failed(busy(None), now).unwrap();
    policy.failed(busy(None), now).unwrap();
    let error = policy.failed(busy(None), now).unwrap_err();
    assert!(error.is_retries_exhausted() && error.status().unwrap() == 503, "{error:?}");
}

#[test]
fn failures_are_judged_by_the_table_and_by_whether_a_poll_was_answered() {
    let status = |code| {
        let status = StatusCode::from_u16(code).unwrap();
        Error::from(HttpError::from_status(status, &HeaderMap::new(), Default::default()))
    };
    let json = |text| serde_json::from_str::<u8>(text).unwrap_err();
    let rows: [(&str, &dyn Fn() -> Error, bool, bool); 9] = [
        ("network", &|| HttpError::transport_failed("x").into(), true, true),
        ("time-out", &|| HttpError::timed_out().into(), true, true),
        ("425", &|| status(425), true, true),
        ("404", &|| status(404), false, false),
        ("redirect", &|| Error::redirect(StatusCode::FOUND, "http://portal/"), false, true),
        ("page", &|| Error::answer_from("no answer", json("<html>")), false, true),
        ("JSON of another shape", &|| Error::answer_from("no answer", json("{}")), false, false),
        ("certificate", &|| HttpError::tls_failed(true, "expired").into(), false, true),
        ("too large", &|| HttpError::too_large(1).into(), false, false),
    ];
    for (name, failure, before, after) in rows {
        let mut policy = policy(Position::now());
        assert_eq!(policy.failed(failure(), Instant::now()).is_ok(), before, "{name}: before");
        give(&mut policy, quiet_at(10_000));
        assert_eq!(policy.failed(failure(), Instant::now()).is_ok(), after, "{name}: after");
    }
}
