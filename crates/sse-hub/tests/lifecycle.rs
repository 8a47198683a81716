//! Coming and going: presence, callbacks, limits, closing, shutdown, the service.

mod common;

use common::{Client, Got, client_id, request, zone};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use rt_broker::{Broker, Engine, MemoryEngine, Timestamp};
use sse_hub::{CloseReason, Grant, Hub, Packet, Refusal, SameId, random_id};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_service::Service as _;

fn builder() -> sse_hub::HubBuilder {
    Hub::builder(Broker::in_memory())
}

async fn ids(hub: &Hub) -> Vec<String> {
    hub.presence(&zone("z"))
        .await
        .expect("in memory")
        .into_iter()
        .map(|present| present.id)
        .collect()
}

#[tokio::test]
async fn presence_says_who_is_there_since_when_and_how_often() {
    let hub = Hub::in_memory();
    let before = hub.broker().engine().history().now();
    let first = Client::join(&hub, "z", "ann");
    let second = Client::join(&hub, "z", "ann");
    let present = hub.presence(&zone("z")).await.unwrap();
    assert_eq!((present.len(), present[0].connections), (1, 2));
    let since = Timestamp::from_millis(present[0].connected_since);
    assert!((before..=hub.broker().engine().history().now()).contains(&since));
    drop(first);
    assert_eq!(hub.presence(&zone("z")).await.unwrap()[0].connections, 1);
    drop(second);
    assert!(ids(&hub).await.is_empty() && hub.zones().is_empty() && hub.connections() == 0);
}

#[tokio::test(start_paused = true)]
async fn presence_spans_the_nodes_of_a_shared_engine() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::builder().shared().build());
    let node = || Hub::builder(Broker::builder_shared(engine.clone()).build()).build();
    let (a, b) = (node(), node());
    let at_a = Client::join(&a, "z", "ann");
    let mut at_b = Client::join(&b, "z", "bob");
    at_b.ping().await;
    let _both = [Client::join(&a, "z", "cid"), Client::join(&b, "z", "cid")];
    tokio::time::sleep(Duration::from_millis(1)).await;
    for hub in [&a, &b] {
        assert_eq!(ids(hub).await.len(), 3);
        let present = hub.presence(&zone("z")).await.unwrap();
        assert_eq!(present.iter().find(|p| p.id == "cid").unwrap().connections, 2);
    }
    let sent = a.send(Packet::to_client("z", "bob", "x")).await.unwrap();
    assert_eq!(sent.reached, 0, "reached counts this node's");
    assert_eq!(at_b.data("message").await, "x");
    drop(at_a);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(ids(&b).await.len(), 2);
}

