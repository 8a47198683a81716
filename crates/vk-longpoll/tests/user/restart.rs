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
    let missed = events(&mut second, 5).await;
    assert_eq!(missed, ["2", "3", "4", "5", "6"].map(|it| format!("recovered {it}")));
    say(&vk, "7");
    assert_eq!(events(&mut second, 1).await, ["7"]);
    let asked = vk.calls().into_iter().filter(|it| it.method == "messages.getLongPollHistory");
    assert_eq!(asked.count(), 3);
}

/// With `ts` alone, the history reaches less far.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_without_pts_is_good_for_a_restart_too() {
    let vk = vk().start();
    say(&vk, "1");
    let saved = Position::new(i64::try_from(vk.ts(rt_testkit::vk::Account::User)).unwrap());
    say(&vk, "2");
    let mut long_poll = builder(&vk).position(saved).build().unwrap();
    assert_eq!(events(&mut long_poll, 1).await, ["recovered 2"]);
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
async fn after_a_handlers_error_the_loop_can_be_run_again_and_misses_nothing() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let begun = long_poll.position().unwrap();
    for text in ["1", "2", "3"] {
        say(&vk, text);
    }
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handlers = move |fails: bool| {
        let tell = tell.clone();
        user::Handlers::new().on_new_message(move |message| {
            let text = message.text_decoded().unwrap().into_owned();
            tell.send(text.clone()).unwrap();
            async move { if fails && text == "2" { Err("it is 2") } else { Ok(()) } }
        })
    };
    let error = long_poll.run(handlers(true)).await.unwrap_err();
    assert!(error.is_handler());
    assert_eq!(long_poll.position(), Some(begun));
    assert_eq!(long_poll.session().map(|it| it.ts), None, "a new key is asked for");

    let shutdown = long_poll.shutdown();
    let run = tokio::spawn(async move {
        long_poll.run(handlers(false)).await.unwrap();
        long_poll.position().unwrap()
    });
    let mut texts = Vec::new();
    while texts.len() < 5 {
        texts.push(told.recv().await.unwrap());
    }
    // The answer whose events were not all handled comes again.
    assert_eq!(texts, ["1", "2", "1", "2", "3"]);
    // Until its end is told.
    vk.wait_for_waiting(1);
    shutdown.shut_down();
    assert_eq!(run.await.unwrap().ts, begun.ts + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_leaves_the_position_before_what_was_not_handled() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let begun = long_poll.position().unwrap();
    for text in ["1", "2", "3"] {
        say(&vk, text);
    }
    let shutdown = long_poll.shutdown();
    let handlers = user::Handlers::new().on_new_message(move |_| {
        shutdown.shut_down();
        async { std::io::Result::Ok(()) }
    });
    long_poll.run(handlers).await.unwrap();
    assert_eq!(long_poll.position(), Some(begun));
    // Ended is ended, whatever is set.
    assert!(long_poll.next().await.is_none());
    let session = Session::new(vk.api_url(), "k", 1);
    long_poll.set_session(session).unwrap();
    assert!(long_poll.next().await.is_none());
}
