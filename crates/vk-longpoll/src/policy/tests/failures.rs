//! What is tried again, what ends a loop, and what is asked for less and less.
use super::*;

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
    // It would be as large again.
    let mut session = polling(SESSION);
    assert!(fail(&mut session, HttpError::too_large(10).into()).unwrap_err().is_too_large());
}

/// An answer that began so, with a status of success.
fn odd(body: &'static str) -> Error {
    let body = bytes::Bytes::from_static(body.as_bytes());
    Error::answer("not an answer", (StatusCode::OK, &HeaderMap::new()), &body, None)
}

#[test]
fn an_answer_that_can_never_be_read_is_passed_over_and_a_page_is_waited_out() {
    for (means, body, expected) in [
        (ALL, r#"{"ts":"#, Ask::History(at(100, 1000))),
        (BOT, r#"{"ts":"#, Ask::Poll(300)),
        (ALL, "<html>", Ask::Poll(100)),
        (BOT, "", Ask::Poll(100)),
    ] {
        let mut policy = polling(means);
        for _ in 0..10 {
            if policy.ask().unwrap() == Ask::Server {
                served(&mut policy, at(300, 3000));
            }
            assert_eq!(policy.ask().unwrap(), Ask::Poll(100));
            fail(&mut policy, odd(body)).unwrap();
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

/// What fails, and whether the loop goes on before and after it has worked.
type Row = (&'static str, fn() -> Error, bool, bool);

/// The API before and after it has named a server, and a poll: each ends with the same failures.
#[test]
fn calls_and_polls_are_judged_by_one_table() {
    let rows: [Row; 9] = [
        ("network", || HttpError::transport_failed("x").into(), true, true),
        ("time-out", || HttpError::timed_out().into(), true, true),
        ("425", || status(425), true, true),
        (
            "redirect",
            || Error::redirect(StatusCode::FOUND, "https://vk.com", "http://p/"),
            true,
            true,
        ),
        ("a redirect without a location", || status(302), false, true),
        ("page", || odd("<html>"), true, true),
        ("certificate", || HttpError::tls_failed(true, "expired").into(), false, true),
        ("404", || status(404), false, true),
        ("an address that is none", || HttpError::invalid_request("x").into(), false, false),
    ];
    for (name, failure, before, after) in rows {
        let goes_on = |mut policy| fail(&mut policy, failure()).is_ok();
        assert_eq!(goes_on(policy(ALL, None)), before, "{name}: a call before it has worked");
        let mut begun = polling(ALL);
        refused(&mut begun, 2, None);
        assert_eq!(begun.ask().unwrap(), Ask::Server);
        assert_eq!(goes_on(begun), after, "{name}: a call after it has worked");
        for means in [ALL, BOT] {
            assert_eq!(goes_on(polling(means)), after, "{name}: a poll");
        }
        // A session without a token has one server, which was given by the user.
        assert_eq!(goes_on(polling(SESSION)), before, "{name}: the first poll of a session");
        let mut answered = polling(SESSION);
        updates(&mut answered, 101, 1001, &[]);
        told(&mut answered);
        assert_eq!(goes_on(answered), after && name != "404", "{name}: a later poll of a session");
    }
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
    // A wait that a quick answer makes is no retry.
    let quick = Answer::Updates { ts: 2, pts: None, events: Vec::new() };
    policy.answered(quick, Instant::now(), Duration::ZERO).unwrap();
    fail(&mut policy, status(502)).unwrap();
    fail(&mut policy, status(502)).unwrap();
    let error = fail(&mut policy, status(502)).unwrap_err();
    assert!(error.is_retries_exhausted() && error.status().is_some(), "{error}");
}

#[test]
fn refusals_alone_are_asked_for_less_and_less() {
    let mut policy = polling(ALL);
    let mut waits = Vec::new();
    for n in 0..12 {
        waits.push(refused(&mut policy, 3, None));
        served(&mut policy, at(200 + n, 1000));
        history(&mut policy, 1000, &[], false);
    }
    assert!(waits[8..].iter().sum::<Duration>() > Duration::from_secs(15), "{waits:?}");
}

#[test]
fn events_without_a_new_ts_and_empty_answers_are_not_asked_for_in_a_loop() {
    let mut policy = polling(ALL);
    let now = Instant::now();
    let mut ask = |ts, events: &[u32]| {
        let answer = Answer::Updates { ts, pts: None, events: events.to_vec() };
        policy.answered(answer, now, Duration::ZERO).unwrap()
    };
    assert!(ask(100, &[1]) >= Duration::from_millis(100));
    assert!(ask(99, &[]) >= Duration::from_millis(100));
    let waits: Vec<_> = (101..120).map(|ts| ask(ts, &[])).collect();
    assert!(waits[..5].iter().all(Duration::is_zero) && !waits[15].is_zero(), "{waits:?}");
}
