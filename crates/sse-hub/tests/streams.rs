//! What one stream carries: cursors, replay, gaps, heartbeats, the slow and the expired.

mod common;

use common::{Client, Got, hub_with, request};
use rt_broker::conformance::DamagedEngine;
use rt_broker::{Bounds, Broker, FileEngine, MemoryEngine, Offset};
use sse_codec::Message;
use sse_hub::{Grant, Hub, Packet, SlowClient, random_id};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

async fn send(hub: &Hub, data: impl Into<String>) {
    hub.send(Packet::to_zone("z", data.into())).await.expect("sent");
}

#[tokio::test]
async fn the_head_and_the_connect_event_are_as_promised() {
    let hub = Hub::in_memory();
    let response = hub.register(&request("/"), "", random_id);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["x-accel-buffering"], "no");
    let mut client = Client::new(response);
    assert_eq!(client.next().await, Some(Got::Retry(Duration::from_secs(3))));
    let (event, data, id) = client.event().await;
    assert_eq!(event, "ping");
    let own = data.strip_prefix("default->").unwrap().strip_suffix(" Connection Successful!");
    let own = own.unwrap();
    assert!(own.len() == 16 && own.bytes().all(|b| b.is_ascii_alphanumeric()), "{own}");
    assert!(id.ends_with("-0"), "a position, not the client's id: {id}");
}

#[tokio::test]
async fn a_client_that_got_nothing_yet_can_resume() {
    for connect_event in [true, false] {
        let hub = Hub::builder(Broker::in_memory()).connect_event(connect_event).build();
        let mut client = Client::join(&hub, "z", "c");
        let id = if connect_event {
            client.ping().await
        } else {
            send(&hub, "first").await;
            // The first event's own id is not needed: what came before it carried one.
            let (event, _, id) = client.event().await;
            assert_eq!(event, "message");
            id
        };
        drop(client);
        send(&hub, "missed").await;
        let mut back = Client::resume(&hub, "z", "c", &id);
        if connect_event {
            back.ping().await;
        }
        assert_eq!(back.data("message").await, "missed");
    }
}

#[tokio::test]
async fn without_the_connect_event_an_id_alone_comes_first() {
    let hub = Hub::builder(Broker::in_memory()).connect_event(false).build();
    let mut body = hub.register(&request("/"), "z", random_id).into_body();
    let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
    let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    assert!(
        text.starts_with("id: ") && text.ends_with("-0\n\n") && text.lines().count() == 2,
        "{text}"
    );
}

#[tokio::test]
async fn the_cursor_of_a_resumed_stream_is_where_it_goes_on_from() {
    let hub = Hub::in_memory();
    let mut client = Client::join(&hub, "z", "c");
    client.ping().await;
    for n in 0..5 {
        send(&hub, n.to_string()).await;
    }
    let (_, _, second) = (client.event().await, 0, client.event().await.2);
    drop(client);
    // Cut off again before anything but the connect event came.
    let mut cut = Client::resume(&hub, "z", "c", &second);
    let position = cut.ping().await;
    assert_eq!(position, second, "never the head");
    drop(cut);
    let mut back = Client::resume(&hub, "z", "c", &position);
    back.ping().await;
    for n in 2..5 {
        assert_eq!(back.data("message").await, n.to_string());
    }
    assert!(back.is_silent().await);
}

#[tokio::test]
async fn resumes_after_a_messages_own_id_and_by_the_querys_parameter() {
    let hub = Hub::in_memory();
    for n in 0..3 {
        let message =
            Message::new().with_data(n.to_string()).with_id(format!("grün <{n}>")).unwrap();
        hub.send(Packet::to_zone("z", message)).await.unwrap();
    }
    let mut with_header = request("/?last_event_id=nonsense");
    let value = http::HeaderValue::from_bytes("grün <1>".as_bytes()).unwrap();
    with_header.headers_mut().insert("last-event-id", value);
    let with_query = request("/?last_event_id=gr%C3%BCn+%3C1%3E");
    // What a wrapper of EventSource appends is newer than what the page's own URL says.
    let with_both = request("/?last_event_id=gr%C3%BCn+%3C0%3E&lastEventId=gr%C3%BCn%20%3C1%3E");
    for request in [with_header, with_query, with_both] {
        let mut client = Client::new(hub.register(&request, "z", random_id));
        client.ping().await;
        assert_eq!(client.event().await, ("message".into(), "2".into(), "grün <2>".into()));
        assert!(client.is_silent().await);
    }
}

