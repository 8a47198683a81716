//! Closing a client for good, ending a stream so that its client comes back, and what counts then.

mod common;

use common::{Client, Got, client_id, hub_with, request, zone};
use http::StatusCode;
use http_body_util::BodyExt as _;
use rt_broker::{Bounds, Broker, Engine, MemoryEngine};
use sse_hub::{Body, ClientId, Grant, Hub, HubBuilder, Packet, SameId, random_id};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What ends a client's stream, and the reason that the callback is given.
type End = (&'static str, fn(&Hub));

/// A node of a service: its own hub over an engine that all share.
fn node(engine: &Arc<dyn Engine>, key: Option<&str>) -> Hub {
    let builder = Hub::builder(Broker::builder_shared(engine.clone()).build());
    key.into_iter().fold(builder, HubBuilder::close_key).build()
}

fn engine() -> Arc<dyn Engine> {
    Arc::new(MemoryEngine::builder().shared().build())
}

async fn send(hub: &Hub, data: &str) {
    hub.send(Packet::to_zone("z", data)).await.expect("sent");
}

/// The id of the close event that a client is sent, which is the last thing on its stream.
async fn close_id(client: Client) -> String {
    match client.rest().await.pop() {
        Some(Got::Event { event, id, .. }) if event == "close" => id,
        other => panic!("{other:?}"),
    }
}

/// What a client is answered that comes back with this header.
fn come_back(hub: &Hub, in_zone: &str, id: ClientId, header: &str) -> http::Response<Body> {
    let mut request = request("/");
    request.headers_mut().insert("last-event-id", header.parse().expect("a header"));
    hub.register(&request, in_zone, || id)
}

#[tokio::test]
async fn a_closed_client_is_told_why_and_answered_204_when_it_comes_back() {
    let hub = Hub::in_memory();
    let mut ann = Client::join(&hub, "z", "ann");
    let mut bob = Client::join(&hub, "z", "bob");
    ann.ping().await;
    bob.ping().await;
    assert_eq!(hub.close(&zone("z"), &client_id("ann"), "a reason\nin lines"), 1);
    assert_eq!(hub.close(&zone("z"), &client_id("ann"), "again"), 0);
    assert_eq!(hub.close(&zone("z"), &client_id("nobody"), ""), 0);
    let rest = ann.rest().await;
    let [Got::Retry(retry), Got::Event { event, data, id }] = rest.as_slice() else {
        panic!("{rest:?}")
    };
    assert_eq!((retry.as_secs(), event.as_str()), (1, "close"));
    assert_eq!(data, r#"{"reason":"a reason\nin lines"}"#);
    let response = come_back(&hub, "z", client_id("ann"), id);
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(response.into_body().frame().await.is_none());
    send(&hub, "x").await;
    assert_eq!(bob.data("message").await, "x", "another client is never disturbed");
}

#[tokio::test]
async fn only_that_client_in_that_zone_is_kept_away_and_others_resume_where_it_was() {
    let hub = Hub::in_memory();
    send(&hub, "before").await;
    let mut ann = Client::join(&hub, "z", "ann");
    ann.ping().await;
    hub.close(&zone("z"), &client_id("ann"), "");
    let id = close_id(ann).await;
    send(&hub, "after").await;
    for other in [client_id("bob"), ClientId::random()] {
        let mut other = Client::new(come_back(&hub, "z", other, &id));
        other.ping().await;
        assert_eq!(other.data("message").await, "after");
        assert!(other.is_silent().await);
    }
    let mut elsewhere = Client::new(come_back(&hub, "y", client_id("ann"), &id));
    assert_eq!(elsewhere.ping().await, "");
    let (event, data, _) = elsewhere.event().await;
    assert!(event == "gap" && data.contains("epoch"), "a position of another zone: {data}");
    // A page that is opened afresh cannot set the header; what it has stored is a position.
    let opened = request(&format!("/?last_event_id={id}"));
    let mut opened = Client::new(hub.register(&opened, "z", || "ann"));
    opened.ping().await;
    assert_eq!(opened.data("message").await, "after");
    let afresh = Client::join(&hub, "z", "ann");
    assert_eq!(hub.connections(), 3);
    drop(afresh);
}

#[tokio::test]
async fn a_closed_browser_without_a_name_stays_away_whatever_its_next_id_is() {
    let hub = Hub::in_memory();
    let id = random_id();
    let mut closed = Client::new(hub.register(&request("/"), "z", || id.clone()));
    closed.ping().await;
    assert_eq!(hub.close(&zone("z"), &id, ""), 1);
    let close = close_id(closed).await;
    let response = come_back(&hub, "z", ClientId::random(), &close);
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let own = client_id("a-uuid").made_for_one_request();
    assert_eq!(come_back(&hub, "z", own, &close).status(), StatusCode::NO_CONTENT);
    for (zone, other) in [("z", client_id("ann")), ("y", ClientId::random())] {
        assert_eq!(come_back(&hub, zone, other, &close).status(), 200);
    }
    let opened = request(&format!("/?last_event_id={close}"));
    assert_eq!(hub.register(&opened, "z", random_id).status(), 200);
}

#[tokio::test]
async fn nodes_with_one_key_trust_each_others_closes_also_after_a_restart() {
    let engine = engine();
    let first = node(&engine, Some("key"));
    let mut ann = Client::join(&first, "z", "ann");
    ann.ping().await;
    first.close(&zone("z"), &client_id("ann"), "");
    let id = close_id(ann).await;
    drop(first);
    let again = node(&engine, Some("key"));
    assert_eq!(come_back(&again, "z", client_id("ann"), &id).status(), StatusCode::NO_CONTENT);
    for stranger in [node(&engine, Some("other")), node(&engine, None), Hub::in_memory()] {
        assert_eq!(come_back(&stranger, "z", client_id("ann"), &id).status(), 200);
    }
}

#[tokio::test]
async fn a_close_before_anything_was_read_hides_no_gap() {
    let hub = hub_with(Bounds::new().count(1)).build();
    let mut ann = Client::join(&hub, "z", "ann");
    let position = ann.ping().await;
    drop(ann);
    for data in ["1", "2", "3"] {
        send(&hub, data).await;
    }
    let ann = Client::resume(&hub, "z", "ann", &position);
    hub.close(&zone("z"), &client_id("ann"), "");
    let id = close_id(ann).await;
    let mut bob = Client::new(come_back(&hub, "z", client_id("bob"), &id));
    bob.ping().await;
    let (event, data, _) = bob.event().await;
    assert!(event == "gap" && data.contains("evicted"), "{event} {data}");
    assert_eq!(bob.data("message").await, "3");

    let lost = Client::resume(&hub, "z", "ann", "means nothing");
    hub.close(&zone("z"), &client_id("ann"), "");
    let id = close_id(lost).await;
    assert_eq!(come_back(&hub, "z", client_id("ann"), &id).status(), StatusCode::NO_CONTENT);
    let mut bob = Client::new(come_back(&hub, "z", client_id("bob"), &id));
    bob.ping().await;
    let (event, data, _) = bob.event().await;
    assert!(event == "gap" && data.contains("unknown"), "{event} {data}");
}

#[tokio::test]
async fn a_replaced_client_comes_back_in_vain_and_its_page_afresh() {
    let hub = Hub::builder(Broker::in_memory()).same_id(SameId::Replace).build();
    let mut first = Client::join(&hub, "z", "ann");
    first.ping().await;
    let second = Client::join(&hub, "z", "ann");
    let id = close_id(first).await;
    assert_eq!(come_back(&hub, "z", client_id("ann"), &id).status(), StatusCode::NO_CONTENT);
    assert_eq!(hub.connections(), 1);
    let third = Client::join(&hub, "z", "ann");
    close_id(second).await;
    drop(third);
}

#[tokio::test]
async fn an_ended_client_does_not_count_while_its_connection_is_still_held() {
    let ends: [End; 4] = [
        ("Closed(\"enough\")", |hub| {
            hub.close(&zone("z"), &client_id("ann"), "enough");
        }),
        ("Reconnect { retry: 7s }", |hub| {
            hub.disconnect(&zone("z"), &client_id("ann"), Duration::from_secs(7));
        }),
        ("Reconnect { retry: 7s }", |hub| {
            hub.disconnect_zone(&zone("z"), Duration::from_secs(7));
        }),
        ("Shutdown", Hub::shutdown),
    ];
    for (reason, end) in ends {
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let (came, left) = (calls.clone(), calls.clone());
        let hub = Hub::builder(Broker::in_memory())
            .max_connections(1)
            .on_connect(move |_| came.lock().unwrap().push("came".into()))
            .on_disconnect(move |_, why| left.lock().unwrap().push(format!("{why:?}")))
            .build();
        let mut stalled = Client::join(&hub, "z", "ann");
        stalled.ping().await;
        end(&hub);
        assert_eq!(hub.connections(), 0, "{reason}");
        assert!(hub.zones().is_empty() && hub.presence(&zone("z")).await.unwrap().is_empty());
        assert_eq!(hub.send(Packet::to_zone("z", "x")).await.unwrap().reached, 0, "{reason}");
        let unicast = hub.send(Packet::to_client("z", "ann", "x")).await;
        assert!(unicast.unwrap_err().is_nobody_there());
        assert_eq!(*calls.lock().unwrap(), ["came", reason]);
        if reason != "Shutdown" {
            Client::join(&hub, "z", "bob").ping().await;
        }
        calls.lock().unwrap().clear();
        assert!(!stalled.rest().await.iter().any(|got| matches!(got,
            Got::Event { event, .. } if event == "message")));
        assert_eq!(*calls.lock().unwrap(), Vec::<String>::new(), "told once");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_client_does_not_count_while_its_connection_is_still_held() {
    let hub = Hub::in_memory();
    let grant = Grant::new("z").expires_in(Duration::from_secs(5));
    let mut body = hub.accept(&request("/"), grant).into_body();
    assert!(body.frame().await.is_some(), "the connect event");
    assert!(body.frame().await.is_none(), "the end");
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn closing_in_the_callback_of_coming_is_told_after_it() {
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let (came, left) = (calls.clone(), calls.clone());
    let itself: Arc<std::sync::OnceLock<Hub>> = Arc::default();
    let closer = itself.clone();
    let hub = Hub::builder(Broker::in_memory())
        .on_connect(move |client| {
            closer.get().unwrap().close(client.zone(), client.id(), "no");
            came.lock().unwrap().push("came".into());
        })
        .on_disconnect(move |_, why| left.lock().unwrap().push(format!("{why:?}")))
        .build();
    itself.set(hub.clone()).unwrap();
    close_id(Client::join(&hub, "z", "ann")).await;
    assert_eq!(*calls.lock().unwrap(), ["came", "Closed(\"no\")"]);
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn a_disconnected_client_is_asked_to_come_back_and_resumes() {
    let hub = Hub::in_memory();
    let mut clients: Vec<_> =
        (0..20).map(|n| Client::join(&hub, "z", &format!("client {n}"))).collect();
    let mut elsewhere = Client::join(&hub, "y", "client 0");
    elsewhere.ping().await;
    let mut position = String::new();
    for client in &mut clients {
        position = client.ping().await;
    }
    let retry = Duration::from_secs(10);
    assert_eq!(hub.disconnect(&zone("z"), &client_id("client 0"), retry), 1);
    assert_eq!(hub.disconnect_zone(&zone("z"), retry), 19);
    send(&hub, "missed").await;
    let mut retries = Vec::new();
    for client in clients {
        let rest = client.rest().await;
        let [Got::Retry(retry)] = rest.as_slice() else { panic!("{rest:?}") };
        retries.push(*retry);
    }
    assert!(retries.iter().all(|retry| (10_000..=15_000).contains(&retry.as_millis())));
    retries.dedup();
    assert!(retries.len() > 10, "not all at the same moment");
    assert!(elsewhere.is_silent().await);
    let mut back = Client::resume(&hub, "z", "client 0", &position);
    back.ping().await;
    assert_eq!(back.data("message").await, "missed");
}
