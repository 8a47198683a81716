//! Handlers: typed, by code, at the same time, and what becomes of their errors.
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use vk_longpoll::RawValue;
use vk_longpoll::user::{Event, Handlers};

use super::*;
use rt_testkit::vk::Step;

type Ok = Result<(), std::io::Error>;

/// Runs the loop until it is shut down, or ends.
fn run(
    vk: &Vk,
    handlers: Handlers,
) -> (tokio::task::JoinHandle<Result<(), Error>>, vk_longpoll::Shutdown) {
    let mut long_poll = long_poll(vk);
    let shutdown = long_poll.shutdown();
    let run = tokio::spawn(async move { long_poll.run(handlers).await });
    (run, shutdown)
}

async fn ended(run: tokio::task::JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    tokio::time::timeout(Duration::from_secs(10), run).await.unwrap().unwrap()
}

fn event(row: &str) -> Event {
    Event::decode(&RawValue::from_string(row.into()).unwrap())
}

#[tokio::test]
async fn dispatch_needs_no_network_and_calls_by_code_then_kind_then_all() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let seen = Arc::clone(&seen);
        move || seen.lock().unwrap().push(what)
    };
    let (any, typing, code, other) = (note("any"), note("typing"), note("code"), note("other"));
    let handlers = Handlers::new()
        .on_any(move |_| {
            any();
            async { Ok::Ok(()) }
        })
        .on_user_typing(move |typing_user| {
            assert_eq!(typing_user.user_id, 42);
            assert_eq!(typing_user.event().code(), Some(61));
            typing();
            async { Ok::Ok(()) }
        })
        .on(61, move |event| {
            assert_eq!(event.raw().get(), "[61,42,1]");
            code();
            async { Ok::Ok(()) }
        })
        .on(62, move |_| {
            other();
            async { Ok::Ok(()) }
        });
    handlers.dispatch(event("[61,42,1]")).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["code", "typing", "any"]);
    handlers.dispatch(event("[]")).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 4);

    let failing = Handlers::new().on_malformed(|_| async { Err("no such row") });
    let error = failing.dispatch(event("[]")).await.unwrap_err();
    assert!(error.is_handler());
    assert_eq!(error.to_string(), "the handler of malformed failed: no such row");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no such row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_is_handled_after_the_other_and_answers_after_their_events() {
    let vk = vk().start();
    let (tell, mut told) = mpsc::unbounded_channel();
    let (events, answers) = (tell.clone(), tell);
    let handlers = Handlers::new()
        .on_new_message(move |message| {
            events.send(message.text_decoded().unwrap().into_owned()).unwrap();
            async { Ok::Ok(()) }
        })
        .on_response(move |response| {
            let answered = &response.answered;
            if response.events.len() != answered.events {
                panic!("{response:?}");
            }
            if let Some(failed) = &answered.failed {
                answers.send(format!("failed {}", failed.code)).unwrap();
            } else if answered.events > 0 {
                answers.send(format!("end of {}", answered.events)).unwrap();
            } else if !answered.recovered {
                answers.send("begun".into()).unwrap();
            }
            async { Ok::Ok(()) }
        });
    vk.script_polls([Step::ExpireKeys]);
    let (run, shutdown) = run(&vk, handlers);
    assert_eq!(told.recv().await.unwrap(), "begun");
    say(&vk, "1");
    for expected in ["failed 2", "1", "end of 1"] {
        // A poll may end without events.
        let mut got = told.recv().await.unwrap();
        while got == "begun" {
            got = told.recv().await.unwrap();
        }
        assert_eq!(got, expected);
    }
    shutdown.shut_down();
    ended(run).await.unwrap();
}

