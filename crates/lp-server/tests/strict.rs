//! The strict form: status codes, cursors, several categories, bounds.

mod common;

use common::{Answer, poll, poll_with, publish, request};
use lp_server::{Gone, LongPoll};
use rt_broker::{Bounds, Broker, MemoryEngine, Timestamp};
use serde_json::json;

const STRICT: &[(&str, &str)] = &[("accept", "application/vnd.longpoll+json")];

fn short_history() -> Broker {
    Broker::builder(MemoryEngine::builder().bounds(Bounds::new().count(2)).build()).build()
}

#[tokio::test]
async fn only_who_asks_for_it_gets_it() {
    let polls = LongPoll::in_memory();
    publish(&polls, "a", 1).await;
    let query = "timeout=1&category=a&since_time=0";
    for (accept, strict) in [
        ("", false),
        ("*/*", false),
        ("application/json", false),
        ("application/vnd.longpoll+json", true),
        ("application/vnd.longpoll+json;q=0, */*", false),
        ("text/html, APPLICATION/vnd.longpoll+json;q=0.5, */*", true),
    ] {
        let answer = poll_with(&polls, query, &[("accept", accept)]).await;
        let kind = if strict { "application/vnd.longpoll+json" } else { "application/json" };
        assert_eq!(answer.header("content-type"), Some(kind), "{accept}");
    }
    assert!(poll(&polls, &format!("form=strict&{query}")).await.headers.contains_key("etag"));
    let named = poll_with(&polls, &format!("form=golongpoll&{query}"), STRICT).await;
    assert_eq!(named.header("content-type"), Some("application/json"));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_goes_on_without_a_clock_from_the_first_time_out_on() {
    let polls = LongPoll::in_memory();
    let quiet = poll(&polls, "form=strict&timeout=3&category=a").await;
    assert_eq!((quiet.status.as_u16(), quiet.text.as_str()), (204, ""));
    publish(&polls, "a", 1).await;
    publish(&polls, "a", 2).await;
    let first = poll(&polls, &format!("form=strict&category=a&cursor={}", quiet.cursor())).await;
    assert_eq!(first.data(), [1, 2]);
    assert_eq!(first.json()["cursor"], first.cursor());
    assert_eq!(first.json()["more"], false);
    // The cursor as HTTP has it: the tag of what was seen last.
    publish(&polls, "a", 3).await;
    let tag = first.header("etag").unwrap().to_owned();
    let next = poll_with(&polls, "form=strict&category=a", &[("if-none-match", &tag)]).await;
    assert_eq!(next.data(), [3]);
    // What a proxy made of the tag is no error, and a list may hold it.
    let list = format!("\"x-gzip\", W/{tag}");
    let listed = poll_with(&polls, "form=strict&category=a", &[("if-none-match", &list)]).await;
    assert_eq!(listed.data(), [3]);
    let end = poll(&polls, &format!("form=strict&category=a&cursor={}", next.cursor())).await;
    assert_eq!((end.status.as_u16(), end.cursor()), (204, next.cursor()));
}

#[tokio::test]
async fn several_categories_come_oldest_first_and_none_is_starved() {
    let ticks = std::sync::atomic::AtomicU64::new(1_000);
    let tick = move || ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let clock = move || Timestamp::from_millis(tick());
    let engine = MemoryEngine::builder().clock(clock).build();
    let polls = LongPoll::builder(Broker::builder(engine).build()).build();
    let begin = poll(&polls, "form=strict&timeout=1&category=a&category=b&category=a").await;
    for n in 0..6 {
        publish(&polls, ["a", "b"][n % 2], n).await;
    }
    let mut cursor = begin.cursor().to_owned();
    let mut seen = Vec::new();
    loop {
        // The order of the categories does not matter to a cursor.
        let query = format!("form=strict&limit=4&category=b&category=a&cursor={cursor}");
        let answer = poll(&polls, &query).await;
        assert!(answer.data().len() <= 4);
        cursor = answer.cursor().to_owned();
        seen.extend(answer.data());
        if answer.json()["more"] == false {
            break;
        }
    }
    assert_eq!(seen, (0..6).map(|n| json!(n)).collect::<Vec<_>>());

    // A category that joins later begins with now; the others go on.
    publish(&polls, "c", "before").await;
    publish(&polls, "a", 7).await;
    let query = format!("form=strict&category=a&category=c&cursor={cursor}");
    let joined = poll(&polls, &query).await;
    assert_eq!(joined.data(), [7]);
    publish(&polls, "c", "after").await;
    let query = format!("form=strict&category=a&category=c&cursor={}", joined.cursor());
    assert_eq!(poll(&polls, &query).await.data(), ["after"]);
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_gives_one_at_least() {
    let polls = LongPoll::builder(Broker::in_memory()).max_bytes(1_000).max_events(3).build();
    for text in ["x".repeat(5_000), "y".repeat(300), "z".repeat(300), "w".repeat(500)] {
        publish(&polls, "a", text).await;
    }
    let mut cursor = String::new();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let query = format!("form=strict&category=a&since_time=0&cursor={cursor}");
        let answer = poll(&polls, &query).await;
        sizes.push(answer.data().len());
        cursor = answer.cursor().to_owned();
    }
    assert_eq!(sizes, [1, 2, 1]);
    let three = poll(&polls, "form=strict&category=a&since_time=0&limit=4").await;
    assert_eq!(three.status, 400);
    assert!(three.text.contains("limit must be a whole number from 1 to 3"), "{three:?}");
}

#[tokio::test]
async fn a_position_that_is_gone_is_a_gap_or_410() {
    let polls = LongPoll::builder(short_history()).build();
    let begin = poll(&polls, "form=strict&timeout=1&category=a&category=b").await;
    for n in 0..5 {
        publish(&polls, "a", n).await;
    }
    publish(&polls, "b", "b").await;
    let query = format!("form=strict&category=a&category=b&cursor={}", begin.cursor());
    let answer = poll(&polls, &query).await;
    assert_eq!(answer.data(), [json!(3), json!(4), json!("b")]);
    let gaps = &answer.json()["gaps"];
    assert_eq!(gaps.as_array().unwrap().len(), 1);
    assert_eq!((&gaps[0]["category"], &gaps[0]["reason"]), (&json!("a"), &json!("evicted")));
    assert!(gaps[0]["from"].as_str().unwrap().ends_with("-0"));
    assert!(gaps[0]["resume"].as_str().unwrap().ends_with("-3"));

    // The topic began anew: told at once, even where nothing is held.
    polls.broker().engine().history().remove("a").await.unwrap();
    let query = format!("form=strict&category=a&cursor={}", answer.cursor());
    let anew = poll(&polls, &query).await;
    assert_eq!(anew.status, 200);
    assert_eq!(anew.json()["gaps"][0]["reason"], "epoch");
    let query = format!("form=strict&timeout=1&category=a&cursor={}", anew.cursor());
    assert_eq!(poll(&polls, &query).await.status, 204, "a gap is told once");

    let strict = LongPoll::builder(polls.broker().clone()).gone(Gone::Status).build();
    let query = format!("form=strict&category=a&cursor={}", answer.cursor());
    let gone = poll(&strict, &query).await;
    assert_eq!(gone.status, 410);
    assert!(gone.text.contains("\\\"a\\\"") && gone.text.contains("epoch"), "{gone:?}");
}

/// Several categories from one event's time and id, which is only one's of them.
#[tokio::test]
async fn an_id_of_one_category_is_no_gap_of_another() {
    let polls = LongPoll::in_memory();
    for n in 0..4 {
        publish(&polls, ["a", "b"][n % 2], n).await;
    }
    let all = poll(&polls, "timeout=1&category=a&since_time=0").await.events();
    let (since, id) = (&all[0]["timestamp"], all[0]["id"].as_str().unwrap());
    let both = "form=strict&category=a&category=b";
    let answer = poll(&polls, &format!("{both}&since_time={since}&last_id={id}")).await;
    assert!(!answer.text.contains("gaps"), "{answer:?}");
    let mut data: Vec<_> = answer.data().iter().filter_map(serde_json::Value::as_u64).collect();
    data.sort_unstable();
    assert_eq!(data, [1, 2, 3]);
}

#[tokio::test]
async fn what_is_wrong_is_400_and_said() {
    let polls = LongPoll::in_memory();
    let many: String = (0..65).map(|n| format!("&category=c{n}")).collect();
    for (query, said) in [
        ("", "category=NAME"),
        ("&category=", "1-1024"),
        ("&category=%ff", "UTF-8"),
        ("&category=a&timeout=0", "timeout must be a whole number from 1 to 110"),
        ("&category=a&timeout=1.5", "timeout must be"),
        ("&category=a&limit=0", "limit must be"),
        ("&category=a&cursor=abc", "cursor"),
        ("&category=a&since_time=x", "since_time"),
        (&*many, "64 categories"),
    ] {
        let answer = poll(&polls, &format!("form=strict{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["error"].as_str().unwrap().contains(said), "{answer:?}");
    }
    let kind = polls.subscribe(&request("GET", "/events", STRICT, ()).into_parts().0).await;
    assert_eq!(Answer::of(kind).status, 400);
}

/// Two polls with one cursor, as when a client asks again before its first answer came: both are
/// given everything.
#[tokio::test]
async fn a_second_poll_does_not_break_the_first() {
    let polls = LongPoll::in_memory();
    let begin = poll(&polls, "form=strict&timeout=1&category=a").await.cursor().to_owned();
    let ask = |polls: LongPoll, query: String| async move { poll(&polls, &query).await.data() };
    let twice = [0, 1].map(|_| {
        let query = format!("form=strict&category=a&cursor={begin}");
        tokio::spawn(ask(polls.clone(), query))
    });
    while polls.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    publish(&polls, "a", 1).await;
    for answer in twice {
        assert_eq!(answer.await.unwrap(), [1]);
    }
}
