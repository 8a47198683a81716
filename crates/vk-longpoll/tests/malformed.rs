//! Parts of an event that cannot be read cost themselves: the event is typed without them.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{event, raw, told};
use futures_util::StreamExt;
use rt_testkit::vk::{Step, Vk};
use serde_json::{Value, json};
use vk_longpoll::bots::{self, EventKind};
use vk_longpoll::{HttpClient, Item, MalformedParts};

/// The paths and texts of what could not be read.
fn parts(parts: &MalformedParts) -> Vec<(String, String)> {
    parts.iter().map(|part| (part.path.clone(), part.raw.get().to_owned())).collect()
}

/// A `message_new` whose message has these entries beside the least.
fn message_new(more: &Value, client_info: &Value) -> bots::Event {
    let mut message = json!({"id": 1, "from_id": 42, "peer_id": 42, "text": "hello"});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let object = json!({"message": message, "client_info": client_info});
    bots::Event::decode(&raw(&json!({"type": "message_new", "object": object}).to_string()))
}

#[test]
fn an_optional_field_of_a_message_that_cannot_be_read_is_absent_and_kept() {
    for (more, path, kept) in [
        (json!({"payload": {"a": 1}}), "payload", r#"{"a":1}"#),
        (json!({"expire_ttl": "soon"}), "expire_ttl", r#""soon""#),
        (json!({"random_id": u64::MAX}), "random_id", "18446744073709551615"),
        (json!({"out": []}), "out", "[]"),
        (json!({"id": {}}), "id", "{}"),
        (json!({"from_id": true}), "from_id", "true"),
        (json!({"action": 5}), "action", "5"),
        (
            json!({"action": {"type": "chat_create", "member_id": "x"}}),
            "action.member_id",
            r#""x""#,
        ),
        (json!({"attachments": 7}), "attachments", "7"),
        (json!({"attachments": [{"type": "photo"}, null]}), "attachments[1]", "null"),
        (
            json!({"attachments": [{"photo": {}}, {"type": "photo"}]}),
            "attachments[0]",
            r#"{"photo":{}}"#,
        ),
    ] {
        let event = message_new(&more, &json!({}));
        let EventKind::MessageNew(new) = &event.kind else { panic!("{more}: {event:?}") };
        assert_eq!(new.message.text.as_deref(), Some("hello"), "{more}");
        let expected = (format!("object.message.{path}"), kept.to_owned());
        assert_eq!(parts(event.malformed_parts()), [expected], "{more}");
        assert_eq!(parts(new.message.malformed_parts()), [(path.to_owned(), kept.to_owned())]);
        if path == "payload" {
            assert_eq!(new.message.payload_json().unwrap().get(), r#"{"a":1}"#);
        }
        if path.starts_with("attachments[") {
            assert_eq!(new.message.attachments.as_ref().unwrap().len(), 1, "{more}");
        }
    }
    let event = message_new(&json!({"out": true}), &json!({"lang_id": "ru", "keyboard": true}));
    let EventKind::MessageNew(new) = &event.kind else { panic!("{event:?}") };
    assert!(new.message.is_outbox());
    let info = new.client_info.as_ref().unwrap();
    assert_eq!((info.keyboard, info.lang_id), (Some(true), None));
    assert_eq!(parts(event.malformed_parts())[0].0, "object.client_info.lang_id");
}

#[test]
fn only_what_identifies_an_event_makes_it_malformed_and_the_reason_names_the_path() {
    for (update, reason) in [
        (
            json!({"type": "message_new", "object": {"message": {"peer_id": {}, "from_id": 1}}}),
            "object.message.peer_id is of the wrong type",
        ),
        (
            json!({"type": "message_new", "object": {"message": {"text": "x"}}}),
            "object.message.peer_id is missing",
        ),
        (
            json!({"type": "message_new", "object": {"message": 5}}),
            "object.message is of the wrong type",
        ),
        (
            json!({"type": "message_reply", "object": {"from_id": "x"}}),
            "object.from_id is of the wrong type",
        ),
        (
            json!({"type": "group_join", "object": {"user_id": "x"}}),
            "object.user_id is of the wrong type",
        ),
    ] {
        let event = bots::Event::decode(&raw(&update.to_string()));
        let EventKind::Malformed(malformed) = &event.kind else { panic!("{event:?}") };
        assert_eq!(malformed.reason.to_string(), reason);
    }
    // What stands around the object identifies nothing.
    let update = json!({"type": "group_join", "object": {"user_id": 1, "join_type": []},
        "group_id": "x", "event_id": {}});
    let event = bots::Event::decode(&raw(&update.to_string()));
    assert_eq!((event.kind.name(), event.group_id), ("group_join", None));
    let paths: Vec<_> = parts(event.malformed_parts()).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["group_id", "event_id", "object.join_type"]);
}

#[test]
fn messages_that_are_forwarded_or_answered_are_never_dropped() {
    let forwarded = json!([{"text": "a", "attachments": [null]}, null, {"text": "b", "date": "x"}]);
    let reply = json!({"text": "c", "out": {}, "reply_message": {"text": "d"}});
    let event =
        message_new(&json!({"fwd_messages": forwarded, "reply_message": reply}), &json!({}));
    let EventKind::MessageNew(new) = &event.kind else { panic!("{event:?}") };
    let all = new.message.forwarded();
    let texts: Vec<_> = all.iter().map(|it| it.text.as_deref()).collect();
    assert_eq!(texts, [Some("a"), None, Some("b")]);
    let paths: Vec<_> = all.iter().map(|it| parts(it.malformed_parts())[0].0.clone()).collect();
    assert_eq!(paths, ["attachments[0]", "", "date"]);
    let reply = new.message.reply().unwrap();
    assert_eq!(reply.text.as_deref(), Some("c"));
    assert_eq!(parts(reply.malformed_parts())[0].0, "out");
}

#[test]
fn an_optional_value_of_a_row_that_cannot_be_read_is_absent_and_kept() {
    for (row, kind, expected) in [
        ("[4,1,2,42,4,[]]", "new_message", ("[5]", "[]")),
        (r#"[4,1,2,42,"x","t"]"#, "new_message", ("[4]", r#""x""#)),
        (r#"[4,1,2,42,4,"t",5,{}]"#, "new_message", ("[6]", "5")),
        (r#"[4,1,2,42,4,"t",{},"x",7]"#, "new_message", ("[7]", r#""x""#)),
        (
            r#"[4,1,2,42,4,"t",{},{},18446744073709551615]"#,
            "new_message",
            ("[8]", "18446744073709551615"),
        ),
        ("[6,42,7,{}]", "read_incoming", ("[3]", "{}")),
        ("[8,-42,[],1]", "friend_online", ("[2]", "[]")),
        (r#"[9,-42,0,"x"]"#, "friend_offline", ("[3]", r#""x""#)),
        ("[61,42,{}]", "user_typing", ("[2]", "{}")),
        (r#"[63,[1,"x",2],7,2,99]"#, "users_typing", ("[1][1]", r#""x""#)),
        (r#"[63,[1,2],7,"x",99]"#, "users_typing", ("[3]", r#""x""#)),
        ("[80,5,true]", "counter_changed", ("[2]", "true")),
        (
            r#"[114,{"peer_id":42,"sound":"x"}]"#,
            "notification_settings_changed",
            ("[1].sound", r#""x""#),
        ),
        (r#"[119,{"peer_id":42,"event_id":{}}]"#, "callback_answered", ("[1].event_id", "{}")),
        ("[504,1,42,null,{}]", "folder_peers_added", ("[3]", "null")),
        ("[507,[1,2]]", "folder_counters_changed", ("[1]", "[1,2]")),
        (r#"[601,1,42,5,"x"]"#, "reactions_changed", ("[4]", r#""x""#)),
    ] {
        let event = event(row);
        assert_eq!(event.kind.name(), kind, "{row}");
        let parts = parts(event.malformed_parts());
        assert_eq!((parts[0].0.as_str(), parts[0].1.as_str()), expected, "{row}");
        assert_eq!(event.raw().get(), row);
    }
    assert_eq!(told(&event(r#"[63,[1,"x",2],7]"#))["user_ids"], json!([1, 2]));
    assert!(event(r#"[4,1,2,42,4,"t",{},{},7]"#).malformed_parts().is_empty());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_first_of_each_kind_is_logged_and_all_are_counted() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let vk = Vk::builder().group_token("t", 7).wait_scale(Duration::from_millis(20)).start();
    let mut long_poll = bots::LongPoll::builder("t", 7)
        .api_address(vk.api_url())
        .http_client(HttpClient::builder().no_proxy().build().unwrap())
        .build()
        .unwrap();
    let message = json!({"peer_id": 42, "text": "s3cret", "attachments": [null, "s3cret"]});
    let update = json!({"type": "message_new", "object": {"message": message}});
    let broken = json!({"type": "message_new", "object": {"message": {"peer_id": "s3cret"}}});
    vk.script_polls([Step::Rows(vec![update.clone(), update, broken.clone(), broken])]);
    let mut events = 0;
    while events < 4 {
        events += usize::from(matches!(long_poll.next().await.unwrap().unwrap(), Item::Event(_)));
    }
    assert_eq!(long_poll.malformed_count(), 6);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("object.message.attachments[]").count(), 1, "{log}");
    assert_eq!(log.matches("object.message.peer_id is of the wrong type").count(), 1, "{log}");
    assert_eq!((log.lines().count(), log.contains("s3cret")), (2, false), "{log}");
}