/// Concurrent handlers' errors are lost, there is no bound, and no order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_handlers_have_a_bound_and_conversations_their_order() {
    let vk = vk().start();
    let gate = Arc::new(Semaphore::new(0));
    let (tell, mut told) = mpsc::unbounded_channel();
    let (begun, ended_with) = (tell.clone(), tell);
    let handlers = {
        let gate = Arc::clone(&gate);
        Handlers::new().concurrent(2).on_new_message(move |message| {
            let (gate, ended_with) = (Arc::clone(&gate), ended_with.clone());
            let what = format!("{}:{}", message.peer_id.unwrap(), message.text_decoded().unwrap());
            begun.send(format!("begin {what}")).unwrap();
            async move {
                gate.acquire().await.unwrap().forget();
                ended_with.send(format!("end {what}")).unwrap();
                Ok::Ok(())
            }
        })
    };
    let (run, shutdown) = run(&vk, handlers);
    vk.wait_for_polls(1);
    for (peer, text) in [(1, "a"), (1, "b"), (2, "c"), (3, "d")] {
        vk.message(peer, peer, text);
    }
    let mut first = vec![told.recv().await.unwrap(), told.recv().await.unwrap()];
    first.sort();
    assert_eq!(first, ["begin 1:a", "begin 2:c"], "b waits for a, d for a place");
    gate.add_permits(4);
    let mut rest = Vec::new();
    for _ in 0..6 {
        rest.push(told.recv().await.unwrap());
    }
    let at = |what: &str| rest.iter().position(|it| it == what).unwrap();
    assert!(at("end 1:a") < at("begin 1:b") && at("begin 1:b") < at("end 1:b"), "{rest:?}");
    assert!(at("begin 3:d") < at("end 3:d"));
    shutdown.shut_down();
    ended(run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_a_handler_is_given_back_and_the_position_is_before_its_event() {
    for at_once in [1, 4] {
        let vk = vk().start();
        let saved = Arc::new(Mutex::new(None));
        let save = Arc::clone(&saved);
        let handlers = Handlers::new()
            .concurrent(at_once)
            .on_new_message(|message| async move {
                match message.text_decoded().as_deref() {
                    Some("bad") => Err("it is bad"),
                    Some("worse") => panic!("it is worse"),
                    _ => Ok(()),
                }
            })
            .on_response(move |response| {
                *save.lock().unwrap() = Some(response.answered.position);
                async { Ok::Ok(()) }
            });
        let (running, _shutdown) = run(&vk, handlers);
        vk.wait_for_polls(1);
        let before = i64::try_from(vk.ts(rt_testkit::vk::Account::User)).unwrap();
        say(&vk, if at_once == 1 { "bad" } else { "worse" });
        let error = ended(running).await.unwrap_err();
        assert!(error.is_handler(), "{error}");
        let start = "the handler of new_message failed: ";
        let text = error.to_string();
        let reason = text.strip_prefix(start).unwrap_or_else(|| panic!("{text}"));
        assert!(reason.contains(if at_once == 1 { "it is bad" } else { "it is worse" }), "{text}");
        assert_eq!(saved.lock().unwrap().unwrap().ts, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_on_error_the_loop_goes_on() {
    let vk = vk().start();
    let (tell, mut told) = mpsc::unbounded_channel();
    let errors = tell.clone();
    let handlers = Handlers::new()
        .on_new_message(move |message| {
            let text = message.text_decoded().unwrap().into_owned();
            let tell = tell.clone();
            async move {
                if text == "bad" {
                    return Err("it is bad");
                }
                tell.send(text).unwrap();
                Ok(())
            }
        })
        .on_error(move |error| errors.send(error.to_string()).unwrap());
    let (run, shutdown) = run(&vk, handlers);
    vk.wait_for_polls(1);
    say(&vk, "bad");
    say(&vk, "good");
    assert_eq!(told.recv().await.unwrap(), "the handler of new_message failed: it is bad");
    assert_eq!(told.recv().await.unwrap(), "good");
    shutdown.shut_down();
    ended(run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_finishes_what_was_received_and_then_tells_of_the_response() {
    let vk = vk().start();
    let gate = Arc::new(Semaphore::new(0));
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (tell, mut told) = mpsc::unbounded_channel();
    let handlers = {
        let gate = Arc::clone(&gate);
        let end = tell.clone();
        Handlers::new()
            .on_any(move |event| {
                let (gate, tell) = (Arc::clone(&gate), tell.clone());
                let code = event.code().unwrap();
                begun.send(()).unwrap();
                async move {
                    gate.acquire().await.unwrap().forget();
                    tell.send(code).unwrap();
                    Ok::Ok(())
                }
            })
            .on_response(move |response| {
                if response.answered.events > 0 {
                    end.send(-1).unwrap();
                }
                async { Ok::Ok(()) }
            })
    };
    let rows = [json!([4, 1, 1, 42]), json!([4, 2, 1, 42]), json!([61, 42, 1]), json!([80, 3, 0])];
    vk.script_polls([Step::Rows(rows.into())]);
    let (run, shutdown) = run(&vk, handlers);
    begins.recv().await.unwrap();
    shutdown.shut_down();
    tokio::task::yield_now().await;
    assert!(!run.is_finished());
    gate.add_permits(10);
    ended(run).await.unwrap();
    let mut all = Vec::new();
    while let Some(what) = told.recv().await {
        all.push(what);
    }
    assert_eq!(all, [4, 4, 61, 80, -1]);
}

/// A handler that never ends must not keep a program from its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_drops_handlers_that_do_not_finish_within_its_timeout() {
    for fails_first in [false, true] {
        let vk = vk().start();
        let (begun, mut begins) = mpsc::unbounded_channel();
        let handlers = Handlers::new()
            .concurrent(2)
            .shutdown_timeout(Duration::from_millis(50))
            .on_user_typing(move |typing| {
                begun.send(()).unwrap();
                let fails = fails_first && typing.user_id == 2;
                async move {
                    if fails {
                        return Err("it is 2");
                    }
                    std::future::pending().await
                }
            });
        let mut long_poll = long_poll(&vk);
        begin(&mut long_poll).await;
        let before = long_poll.position();
        let shutdown = long_poll.shutdown();
        vk.push(json!([61, 1, 1]));
        vk.push(json!([61, 2, 1]));
        let run = tokio::spawn(async move {
            let ended = long_poll.run(handlers).await;
            (ended, long_poll.position())
        });
        begins.recv().await.unwrap();
        begins.recv().await.unwrap();
        shutdown.shut_down();
        let run = tokio::time::timeout(Duration::from_secs(10), run).await.expect("it ends");
        let (ended, after) = run.unwrap();
        assert_eq!((ended.is_err(), after), (fails_first, before));
    }
}

/// The reference's `Goroutine(true)`.
#[tokio::test]
async fn handlers_of_one_event_run_at_the_same_time_if_they_are_to() {
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let (one, other) = (Arc::clone(&both), both);
    let meet = |barrier: Arc<tokio::sync::Barrier>| {
        move |_| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                Ok::Ok(())
            }
        }
    };
    let handlers = Handlers::new().concurrent_handlers(true).on_any(meet(one)).on(61, meet(other));
    let dispatched = handlers.dispatch(event("[61,42,1]"));
    tokio::time::timeout(Duration::from_secs(10), dispatched).await.expect("they meet").unwrap();

    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let handlers = Handlers::new()
        .concurrent_handlers(true)
        .on(61, |_| async { Err("it fails") })
        .on(61, |_| -> std::future::Ready<Ok> { panic!("before its future") })
        .on_any(move |_| {
            *count.lock().unwrap() += 1;
            async { Ok::Ok(()) }
        });
    assert!(handlers.dispatch(event("[61,42,1]")).await.unwrap_err().is_handler());
    assert_eq!(*seen.lock().unwrap(), 1, "all are called");
}

/// What came before the end is handled before the end is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_the_loop_is_told_after_what_came_before() {
    let vk = vk().start();
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let handlers = Handlers::new().on_any(move |_| {
        let count = Arc::clone(&count);
        async move {
            tokio::task::yield_now().await;
            *count.lock().unwrap() += 1;
            Ok::Ok(())
        }
    });
    vk.script_polls([Step::Rows((0..50).map(|n| json!([61, n, 1])).collect()), Step::failed(99)]);
    let (run, _shutdown) = run(&vk, handlers);
    let error = ended(run).await.unwrap_err();
    assert_eq!(error.failed().unwrap().code, 99);
    assert_eq!(*seen.lock().unwrap(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_is_one_of_all_handlers() {
    let vk = vk().start();
    let busy = Arc::new(Mutex::new(()));
    let (tell, mut told) = mpsc::unbounded_channel();
    let (one, other) = (Arc::clone(&busy), busy);
    let handlers = Handlers::new()
        .on_new_message(move |_| {
            let busy = Arc::clone(&one);
            let tell = tell.clone();
            async move {
                let alone = busy.try_lock().is_ok();
                tokio::task::yield_now().await;
                tell.send(alone).unwrap();
                Ok::Ok(())
            }
        })
        .on_response(move |_| {
            let busy = Arc::clone(&other);
            async move {
                // Held over a wait, as a slow write of a file is.
                tokio::task::block_in_place(|| {
                    let _held = busy.lock().unwrap();
                    std::thread::sleep(Duration::from_millis(5));
                });
                Ok::Ok(())
            }
        });
    let (run, shutdown) = run(&vk, handlers);
    vk.wait_for_polls(1);
    for n in 0..20 {
        say(&vk, &n.to_string());
    }
    for _ in 0..20 {
        assert!(told.recv().await.unwrap(), "a handler ran beside that of an answer");
    }
    shutdown.shut_down();
    ended(run).await.unwrap();
}
