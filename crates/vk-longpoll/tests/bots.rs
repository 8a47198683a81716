//! Events of bots: by their types, in both shapes, and broken.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

mod common;

use common::{raw, samples, told};
use proptest::prelude::*;
use serde_json::{Value, json};
use vk_longpoll::bots::{Answer, Event, EventKind, EventType, MalformedReason};
use vk_longpoll::user::PeerKind;

fn event(update: &str) -> Event {
    Event::decode(&raw(update))
}

fn of(kind: &str, object: &str) -> Event {
    event(&format!(
        r#"{{"type":"{kind}","object":{object},"group_id":7,"event_id":"e","v":"5.199"}}"#
    ))
}

#[test]
fn every_sample_is_what_its_type_says() {
    let found: Vec<_> = samples("bot").iter().map(|update| told(&event(update))).collect();
    let expected = [
        json!({"kind": "group_join", "user_id": 1, "join_type": "approved", "group_id": 1}),
        json!({"kind": "message_new", "group_id": 100007, "client_info": {}, "message":
            {"id": 1, "date": 1, "from_id": 1, "peer_id": 1, "text": "{}"}}),
        json!({"kind": "message_event", "group_id": 100371, "user_id": 100378,
            "peer_id": 100378, "event_id": "feleyinek", "payload": "{}",
            "conversation_message_id": 100371}),
    ];
    assert_eq!(found, expected);
    let first = event(&samples("bot")[0]);
    assert_eq!(first.v.as_deref(), Some("5.131"));
    assert_eq!(first.event_id.as_deref(), Some("c68dfb100357fea8ac98ea0ea100364df71d8064f"));
    assert_eq!(first.raw().get(), samples("bot")[0]);
}