#[tokio::test]
async fn callbacks_know_the_zone_the_client_and_the_reason() {
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let (came, left) = (calls.clone(), calls.clone());
    let hub = builder()
        .on_connect(move |client| {
            came.lock().unwrap().push(format!("+{}/{}", client.zone(), client.id()));
        })
        .on_disconnect(move |client, reason| {
            left.lock().unwrap().push(format!("-{}/{} {reason:?}", client.zone(), client.id()));
        })
        .build();
    drop(Client::join(&hub, "z", "ann"));
    let bob = Client::join(&hub, "z", "bob");
    hub.close(&zone("z"), &client_id("bob"), "enough");
    bob.rest().await;
    let expected = ["+z/ann", "-z/ann Gone", "+z/bob", "-z/bob Closed(\"enough\")"];
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_second_client_with_the_same_id_shares_replaces_or_is_refused() {
    for same_id in [SameId::Share, SameId::Replace, SameId::Refuse] {
        let hub = builder().same_id(same_id).build();
        let mut first = Client::join(&hub, "z", "ann");
        first.ping().await;
        let mut second = Client::join(&hub, "z", "ann");
        let expected = match same_id {
            SameId::Share => {
                second.ping().await;
                2
            }
            SameId::Replace => {
                second.ping().await;
                assert_eq!(first.event().await.0, "close");
                assert_eq!(first.next().await, None);
                1
            }
            _ => {
                assert_eq!(second.event().await.0, "limit");
                assert_eq!(second.next().await, None);
                1
            }
        };
        let sent = hub.send(Packet::to_client("z", "ann", "x")).await;
        assert_eq!(sent.unwrap().reached, expected, "{same_id:?}: who stays is still registered");
    }
}

#[tokio::test]
async fn limits_are_told_as_an_event_with_a_long_retry() {
    let from = |address: &str| {
        let mut request = request("/");
        let ip: IpAddr = address.parse().unwrap();
        request.extensions_mut().insert(SocketAddr::new(ip, 4711));
        request
    };
    let cases = [
        (builder().max_connections(2), ["a", "b", "c"], "10.0.0.1", false),
        (builder().max_connections_per_zone(2), ["a", "a", "a"], "10.0.0.1", false),
        (builder().max_connections_per_address(2), ["a", "b", "c"], "10.0.0.1", false),
        (builder().max_connections_per_address(2), ["a", "b", "c"], "::ffff:10.0.0.1", false),
        (builder().max_connections_per_address(2), ["a", "b", "c"], "127.0.0.1", true),
        (builder().max_connections_per_address(2), ["a", "b", "c"], "::1", true),
        (builder().max_connections_per_zone(2), ["a", "a", "b"], "10.0.0.1", true),
    ];
    for (hub, zones, address, fits) in cases {
        let hub = hub.build();
        let mut clients = zones.map(|z| Client::new(hub.register(&from(address), z, random_id)));
        clients[0].ping().await;
        clients[1].ping().await;
        let [first, _, last] = &mut clients;
        if fits {
            last.ping().await;
            continue;
        }
        assert_eq!(last.next().await, Some(Got::Retry(Duration::from_secs(60))));
        let (event, data, id) = last.event().await;
        assert_eq!((event.as_str(), id.as_str()), ("limit", ""));
        assert!(data.contains(r#""error":"limit""#), "{data}");
        assert_eq!(last.next().await, None);
        assert!(first.is_silent().await, "the others stay");
        assert_eq!(hub.connections(), 2);
        drop(clients);
        Client::new(hub.register(&from(address), zones[2], random_id)).ping().await;
    }
}

#[tokio::test]
async fn names_that_cannot_be_used_are_400_with_a_reason() {
    let hub = Hub::in_memory();
    let long = "z".repeat(10 << 10);
    for (zone, id) in [(long.as_str(), "a"), ("z", "a\nb"), ("z\0", "a"), ("z", ""), ("z", &long)] {
        let response = hub.register(&request("/"), zone, || id.to_owned());
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(body["error"].as_str().unwrap().len() < 200);
    }
    assert_eq!(hub.connections(), 0);
}

#[tokio::test]
async fn shutdown_ends_every_stream_and_spreads_their_return() {
    let reasons: Arc<Mutex<Vec<CloseReason>>> = Arc::default();
    let seen = reasons.clone();
    let hub = builder().on_disconnect(move |_, why| seen.lock().unwrap().push(why.clone())).build();
    let mut clients: Vec<_> = (0..20).map(|n| Client::join(&hub, "z", &n.to_string())).collect();
    for client in &mut clients {
        client.ping().await;
    }
    hub.shutdown();
    let mut retries = Vec::new();
    for client in clients {
        let rest = client.rest().await;
        let [Got::Retry(retry)] = rest.as_slice() else { panic!("{rest:?}") };
        retries.push(*retry);
    }
    assert!(retries.iter().all(|r| (1_000..5_000).contains(&r.as_millis())));
    retries.dedup();
    assert!(retries.len() > 10, "they must not all come back at once");
    assert_eq!(*reasons.lock().unwrap(), vec![CloseReason::Shutdown; 20]);
    let late = Client::join(&hub, "z", "late").rest().await;
    assert!(matches!(late.as_slice(), [Got::Retry(_)]));
}

#[tokio::test]
async fn the_service_streams_authorises_and_refuses() {
    let mut open = Hub::in_memory().service();
    let response = open.call(request("/?zone=z%201&id=me")).await.unwrap();
    let (_, data, _) = Client::new(response).event().await;
    assert!(
        data.starts_with("z 1->") && !data.contains("me "),
        "ids are not the client's to choose"
    );

    let post = Request::post("/").body(()).unwrap();
    let response = open.call(post).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET");

    let mut guarded = Hub::in_memory().service().authorize(|parts| {
        let user = parts.headers.get("x-user").map(|user| user.to_str().unwrap().to_owned());
        async move {
            let user =
                user.ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "who are you?"))?;
            Ok(Grant::new("private").id(user))
        }
    });
    let refused = guarded.call(request("/?zone=private")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"error":"who are you?"}"#);
    let mut known = request("/");
    known.headers_mut().insert("x-user", "ann".parse().unwrap());
    let (_, data, _) = Client::new(guarded.call(known).await.unwrap()).event().await;
    assert_eq!(data, "private->ann Connection Successful!");
}

#[tokio::test]
async fn at_the_cap_on_zones_a_client_is_told_to_wait() {
    let engine = MemoryEngine::builder().max_topics(1).build();
    let hub = Hub::builder(Broker::builder(engine).build()).build();
    let mut first = Client::join(&hub, "a", "1");
    first.ping().await;
    assert_eq!(Client::join(&hub, "b", "1").event().await.0, "limit");
    assert_eq!(hub.send(Packet::to_zone("b", "x")).await.unwrap_err().status(), 503);
    assert_eq!(hub.connections(), 1);
}
