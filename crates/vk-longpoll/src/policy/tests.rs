//! Each row of the table of `failed`, what is tried again, and what comes twice.
use http::{HeaderMap, StatusCode};
use rt_common::{HttpError, Secret};

use super::*;
use crate::server::Trust;
use crate::{ApiError, Failed, MalformedParts, Missing};

impl Event for u32 {
    fn identity(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn is_in_history(&self) -> bool {
        true
    }

    fn peer(&self) -> Option<i64> {
        None
    }

    fn code(&self) -> Option<i64> {
        None
    }

    fn name(&self) -> std::borrow::Cow<'static, str> {
        "number".into()
    }

    fn malformed(&self) -> Option<(String, String)> {
        None
    }

    fn malformed_parts(&self) -> &MalformedParts {
        unimplemented!("numbers are always whole")
    }
}

const ALL: Means = Means { token: true, history: true };
const BOT: Means = Means { token: true, history: false };
const SESSION: Means = Means { token: false, history: false };
const WAITED: Duration = Duration::from_secs(25);

fn server() -> Server {
    Trust::Vk.server("im.vk.com/nim", Secret::new("key")).unwrap()
}

fn at(ts: i64, pts: i64) -> Position {
    Position::new(ts).with_pts(pts)
}

/// A place in the middle of the history.
fn recovering(ts: i64, pts: i64) -> Position {
    Position::new(ts).recovering(Some(pts))
}

fn policy(means: Means, position: Option<Position>) -> Policy<u32> {
    let server = (!means.token).then(server);
    Policy::new(means, server, position, RetryPolicy::new().seed(7))
}

/// One that polls from 100, 1000.
fn polling(means: Means) -> Policy<u32> {
    let mut policy = policy(means, (!means.token).then(|| at(100, 1000)));
    if means.token {
        served(&mut policy, at(100, 1000));
    }
    told(&mut policy);
    policy
}

fn answer(policy: &mut Policy<u32>, answer: Answer<u32>) -> Duration {
    policy.answered(answer, Instant::now(), WAITED).unwrap()
}

fn served(policy: &mut Policy<u32>, position: Position) {
    assert_eq!(policy.ask().unwrap(), Ask::Server);
    answer(policy, Answer::Server { server: server(), position });
}

fn updates(policy: &mut Policy<u32>, ts: i64, pts: i64, events: &[u32]) -> Duration {
    answer(policy, Answer::Updates { ts, pts: Some(pts), events: events.to_vec() })
}

fn history(policy: &mut Policy<u32>, pts: i64, events: &[u32], more: bool) {
    answer(policy, Answer::History { events: events.to_vec(), pts: Some(pts), more });
}

fn refused(policy: &mut Policy<u32>, code: i64, ts: Option<i64>) -> Duration {
    answer(policy, Answer::Failed(Failed { ts, ..Failed::new(code) }))
}

/// All that waits, in a few words.
fn told(policy: &mut Policy<u32>) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(item) = policy.next() {
        told.push(match item {
            Item::Event(event) => event.to_string(),
            Item::Answered(it) => {
                let kind = match (&it.failed, it.recovered) {
                    (Some(failed), _) => format!("failed {} ", failed.code),
                    (None, true) => "recovered ".into(),
                    (None, false) => String::new(),
                };
                format!("{kind}{}/{:?}", it.position.ts, it.position.pts.unwrap_or(-1))
            }
            Item::Gap(gap) => match gap.missing {
                Missing::All => format!("gap after {}", gap.from.ts),
                Missing::NotInHistory => format!("live gap after {}", gap.from.ts),
            },
            Item::Disconnected(it) => format!("again: {}", it.error),
        });
    }
    told
}

fn status(code: u16) -> Error {
    let code = StatusCode::from_u16(code).unwrap();
    HttpError::from_status(code, &HeaderMap::new(), Default::default()).into()
}

fn refusal(code: i64) -> Error {
    let json = format!(r#"{{"error_code":{code},"error_msg":"x"}}"#);
    Error::from_api(serde_json::from_str(&json).unwrap())
}

fn fail(policy: &mut Policy<u32>, error: Error) -> Result<Duration, Error> {
    let ask = policy.ask().unwrap();
    policy.failed(ask, error, Instant::now())
}

#[test]
fn it_starts_where_the_server_is() {
    let mut policy = policy(ALL, None);
    assert_eq!(policy.position(), None);
    served(&mut policy, at(100, 1000));
    assert_eq!(told(&mut policy), ["100/1000"]);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
    assert_eq!(updates(&mut policy, 103, 1002, &[1, 2]), Duration::ZERO);
    assert_eq!(policy.position(), Some(at(100, 1000)), "not before the events are handed out");
    assert_eq!(told(&mut policy), ["1", "2", "103/1002"]);
    assert_eq!(policy.position(), Some(at(103, 1002)));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(103));
}

#[test]
fn failed_2_keeps_the_ts_and_asks_for_a_key() {
    let mut policy = polling(ALL);
    updates(&mut policy, 150, 1001, &[]);
    told(&mut policy);
    refused(&mut policy, 2, None);
    served(&mut policy, at(170, 1020));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    assert_eq!(told(&mut policy), ["failed 2 150/1001"]);
}

#[test]
fn failed_4_and_unknown_ones_end_it() {
    for code in [4, 99, 0, -1] {
        let failed = Failed { min_version: Some(0), max_version: Some(19), ..Failed::new(code) };
        let answer = Answer::Failed(failed);
        let error = polling(ALL).answered(answer, Instant::now(), WAITED).unwrap_err();
        assert_eq!(error.failed().unwrap().code, code);
        assert_eq!(error.is_wrong_version(), code == 4);
        let text = error.to_string();
        assert!(code != 4 || text.contains("0 to 19"), "{text}");
    }
}

#[test]
fn a_session_without_a_token_goes_on_until_a_key_is_needed() {
    let mut policy = polling(SESSION);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
    refused(&mut policy, 1, Some(150));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    fail(&mut policy, status(502)).unwrap();
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    refused(&mut policy, 2, None);
    let error = policy.ask().unwrap_err();
    assert!(error.is_session_over(), "{error}");
    policy.set_session(server(), at(150, 1001));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
}

#[test]
fn a_session_that_is_set_forgets_what_waits() {
    let mut policy = polling(ALL);
    updates(&mut policy, 103, 1002, &[1, 2]);
    policy.set_session(server(), at(500, 5000));
    assert_eq!(policy.waiting(), 0);
    assert_eq!(policy.position(), Some(at(500, 5000)));
}

mod failures;
mod gaps;