#[test]
fn there_are_60_types_each_told_by_its_name() {
    assert_eq!(EventType::ALL.len(), 60);
    for known in EventType::ALL {
        assert_eq!(&EventType::from_name(known.name()), known);
        // Whatever the object is, the type is told.
        assert_eq!(of(known.name(), "7").kind.event_type().as_ref(), Some(known));
    }
    let new = of("something_new", r#"{"a":[1]}"#);
    assert_eq!(new.kind.event_type(), Some(EventType::Other("something_new".to_owned())));
    assert_eq!(told(&new), json!({"kind": "something_new", "object": {"a": [1]}, "group_id": 7}));
    let untyped = of("photo_new", r#"{"id": 5}"#);
    let EventKind::Other(other) = &untyped.kind else { panic!("{untyped:?}") };
    assert_eq!(other.object.as_ref().unwrap().get(), r#"{"id": 5}"#);
}

const MESSAGE: &str = r#"{"id":"5","date":9,"from_id":-7,"peer_id":2000000001,"text":"hi","out":0,
    "conversation_message_id":3,"random_id":0,"payload":"{\"b\":1}","ref":"r","ref_source":"s",
    "attachments":[{"type":"photo","photo":{"id":14}}],"geo":{"type":"point"},"keyboard":{},
    "important":false,"is_hidden":0,"fwd_messages":[{"id":1,"text":"a"},{"text":"b"}],
    "reply_message":{"id":4,"text":"c"},"action":{"type":"chat_pin_message","member_id":1},"new":1}"#;

#[test]
fn a_new_message_is_read_in_both_shapes() {
    let nested = of(
        "message_new",
        &format!(
            r#"{{"message":{MESSAGE},"client_info":{{"button_actions":["text"],"keyboard":true,"lang_id":0}}}}"#
        ),
    );
    let flat = of("message_new", MESSAGE);
    let [EventKind::MessageNew(nested), EventKind::MessageNew(flat)] = [nested.kind, flat.kind]
    else {
        panic!()
    };
    assert_eq!(nested.message, flat.message);
    assert!(flat.client_info.is_none());
    assert_eq!(nested.client_info.unwrap().button_actions, Some(vec!["text".to_owned()]));
    let message = flat.message;
    assert_eq!((message.id, message.peer()), (Some(5), Some(PeerKind::Chat(1))));
    assert_eq!(message.ref_param.as_deref(), Some("r"));
    assert_eq!(message.payload_json().unwrap().get(), r#"{"b":1}"#);
    assert_eq!(message.reply().unwrap().text.as_deref(), Some("c"));
    let forwarded: Vec<_> = message.forwarded().into_iter().filter_map(|one| one.text).collect();
    assert_eq!(forwarded, ["a", "b"]);
    let photo = &message.attachments.as_ref().unwrap()[0];
    assert_eq!((photo.kind.as_str(), photo.object().unwrap().get()), ("photo", r#"{"id":14}"#));
    assert!(!message.is_outbox());
    let action = message.action.unwrap();
    assert_eq!((action.kind.as_deref(), action.member_id), (Some("chat_pin_message"), Some(1)));
}

/// The typed kinds, each with the least that it takes, and its conversation.
const LEAST: &[(&str, &str, Option<i64>)] = &[
    ("message_new", r#"{"from_id":42}"#, Some(42)),
    ("message_reply", r#"{"peer_id":42}"#, Some(42)),
    ("message_edit", r#"{"peer_id":42}"#, Some(42)),
    ("message_allow", r#"{"user_id":42,"key":"k"}"#, Some(42)),
    ("message_deny", r#"{"user_id":"42"}"#, Some(42)),
    ("message_typing_state", r#"{"from_id":42,"to_id":-7,"state":"typing"}"#, Some(42)),
    ("message_event", r#"{"user_id":1,"peer_id":42,"event_id":"e"}"#, Some(42)),
    ("message_read", r#"{"from_id":1,"peer_id":42}"#, Some(42)),
    ("group_join", r#"{"user_id":42}"#, Some(42)),
    ("group_leave", r#"{"user_id":42}"#, Some(42)),
    ("wall_post_new", r#"{"id":1,"owner_id":-7}"#, None),
    ("wall_repost", r#"{"id":1,"owner_id":-7}"#, None),
    ("wall_reply_new", r#"{"id":1}"#, None),
    ("wall_reply_edit", r#"{"id":1}"#, None),
    ("wall_reply_restore", r#"{"id":1}"#, None),
    ("wall_reply_delete", r#"{"id":1}"#, None),
    ("like_add", r#"{"liker_id":1,"object_owner_id":-7,"object_id":5}"#, None),
    ("like_remove", r#"{"liker_id":1,"object_owner_id":-7,"object_id":5}"#, None),
    ("donut_subscription_create", r#"{"user_id":42}"#, Some(42)),
    ("donut_subscription_prolonged", r#"{"user_id":42}"#, Some(42)),
    ("donut_subscription_expired", r#"{"user_id":42}"#, Some(42)),
    ("donut_subscription_cancelled", r#"{"user_id":42}"#, Some(42)),
    ("donut_subscription_price_changed", r#"{"user_id":42}"#, Some(42)),
    ("donut_money_withdraw", "{}", None),
    ("donut_money_withdraw_error", "[]", None),
    ("message_reaction_event", r#"{"reacted_id":1,"peer_id":42,"cmid":3}"#, Some(42)),
    ("photo_comment_new", r#"{"id":1}"#, None),
    ("photo_comment_edit", r#"{"id":1}"#, None),
    ("photo_comment_restore", r#"{"id":1}"#, None),
    ("photo_comment_delete", r#"{"id":1}"#, None),
    ("video_comment_new", r#"{"id":1}"#, None),
    ("video_comment_edit", r#"{"id":1}"#, None),
    ("video_comment_restore", r#"{"id":1}"#, None),
    ("video_comment_delete", r#"{"id":1}"#, None),
    ("market_comment_new", r#"{"id":1}"#, None),
    ("market_comment_edit", r#"{"id":1}"#, None),
    ("market_comment_restore", r#"{"id":1}"#, None),
    ("market_comment_delete", r#"{"id":1}"#, None),
    ("board_post_new", r#"{"id":1}"#, None),
    ("board_post_edit", r#"{"id":1}"#, None),
    ("board_post_restore", r#"{"id":1}"#, None),
    ("board_post_delete", r#"{"id":1}"#, None),
    ("market_order_new", r#"{"id":1}"#, None),
    ("market_order_edit", r#"{"id":1}"#, None),
    ("group_officers_edit", r#"{"user_id":42}"#, Some(42)),
    ("group_change_settings", "{}", None),
    ("group_change_photo", "{}", None),
    ("user_block", r#"{"user_id":42}"#, Some(42)),
    ("user_unblock", r#"{"user_id":42}"#, Some(42)),
    ("poll_vote_new", r#"{"poll_id":1,"user_id":2}"#, None),
    ("vkpay_transaction", r#"{"from_id":1}"#, None),
    ("lead_forms_new", r#"{"lead_id":1}"#, None),
    ("app_payload", r#"{"user_id":1,"app_id":2}"#, None),
];

#[test]
fn typed_kinds_take_what_they_must_have_and_no_less() {
    for (kind, object, peer) in LEAST {
        let event = of(kind, object);
        assert!(!matches!(event.kind, EventKind::Other(_) | EventKind::Malformed(_)), "{event:?}");
        assert_eq!((event.kind.name(), event.peer_id()), (*kind, *peer));
        assert_eq!(told(&event)["kind"], json!(kind));
        for wrong in ["7", "null", r#""x""#, "[1]", "true"] {
            let event = of(kind, wrong);
            let EventKind::Malformed(why) = &event.kind else { panic!("{event:?}") };
            assert_eq!(
                (&why.reason, why.event_type.as_ref().unwrap().name()),
                (&MalformedReason::NoObject, *kind)
            );
        }
        let entries: Value = serde_json::from_str(object).unwrap();
        for name in entries.as_object().into_iter().flat_map(serde_json::Map::keys) {
            let mut changed = entries.clone();
            changed[name] = json!([{}]);
            let event = of(kind, &changed.to_string());
            let path = format!("object.{name}");
            if ["key", "state"].contains(&name.as_str()) {
                let part = event.malformed_parts().iter().next().unwrap();
                assert_eq!((event.kind.name(), &part.path), (*kind, &path));
                continue;
            }
            assert!(
                matches!(&event.kind, EventKind::Malformed(why) if why.reason == MalformedReason::Wrong(path.into())),
                "{event:?}"
            );
        }
    }
    assert!(matches!(of("message_event", r#"{"user_id":1,"peer_id":2}"#).kind,
        EventKind::Malformed(why) if why.reason == MalformedReason::Missing("object.event_id".into())));
}

#[test]
fn a_message_has_what_vk_says_of_it_since() {
    let message = json!({"peer_id": 42, "is_cropped": true, "is_mentioned_user": 1,
        "template": {"type": "carousel"}, "is_silent": 1, "is_pinned": true, "reaction_id": 4,
        "action": {"type": "chat_photo_update", "photo": {"photo_50": "a", "photo_200": "b"},
            "style": "emerald", "email": "a@b"}});
    let event = of("message_new", &json!({"message": message}).to_string());
    assert!(event.malformed_parts().is_empty());
    let EventKind::MessageNew(new) = &event.kind else { panic!("{event:?}") };
    let message = &new.message;
    assert_eq!((message.is_cropped, message.is_mentioned_user), (Some(true), Some(true)));
    assert_eq!((message.is_silent, message.is_pinned), (Some(true), Some(true)));
    assert_eq!(message.reaction_id, Some(4));
    assert_eq!(message.template.as_ref().unwrap().get(), r#"{"type":"carousel"}"#);
    let action = message.action.as_ref().unwrap();
    let photo = action.photo.as_ref().unwrap();
    assert_eq!((photo.photo_50.as_deref(), photo.photo_200.as_deref()), (Some("a"), Some("b")));
    assert_eq!((action.style.as_deref(), action.email.as_deref()), (Some("emerald"), Some("a@b")));
}

#[test]
fn a_post_has_its_donut_its_source_and_its_comments() {
    let post = json!({"id": 1, "owner_id": -7, "donut": {"is_donut": true, "paid_duration": 600},
        "copyright": {"link": "https://x", "type": "link", "name": "X"},
        "comments": {"count": 3, "can_post": 1}, "likes": {"count": 5}, "views": {"count": 9},
        "reposts": {"count": "2"}, "copy_history": [{"id": 2, "owner_id": 8, "text": "first"}]});
    let event = of("wall_post_new", &post.to_string());
    assert!(event.malformed_parts().is_empty());
    let EventKind::WallPostNew(post) = &event.kind else { panic!("{event:?}") };
    let donut = post.donut.as_ref().unwrap();
    assert_eq!((donut.is_donut, donut.paid_duration), (Some(true), Some(600)));
    let copyright = post.copyright.as_ref().unwrap();
    assert_eq!((copyright.kind.as_deref(), copyright.name.as_deref()), (Some("link"), Some("X")));
    let comments = post.comments.as_ref().unwrap();
    assert_eq!((comments.count, comments.can_post), (Some(3), Some(true)));
    assert_eq!(post.likes.as_ref().unwrap().count, Some(5));
    assert_eq!(post.reposts.as_ref().unwrap().count, Some(2));
    assert_eq!(post.reposted()[0].text.as_deref(), Some("first"));
    let odd = of("wall_post_new", r#"{"id":1,"owner_id":-7,"donut":{"is_donut":{}},"likes":7}"#);
    let paths: Vec<_> = odd.malformed_parts().iter().map(|part| part.path.as_str()).collect();
    assert_eq!(paths, ["object.donut.is_donut", "object.likes"]);
}

#[test]
fn a_reaction_is_read_by_the_names_that_vk_gives_it() {
    let event = of(
        "message_reaction_event",
        r#"{"reacted_id":42,"peer_id":2000000001,"cmid":9,"reaction_id":2}"#,
    );
    let EventKind::MessageReactionEvent(reaction) = &event.kind else { panic!("{event:?}") };
    assert_eq!((reaction.conversation_message_id, reaction.reaction_id), (9, Some(2)));
    assert_eq!(told(&event)["cmid"], json!(9));
}

#[test]
fn money_is_a_number_however_it_is_written() {
    for amount in ["150", "150.0", r#""150.00""#, "1.5e2"] {
        let event = of("donut_money_withdraw", &format!(r#"{{"amount":{amount}}}"#));
        let EventKind::DonutMoneyWithdraw(money) = event.kind else { panic!("{event:?}") };
        assert_eq!(money.amount, Some(150.0));
    }
}

#[test]
fn what_is_no_update_is_told_with_what_it_is() {
    for (update, reason) in [
        ("7", MalformedReason::NotAnObject),
        ("null", MalformedReason::NotAnObject),
        ("[1]", MalformedReason::NotAnObject),
        ("{}", MalformedReason::NoType),
        (r#"{"type":null}"#, MalformedReason::NoType),
        (r#"{"type":""}"#, MalformedReason::NoType),
        (r#"{"type":["message_new"]}"#, MalformedReason::NoType),
        (r#"{"type":"message_new"}"#, MalformedReason::NoObject),
    ] {
        let event = event(update);
        assert!(
            matches!(&event.kind, EventKind::Malformed(why) if why.reason == reason),
            "{event:?}"
        );
        assert_eq!(event.raw().get(), update);
        let told = serde_json::to_string(&event).unwrap();
        assert!(
            told.starts_with(r#"{"kind":"malformed","reason":""#)
                && told.ends_with(&format!(r#""raw":{update}}}"#))
        );
    }
}

#[test]
fn messages_nested_ten_thousand_deep_are_typed_one_at_a_time() {
    let deep = format!(
        r#"{}{{"text":"last"}}{}"#,
        r#"{"peer_id":1,"reply_message":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let EventKind::MessageNew(new) = of("message_new", &deep).kind else { panic!() };
    assert_eq!(new.message.reply().unwrap().peer_id, Some(1));
    let body =
        format!(r#"{{"ts":"1","updates":[{{"type":"message_new","object":{deep}}},{deep},7]}}"#);
    let Answer::Updates(updates) = Answer::decode(body.as_bytes()).unwrap() else { panic!() };
    assert_eq!(updates.events.len(), 3);
}

#[test]
fn an_answer_has_its_ts_as_a_string_or_a_number() {
    for body in [r#"{"ts":"4","updates":[]}"#, r#"{"ts":4,"updates":[]}"#] {
        let Answer::Updates(updates) = Answer::decode(body.as_bytes()).unwrap() else { panic!() };
        assert_eq!(updates.ts, 4);
    }
    let Answer::Failed(failed) = Answer::decode(br#"{"failed":1,"ts":30}"#).unwrap() else {
        panic!()
    };
    assert_eq!((failed.code, failed.ts), (1, Some(30)));
    assert!(Answer::decode(b"{}").unwrap_err().is_incomplete());
}

#[test]
fn a_sample_cut_anywhere_is_an_error_and_one_with_a_byte_changed_never_panics() {
    for update in samples("bot") {
        let body = format!(r#"{{"ts":"1","updates":[{update}]}}"#);
        for end in 0..body.len() {
            assert!(Answer::decode(&body.as_bytes()[..end]).unwrap_err().is_cut());
        }
        for at in 0..body.len() {
            for byte in [b'"', b'[', b'}', b',', b'\\', b'9', 0xFF] {
                let mut changed = body.clone().into_bytes();
                changed[at] = byte;
                let _ = Answer::decode(&changed);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_object_of_any_type_is_an_event(
        kind in prop::sample::select(EventType::ALL),
        entries in prop::collection::btree_map(
            prop::sample::select(vec!["id", "peer_id", "from_id", "user_id", "message", "text",
                "attachments", "payload", "owner_id", "amount"]),
            prop::sample::select(vec!["1", "\"2\"", "null", "[]", "{}", "\"x\"", "-1.5", "[{\"type\":\"a\"}]",
                "{\"peer_id\":5}", "true"]), 0..8)
    ) {
        let entries: Vec<_> = entries.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let update = format!(r#"{{"type":"{}","object":{{{}}}}}"#, kind.name(), entries.join(","));
        let event = event(&update);
        prop_assert_eq!(event.kind.event_type(), Some(kind.clone()));
        let told = serde_json::to_string(&event).unwrap();
        prop_assert!(serde_json::from_str::<Value>(&told).is_ok());
        let end = format!(r#","raw":{update}}}"#);
        prop_assert!(told.ends_with(&end));
    }
}
