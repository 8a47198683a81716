//! The loop of a community's long poll against the stand-in for VK.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

use std::time::Duration;

use futures_util::StreamExt;
use rt_testkit::vk::{Account, Builder, Step, Vk};
use serde_json::json;
use tokio::sync::mpsc;
use vk_longpoll::bots::{Event, EventKind, EventType, Handlers, LongPoll, LongPollBuilder};
use vk_longpoll::{HttpClient, Item, Position, RawValue, RetryPolicy};

const TOKEN: &str = "S3cr3t-of-the-group";
const GROUP: i64 = 7;

fn vk() -> Builder {
    Vk::builder()
        .group_token(TOKEN, GROUP)
        .group_token("other", 8)
        .wait_scale(Duration::from_millis(20))
}

fn builder(vk: &Vk, token: &str, group: i64) -> LongPollBuilder {
    let milli = Duration::from_millis;
    LongPoll::builder(token, group)
        .api_address(vk.api_url())
        .http_client(HttpClient::builder().no_proxy().build().unwrap())
        .retry(RetryPolicy::new().base(milli(2)).min(milli(1)).max(milli(20)).seed(1))
}

fn long_poll(vk: &Vk) -> LongPoll {
    builder(vk, TOKEN, GROUP).build().unwrap()
}

fn say(vk: &Vk, group: i64, text: &str) {
    let message = json!({"id": 1, "from_id": 42, "peer_id": 42, "text": text});
    vk.push_bot(group, "message_new", json!({"message": message, "client_info": {}}));
}

/// What is told until so many events have come.
async fn events(long_poll: &mut LongPoll, count: usize) -> Vec<String> {
    let (mut all, mut events) = (Vec::new(), 0);
    while events < count {
        let item = tokio::time::timeout(Duration::from_secs(20), long_poll.next()).await;
        all.push(match item.unwrap().unwrap().unwrap() {
            Item::Event(event) => {
                events += 1;
                match &event.kind {
                    EventKind::MessageNew(new) => new.message.text.clone().unwrap(),
                    kind => format!("{} {}", kind.name(), event.raw()),
                }
            }
            Item::Answered(it) => match it.failed {
                Some(failed) => format!("failed {}", failed.code),
                None => continue,
            },
            Item::Gap(gap) => format!("gap after {}", gap.from.ts),
            Item::Disconnected(_) => "again".into(),
            other => panic!("{other:?}"),
        });
    }
    all
}

