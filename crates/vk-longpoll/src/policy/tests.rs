//! Each row of the table of `failed`, what is tried again, and what comes twice.
use http::{HeaderMap, StatusCode};
use rt_common::{HttpError, Secret};

use super::*;
use crate::ApiError;
use crate::server::Trust;

impl Event for u32 {
    fn identity(&self) -> Option<String> {
        Some(self.to_string())
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
            Item::Gap(gap) => format!("gap after {}", gap.from.ts),
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
fn after_failed_1_it_goes_on_from_the_new_ts_and_reads_the_gap() {
    let mut policy = polling(ALL);
    assert_eq!(refused(&mut policy, 1, Some(150)), Duration::ZERO);
    assert_eq!(told(&mut policy), ["failed 1 100/1000"]);
    assert_eq!(policy.ask().unwrap(), Ask::History(at(100, 1000)));
    history(&mut policy, 1005, &[1, 2], true);
    assert_eq!(told(&mut policy), ["1", "2", "recovered 100/1005"]);
    assert_eq!(policy.ask().unwrap(), Ask::History(at(100, 1005)));
    history(&mut policy, 1009, &[3], false);
    assert_eq!(told(&mut policy), ["3", "recovered 150/1009"]);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    // 3 happened after the new ts was given, and before the history was read.
    updates(&mut policy, 152, 1010, &[3, 4]);
    assert_eq!(told(&mut policy), ["4", "152/1010"]);
    // Once past the end of the history, the same is something new.
    updates(&mut policy, 153, 1011, &[3]);
    assert_eq!(told(&mut policy), ["3", "153/1011"]);
}

#[test]
fn nothing_is_missing_where_nothing_lies_between() {
    let mut policy = polling(BOT);
    refused(&mut policy, 1, Some(100));
    assert_eq!(told(&mut policy), ["failed 1 100/1000"]);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
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
fn after_failed_3_it_takes_the_servers_ts_and_reads_the_gap() {
    let mut policy = polling(ALL);
    refused(&mut policy, 3, None);
    served(&mut policy, at(7, 1020));
    assert_eq!(policy.ask().unwrap(), Ask::History(at(100, 1000)));
    history(&mut policy, 1020, &[1], false);
    assert_eq!(told(&mut policy), ["failed 3 100/1000", "1", "recovered 7/1020"]);
    // Nothing had happened since the server was given: the same again is something new.
    updates(&mut policy, 8, 1021, &[1]);
    assert_eq!(told(&mut policy), ["1", "8/1021"]);
    // A failed 1 that does not say from where is no better.
    refused(&mut policy, 1, None);
    assert_eq!(policy.ask().unwrap(), Ask::Server);
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
fn where_there_is_no_history_the_gap_is_told() {
    let mut policy = polling(BOT);
    refused(&mut policy, 1, Some(150));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    assert_eq!(told(&mut policy)[0], "gap after 100");
    refused(&mut policy, 3, None);
    served(&mut policy, Position::new(7));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(7));
    assert!(told(&mut policy).contains(&"gap after 150".to_owned()));
    assert_eq!(policy.position(), Some(Position::new(7)));
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
fn from_a_saved_position_what_was_missed_is_read_first() {
    let mut policy = policy(ALL, Some(at(50, 900)));
    assert_eq!(policy.position(), Some(at(50, 900)));
    served(&mut policy, at(100, 1000));
    assert_eq!(policy.ask().unwrap(), Ask::History(at(50, 900)));
    // What was only begun is begun again after a crash.
    history(&mut policy, 950, &[1], true);
    assert_eq!(told(&mut policy), ["1", "recovered 50/950"]);
    assert_eq!(policy.position(), Some(at(50, 950)));
    // A page that leads nowhere ends it.
    history(&mut policy, 950, &[], true);
    assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
}

#[test]
fn a_bot_goes_on_from_its_saved_ts() {
    let mut policy = policy(BOT, Some(Position::new(50)));
    served(&mut policy, Position::new(100));
    assert_eq!(policy.ask().unwrap(), Ask::Poll(50));
}

#[test]
fn a_history_that_is_too_old_is_told_and_done_without() {
    for code in [ApiError::POSITION_TOO_OLD, ApiError::POSITION_TOO_NEW, 7, 15] {
        let mut policy = polling(ALL);
        refused(&mut policy, 1, Some(150));
        told(&mut policy);
        fail(&mut policy, refusal(code)).unwrap();
        assert_eq!(told(&mut policy), ["gap after 100", "150/-1"]);
        assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
        updates(&mut policy, 151, 1300, &[]);
        assert_eq!(policy.position().or(policy.head()), Some(Position::new(150)));
        assert_eq!(policy.head(), Some(at(151, 1300)));
    }
}

#[test]
fn a_history_that_cannot_be_read_is_done_without() {
    let json = serde_json::from_str::<u8>("x").unwrap_err();
    for error in [HttpError::too_large(5).into(), Error::data("the response", json)] {
        let mut policy = polling(ALL);
        refused(&mut policy, 1, Some(150));
        told(&mut policy);
        fail(&mut policy, error).unwrap();
        assert_eq!(told(&mut policy)[0], "gap after 100");
        assert_eq!(policy.ask().unwrap(), Ask::Poll(150));
    }
    let mut policy = polling(ALL);
    refused(&mut policy, 1, Some(150));
    fail(&mut policy, HttpError::timed_out().into()).unwrap();
    assert_eq!(policy.ask().unwrap(), Ask::History(at(100, 1000)));
}

#[test]
fn what_passes_is_tried_again_and_the_ts_kept() {
    for code in [500, 502, 503, 429, 408, 404, 403, 410] {
        let mut policy = polling(ALL);
        fail(&mut policy, status(code)).unwrap();
        assert!(told(&mut policy)[0].starts_with("again: "), "{code}");
        if policy.ask().unwrap() == Ask::Server {
            // This server does not want us.
            served(&mut policy, at(300, 3000));
        }
        assert_eq!(policy.ask().unwrap(), Ask::Poll(100), "{code}");
    }
    let mut policy = polling(ALL);
    for _ in 0..2 {
        fail(&mut policy, HttpError::timed_out().into()).unwrap();
        assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
    }
    fail(&mut policy, HttpError::timed_out().into()).unwrap();
    assert_eq!(policy.ask().unwrap(), Ask::Server, "three in a row");
}

#[test]
fn an_answer_that_is_too_large_is_read_from_the_history_instead() {
    let mut policy = polling(ALL);
    fail(&mut policy, HttpError::too_large(10).into()).unwrap();
    served(&mut policy, at(300, 3000));
    assert_eq!(policy.ask().unwrap(), Ask::History(at(100, 1000)));
    let mut bot = polling(BOT);
    fail(&mut bot, HttpError::too_large(10).into()).unwrap();
    served(&mut bot, Position::new(300));
    assert_eq!(bot.ask().unwrap(), Ask::Poll(300));
    assert!(told(&mut bot).contains(&"gap after 100".to_owned()));
    let mut session = polling(SESSION);
    fail(&mut session, HttpError::too_large(10).into()).unwrap();
    assert_eq!(session.ask().unwrap(), Ask::Poll(100));
}

#[test]
fn an_answer_that_can_never_be_read_is_read_from_the_history_instead() {
    for (means, expected) in [(ALL, Ask::History(at(100, 1000))), (BOT, Ask::Poll(100))] {
        let mut policy = polling(means);
        for _ in 0..10 {
            while policy.ask().unwrap() == Ask::Server {
                let position = at(300, 3000);
                answer(&mut policy, Answer::Server { server: server(), position });
            }
            assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
            fail(&mut policy, Error::unreadable("a page")).unwrap();
        }
        if policy.ask().unwrap() == Ask::Server {
            served(&mut policy, at(300, 3000));
        }
        assert_eq!(policy.ask().unwrap(), expected);
    }
}

#[test]
fn which_api_errors_end_it() {
    for code in [1, 6, 9, 10, 29] {
        let mut policy = policy(ALL, None);
        fail(&mut policy, refusal(code)).unwrap();
        assert_eq!(policy.ask().unwrap(), Ask::Server, "{code}");
    }
    for code in [5, 7, 14, 15, 17, 100] {
        let mut policy = policy(ALL, None);
        let error = fail(&mut policy, refusal(code)).unwrap_err();
        assert_eq!(error.api().unwrap().code(), code);
        assert_eq!(error.is_unauthorized(), code == 5);
    }
    let mut policy = polling(ALL);
    refused(&mut policy, 1, Some(150));
    assert!(fail(&mut policy, refusal(5)).unwrap_err().is_unauthorized());
}

#[test]
fn what_never_worked_is_told_at_once_and_what_did_is_tried_again() {
    assert!(fail(&mut policy(ALL, None), status(404)).is_err());
    fail(&mut policy(ALL, None), status(502)).unwrap();
    let mut begun = polling(ALL);
    refused(&mut begun, 2, None);
    fail(&mut begun, status(404)).unwrap();
    assert!(fail(&mut begun, Error::foreign_server("x")).unwrap_err().is_foreign_server());
    let mut session = polling(SESSION);
    assert!(fail(&mut session, status(404)).is_err());
}

#[test]
fn answers_without_a_wait_and_refusals_are_not_asked_for_in_a_loop() {
    let mut policy = polling(ALL);
    let now = Instant::now();
    let empty = |ts| Answer::Updates { ts, pts: None, events: Vec::new() };
    assert!(
        policy.answered(empty(100), now, Duration::ZERO).unwrap() >= Duration::from_millis(100)
    );
    assert_eq!(policy.answered(empty(101), now, Duration::ZERO).unwrap(), Duration::ZERO);
    assert_eq!(policy.answered(empty(101), now, WAITED).unwrap(), Duration::ZERO);
    for code in [1, 2, 3] {
        let mut policy = polling(ALL);
        assert_eq!(refused(&mut policy, code, Some(150)), Duration::ZERO);
        answer(&mut policy, Answer::Server { server: server(), position: at(100, 1000) });
        assert!(refused(&mut policy, code, Some(150)) >= Duration::from_millis(100), "{code}");
        assert!(refused(&mut policy, code, Some(150)) >= Duration::from_millis(100), "{code}");
        updates(&mut policy, 160, 1001, &[]);
        assert_eq!(refused(&mut policy, code, Some(150)), Duration::ZERO);
    }
}

#[test]
fn retries_are_counted_since_the_last_good_answer() {
    let retry = RetryPolicy::new().seed(7).max_retries(2);
    let mut policy = Policy::<u32>::new(SESSION, Some(server()), Some(at(1, 1)), retry);
    for _ in 0..2 {
        fail(&mut policy, status(502)).unwrap();
        fail(&mut policy, status(502)).unwrap();
        updates(&mut policy, 2, 2, &[5]);
    }
    fail(&mut policy, status(502)).unwrap();
    fail(&mut policy, status(502)).unwrap();
    let error = fail(&mut policy, status(502)).unwrap_err();
    assert!(error.is_retries_exhausted() && error.status().is_some(), "{error}");
}

#[test]
fn what_may_come_twice_is_forgotten_in_time() {
    let mut repeats = Repeats::default();
    for n in 0..12_000 {
        repeats.add(n.to_string());
    }
    repeats.add("11999".into());
    assert!(!repeats.take("1") && repeats.take("11999") && repeats.take("11999"));
    assert!(!repeats.take("11999") && repeats.take("7000"));
    repeats.until(Some(10));
    repeats.passed(Some(9));
    assert!(repeats.take("11998"));
    repeats.passed(Some(10));
    assert!(repeats.is_empty());
}
