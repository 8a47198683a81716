//! Each situation of the table of what a client must survive.
use serde_json::{Value, json};

use super::*;
use rt_testkit::vk::{Account, ApiError, Step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_1_with_a_number_or_a_string_and_the_gap_is_read() {
    for as_text in [false, true] {
        let vk = if as_text { vk().failed_ts_as_text() } else { vk() }.history_page(2, 2).start();
        let mut long_poll = long_poll(&vk);
        begin(&mut long_poll).await;
        say(&vk, "1");
        assert_eq!(events(&mut long_poll, 1).await, ["1"]);
        // These leave the polls before the client gets them; the last one comes after.
        vk.script_polls([Step::Forget]);
        for n in 2..=6 {
            say(&vk, &n.to_string());
        }
        let missed = events(&mut long_poll, 5).await;
        assert_eq!(missed.iter().filter(|it| it.starts_with("failed 1")).count(), 1, "{missed:?}");
        let missed: Vec<_> = missed
            .iter()
            .filter(|it| !it.starts_with("failed"))
            .map(|it| it.replace("recovered ", ""))
            .collect();
        assert_eq!(missed, ["2", "3", "4", "5", "6"]);
        say(&vk, "7");
        assert_eq!(events(&mut long_poll, 1).await, ["live events lost after 1001", "7"]);
        assert_eq!(long_poll.waiting(), 1, "the end of the answer, and nothing twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_2_keeps_the_ts_and_takes_a_new_key() {
    let vk = vk().first_ts(150).start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.script_polls([Step::ExpireKeys]);
    say(&vk, "hello");
    assert_eq!(events(&mut long_poll, 1).await, ["failed 2", "hello"]);
    let polls = vk.polls();
    assert_eq!((&*polls[0].ts, &*polls[1].ts), ("150", "150"));
    assert_ne!(polls[0].key, polls[1].key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_3_takes_the_servers_ts_and_reads_the_gap() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.script_polls([Step::LoseHistory]);
    say(&vk, "missed");
    say(&vk, "too");
    assert_eq!(events(&mut long_poll, 2).await, ["failed 3", "recovered missed", "recovered too"]);
    say(&vk, "live");
    assert_eq!(events(&mut long_poll, 1).await, ["live events lost after 1000", "live"]);
    assert_eq!(vk.polls().last().unwrap().ts.parse::<u64>().unwrap(), vk.ts(Account::User) - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_4_and_an_unknown_one_end_it_with_what_they_say() {
    let vk = vk().start();
    let versions = json!({"min_version": 0, "max_version": 19, "new": [1]});
    vk.script_polls([Step::failed_with(4, versions), Step::failed_with(99, json!({"x": {}}))]);
    let error = end(&mut long_poll(&vk)).await;
    assert!(error.is_wrong_version());
    assert_eq!(error.failed().unwrap().versions(), Some((0, 19)));
    assert!(error.to_string().contains("0 to 19"), "{error}");
    let error = end(&mut long_poll(&vk)).await;
    let failed: Box<dyn std::error::Error> = error.failed().unwrap().clone().into();
    assert_eq!(failed.to_string(), "the long poll server answered failed 99");
    assert_eq!(error.failed().unwrap().code, 99);
    assert!(!error.is_wrong_version() && !error.is_retryable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_the_server_does_not_speak() {
    let vk = vk().versions(0..=3).start();
    let mut long_poll = builder(&vk).version(20).build().unwrap();
    assert!(end(&mut long_poll).await.is_wrong_version());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_answers_and_no_answers_are_tried_again_from_the_same_ts() {
    let page = || "<html>sorry</html>".to_owned();
    for step in [
        Step::Status(500, page()),
        Step::Status(502, page()),
        Step::Status(404, page()),
        Step::Empty,
        Step::EmptyObject,
        Step::Html,
        Step::Cut,
        Step::Reset,
        Step::LostAnswer,
        Step::body("[]"),
        Step::body(r#"{"ts":null,"updates":[]}"#),
        Step::body(r#"{"ts":1}"#),
    ] {
        let vk = vk().start();
        let mut long_poll = long_poll(&vk);
        begin(&mut long_poll).await;
        vk.script_polls([step.clone()]);
        say(&vk, "hello");
        assert_eq!(events(&mut long_poll, 1).await, ["again", "hello"], "{step:?}");
        let polls = vk.polls();
        assert_eq!(polls[0].ts, polls[1].ts, "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_ends_it_and_what_passes_is_waited_for() {
    for (code, goes_on) in [(5, false), (7, false), (6, true), (9, true), (10, true), (29, true)] {
        let vk = vk().start();
        vk.script_calls("messages.getLongPollServer", [Step::error(code)]);
        let mut long_poll = long_poll(&vk);
        if goes_on {
            begin(&mut long_poll).await;
            continue;
        }
        let error = end(&mut long_poll).await;
        assert_eq!(error.api().unwrap().code(), code);
        assert_eq!(error.is_unauthorized(), code == 5);
        assert!(!format!("{error} {error:?} {long_poll:?}").contains(TOKEN));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_captcha_is_put_to_the_callback() {
    let captcha =
        Step::Captcha { sid: "77".into(), img: "https://x/c.png".into(), key: "qw".into() };
    let vk = vk().start();
    vk.script_calls("messages.getLongPollServer", [captcha.clone()]);
    let error = end(&mut long_poll(&vk)).await;
    assert_eq!(error.api().unwrap().captcha().unwrap().image, "https://x/c.png");

    let vk = super::vk().start();
    vk.script_calls("messages.getLongPollServer", [captcha]);
    let mut long_poll = LongPoll::builder(TOKEN)
        .api_address(vk.api_url())
        .http_client(http())
        .on_captcha(|captcha| async move {
            (captcha.sid == "77").then(|| vk_longpoll::CaptchaAnswer::Key("qw".into()))
        })
        .build()
        .unwrap();
    begin(&mut long_poll).await;
    let calls = vk.calls();
    assert_eq!((calls.len(), calls[1].params.get("captcha_key")), (2, Some("qw")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_rows_are_given_raw_and_what_stands_around_them_is_not_lost() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let rows: Vec<Value> = vec![
        json!([61, 1, 1]),
        json!([]),
        json!(["x"]),
        json!("row"),
        json!(null),
        json!([4]),
        json!([4, {}, [], "x"]),
        json!([12345, "whole", {"and": "raw"}]),
        json!([61, 2, 1]),
    ];
    vk.script_polls([Step::Rows(rows.clone())]);
    let expected = rows.iter().map(|row| match row[1].as_i64() {
        Some(user) if row[0] == 61 => format!("{user} types"),
        _ => row.to_string(),
    });
    assert_eq!(events(&mut long_poll, 9).await, expected.collect::<Vec<_>>());
    say(&vk, "on it goes");
    assert_eq!(events(&mut long_poll, 1).await, ["on it goes"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_too_large_is_read_from_the_history() {
    let vk = vk().start();
    let mut long_poll = builder(&vk).max_answer_bytes(2_000).build().unwrap();
    begin(&mut long_poll).await;
    vk.script_polls([Step::body(format!("{{\"ts\":1,\"updates\":[[4,{}]]}}", "1".repeat(3_000)))]);
    say(&vk, "hello");
    assert_eq!(events(&mut long_poll, 1).await, ["again", "recovered hello"]);
    say(&vk, "live");
    assert_eq!(events(&mut long_poll, 1).await, ["live events lost after 1000", "live"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_does_not_reach_back_is_told_as_a_gap() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.script_polls([Step::Forget]);
    let too_old = Step::Error(ApiError::of(907));
    vk.script_calls("messages.getLongPollHistory", [too_old]);
    say(&vk, "lost");
    while told(long_poll.next().await.unwrap().unwrap()) != "gap" {}
    say(&vk, "live");
    assert_eq!(events(&mut long_poll, 1).await, ["live"]);
}

/// A page has fewer messages than rows: the others are asked for by their ids.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_the_history_leaves_out_are_read_one_by_one() {
    let vk = vk().start();
    vk.on_call("messages.getById", |params| {
        let ids = params.get("message_ids").unwrap().split(',');
        let items =
            ids.map(|id| json!({"id": id.parse::<i64>().unwrap(), "text": format!("text {id}")}));
        Ok(json!({"count": 1, "items": items.collect::<Vec<_>>()}))
    });
    let page = |rows: Value| {
        Step::Response(json!({
            "history": rows,
            "messages": {"count": 1, "items": [{"id": 1, "text": "in the page"}]},
            "new_pts": 60_000,
        }))
    };
    let rows = json!([[4, 1, 1, 42], [4, 2, 1, 42], [3, 2, 1, 42]]);
    // The first failure passes: the page is asked for again. The second is for good.
    vk.script_calls("messages.getLongPollHistory", [page(rows.clone()), page(rows)]);
    vk.script_calls("messages.getById", [Step::error(10)]);
    let saved = vk_longpoll::Position::new(1).with_pts(50_000);
    let mut long_poll = builder(&vk).position(saved).build().unwrap();
    assert_eq!(
        events(&mut long_poll, 3).await,
        ["failed 1", "again", "recovered in the page", "recovered text 2", "[3,2,1,42]"]
    );

    vk.script_calls("messages.getLongPollHistory", [page(json!([[4, 2, 1, 42]]))]);
    vk.script_calls("messages.getById", [Step::error(15)]);
    let mut long_poll = builder(&vk).position(saved).build().unwrap();
    assert_eq!(events(&mut long_poll, 1).await, ["failed 1", "recovered "]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_parts_of_the_history_do_not_cost_its_rows() {
    // All of it odd: a bad moment, and asked again.
    let vk = vk().start();
    let page = json!({"history": [[4, 1, 1, 42]], "new_pts": 60_000});
    let steps = [Step::Response(json!(null)), Step::Response(json!([])), Step::Response(page)];
    vk.script_calls("messages.getLongPollHistory", steps);
    vk.on_call("messages.getById", |_| Err(ApiError::of(15)));
    let saved = vk_longpoll::Position::new(1).with_pts(50_000);
    let mut long_poll = builder(&vk).position(saved).build().unwrap();
    assert_eq!(events(&mut long_poll, 1).await, ["failed 1", "again", "again", "recovered "]);

    for odd in [json!(false), json!({"items": {}}), json!([]), json!({"items": [5, {}]})] {
        let vk = super::vk().start();
        let page = json!({"history": [[4, 1, 1, 42]], "messages": odd, "new_pts": 60_000});
        vk.script_calls("messages.getLongPollHistory", [Step::Response(page)]);
        vk.on_call("messages.getById", |_| Err(ApiError::of(15)));
        let saved = vk_longpoll::Position::new(1).with_pts(50_000);
        let mut long_poll = builder(&vk).position(saved).build().unwrap();
        assert_eq!(events(&mut long_poll, 1).await, ["failed 1", "recovered "]);
    }
}

/// Rows that are alike: what was missed, and what happens again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_row_again_is_a_new_event() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.push(json!([51, 5, 0]));
    vk.script_polls([Step::Forget]);
    assert_eq!(events(&mut long_poll, 1).await, ["failed 1", "[51,5,0]"]);
    vk.push(json!([51, 5, 0]));
    assert_eq!(events(&mut long_poll, 1).await, ["live events lost after 1000", "[51,5,0]"]);
}

/// The head of an answer comes, and then nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_falls_silent_is_given_up_with_the_loop() {
    for step in [Step::Hang, Step::Stall] {
        let vk = vk().start();
        let mut long_poll = long_poll(&vk);
        begin(&mut long_poll).await;
        vk.script_polls([step]);
        let shutdown = long_poll.shutdown();
        let run =
            tokio::spawn(async move { long_poll.run(vk_longpoll::user::Handlers::new()).await });
        vk.wait_for_polls(1);
        shutdown.shut_down();
        run.await.unwrap().unwrap();
    }
}
