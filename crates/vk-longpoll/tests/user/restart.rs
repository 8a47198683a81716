//! Ending, beginning again, and sessions.
use super::*;
use rt_testkit::vk::Step;
use vk_longpoll::user::Session;
use vk_longpoll::{Position, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_during_a_poll_ends_it_at_once() {
    let vk = Vk::builder().token(TOKEN).start();
    let mut long_poll = long_poll(&vk);
    let shutdown = long_poll.shutdown();
    let run = tokio::spawn(async move { long_poll.run(user::Handlers::new()).await });
    // It would wait for 25 seconds.
    vk.wait_for_waiting(1);
    shutdown.shut_down();
    tokio::time::timeout(Duration::from_secs(5), run).await.unwrap().unwrap().unwrap();
    vk.wait_for_waiting(0);
}

#[tokio::test]
async fn a_shutdown_before_the_start_holds() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    long_poll.shutdown().shut_down();
    assert!(long_poll.shutdown().is_shut_down());
    long_poll.run(user::Handlers::new()).await.unwrap();
    assert!(long_poll.next().await.is_none());
    assert!(vk.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_from_a_saved_position_nothing_is_lost_and_nothing_comes_twice() {
    let vk = vk().history_page(2, 2).start();
    let mut first = long_poll(&vk);
    begin(&mut first).await;
    say(&vk, "1");
    assert_eq!(events(&mut first, 1).await, ["1"]);
    while first.waiting() > 0 {
        first.next().await.unwrap().unwrap();
    }
    let saved = serde_json::to_string(&first.position().unwrap()).unwrap();
    drop(first);
    for n in 2..=6 {
        say(&vk, &n.to_string());
    }
    let position: Position = serde_json::from_str(&saved).unwrap();
    let mut second = builder(&vk).position(position).build().unwrap();
    assert_eq!(second.position(), Some(position));
    assert_eq!(events(&mut second, 5).await, ["2", "3", "4", "5", "6"]);
    say(&vk, "7");
    assert_eq!(events(&mut second, 1).await, ["7"]);
    assert_eq!(histories(&vk), 0, "the server still holds what was missed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_has_forgotten_after_a_restart_is_read_from_the_history() {
    let vk = vk().history_page(2, 2).start();
    let mut first = long_poll(&vk);
    begin(&mut first).await;
    let saved = first.position();
    drop(first);
    for n in 2..=6 {
        say(&vk, &n.to_string());
    }
    vk.push(json!([61, 42, 1]));
    vk.forget();
    let mut second = builder(&vk).position(saved).build().unwrap();
    let mut expected = vec!["failed 1".to_owned()];
    expected.extend((2..=6).map(|n| format!("recovered {n}")));
    assert_eq!(events(&mut second, 5).await, expected);
    assert_eq!(histories(&vk), 3);
    say(&vk, "7");
    assert_eq!(events(&mut second, 1).await, ["live events lost after 1000", "7"]);
}

/// Handlers by code index into the row, as the reference's examples do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovered_message_has_the_row_of_a_poll() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let mut rows = Vec::new();
    for step in [Step::Pass, Step::Forget] {
        vk.script_polls([step]);
        vk.message(2_000_000_001, 42, "a & b");
        loop {
            if let Item::Event(event) = long_poll.next().await.unwrap().unwrap() {
                let mut row: Vec<serde_json::Value> =
                    serde_json::from_str(event.raw().get()).unwrap();
                assert_eq!((&row[5], &row[6]), (&json!("a &amp; b"), &json!({"from": "42"})));
                // The id, and the time that comes of it.
                row.remove(4);
                row.remove(1);
                rows.push((event.recovered, row));
                break;
            }
        }
    }
    assert_eq!((rows[0].0, rows[1].0), (false, true));
    assert_eq!(rows[0].1, rows[1].1);
}

/// A restart in the middle of the history neither repeats its pages nor passes over the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_was_being_read_is_read_on_after_a_restart() {
    let vk = vk().history_page(2, 2).start();
    let mut first = long_poll(&vk);
    begin(&mut first).await;
    for n in 1..=4 {
        say(&vk, &n.to_string());
    }
    vk.script_polls([Step::Forget]);
    events(&mut first, 2).await;
    while first.waiting() > 0 {
        first.next().await.unwrap().unwrap();
    }
    let saved = first.position().unwrap();
    assert!(saved.recovering);
    drop(first);
    let mut second = builder(&vk).position(saved).build().unwrap();
    assert_eq!(events(&mut second, 2).await, ["recovered 3", "recovered 4"]);
    say(&vk, "5");
    assert_eq!(events(&mut second, 1).await, ["live events lost after 1000", "5"]);
}

/// How often the history was asked for.
fn histories(vk: &Vk) -> usize {
    vk.calls().iter().filter(|it| it.method == "messages.getLongPollHistory").count()
}

/// The history by `ts` alone would reach back 256 events; and it has no typing and no unknown codes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_without_pts_brings_all_that_the_server_still_holds() {
    let vk = vk().start();
    say(&vk, "1");
    let saved = Position::new(i64::try_from(vk.ts(rt_testkit::vk::Account::User)).unwrap());
    vk.push(json!([61, 42, 1]));
    vk.push(json!([12345, "unknown"]));
    for n in 0..300 {
        say(&vk, &n.to_string());
    }
    let mut long_poll = builder(&vk).position(saved).build().unwrap();
    let mut expected = vec!["42 types".to_owned(), "[12345,\"unknown\"]".to_owned()];
    expected.extend((0..300).map(|n| n.to_string()));
    assert_eq!(events(&mut long_poll, 302).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_runs_without_a_token_until_a_key_is_asked_for() {
    let vk = vk().start();
    let mut with_token = long_poll(&vk);
    begin(&mut with_token).await;
    let session = with_token.session().unwrap();
    assert!(!format!("{session:?}").contains(session.key.expose()));
    drop(with_token);

    let alone = |session| LongPoll::with_session(session).http_client(http()).retry(impatient());
    let mut long_poll = alone(session.clone()).build().unwrap();
    assert_eq!(long_poll.session().unwrap().ts, session.ts);
    let calls = vk.calls().len();
    vk.script_polls([Step::Html]);
    say(&vk, "hello");
    assert_eq!(events(&mut long_poll, 1).await, ["again", "hello"]);
    while long_poll.waiting() > 0 {
        long_poll.next().await.unwrap().unwrap();
    }
    assert_eq!(long_poll.session().unwrap().ts, session.ts + 1);
    vk.expire_keys();
    assert!(end(&mut long_poll).await.is_session_over());
    assert_eq!(vk.calls().len(), calls);

    // With a token it goes on, from its own ts.
    say(&vk, "in between");
    let at = Session::new(session.server.clone(), session.key.clone(), session.ts + 1);
    let with_both = alone(at).api(builder(&vk).build().unwrap().api().unwrap().clone());
    let mut long_poll = with_both.build().unwrap();
    assert_eq!(events(&mut long_poll, 1).await, ["failed 2", "in between"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_can_be_set_while_it_runs() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let session = long_poll.session().unwrap();
    say(&vk, "1");
    say(&vk, "2");
    assert_eq!(events(&mut long_poll, 2).await, ["1", "2"]);
    let back = Session::new(session.server, session.key, session.ts);
    long_poll.set_session(back).unwrap();
    assert_eq!(events(&mut long_poll, 2).await, ["1", "2"]);
    let bad = Session::new("ftp://x", "k", 1);
    assert!(long_poll.set_session(bad).unwrap_err().is_foreign_server());
}

#[test]
fn what_is_described_wrongly_is_told() {
    let built = |builder: LongPollBuilder| builder.http_client(http()).build().unwrap_err();
    let seconds = Duration::from_secs;
    for (error, what) in [
        (built(LongPoll::builder("")), "token is empty"),
        (built(LongPoll::builder("a\nb")), "does not fit in a header"),
        (built(LongPoll::builder("t").wait(seconds(91))), "1 to 90 seconds"),
        (built(LongPoll::builder("t").wait(seconds(0))), "1 to 90 seconds"),
        (built(LongPoll::builder("t").group_id(0)), "above zero"),
        (built(LongPoll::builder("t").user_agent("a\n")), "user agent"),
        (built(LongPoll::builder("t").api_address("api.vk.com")), "https://api.vk.com"),
        (built(LongPoll::builder("t").api_address("http://api.vk.com")), "use https"),
        (built(LongPoll::builder("t").api_address("ftp://h")), "not an http or https URL"),
        (built(LongPoll::with_session(Session::new("http://", "k", 1))), "long poll server"),
    ] {
        assert!(error.is_builder() || error.is_foreign_server());
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// A position is after what was handled, not after what was handed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_handlers_error_the_loop_can_be_run_again_and_misses_nothing_of_any_kind() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let begun = long_poll.position().unwrap();
    // Of these kinds no history has any.
    vk.push(json!([61, 1, 1]));
    say(&vk, "2");
    vk.push(json!([80, 3, 0]));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handlers = move |fails: bool| {
        let tell = tell.clone();
        user::Handlers::new().on_any(move |event| {
            let code = event.code().unwrap();
            tell.send(code).unwrap();
            async move { if fails && code == 4 { Err("it is 4") } else { Ok(()) } }
        })
    };
    let error = long_poll.run(handlers(true)).await.unwrap_err();
    assert!(error.is_handler());
    assert_eq!(long_poll.position(), Some(begun));
    assert_eq!(long_poll.session().map(|it| it.ts), Some(begun.ts), "the same server");

    let shutdown = long_poll.shutdown();
    let run = tokio::spawn(async move {
        long_poll.run(handlers(false)).await.unwrap();
        long_poll.position().unwrap()
    });
    let mut codes = Vec::new();
    while codes.len() < 5 {
        codes.push(told.recv().await.unwrap());
    }
    // The answer whose events were not all handled comes again.
    assert_eq!(codes, [61, 4, 61, 4, 80]);
    // Until its end is told.
    vk.wait_for_waiting(1);
    shutdown.shut_down();
    assert_eq!(run.await.unwrap().ts, begun.ts + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_leaves_the_position_after_all_that_was_received() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let begun = long_poll.position().unwrap();
    let rows = [json!([4, 1, 1, 42]), json!([4, 2, 1, 42]), json!([61, 42, 1]), json!([80, 3, 0])];
    rows.into_iter().for_each(|row| vk.push(row));
    let shutdown = long_poll.shutdown();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handlers = user::Handlers::new().on_any(move |event| {
        shutdown.shut_down();
        tell.send(event.code().unwrap()).unwrap();
        async { std::io::Result::Ok(()) }
    });
    long_poll.run(handlers).await.unwrap();
    let mut codes = Vec::new();
    while let Some(code) = told.recv().await {
        codes.push(code);
    }
    assert_eq!(codes, [4, 4, 61, 80]);
    assert_eq!(long_poll.position().unwrap().ts, begun.ts + 4);
    // As a stream it has ended, whatever is set.
    assert!(long_poll.next().await.is_none());
    let session = Session::new(vk.api_url(), "k", 1);
    long_poll.set_session(session).unwrap();
    assert!(long_poll.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_shut_down_hands_out_what_was_received() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    for text in ["1", "2", "3"] {
        say(&vk, text);
    }
    assert_eq!(events(&mut long_poll, 1).await, ["1"]);
    long_poll.shutdown().shut_down();
    assert_eq!(events(&mut long_poll, 2).await, ["2", "3"]);
    while let Some(item) = long_poll.next().await {
        assert!(matches!(item.unwrap(), Item::Answered(_)));
    }
    assert_eq!(long_poll.position().unwrap().ts, 1_003);
}

/// A supervisor that runs a loop again and again must not spin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_has_ended_can_be_run_again() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handlers = || {
        let tell = tell.clone();
        user::Handlers::new().on_new_message(move |message| {
            tell.send(message.text_decoded().unwrap().into_owned()).unwrap();
            async { std::io::Result::Ok(()) }
        })
    };
    // Ended by a shutdown, before it began.
    let shutdown = long_poll.shutdown();
    shutdown.shut_down();
    long_poll.run(handlers()).await.unwrap();
    assert!(!shutdown.is_shut_down());
    // By an error.
    vk.script_polls([Step::failed(99)]);
    assert_eq!(long_poll.run(handlers()).await.unwrap_err().failed().unwrap().code, 99);
    // By a shutdown while it polls; the message before it is handled.
    for text in ["1", "2"] {
        say(&vk, text);
        let run = handlers();
        let ended = tokio::spawn(async move {
            long_poll.run(run).await.unwrap();
            long_poll
        });
        assert_eq!(told.recv().await.unwrap(), text);
        shutdown.shut_down();
        long_poll = ended.await.unwrap();
    }
}
