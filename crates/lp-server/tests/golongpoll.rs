//! golongpoll's form, through the public face: what its clients rely on.

mod common;

use common::{Answer, poll, poll_with, post, publish, request};
use http::{Request, StatusCode};
use lp_server::{LongPoll, basic_auth, error_answer};
use rt_broker::{Bounds, Broker, MemoryEngine, Message, Timestamp};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn an_answer_is_golongpolls_to_the_header() {
    let polls = LongPoll::in_memory();
    publish(&polls, "a", json!({ "x": [1, 2.5, null] })).await;
    let answer = poll(&polls, "timeout=1&category=a&since_time=1").await;
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
        ("expires", "0"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert_eq!(answer.headers.len(), 5, "{answer:?}");
    let event = &answer.events()[0];
    let (time, id) = (&event["timestamp"], event["id"].as_str().unwrap());
    let expected = format!(
        r#"{{"events":[{{"timestamp":{time},"category":"a","data":{{"x":[1,2.5,null]}},"id":"{id}"}}]}}"#
    );
    assert_eq!(answer.text, expected);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_saw_nothing_says_when() {
    let polls = LongPoll::in_memory();
    let began = tokio::time::Instant::now();
    let answer = poll(&polls, "timeout=7&category=a").await;
    assert_eq!(began.elapsed().as_secs(), 7);
    let time = &answer.json()["timestamp"];
    assert!(time.is_u64());
    let expected = format!(r#"{{"timeout":"no events before timeout","timestamp":{time}}}"#);
    assert_eq!((answer.status.as_u16(), answer.text), (200, expected));
}

#[tokio::test]
async fn every_error_has_golongpolls_words_and_is_200() {
    let builder = LongPoll::builder(Broker::in_memory());
    let polls = builder.max_timeout(std::time::Duration::from_millis(30_500)).build();
    for (query, error) in [
        ("category=a", "Invalid or missing 'timeout' arg.  Must be 1-30."),
        ("timeout=31&category=a", "Invalid or missing 'timeout' arg.  Must be 1-30."),
        ("timeout=1", "Invalid subscription category, must be 1-1024 characters long."),
        ("timeout=1&category=a&since_time=x", "Invalid 'since_time' arg."),
        (
            "timeout=1&category=a&last_id=x",
            "Must provide 'since_time' arg when providing 'last_id'.",
        ),
        ("timeout=1&category=a&since_time=1&last_id=x", "Param 'last_id' was not a valid UUID."),
    ] {
        let answer = poll(&polls, query).await;
        assert_eq!(answer.text, format!(r#"{{"error": "{error}"}}"#));
        assert_eq!((answer.status.as_u16(), answer.header("expires")), (200, Some("0")));
    }
    let long = json!({ "category": "x".repeat(1025), "data": 1 }).to_string();
    for (body, error) in [
        ("{", "Invalid POST body json."),
        (&*long, "Invalid or missing 'category' arg, must be 1-1024 characters long."),
        (r#"{"category":"a"}"#, "Invalid or missing 'data' arg, must be non-nil."),
    ] {
        let answer = post(&polls, body).await;
        assert_eq!(answer.text, format!(r#"{{"error": "{error}"}}"#));
        assert_eq!(answer.status, 400);
    }
    let put = request("PUT", "/publish", &[], r#"{"category":"a","data":1}"#.to_owned());
    let answer = Answer::of(polls.publish(put).await);
    assert_eq!(answer.text, r#"{"error": "Invalid HTTP Method. Only POST allowed."}"#);
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("POST")));
}

/// An engine whose clock stands where it is set.
fn at(clock: &Arc<AtomicU64>, bounds: Bounds) -> LongPoll {
    let clock = clock.clone();
    let engine = MemoryEngine::builder().bounds(bounds);
    let engine =
        engine.clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed))).build();
    LongPoll::builder(Broker::builder(engine).build()).build()
}

#[tokio::test(start_paused = true)]
async fn a_last_id_that_is_held_decides_else_the_time() {
    let clock = Arc::new(AtomicU64::new(1_000));
    let polls = at(&clock, Bounds::new());
    for n in 1..4 {
        clock.store(n * 1_000, Ordering::Relaxed);
        publish(&polls, "a", n).await;
        publish(&polls, "a", n * 10).await;
    }
    let all = poll(&polls, "timeout=1&category=a&since_time=-5").await;
    assert_eq!(all.data(), [1, 10, 2, 20, 3, 30]);
    let ids: Vec<_> = all.events().iter().map(|e| e["id"].as_str().unwrap().to_owned()).collect();
    let unknown = "01234567-89ab-4def-8123-456789abcdef";
    for (since, last_id, expected) in [
        // Strictly greater without an id.
        ("2000", "", vec![3, 30]),
        ("1999", "", vec![2, 20, 3, 30]),
        // Held: what follows it, whatever the time says.
        ("2000", &*ids[2], vec![20, 3, 30]),
        ("1", &*ids[4], vec![30]),
        ("9999", &*ids[4], vec![30]),
        // Unknown: that millisecond's too.
        ("2000", unknown, vec![2, 20, 3, 30]),
        ("-9", unknown, vec![1, 10, 2, 20, 3, 30]),
    ] {
        let query = format!("timeout=1&category=a&since_time={since}&last_id={last_id}");
        assert_eq!(poll(&polls, &query).await.data(), expected, "{query}");
    }
    // The newest, or a clock that is ahead of ours: now.
    for since in ["3000", "99999999999999", "9223372036854775807"] {
        let query = format!("timeout=9&category=a&since_time={since}");
        let waiting = tokio::spawn({
            let polls = polls.clone();
            async move { poll(&polls, &query).await.data() }
        });
        tokio::task::yield_now().await;
        clock.fetch_add(5, Ordering::Relaxed);
        publish(&polls, "a", since).await;
        assert_eq!(waiting.await.unwrap(), [json!(since)]);
    }
}

#[tokio::test]
async fn all_that_is_buffered_comes_in_one_answer() {
    let polls = at(&Arc::new(AtomicU64::new(7)), Bounds::new().count(3_000).bytes(8 << 20));
    let large = "x".repeat(1 << 10);
    for n in 0..2_000 {
        publish(&polls, "a", format!("{n}{large}")).await;
    }
    let answer = poll(&polls, "timeout=1&category=a&since_time=0").await;
    let expected: Vec<_> = (0..2_000).map(|n| json!(format!("{n}{large}"))).collect();
    assert_eq!(answer.data(), expected);
}

#[tokio::test]
async fn text_is_a_string_with_its_type_and_comments_are_nothing() {
    let polls = LongPoll::in_memory();
    let waiting = tokio::spawn({
        let polls = polls.clone();
        async move { poll(&polls, "timeout=9&category=a&since_time=0").await }
    });
    while polls.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let text = Message::text("say \"hi\"").with_event("note");
    for message in [Message::comment_only("for streams"), text.clone().to_client("x"), text] {
        polls.broker().publish("a", message).await.unwrap();
    }
    let answer = waiting.await.unwrap();
    assert_eq!(answer.events().len(), 1);
    assert_eq!(answer.events()[0]["data"], "say \"hi\"");
    assert_eq!(answer.events()[0]["event"], "note");
}

#[tokio::test]
async fn a_gap_is_told_by_a_header() {
    let polls = at(&Arc::new(AtomicU64::new(1_000)), Bounds::new().count(2));
    for n in 0..5 {
        publish(&polls, "a", n).await;
    }
    let answer = poll(&polls, "timeout=1&category=a&since_time=999").await;
    assert_eq!(answer.data(), [3, 4]);
    assert_eq!(answer.header("longpoll-gap"), Some("evicted"));
    let whole = poll(&polls, "timeout=1&category=a&since_time=0").await;
    assert_eq!((whole.data().len(), whole.header("longpoll-gap")), (2, None), "asks for no more");
}

#[tokio::test]
async fn golongpolls_rule_on_categories_is_the_only_one_unless_another_is_set() {
    let own = LongPoll::in_memory();
    publish(&own, "a\nb", "x").await;
    assert_eq!(poll(&own, "timeout=1&category=a%0Ab&since_time=1").await.data(), ["x"]);

    let rule = |name: &str| match name.chars().any(char::is_control) {
        true => Err("a control \"character\"".to_owned()),
        false => Ok(()),
    };
    let polls = LongPoll::builder(Broker::in_memory()).category_rule(rule).build();
    publish(&polls, "fine", "x").await;
    let body = json!({ "category": "a\nb", "data": "x" }).to_string();
    for refused in [
        post(&polls, &body).await,
        poll(&polls, "timeout=1&category=a%0Ab&since_time=1").await,
        poll(&polls, "form=strict&category=fine&category=a%0Ab").await,
    ] {
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["error"], "a control \"character\"");
    }
    assert!(!polls.broker().knows("a\nb"));
}

#[tokio::test]
async fn hooks_refuse_before_anything_is_looked_at() {
    let builder = LongPoll::builder(Broker::in_memory());
    let polls = builder.before_subscribe(basic_auth("me", "pass:word")).build();
    // `me:pass:word`, and almost.
    let right = [("authorization", "Basic bWU6cGFzczp3b3Jk")];
    let answer = poll_with(&polls, "timeout=0", &right).await;
    assert!(answer.text.contains("'timeout'"), "{answer:?}");
    for wrong in ["Basic bWU6cGFzczp3b3Jr", "Bearer bWU6cGFzczp3b3Jk", "Basic", "Basic !", ""] {
        let answer = poll_with(&polls, "timeout=0", &[("authorization", wrong)]).await;
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="));
    }
    assert_eq!(poll(&polls, "timeout=0").await.status, 401);
    publish(&polls, "a", 1).await;

    let closed = LongPoll::builder(Broker::in_memory()).before_publish(basic_auth("a", "b"));
    assert_eq!(post(&closed.build(), r#"{"category":"a","data":1}"#).await.status, 401);
}

#[tokio::test]
async fn a_hook_sees_the_publication_and_may_refuse_it_or_add_headers() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let polls = LongPoll::builder(Broker::in_memory())
        .before_subscribe(|_| async { Ok(header("x-hook", "poll")) })
        .before_publish(|_| async { Ok(header("x-head", "seen")) })
        .check_publication(move |request| {
            let body = String::from_utf8(request.body.to_vec()).unwrap();
            let (category, data) = (request.category.to_owned(), request.data.to_owned());
            let is_allowed = category == "news" && request.head.method == "POST";
            log.lock().unwrap().push((category, data, body));
            async move {
                match is_allowed {
                    true => Ok(header("x-checked", "yes")),
                    false => Err(error_answer(StatusCode::FORBIDDEN, "no such category")),
                }
            }
        })
        .build();
    let body = r#"{ "category": "news", "data": {"a": [1, 2]} }"#;
    let request = || Request::post("/publish");
    let answer = polls.publish(request().body(body.to_owned()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-head"], "seen");
    assert_eq!(answer.headers()["x-checked"], "yes");
    let expected = ("news".to_owned(), r#"{"a": [1, 2]}"#.to_owned(), body.to_owned());
    assert_eq!(seen.lock().unwrap().pop().unwrap(), expected);

    let other = body.replace("news", "other");
    let answer = polls.publish(request().body(other).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(answer.headers()["x-head"], "seen");
    seen.lock().unwrap().clear();
    // What is not a publication does not reach the hook.
    for bad in ["{}", "no JSON", r#"{"category": "news"}"#] {
        polls.publish(request().body(bad.to_owned()).unwrap()).await;
    }
    assert!(seen.lock().unwrap().is_empty());

    let query = "/events?timeout=1&category=news&since_time=0";
    let (poll, ()) = Request::get(query).body(()).unwrap().into_parts();
    let answer = polls.subscribe(&poll).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["x-hook"], "poll");
}

fn header(name: &'static str, value: &'static str) -> http::HeaderMap {
    let value = http::HeaderValue::from_static(value);
    http::HeaderMap::from_iter([(http::HeaderName::from_static(name), value)])
}

#[tokio::test]
async fn pages_of_listed_origins_may_read_and_a_preflight_asks_no_hook() {
    let builder = LongPoll::builder(Broker::in_memory()).allow_origins(["https://a.example/"]);
    let polls = builder.before_subscribe(basic_auth("me", "x")).build();
    let ask = async |method: &str, origin: &str| {
        let asks = [("origin", origin), ("access-control-request-method", "GET")];
        let asks = if method == "OPTIONS" { &asks[..] } else { &asks[..1] };
        let request = request(method, "/events?timeout=0", asks, ());
        Answer::of(polls.subscribe(&request.into_parts().0).await)
    };
    let allow = "access-control-allow-origin";
    let preflight = ask("OPTIONS", "https://a.example").await;
    assert_eq!((preflight.status.as_u16(), preflight.text.as_str()), (204, ""));
    assert_eq!(preflight.header(allow), Some("https://a.example"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("authorization"));
    let answer = ask("GET", "https://a.example").await;
    assert_eq!((answer.status.as_u16(), answer.header(allow)), (401, Some("https://a.example")));
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert_eq!(ask("OPTIONS", "https://b.example").await.header(allow), None);
    assert_eq!(ask("GET", "null").await.header(allow), None);
    let any = LongPoll::builder(Broker::in_memory()).allow_origins(["*"]).build();
    let answer = poll_with(&any, "timeout=0", &[("origin", "https://b.example")]).await;
    assert_eq!(answer.header(allow), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn bodies_waiting_polls_and_categories_have_bounds() {
    let engine = MemoryEngine::builder().max_topics(1).build();
    let builder = LongPoll::builder(Broker::builder(engine).build());
    let polls = builder.max_body(100).max_waiting(1).build();
    let large = json!({ "category": "a", "data": "x".repeat(100) }).to_string();
    let answer = post(&polls, &large).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.text, r#"{"error": "the body is larger than 100 bytes"}"#);

    let first = tokio::spawn({
        let polls = polls.clone();
        async move { poll(&polls, "timeout=99&category=a").await.data() }
    });
    while polls.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let second = poll(&polls, "timeout=99&category=a").await;
    assert_eq!((second.status.as_u16(), second.header("retry-after")), (429, Some("2")));
    // The only category there may be has a poll: there is no room for another one.
    let other = post(&polls, r#"{"category":"b","data":1}"#).await;
    assert_eq!(other.status, 503);
    assert!(other.header("retry-after").is_some());
    publish(&polls, "a", 1).await;
    assert_eq!(first.await.unwrap(), [1]);
    assert_eq!(polls.waiting(), 0);
}

#[tokio::test]
async fn what_is_empty_and_unused_is_freed() {
    let clock = Arc::new(AtomicU64::new(1_000));
    let polls = at(&clock, Bounds::new().age(std::time::Duration::from_secs(1)));
    for n in 0..50 {
        publish(&polls, &format!("c{n}"), 1).await;
    }
    assert_eq!(polls.broker().topics().len(), 50);
    clock.fetch_add(120_000, Ordering::Relaxed);
    polls.broker().sweep();
    assert_eq!(polls.broker().topics().len(), 0);
}

#[tokio::test]
async fn a_key_makes_publishing_safe_to_repeat() {
    let polls = LongPoll::in_memory();
    for _ in 0..3 {
        let key = [("idempotency-key", "k1")];
        let body = r#"{"category":"a","data":1}"#.to_owned();
        let answer = Answer::of(polls.publish(request("POST", "/publish", &key, body)).await);
        assert_eq!(answer.status, 200);
    }
    assert_eq!(poll(&polls, "timeout=1&category=a&since_time=0").await.data(), [1]);
}
