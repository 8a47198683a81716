//! Bots Long Poll.

use rt_testkit::vk::{Account, Vk};
use serde_json::json;

use crate::client::{Client, Session, get};

#[test]
fn a_bots_server_is_a_whole_url_and_its_ts_is_text() {
    let vk = Vk::builder().server_without_scheme().start();
    let mut client = Client::new(&vk);
    let given = client.call("groups.getLongPollServer", &[("group_id", "5")])["response"].clone();
    assert_eq!(given["server"], format!("{}/wh5", vk.api_url()));
    assert_eq!(given["ts"], "1000");
    for params in [&[][..], &[("group_id", "x")], &[("group_id", "0")]] {
        assert_eq!(client.error("groups.getLongPollServer", params), 100);
    }
}

#[test]
fn a_bots_events_come_with_a_ts_of_text() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::bot(&mut client, 5);
    assert_eq!(session.poll(&mut client), json!({ "ts": "1000", "updates": [] }));
    client.send(&get(&session.target(90))).unwrap();
    vk.wait_for_waiting(1);
    let event_id = vk.push_bot(5, "group_join", json!({ "user_id": 1 })).unwrap();
    let event = json!({
        "type": "group_join", "event_id": event_id, "v": "5.199", "object": { "user_id": 1 },
        "group_id": 5,
    });
    let answer = client.answer().unwrap().json();
    assert_eq!(answer, json!({ "ts": "1001", "updates": [event] }));
    assert_eq!(vk.polls()[0].account, Some(Account::Bots(5)));
    assert_ne!(vk.push_bot(5, "group_join", json!({})).unwrap(), event_id);
}

#[test]
fn each_group_has_events_and_keys_of_its_own() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let (one, two) = (Session::bot(&mut client, 1), Session::bot(&mut client, 2));
    vk.push_bot(2, "group_leave", json!({}));
    assert_eq!(one.poll(&mut client)["updates"], json!([]));
    assert_eq!(two.poll(&mut client)["updates"][0]["group_id"], 2);
    assert_eq!((vk.ts(Account::Bots(1)), vk.ts(Account::Bots(2))), (1_000, 1_001));
    let mixed = Session { path: one.path, ..two };
    assert_eq!(mixed.poll(&mut client), json!({ "failed": 2 }));
    let user = Session { path: "/nim123456".into(), ..mixed };
    assert_eq!(user.poll(&mut client), json!({ "failed": 2 }));
}

#[test]
fn a_bots_failed_answers_are_those_of_a_user() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::bot(&mut client, 5);
    vk.push_bot(5, "group_leave", json!({}));
    vk.forget();
    assert_eq!(session.poll(&mut client), json!({ "failed": 1, "ts": 1001 }));
    vk.expire_keys();
    assert_eq!(session.poll(&mut client), json!({ "failed": 2 }));
    let session = Session::bot(&mut client, 5);
    vk.lose_history();
    assert_eq!(session.poll(&mut client), json!({ "failed": 3 }));
}

#[test]
fn a_message_to_a_community_is_there_in_both_kinds_of_long_poll() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let bot = Session::bot(&mut client, 5);
    let given = client.call("messages.getLongPollServer", &[("group_id", "5")]);
    let key = given["response"]["key"].as_str().unwrap().to_owned();
    let user = Session { path: "/nim123456".into(), key, more: "&mode=34".into(), ..bot.clone() };
    let id = vk.message_to(5, 7, 7, "hi");
    vk.message_to(5, 7, -5, "reply");
    vk.push_to(5, json!([61, 7, 1]));
    let updates = bot.poll(&mut client)["updates"].clone();
    let message = &updates[0]["object"]["message"];
    assert_eq!(updates[0]["type"], "message_new");
    assert_eq!((&message["text"], &message["from_id"]), (&json!("hi"), &json!(7)));
    assert_eq!((&message["id"], &message["conversation_message_id"]), (&json!(id), &json!(1)));
    assert_eq!(updates[0]["object"]["client_info"]["keyboard"], true);
    assert_eq!(updates[1]["type"], "message_reply");
    let reply = &updates[1]["object"];
    assert_eq!(
        (&reply["text"], &reply["from_id"], &reply["out"]),
        (&json!("reply"), &json!(-5), &json!(1))
    );
    let answer = user.poll(&mut client);
    assert_eq!(answer["updates"].as_array().unwrap().len(), 3);
    assert_eq!(answer["pts"], 50_002);
    let params = [("group_id", "5"), ("pts", "50000")];
    let told = client.call("messages.getLongPollHistory", &params);
    assert_eq!(told["response"]["messages"]["items"][1]["from_id"], -5);
    // The user hears nothing of it.
    assert_eq!(vk.ts(Account::User), 1_000);
}

#[test]
fn types_are_switched_on_and_off() {
    let vk = Vk::builder().types_off().start();
    let mut client = Client::new(&vk);
    assert_eq!(vk.push_bot(5, "message_new", json!({})), None);
    let set = [("group_id", "5"), ("enabled", "1"), ("api_version", "5.130"), ("message_new", "1")];
    assert_eq!(client.call("groups.setLongPollSettings", &set), json!({ "response": 1 }));
    client.call("groups.setLongPollSettings", &[("group_id", "5"), ("group_join", "0")]);
    assert!(vk.push_bot(5, "message_new", json!({})).is_some());
    assert_eq!(vk.push_bot(5, "group_join", json!({})), None);
    let told = client.call("groups.getLongPollSettings", &[("group_id", "5")]);
    let settings = json!({
        "is_enabled": true, "api_version": "5.130", "events": { "message_new": 1, "group_join": 0 },
    });
    assert_eq!(told["response"], settings);
    client.call("groups.setLongPollSettings", &[("group_id", "5"), ("enabled", "0")]);
    assert_eq!(client.error("groups.getLongPollServer", &[("group_id", "5")]), 100);
    // Without `types_off` all are on.
    let vk = Vk::start();
    assert!(vk.push_bot(5, "message_new", json!({})).is_some());
}
