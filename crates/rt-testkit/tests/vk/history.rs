//! messages.getLongPollHistory.

use rt_testkit::vk::{Account, Vk};
use serde_json::{Value, json};

use crate::client::Client;

const METHOD: &str = "messages.getLongPollHistory";

fn history(client: &mut Client, params: &[(&str, &str)]) -> Value {
    let answer = client.call(METHOD, params);
    assert!(answer["response"].is_object(), "{answer}");
    answer["response"].clone()
}

#[test]
fn the_history_has_the_rows_with_a_pts_and_whole_messages() {
    let vk = Vk::builder().me(9).start();
    let mut client = Client::new(&vk);
    vk.message(7, 7, "before");
    let pts = vk.pts(Account::User).to_string();
    let first = vk.message(7, 7, "a <b>\nc");
    vk.push(json!([61, 7, 1]));
    let own = vk.message(2_000_000_002, 9, "own");
    vk.push(json!([6, 7, 1]));
    let told = history(&mut client, &[("pts", &pts)]);
    let rows = json!([[4, first, 1, 7], [4, own, 8194, 2_000_000_002], [6, 7, 1]]);
    assert_eq!(told["history"], rows);
    assert_eq!(told["messages"]["count"], 2);
    let items = &told["messages"]["items"];
    assert_eq!(
        items[0],
        json!({
            "id": first, "date": 1_700_000_000 + first, "from_id": 7, "peer_id": 7,
            "text": "a <b>\nc", "out": 0, "attachments": [], "random_id": 0,
            "conversation_message_id": 2, "fwd_messages": [], "important": false,
            "is_hidden": false, "version": 10_000 + first,
        })
    );
    assert_eq!((&items[1]["from_id"], &items[1]["out"]), (&json!(9), &json!(1)));
    assert_eq!((&told["from_pts"], &told["new_pts"]), (&json!(50_001), &json!(50_004)));
    assert_eq!(told.get("more"), None);
    let profiles: Vec<_> =
        told["profiles"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(profiles, [7, 9]);
    let peers = json!([
        { "peer": { "id": 7, "type": "user", "local_id": 7 } },
        { "peer": { "id": 2_000_000_002, "type": "chat", "local_id": 2 } },
    ]);
    assert_eq!(told["conversations"], peers);
    assert_eq!(told["groups"], json!([]));
}

#[test]
fn a_pushed_row_has_a_message_with_its_attachments_and_what_was_done() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let attached = json!({
        "attach1_type": "photo", "attach1": "-5_6", "attach2_type": "audio", "attach2": "7_8",
    });
    let extra = json!({ "from": "-3 ", "source_act": "chat_invite_user", "source_mid": "12" });
    vk.push(json!([4, 40, 8193, 2_000_000_001, 123, "a&amp;b<br>", extra, attached, 77]));
    vk.push(json!([5, 30, 2, -4, 124, "edited", {}, {}]));
    vk.push(json!([4, 41]));
    let told = history(&mut client, &[("pts", "50000")]);
    assert_eq!(told["history"].as_array().unwrap().len(), 3);
    let items = &told["messages"]["items"];
    assert_eq!(told["messages"]["count"], 2);
    let item = &items[0];
    assert_eq!((&item["text"], &item["date"]), (&json!("a&b\n"), &json!(123)));
    assert_eq!((&item["from_id"], &item["random_id"]), (&json!(-3), &json!(77)));
    let action = json!({ "type": "chat_invite_user", "member_id": 12 });
    assert_eq!(item["action"], action);
    let attachments = json!([
        { "type": "photo", "photo": { "owner_id": -5, "id": 6 } },
        { "type": "audio", "audio": { "owner_id": 7, "id": 8 } },
    ]);
    assert_eq!(item["attachments"], attachments);
    assert_eq!((&items[1]["id"], &items[1]["update_time"]), (&json!(30), &json!(124)));
    assert_eq!((&items[1]["from_id"], &items[1]["out"]), (&json!(1), &json!(1)));
    assert_eq!(told["groups"][0]["id"], 3);
}

#[test]
fn a_message_that_was_edited_is_told_once_as_it_is_now() {
    let vk = Vk::start();
    let id = vk.message(2_000_000_001, 7, "before");
    vk.push(json!([5, id, 1, 2_000_000_001, 124, "after", { "from": "7" }, {
        "attach1_type": "photo", "attach1": "1_2",
    }]));
    let told = history(&mut Client::new(&vk), &[("pts", "50000")]);
    assert_eq!(told["history"].as_array().unwrap().len(), 2);
    assert_eq!(told["messages"]["count"], 1);
    let item = &told["messages"]["items"][0];
    assert_eq!((&item["text"], &item["update_time"]), (&json!("after"), &json!(124)));
    assert_eq!((&item["date"], &item["from_id"]), (&json!(1_700_000_000 + id), &json!(7)));
    assert_eq!(item["attachments"][0]["type"], "photo");
    assert_eq!(item["conversation_message_id"], 1);
}