#[tokio::test]
async fn a_last_event_id_that_means_nothing_is_a_gap_then_what_is_held() {
    let hub = hub_with(Bounds::new().count(2)).build();
    let first = {
        let mut client = Client::join(&hub, "z", "c");
        client.ping().await
    };
    for n in 0..4 {
        send(&hub, n.to_string()).await;
    }
    let other = "123456789abcdef-3";
    let long = "x".repeat(5_000);
    for (id, reason) in [
        (first.as_str(), "evicted"),
        (other, "epoch"),
        ("nonsense", "unknown"),
        (long.as_str(), "unknown"),
    ] {
        let mut client = Client::resume(&hub, "z", "c", id);
        assert_eq!(client.ping().await, "", "no id before the gap is told");
        let (event, data, resume) = client.event().await;
        assert_eq!(event, "gap");
        let data: serde_json::Value = serde_json::from_str(&data).unwrap();
        assert_eq!(data["reason"], reason);
        assert_eq!(data["resume"], resume);
        assert!(id.starts_with(data["from"].as_str().unwrap()));
        assert_eq!(client.data("message").await, "2");
        assert_eq!(client.data("message").await, "3");
        // Who is cut off after the gap goes on from its id.
        let mut back = Client::resume(&hub, "z", "c", &resume);
        assert_eq!(back.ping().await, resume);
        assert_eq!(back.data("message").await, "2");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_heartbeat() {
    let hub = Hub::builder(Broker::in_memory()).heartbeat(Duration::from_secs(15)).build();
    let mut client = Client::join(&hub, "z", "c");
    client.ping().await;
    let start = Instant::now();
    assert_eq!(client.next().await, Some(Got::Comment(String::new())));
    assert_eq!(start.elapsed().as_secs(), 15);
    tokio::time::advance(Duration::from_secs(10)).await;
    send(&hub, "x").await;
    assert_eq!(client.data("message").await, "x");
    assert_eq!(client.next().await, Some(Got::Comment(String::new())));
    assert_eq!(start.elapsed().as_secs(), 15 + 10 + 15, "counted from the last delivery");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_grant_expires() {
    let hub = Hub::in_memory();
    let grant = Grant::new("z").expires_in(Duration::from_secs(100));
    let mut client = Client::new(hub.accept(&request("/"), grant));
    client.ping().await;
    let start = Instant::now();
    let rest = client.rest().await;
    assert!(rest.iter().all(|got| *got == Got::Comment(String::new())), "{rest:?}");
    assert_eq!((start.elapsed().as_secs(), rest.len()), (100, 6));
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn a_slow_client_is_told_of_a_gap_or_disconnected_and_delays_nobody() {
    let engine = MemoryEngine::builder().bounds(Bounds::new().count(10)).build();
    let hub = Hub::builder(Broker::builder(engine).build()).build();
    let mut slow = Client::join(&hub, "z", "slow");
    let disconnect = Grant::new("z").slow_client(SlowClient::Disconnect);
    let mut cut = Client::new(hub.accept(&request("/"), disconnect));
    let bounded = Grant::new("z").max_lag(3);
    let mut bounded = Client::new(hub.accept(&request("/"), bounded));
    let mut quick = Client::join(&hub, "z", "quick");
    for client in [&mut slow, &mut cut, &mut bounded, &mut quick] {
        client.ping().await;
    }
    // Ten are stored; who is connected keeps 250 more.
    for n in 0..300 {
        send(&hub, n.to_string()).await;
        assert_eq!(quick.data("message").await, n.to_string());
    }
    let (_, data, resume) = slow.event().await;
    assert!(data.contains(r#""reason":"slow""#), "{data}");
    assert!(resume.ends_with("-40"), "{resume}");
    assert_eq!(slow.data("message").await, "40");
    assert_eq!(cut.next().await, None);
    assert_eq!(bounded.event().await.0, "gap");
    assert_eq!(bounded.data("message").await, "299", "three bytes may wait for it: one message");
}

#[tokio::test]
async fn a_comment_is_seen_by_who_is_there_and_moves_no_cursor() {
    let hub = Hub::in_memory();
    let mut client = Client::join(&hub, "z", "c");
    let position = client.ping().await;
    hub.send(Packet::to_zone("z", Message::new().with_comment("a\nb"))).await.unwrap();
    assert_eq!(client.next().await, Some(Got::Comment("a".into())));
    assert_eq!(client.next().await, Some(Got::Comment("b".into())));
    send(&hub, "x").await;
    assert_ne!(client.event().await.2, position);
    let mut back = Client::resume(&hub, "z", "c", &position);
    back.ping().await;
    assert_eq!(
        back.next().await,
        Some(Got::Event {
            event: "message".into(),
            data: "x".into(),
            id: position.replace("-0", "-2"),
        })
    );
}

#[tokio::test]
async fn replay_gives_a_clients_own_messages_to_it_alone() {
    let hub = Hub::in_memory();
    let mut ann = Client::join(&hub, "z", "ann");
    let start = ann.ping().await;
    hub.send(Packet::to_client("z", "ann", "secret")).await.unwrap();
    send(&hub, "public").await;
    assert_eq!(ann.data("message").await, "secret");
    let mut bob = Client::resume(&hub, "z", "bob", &start);
    bob.ping().await;
    assert_eq!(bob.data("message").await, "public");
    let mut again = Client::resume(&hub, "z", "ann", &start);
    again.ping().await;
    assert_eq!(again.data("message").await, "secret");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_an_event_comes_at_once_and_after_silence_and_moves_no_position() {
    let hub = Hub::builder(Broker::in_memory()).heartbeat(Duration::from_secs(15)).build();
    let grant = Grant::new("z").heartbeat_event(true);
    let mut client = Client::new(hub.accept(&request("/"), grant));
    let position = client.ping().await;
    let beat = ("heartbeat".to_owned(), r#"{"interval":15000}"#.to_owned(), position.clone());
    let start = Instant::now();
    assert_eq!(client.event().await, beat, "at once, so that its interval is known");
    assert_eq!(start.elapsed().as_secs(), 0);
    assert_eq!(client.next().await, Some(Got::Event { event: beat.0, data: beat.1, id: beat.2 }));
    assert_eq!(start.elapsed().as_secs(), 15);
    send(&hub, "x").await;
    let (_, _, moved) = client.event().await;
    assert_ne!(moved, position);
    assert_eq!(client.event().await.2, moved, "the last event's own id stays");
    // A page does not see a comment, so it is no sign of life to it.
    let start = Instant::now();
    tokio::time::advance(Duration::from_secs(10)).await;
    hub.send(Packet::to_zone("z", Message::new().with_comment("c"))).await.unwrap();
    assert_eq!(client.next().await, Some(Got::Comment("c".into())));
    assert_eq!(client.event().await.0, "heartbeat");
    assert_eq!(start.elapsed().as_secs(), 15);

    let mut others = Client::join(&hub, "z", "c");
    others.ping().await;
    assert_eq!(others.next().await, Some(Got::Comment(String::new())), "only where asked for");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_says_no_id_and_ends_no_block_that_is_not_its_own() {
    for (as_event, expected) in
        [(false, ":\n"), (true, "data: {\"interval\":15000}\nevent: heartbeat\n\n")]
    {
        let hub = Hub::builder(Broker::in_memory()).connect_event(false).build();
        let grant = Grant::new("z").heartbeat_event(as_event);
        let mut body = hub.accept(&request("/"), grant).into_body();
        http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expected);
    }
}

#[tokio::test]
async fn what_the_store_lost_is_a_gap_event_in_its_place() {
    let engine = Arc::new(DamagedEngine::new(MemoryEngine::default()));
    let hub = Hub::builder(Broker::builder_shared(engine.clone()).build()).build();
    for data in ["1", "2", "3", "4"] {
        send(&hub, data).await;
    }
    engine.damage("z", Offset::new(2)..=Offset::new(3));
    let mut live = Client::join(&hub, "z", "live");
    let (_, _, head) = live.event().await;
    let epoch = head.strip_suffix("-4").expect("the head");
    let mut client = Client::resume(&hub, "z", "c", &format!("{epoch}-0"));
    assert_eq!(client.ping().await, format!("{epoch}-0"), "nothing is lost before its position");
    assert_eq!(client.event().await, ("message".into(), "1".into(), format!("{epoch}-1")));
    let (event, data, id) = client.event().await;
    assert_eq!((event.as_str(), &id), ("gap", &format!("{epoch}-3")));
    let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
    assert_eq!(data["reason"], "lost");
    assert_eq!(
        (&data["from"], &data["resume"]),
        (&format!("{epoch}-1").into(), &id.clone().into())
    );
    assert_eq!(client.data("message").await, "4");
    // A client that was cut off behind the gap does not receive it again.
    let mut back = Client::resume(&hub, "z", "c", &id);
    back.ping().await;
    assert_eq!(back.data("message").await, "4");
    // A client that keeps up is not disturbed.
    send(&hub, "5").await;
    assert_eq!(live.data("message").await, "5");
}

/// A partial restore: the folder's journal is older than what clients have seen.
#[tokio::test]
async fn what_a_restored_journal_lacks_is_a_gap_event() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let engine = Arc::new(FileEngine::builder(folder.path().join("store")).open().unwrap());
        (Hub::builder(Broker::builder_shared(engine.clone()).build()).build(), engine)
    };
    let journal = folder.path().join("store/journal/0000000001.log");
    let (hub, engine) = open();
    send(&hub, "1").await;
    let older = std::fs::read(&journal).unwrap();
    send(&hub, "2").await;
    let mut client = Client::join(&hub, "z", "c");
    let last = client.ping().await;
    engine.close().await.unwrap();
    std::fs::write(&journal, older).unwrap();

    let (hub, _engine) = open();
    send(&hub, "3").await;
    let mut client = Client::resume(&hub, "z", "c", &last);
    client.ping().await;
    let (event, data, _) = client.event().await;
    assert_eq!(event, "gap");
    assert!(data.contains(r#""reason":"epoch""#), "{data}");
    for held in ["1", "3"] {
        assert_eq!(client.data("message").await, held);
    }
}
