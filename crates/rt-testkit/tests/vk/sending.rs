//! messages.send.

use rt_testkit::vk::{Account, Vk};
use serde_json::json;

use crate::client::{Client, Session};

fn send(client: &mut Client, peer: &str, text: &str, random_id: &str) -> i64 {
    let params = [("peer_id", peer), ("message", text), ("random_id", random_id)];
    let answer = client.call("messages.send", &params);
    answer["response"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn a_message_that_is_sent_comes_back_as_an_outgoing_row() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    let id = send(&mut client, "7", "a<b", "55");
    let row = session.poll(&mut client)["updates"][0].clone();
    let date = 1_700_000_000 + id;
    assert_eq!(row, json!([4, id, 2, 7, date, "a&lt;b", { "title": " ... " }, {}, 55]));
}

#[test]
fn the_same_random_id_sends_nothing_twice() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let id = send(&mut client, "7", "a", "55");
    assert_eq!(send(&mut client, "7", "a", "55"), id);
    assert_eq!(vk.ts(Account::User), 1_001);
    let others = [("7", "56"), ("8", "55"), ("7", "0"), ("7", "0")];
    for (sent, (peer, random_id)) in others.into_iter().enumerate() {
        assert_ne!(send(&mut client, peer, "a", random_id), id);
        assert_eq!(vk.ts(Account::User), 1_002 + sent as u64);
    }
}

#[test]
fn a_message_without_a_peer_a_text_or_a_random_id_is_error_100() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let all = [("peer_id", "7"), ("message", "a"), ("random_id", "1")];
    for missing in 0..3 {
        let params: Vec<_> =
            all.iter().enumerate().filter(|(n, _)| *n != missing).map(|(_, it)| *it).collect();
        assert_eq!(client.error("messages.send", &params), 100, "{params:?}");
    }
    let attached = [("chat_id", "7"), ("attachment", "photo1_2"), ("random_id", "1")];
    assert!(client.call("messages.send", &attached)["response"].is_number());
    assert_eq!(vk.ts(Account::User), 1_001);
}

#[test]
fn a_user_and_a_bot_can_talk_to_each_other() {
    let vk = Vk::builder().me(9).token("user").group_token("secret", 5).start();
    let mut client = Client::new(&vk);
    let bot = Session::bot(&mut client, 5);
    let target =
        "/method/messages.send?v=5.199&access_token=user&peer_id=-5&message=hi&random_id=1";
    let request = format!("GET {target} HTTP/1.1\r\n\r\n");
    assert!(client.exchange(&request).unwrap().json()["response"].is_number());
    let event = bot.poll(&mut client)["updates"][0].clone();
    assert_eq!(event["type"], "message_new");
    assert_eq!(event["object"]["message"]["from_id"], 9);
    assert_eq!(event["object"]["message"]["peer_id"], 9);
    send(&mut client, "9", "hello", "2");
    let reply = bot.poll(&mut client)["updates"][1].clone();
    assert_eq!(
        (&reply["type"], &reply["object"]["from_id"]),
        (&json!("message_reply"), &json!(-5))
    );
    // The user's own events: what was sent, and the answer.
    assert_eq!(vk.ts(Account::User), 1_002);
    assert_eq!(vk.ts(Account::Community(5)), 1_002);
}