async fn begin(long_poll: &mut LongPoll) {
    while long_poll.position().is_none() {
        long_poll.next().await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_typed_and_malformed_ones_raw() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    say(&vk, GROUP, "hello");
    assert_eq!(events(&mut long_poll, 1).await, ["hello"]);
    let odd = [json!(5), json!({"type": "brand_new", "object": {"a": [1]}}), json!({})];
    vk.script_polls([Step::Rows(odd.into())]);
    assert_eq!(
        events(&mut long_poll, 3).await,
        ["malformed 5", r#"brand_new {"object":{"a":[1]},"type":"brand_new"}"#, "malformed {}"]
    );
    assert!(vk.calls()[0].token_in_header);
    assert_eq!(vk.calls()[0].params.number("group_id"), Some(GROUP));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failed_and_bad_answers() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.script_polls([Step::ExpireKeys]);
    say(&vk, GROUP, "1");
    assert_eq!(events(&mut long_poll, 1).await, ["failed 2", "1"]);
    for steps in [
        vec![Step::Html],
        vec![Step::Empty],
        vec![Step::EmptyObject],
        vec![Step::Cut],
        vec![Step::Reset, Step::Reset],
    ] {
        vk.script_polls(steps);
        say(&vk, GROUP, "2");
        assert_eq!(events(&mut long_poll, 1).await, ["again", "2"]);
    }
    // The HTTP client itself repeats a GET whose connection dies before a response.
    vk.script_polls([Step::Reset]);
    say(&vk, GROUP, "3");
    assert_eq!(events(&mut long_poll, 1).await, ["3"]);
    // Where there is no history, what left the polls is lost, and told.
    let before = vk.ts(Account::Bots(GROUP));
    vk.script_polls([Step::LoseHistory]);
    say(&vk, GROUP, "lost");
    while events_until(&mut long_poll, "gap").await != format!("gap after {before}") {}
    say(&vk, GROUP, "3");
    assert_eq!(events(&mut long_poll, 1).await.last().unwrap(), "3");
    vk.script_polls([Step::failed(99)]);
    let error = loop {
        match long_poll.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.failed().unwrap().code, 99);
}

/// What is told next that begins so.
async fn events_until(long_poll: &mut LongPoll, begin: &str) -> String {
    loop {
        let told = match long_poll.next().await.unwrap().unwrap() {
            Item::Gap(gap) => format!("gap after {}", gap.from.ts),
            _ => continue,
        };
        if told.starts_with(begin) {
            return told;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_saved_position_nothing_is_lost_and_nothing_comes_twice() {
    let vk = vk().start();
    let mut first = long_poll(&vk);
    begin(&mut first).await;
    say(&vk, GROUP, "1");
    assert_eq!(events(&mut first, 1).await, ["1"]);
    while first.waiting() > 0 {
        first.next().await.unwrap().unwrap();
    }
    let saved = serde_json::to_string(&first.position().unwrap()).unwrap();
    drop(first);
    say(&vk, GROUP, "2");
    let saved: Position = serde_json::from_str(&saved).unwrap();
    let mut second = builder(&vk, TOKEN, GROUP).position(saved).build().unwrap();
    say(&vk, GROUP, "3");
    assert_eq!(events(&mut second, 2).await, ["2", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_are_switched_on_and_off() {
    let vk = vk().types_off().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    say(&vk, GROUP, "not asked for");
    long_poll.switch_on([EventType::MessageNew, EventType::GroupJoin]).await.unwrap();
    say(&vk, GROUP, "asked for");
    assert_eq!(events(&mut long_poll, 1).await, ["asked for"]);
    long_poll.switch_off([EventType::MessageNew]).await.unwrap();
    say(&vk, GROUP, "not any more");
    vk.push_bot(GROUP, "group_join", json!({"user_id": 5, "join_type": "join"}));
    assert!(events(&mut long_poll, 1).await[0].starts_with("group_join"));
}

#[tokio::test]
async fn a_handler_of_a_type_is_called_once_with_each_of_it_malformed_or_not() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let of = |name: &'static str| {
        let tell = tell.clone();
        move |_| {
            tell.send(name).unwrap();
            std::future::ready(std::io::Result::Ok(()))
        }
    };
    let typed = of("typed");
    let malformed = of("on_malformed");
    let handlers = Handlers::new()
        .on(EventType::MessageNew, of("message_new"))
        .on(EventType::from_name("malformed"), of("type malformed"))
        .on(EventType::PhotoNew, of("photo_new"))
        .on_message_new(move |new| typed(new.event().clone()))
        .on_malformed(move |it| malformed(it.event().clone()));
    let message = json!({"id": 1, "date": 1, "from_id": 42, "peer_id": 42, "text": "hello"});
    for (update, expected) in [
        (json!({"type": "message_new", "object": {"message": message}}), "message_new typed"),
        (json!({"type": "message_new", "object": []}), "message_new on_malformed"),
        (json!({"type": "message_new"}), "message_new on_malformed"),
        (json!({"type": "group_join", "object": {}}), "on_malformed"),
        (json!({"type": "photo_new"}), "photo_new"),
        (json!({"type": "malformed"}), "type malformed"),
        (json!({}), "on_malformed"),
    ] {
        let raw = RawValue::from_string(update.to_string()).unwrap();
        handlers.dispatch(Event::decode(&raw)).await.unwrap();
        let called: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert_eq!(called.join(" "), expected, "{update}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_groups_run_side_by_side_with_handlers() {
    let vk = vk().start();
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut ends = Vec::new();
    let mut runs = Vec::new();
    for (token, group) in [(TOKEN, GROUP), ("other", 8)] {
        let mut long_poll = builder(&vk, token, group).build().unwrap();
        let (typed, raw) = (tell.clone(), tell.clone());
        let handlers = Handlers::new()
            .on_message_new(move |new| {
                let group = new.event().group_id.unwrap();
                typed.send(format!("{group}: {}", new.message.text.as_deref().unwrap())).unwrap();
                async { std::io::Result::Ok(()) }
            })
            .on(EventType::PhotoNew, move |event| {
                raw.send(format!("{}: photo", event.group_id.unwrap())).unwrap();
                async { std::io::Result::Ok(()) }
            })
            .concurrent(4);
        ends.push(long_poll.shutdown());
        runs.push(tokio::spawn(async move { long_poll.run(handlers).await }));
    }
    vk.wait_for_polls(2);
    say(&vk, GROUP, "a");
    say(&vk, 8, "b");
    vk.push_bot(8, "photo_new", json!({"id": 1}));
    let mut all = [told.recv().await, told.recv().await, told.recv().await].map(Option::unwrap);
    all.sort();
    assert_eq!(all, ["7: a", "8: b", "8: photo"]);
    ends.iter().for_each(vk_longpoll::Shutdown::shut_down);
    for run in runs {
        run.await.unwrap().unwrap();
    }
    assert!(LongPoll::builder("t", 0).build().unwrap_err().is_builder());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_events_through_faults_come_once_and_in_order() {
    let vk = vk().rows_a_poll(50).start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.faults(3, 5);
    let (ahead, behind) = std::sync::mpsc::sync_channel(60);
    let writer = tokio::task::spawn_blocking(move || {
        for n in 0..10_000 {
            ahead.send(()).unwrap();
            say(&vk, GROUP, &n.to_string());
        }
        vk
    });
    let (mut next, mut failures) = (0, 0);
    while next < 10_000 {
        match long_poll.next().await.unwrap().unwrap() {
            Item::Event(event) => {
                let EventKind::MessageNew(new) = &event.kind else { panic!("{event:?}") };
                assert_eq!(new.message.text.as_deref(), Some(&*next.to_string()));
                next += 1;
                behind.recv().unwrap();
            }
            Item::Answered(answered) => failures += usize::from(answered.failed.is_some()),
            Item::Disconnected(_) => failures += 1,
            other => panic!("{other:?}"),
        }
    }
    writer.await.unwrap();
    assert!(failures > 20, "{failures}");
}
