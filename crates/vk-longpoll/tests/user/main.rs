//! The loop of a user's long poll against the stand-in for VK.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

mod handlers;
mod reference;
mod restart;
mod soak;
mod table;

use std::time::Duration;

use futures_util::StreamExt;
use rt_testkit::vk::{Builder, Vk};
use serde_json::json;
use vk_longpoll::user::{EventKind, LongPoll, LongPollBuilder};
use vk_longpoll::{Api, Error, HttpClient, Item, Missing, RetryPolicy};

const TOKEN: &str = "S3cr3t-of-the-user";

/// A second of a poll's wait is short, so that tests are.
fn vk() -> Builder {
    Vk::builder().token(TOKEN).wait_scale(Duration::from_millis(20))
}

fn http() -> HttpClient {
    HttpClient::builder().no_proxy().build().unwrap()
}

fn impatient() -> RetryPolicy {
    let milli = Duration::from_millis;
    RetryPolicy::new().base(milli(2)).min(milli(1)).max(milli(20)).seed(1)
}

/// Its API has no limit on calls, so that tests with many are short.
fn builder(vk: &Vk) -> LongPollBuilder {
    let api = Api::builder(TOKEN).address(vk.api_url()).http_client(http()).calls_per_second(0);
    LongPoll::builder(TOKEN).api(api.build().unwrap()).http_client(http()).retry(impatient())
}

fn long_poll(vk: &Vk) -> LongPoll {
    builder(vk).build().unwrap()
}

/// What an item is, in a word or two.
fn told(item: Item<vk_longpoll::user::Event>) -> String {
    match item {
        Item::Event(event) => {
            let recovered = if event.recovered { "recovered " } else { "" };
            match &event.kind {
                EventKind::NewMessage(message) => {
                    format!("{recovered}{}", message.text_decoded().unwrap_or_default())
                }
                EventKind::UserTyping(typing) => format!("{} types", typing.user_id),
                _ => event.raw().get().to_owned(),
            }
        }
        Item::Answered(answered) => match answered.failed {
            Some(failed) => format!("failed {}", failed.code),
            None => String::new(),
        },
        Item::Gap(gap) => match gap.missing {
            Missing::NotInHistory => format!("live events lost after {}", gap.from.ts),
            _ => "gap".into(),
        },
        Item::Disconnected(_) => "again".into(),
        other => panic!("{other:?}"),
    }
}

/// What is told until so many events have come, without the ends of answers.
async fn events(long_poll: &mut LongPoll, count: usize) -> Vec<String> {
    let (mut all, mut events) = (Vec::new(), 0);
    while events < count {
        let item = tokio::time::timeout(Duration::from_secs(20), long_poll.next()).await;
        let item = item.unwrap_or_else(|_| panic!("only {all:?}")).unwrap().unwrap();
        events += usize::from(matches!(item, Item::Event(_)));
        all.push(told(item));
    }
    all.retain(|told| !told.is_empty());
    all
}

/// Waits until the loop says where it is.
async fn begin(long_poll: &mut LongPoll) {
    while long_poll.position().is_none() {
        long_poll.next().await.unwrap().unwrap();
    }
}

/// Why the loop ends.
async fn end(long_poll: &mut LongPoll) -> Error {
    let ended = async {
        loop {
            match long_poll.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("it ended without an error"),
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();
    assert!(long_poll.next().await.is_none());
    error
}

/// A message to the user from 42.
fn say(vk: &Vk, text: &str) {
    vk.message(42, 42, text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_as_they_were_written_with_what_was_asked_for() {
    let vk = vk().start();
    let mut long_poll =
        builder(&vk).user_agent("probe/1").wait(Duration::from_secs(7)).build().unwrap();
    begin(&mut long_poll).await;
    say(&vk, "one & <two>");
    vk.push(json!([61, 42, 1]));
    assert_eq!(events(&mut long_poll, 2).await, ["one & <two>", "42 types"]);

    let polls = vk.wait_for_polls(1);
    let poll = &polls[0];
    assert_eq!((poll.wait, poll.mode, poll.version), (7, 234, 3));
    let header = |name: &str| poll.headers.iter().find(|(it, _)| it == name).map(|(_, it)| &**it);
    assert_eq!(header("user-agent"), Some("probe/1"));
    assert_eq!(header("authorization"), None, "the token is the API's alone");
    let call = &vk.calls()[0];
    assert_eq!(call.method, "messages.getLongPollServer");
    assert!(call.token_in_header && call.token == TOKEN && !call.target.contains(TOKEN));
    assert_eq!(call.params.get("need_pts"), Some("1"));
    assert_eq!(call.params.get("lp_version"), Some("3"));
}
