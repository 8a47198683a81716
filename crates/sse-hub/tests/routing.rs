//! Three ways to send: each row of the routing table, and what is refused.

mod common;

use common::{Client, hub_with};
use rt_broker::Bounds;
use sse_codec::Message;
use sse_hub::{Hub, Packet};

async fn three(hub: &Hub) -> [Client; 3] {
    let mut clients = [("a", "1"), ("a", "2"), ("b", "1")].map(|(z, id)| Client::join(hub, z, id));
    for client in &mut clients {
        client.ping().await;
    }
    clients
}

#[tokio::test]
async fn to_all_reaches_every_client_of_every_zone() {
    let hub = Hub::in_memory();
    let mut clients = three(&hub).await;
    assert_eq!(hub.send(Packet::to_all("x")).await.unwrap().reached, 3);
    for client in &mut clients {
        assert_eq!(client.data("message").await, "x");
    }
}

#[tokio::test]
async fn to_a_zone_reaches_its_clients_only() {
    let hub = Hub::in_memory();
    let [mut a1, mut a2, mut b1] = three(&hub).await;
    assert_eq!(hub.send(Packet::to_zone("a", "x")).await.unwrap().reached, 2);
    assert_eq!(a1.data("message").await, "x");
    assert_eq!(a2.data("message").await, "x");
    assert!(b1.is_silent().await);
}

#[tokio::test]
async fn to_a_client_reaches_that_one_whether_or_not_it_says_broadcast() {
    let hub = Hub::in_memory();
    let [mut a1, mut a2, mut b1] = three(&hub).await;
    for broadcast in [true, false] {
        let mut packet = Packet::to_client("a", "1", "x");
        packet.broadcast = broadcast;
        assert_eq!(hub.send(packet).await.unwrap().reached, 1);
        assert_eq!(a1.data("message").await, "x");
    }
    assert!(a2.is_silent().await && b1.is_silent().await);
}

#[tokio::test]
async fn the_sender_can_be_left_out() {
    let hub = Hub::in_memory();
    let [mut a1, mut a2, _b1] = three(&hub).await;
    assert_eq!(hub.send(Packet::to_zone("a", "x").except("1")).await.unwrap().reached, 1);
    assert_eq!(a2.data("message").await, "x");
    assert!(a1.is_silent().await);
}

#[tokio::test]
async fn what_the_reference_keeps_silent_about_is_an_error() {
    let hub = Hub::in_memory();
    let _clients = three(&hub).await;
    let text = async |packet| hub.send(packet).await.unwrap_err().to_string();
    let mut no_target = Packet::to_all("x");
    no_target.broadcast = false;
    assert!(text(no_target.clone()).await.contains("no target"));
    no_target.zone = "a".into();
    assert!(text(no_target).await.contains("no target"));
    assert!(text(Packet::to_client("", "1", "x")).await.contains("needs the zone"));
    let unknown = hub.send(Packet::to_client("a", "3", "x")).await.unwrap_err();
    assert!(unknown.is_nobody_there());
    assert_eq!(unknown.to_string(), r#"the zone "a" has no client "3""#);
    assert!(text(Packet::to_zone("a", Message::new())).await.contains("neither data nor"));
    let event_only = Message::new().with_event("x").unwrap();
    assert!(text(Packet::to_zone("a", event_only)).await.contains("neither data nor"));
}

#[tokio::test]
async fn with_history_a_zone_without_clients_keeps_what_is_sent() {
    let hub = Hub::in_memory();
    assert_eq!(hub.send(Packet::to_zone("new", "1")).await.unwrap().reached, 0);
    let mut client = Client::join(&hub, "new", "c");
    let position = client.ping().await;
    drop(client);
    assert_eq!(hub.send(Packet::to_zone("new", "2")).await.unwrap().reached, 0);
    assert_eq!(hub.send(Packet::to_all("3")).await.unwrap().reached, 0);
    let mut back = Client::resume(&hub, "new", "c", &position);
    assert_eq!(back.ping().await, position);
    assert_eq!(back.data("message").await, "2");
    assert_eq!(back.data("message").await, "3");
    let gone = hub.send(Packet::to_client("new", "other", "x")).await.unwrap_err();
    assert!(gone.is_nobody_there(), "to a client who is not there it is an error all the same");
}

#[tokio::test]
async fn without_history_nobody_there_is_an_error() {
    let hub = hub_with(Bounds::off()).build();
    let unknown = hub.send(Packet::to_zone("z", "x")).await.unwrap_err();
    assert_eq!(unknown.to_string(), r#"the zone "z" does not exist"#);
    drop(Client::join(&hub, "z", "c"));
    let emptied = hub.send(Packet::to_zone("z", "x")).await.unwrap_err();
    assert_eq!(emptied.to_string(), r#"the zone "z" has no connections"#);
    assert_eq!(emptied.status(), 404);
    assert_eq!(hub.send(Packet::to_all("x")).await.unwrap().reached, 0);
}

#[tokio::test]
async fn fields_arrive_as_they_were_sent_and_cannot_inject() {
    let hub = Hub::in_memory();
    let mut client = Client::join(&hub, "z", "c");
    client.ping().await;
    let message = Message::new().with_data("a\nid: forged\r\n\r\nevent: forged");
    let message = message.with_event("e").unwrap().with_id("own").unwrap();
    hub.send(Packet::to_zone("z", message)).await.unwrap();
    let (event, data, id) = client.event().await;
    assert_eq!((event.as_str(), id.as_str()), ("e", "own"));
    assert_eq!(data, "a\nid: forged\n\nevent: forged");
    let close_id = "2f31c0a9be7d455-41~closed~1a2b3c~00112233445566778899aabbccddeeff";
    let reserved = Message::new().with_data("x").with_id(close_id).unwrap();
    let error = hub.send(Packet::to_zone("z", reserved)).await.unwrap_err();
    assert_eq!(error.status(), 400);
    assert!(error.to_string().contains("is the id of a close event"), "{error}");
    let forged = Message::new().with_data("x").with_id("123456789abcdef-1").unwrap();
    assert_eq!(hub.send(Packet::to_zone("z", forged)).await.unwrap_err().status(), 400);
    let long = Packet::to_zone("z", "x").except("c".repeat(257));
    assert_eq!(hub.send(long).await.unwrap_err().status(), 400);
    let unsafe_id = Message::new().with_data("x").with_id(" spaces at its ends ").unwrap();
    assert_eq!(hub.send(Packet::to_zone("z", unsafe_id)).await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn a_thousand_broadcasts_all_arrive_while_others_come_and_go() {
    let hub = hub_with(Bounds::new().count(2_000)).build();
    let mut client = Client::join(&hub, "z", "c");
    client.ping().await;
    let coming = tokio::spawn({
        let hub = hub.clone();
        async move {
            for n in 0..500 {
                let mut other = Client::join(&hub, "z", &format!("other {n}"));
                other.ping().await;
                tokio::task::yield_now().await;
            }
        }
    });
    for n in 0..1_000 {
        assert!(hub.send(Packet::to_zone("z", n.to_string())).await.unwrap().reached >= 1);
        tokio::task::yield_now().await;
    }
    for n in 0..1_000 {
        assert_eq!(client.data("message").await, n.to_string());
    }
    coming.await.unwrap();
}