#[test]
fn a_test_can_give_a_message_its_own_object() {
    let vk = Vk::start();
    let id = vk.message(7, 7, "a");
    vk.message_object(id, json!({ "id": id, "odd": true }));
    let told = history(&mut Client::new(&vk), &[("pts", "50000")]);
    assert_eq!(told["messages"]["items"], json!([{ "id": id, "odd": true }]));
}

#[test]
fn the_history_comes_in_pages() {
    for (events, messages) in [(3, 100), (100, 3)] {
        let vk = Vk::builder().history_page(events, messages).start();
        let mut client = Client::new(&vk);
        let ids: Vec<_> = (0..8).map(|n| vk.message(7, 7, &n.to_string())).collect();
        vk.push(json!([61, 7, 1]));
        let (mut found, mut pages, mut pts) = (Vec::new(), 0, "50000".to_owned());
        loop {
            let told = history(&mut client, &[("pts", &pts)]);
            let items = told["messages"]["items"].as_array().unwrap().clone();
            assert_eq!(items.len(), told["history"].as_array().unwrap().len());
            found.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
            assert_eq!(told["from_pts"].to_string(), pts);
            pts = told["new_pts"].to_string();
            pages += 1;
            match told.get("more") {
                Some(more) => assert_eq!(more, 1),
                None => break,
            }
        }
        assert_eq!((found, pages, pts.as_str()), (ids, 3, "50008"));
    }
}

#[test]
fn the_limits_of_a_page_can_be_asked_for_down_to_vks_least() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    for n in 0..1_500 {
        vk.push(json!([7, n, 1]));
    }
    for n in 0..210 {
        vk.message(7, 7, &n.to_string());
    }
    let told = history(&mut client, &[("pts", "50000")]);
    assert_eq!((told["history"].as_array().unwrap().len(), &told["more"]), (1_000, &json!(1)));
    let told = history(&mut client, &[("pts", "50000"), ("events_limit", "2000")]);
    assert_eq!((told["messages"]["count"].clone(), &told["more"]), (json!(200), &json!(1)));
    let all = [("pts", "50000"), ("events_limit", "2000"), ("msgs_limit", "300")];
    assert_eq!(history(&mut client, &all)["messages"]["count"], 210);
    for low in [("events_limit", "999"), ("msgs_limit", "199"), ("msgs_limit", "x")] {
        assert_eq!(client.error(METHOD, &[("pts", "50000"), low]), 100);
    }
}

#[test]
fn messages_that_the_caller_has_are_left_out() {
    let vk = Vk::start();
    let ids: Vec<_> = (0..3).map(|_| vk.message(7, 7, "a")).collect();
    vk.push(json!([5, ids[0], 1, 7, 124, "edited", {}, {}]));
    let known = ids[1].to_string();
    let params = [("pts", "50000"), ("max_msg_id", known.as_str())];
    let told = history(&mut Client::new(&vk), &params);
    assert_eq!(told["history"].as_array().unwrap().len(), 4);
    let items = told["messages"]["items"].as_array().unwrap();
    let found: Vec<_> = items.iter().map(|item| item["id"].as_i64().unwrap()).collect();
    assert_eq!(found, [ids[2], ids[0]]);
}

#[test]
fn by_ts_alone_it_reaches_back_256_events() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    vk.message(7, 7, "old");
    for _ in 0..255 {
        vk.push(json!([61, 7, 1]));
    }
    vk.message(7, 7, "new");
    let told = history(&mut client, &[("ts", "1001")]);
    assert_eq!(told["messages"]["count"], 1);
    assert_eq!((&told["from_pts"], &told["new_pts"]), (&json!(50_001), &json!(50_002)));
    assert_eq!(client.error(METHOD, &[("ts", "1000")]), 907);
    // With pts there is no such end.
    let params = [("ts", "1000"), ("pts", "50000")];
    assert_eq!(history(&mut client, &params)["messages"]["count"], 2);
}

#[test]
fn what_is_too_old_is_907_and_what_is_too_new_908() {
    let vk = Vk::builder().keep_history(2).start();
    let mut client = Client::new(&vk);
    for _ in 0..3 {
        vk.message(7, 7, "a");
    }
    assert_eq!(client.error(METHOD, &[("pts", "50000")]), 907);
    assert_eq!(client.error(METHOD, &[("ts", "1000")]), 907);
    assert_eq!(history(&mut client, &[("pts", "50001")])["messages"]["count"], 2);
    assert_eq!(history(&mut client, &[("ts", "1001")])["messages"]["count"], 2);
    assert_eq!(history(&mut client, &[("pts", "50003")])["history"], json!([]));
    assert_eq!(client.error(METHOD, &[("pts", "50004")]), 908);
    assert_eq!(client.error(METHOD, &[("ts", "1004")]), 908);
    assert_eq!(client.error(METHOD, &[]), 100);
    assert_eq!(client.error(METHOD, &[("pts", "x")]), 100);
}

#[test]
fn what_polls_forgot_is_still_in_the_history() {
    let vk = Vk::start();
    vk.message(7, 7, "a");
    vk.lose_history();
    let told = history(&mut Client::new(&vk), &[("pts", "50000")]);
    assert_eq!(told["messages"]["count"], 1);
}
