//! What is asked of an event: flags, text, what it has beside; and events from the history.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

mod common;

use common::{event, raw, told};
use serde_json::json;
use vk_longpoll::user::{
    Attachments, ChatChange, Event, EventKind, Extra, MessageFlags, PeerFlags, PeerKind, Platform,
    SourceAct, text_decoded,
};

fn message(extra: &str, attachments: &str) -> (Extra, Attachments) {
    match event(&format!(r#"[4,1,2,3,4,"",{extra},{attachments}]"#)).kind {
        EventKind::NewMessage(message) => (message.extra.unwrap(), message.attachments.unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn flags_name_what_is_known_and_keep_the_rest() {
    let EventKind::NewMessage(message) = event("[4,1,532481]").kind else { panic!() };
    let shown = "MessageFlags(UNREAD | CHAT_TOO | CHAT_INCOMING)";
    assert_eq!(format!("{:?}", message.flags), shown);
    assert_eq!(format!("{:?}", MessageFlags::from_bits(0)), "MessageFlags(0x0)");
    assert!(MessageFlags::from_bits(131_072).is_deleted());
    assert!(!MessageFlags::from_bits(1).contains(MessageFlags::UNREAD | MessageFlags::SPAM));
    let EventKind::PeerFlagsSet(set) = event("[12,-5,3]").kind else { panic!() };
    assert!(set.flags.is_important() && set.flags.is_unanswered());
    assert_eq!(set.flags & PeerFlags::IMPORTANT, PeerFlags::IMPORTANT);
    assert_eq!(MessageFlags::from_bits(-1).bits(), -1);
}

#[test]
fn documented_flags_are_those_of_the_table() {
    let documented = [
        (MessageFlags::UNREAD, 1),
        (MessageFlags::OUTBOX, 2),
        (MessageFlags::REPLIED, 4),
        (MessageFlags::IMPORTANT, 8),
        (MessageFlags::CHAT, 16),
        (MessageFlags::FRIENDS, 32),
        (MessageFlags::SPAM, 64),
        (MessageFlags::DELETED, 128),
        (MessageFlags::FIXED, 256),
        (MessageFlags::MEDIA, 512),
        (MessageFlags::HIDDEN, 65536),
        (MessageFlags::DELETED_FOR_ALL, 131_072),
        (MessageFlags::NOT_DELIVERED, 262_144),
    ];
    assert!(documented.iter().all(|(flag, bits)| flag.bits() == *bits));
}

#[test]
fn text_is_decoded_once_and_only_where_it_is_escaped() {
    for (text, expected) in [
        ("plain 🌚", "plain 🌚"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("&quot;&amp;amp;&quot; &#39;&#x1F31A;&#33;", "\"&amp;\" '🌚!"),
        (
            "&nothing; &# &#; &#x; &#xD800; &#99999999; &lt",
            "&nothing; &# &#; &#x; &#xD800; &#99999999; &lt",
        ),
        ("<b> & <", "<b> & <"),
        ("&#+65; &#x+41; 🌚&", "&#+65; &#x+41; 🌚&"),
    ] {
        assert_eq!(text_decoded(text), expected);
    }
    assert!(matches!(text_decoded("plain"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn extra_answers_for_every_known_entry_and_keeps_the_others() {
    let (extra, _) = message(
        r#"{"title":" ... ","from":"100007 ","from_admin":"9","emoji":"1","has_template":"1",
            "expire_ttl":"60","ttl":30,"is_expired":"1","mentions":[1,"2"],"payload":"{\"a\":1}",
            "marked_users":[[1,[5]]],"keyboard":{"buttons":[]},"ref_source":"ad","new":{"x":1}}"#,
        "{}",
    );
    assert_eq!(extra.title().as_deref(), Some(" ... "));
    assert_eq!((extra.sender().as_deref(), extra.sender_id()), (Some("100007"), Some(100_007)));
    assert_eq!((extra.admin_id(), extra.expire_ttl(), extra.ttl()), (Some(9), Some(60), Some(30)));
    assert!(extra.has_emoji() && extra.has_template() && extra.is_expired());
    assert_eq!(extra.mentions(), Some(vec![1, 2]));
    assert_eq!(extra.payload().as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(extra.marked_users().as_deref(), Some("[[1,[5]]]"));
    assert_eq!(extra.keyboard().as_deref(), Some(r#"{"buttons":[]}"#));
    assert_eq!(extra.ref_source().as_deref(), Some("ad"));
    assert_eq!(extra.json("new").as_deref(), Some(r#"{"x":1}"#));
    assert_eq!(extra.names().count(), 14);
}

#[test]
fn an_entry_of_another_type_is_no_answer_and_costs_nothing_else() {
    let (extra, _) = message(
        r#"{"from":{"id":1},"title":[1],"emoji":false,"mentions":"x","ttl":1.5,"source_act":7,
            "from_admin":"5","payload":null}"#,
        "[]",
    );
    assert_eq!((extra.sender(), extra.sender_id(), extra.title()), (None, None, None));
    assert_eq!((extra.mentions(), extra.ttl(), extra.source_act()), (None, None, None));
    assert!(!extra.has_emoji());
    assert_eq!((extra.admin_id(), extra.payload()), (Some(5), None));
    assert_eq!(extra.names().count(), 7);
}

#[test]
fn what_was_done_to_a_chat_is_told_with_its_fields() {
    let act = |json: &str| format!("{:?}", message(json, "{}").0.source_act());
    for (json, expected) in [
        (r#"{"source_act":"chat_create","source_text":"T"}"#, r#"Create { title: Some("T") }"#),
        (
            r#"{"source_act":"chat_title_update","source_old_text":"O","source_text":"T"}"#,
            r#"TitleUpdate { old_title: Some("O"), title: Some("T") }"#,
        ),
        (r#"{"source_act":"chat_photo_update"}"#, "PhotoUpdate"),
        (r#"{"source_act":"chat_photo_remove"}"#, "PhotoRemove"),
        (r#"{"source_act":"chat_invite_user","source_mid":7}"#, "InviteUser { user_id: Some(7) }"),
        (r#"{"source_act":"chat_invite_user_by_link"}"#, "InviteUserByLink"),
        (r#"{"source_act":"chat_kick_user","source_mid":"-7"}"#, "KickUser { user_id: Some(-7) }"),
        (r#"{"source_act":"chat_screenshot"}"#, "Screenshot { user_id: None }"),
        (
            r#"{"source_act":"chat_pin_message","source_mid":"7","source_message":"M","source_chat_local_id":"5"}"#,
            r#"PinMessage { user_id: Some(7), message: Some("M"), local_id: Some(5) }"#,
        ),
        (
            r#"{"source_act":"chat_unpin_message","source_chat_local_id":5}"#,
            "UnpinMessage { user_id: None, local_id: Some(5) }",
        ),
        (
            r#"{"source_act":"conversation_style_update","source_style":"s"}"#,
            r#"StyleUpdate { style: Some("s") }"#,
        ),
        (r#"{"source_act":"chat_new"}"#, r#"Other("chat_new")"#),
    ] {
        assert_eq!(act(json), format!("Some({expected})"));
    }
    assert_eq!(message("{}", "{}").0.source_act(), None::<SourceAct<'_>>);
}

#[test]
fn attachments_are_listed_by_number_and_the_rest_is_kept() {
    let (_, attachments) = message(
        "{}",
        r#"{"attach10_type":"doc","attach10":"-5_7_key",
        "attach10_kind":"audiomsg","attach2_type":"sticker","attach2":"84","attach2_product_id":"380",
        "attach3_type":"link","attach3_url":"u","attach3_title":"t","attach3_desc":"d",
        "attach3_photo":"1_2","attach4":"no type","attach+5_type":"x","attachments_count":"1",
        "attachments":"[{\"type\":\"sticker\"}]","fwd":"0_0","geo":"1_2",
        "reply":"{\"conversation_message_id\":9}"}"#,
    );
    let list = attachments.list();
    let kinds: Vec<_> = list.iter().map(|attachment| &*attachment.kind).collect();
    assert_eq!(kinds, ["sticker", "link", "doc"]);
    assert_eq!(
        (list[0].product_id, list[0].item(), list[0].owner_and_item()),
        (Some(380), Some(84), None)
    );
    assert_eq!(
        (
            list[1].url.as_deref(),
            list[1].title.as_deref(),
            list[1].description.as_deref(),
            list[1].photo.as_deref()
        ),
        (Some("u"), Some("t"), Some("d"), Some("1_2"))
    );
    assert_eq!(
        (list[2].doc_kind.as_deref(), list[2].owner_and_item()),
        (Some("audiomsg"), Some((-5, 7)))
    );
    assert_eq!((attachments.count(), attachments.reply_local_id()), (Some(1), Some(9)));
    assert_eq!(attachments.json().as_deref(), Some(r#"[{"type":"sticker"}]"#));
    assert_eq!(
        (attachments.fwd().as_deref(), attachments.geo().as_deref()),
        (Some("0_0"), Some("1_2"))
    );
    assert_eq!(attachments.get("attach4").as_deref(), Some("no type"));
}

#[test]
fn numbers_without_a_name_are_kept() {
    let EventKind::ChatInfoChanged(change) = event("[52,77,2000000001,5]").kind else { panic!() };
    assert_eq!((change.type_id, change.type_id.number()), (ChatChange::Other(77), 77));
    let EventKind::FriendOnline(online) = event("[8,-1,260,9]").kind else { panic!() };
    assert_eq!((online.platform, online.extra), (Some(Platform::Android), Some(260)));
    assert_eq!(PeerKind::of(2_000_000_000), PeerKind::User(2_000_000_000));
    assert_eq!(PeerKind::of(i64::MIN).peer_id(), -i64::MAX);
}

#[test]
fn every_event_of_a_conversation_names_it() {
    for (row, peer, message) in [
        ("[1,5,3,42]", Some(42), Some(5)),
        ("[4,5,3]", None, Some(5)),
        ("[19,5]", None, Some(5)),
        ("[6,-7,5]", Some(-7), None),
        ("[51,5]", Some(2_000_000_005), None),
        ("[51,2000000005]", Some(2_000_000_005), None),
        ("[62,1,5]", Some(2_000_000_005), None),
        ("[52,1,2000000005]", Some(2_000_000_005), None),
        ("[61,42]", Some(42), None),
        ("[63,[1],42]", Some(42), None),
        ("[8,-42,7,1]", Some(42), None),
        ("[80,1]", None, None),
        ("[50,{\"peer_id\":42}]", Some(42), None),
        ("[601,1,42,5]", Some(42), None),
        ("[12345,42]", None, None),
    ] {
        assert_eq!((event(row).peer_id(), event(row).message_id()), (peer, message), "{row}");
    }
}

const MESSAGE: &str = r#"{"id":5,"date":1464950873,"from_id":7,"peer_id":2000000001,"out":0,
    "text":"1 < 2 & \"3\"\nline","random_id":0,"conversation_message_id":9,"payload":"{\"a\":1}",
    "attachments":[{"type":"photo","photo":{"id":14,"owner_id":-7,"sizes":[]}},
        {"type":"sticker","sticker":{"sticker_id":84,"product_id":380}},
        {"type":"audio_message","audio_message":{"id":3,"owner_id":7}},
        {"type":"link","link":{"url":"u","title":"t"}},{"type":"new"},7],
    "reply_message":{"id":4,"conversation_message_id":8},"action":{"type":"chat_kick_user","member_id":7}}"#;

#[test]
fn a_row_of_the_history_is_completed_from_its_message() {
    let row = "[4,5,8193,2000000001]";
    let event = Event::from_history(&raw(row), Some(&raw(MESSAGE)));
    assert!(event.recovered);
    // Its row is that of a poll: it says the same.
    assert!(event.raw().get().starts_with(&row[..row.len() - 1]));
    assert_eq!(Event::decode(event.raw()).kind, event.kind);
    let mut told = told(&event);
    let json = told["attachments"].as_object_mut().unwrap().remove("attachments").unwrap();
    assert!(json.as_str().unwrap().starts_with(r#"[{"type":"photo""#));
    assert_eq!(
        told,
        json!({
            "kind": "new_message", "message_id": 5, "flags": 8193, "peer_id": 2_000_000_001,
            "timestamp": 1_464_950_873, "text": "1 &lt; 2 &amp; &quot;3&quot;<br>line",
            "random_id": 0,
            "extra": {"from": "7", "payload": "{\"a\":1}", "source_act": "chat_kick_user",
                "source_mid": "7"},
            "attachments": {"attach1_type": "photo", "attach1": "-7_14",
                "attach2_type": "sticker", "attach2": "84", "attach2_product_id": "380",
                "attach3_type": "doc", "attach3_kind": "audiomsg", "attach3": "7_3",
                "attach4_type": "link", "attach4_url": "u", "attach4_title": "t",
                "attach5_type": "new", "attachments_count": "6", "fwd": "0_0",
                "reply": "{\"conversation_message_id\":8}"},
        })
    );
    let EventKind::NewMessage(message) = &event.kind else { panic!() };
    assert_eq!(message.text_decoded().unwrap(), "1 < 2 & \"3\"\nline");
}

#[test]
fn only_the_message_of_the_row_completes_it() {
    let other = raw(r#"{"id":6,"text":"other"}"#);
    for message in [None, Some(&other), Some(&raw("[]")), Some(&raw("7"))] {
        let event = Event::from_history(&raw("[4,5,1,42]"), message.map(|raw| &**raw));
        let EventKind::NewMessage(message) = &event.kind else { panic!() };
        assert!(event.recovered && message.text.is_none());
    }
    // What is not a message stays as it is; so does what a row has already.
    let event = Event::from_history(&raw("[6,42,5]"), Some(&raw(MESSAGE)));
    assert_eq!(told(&event), json!({"kind": "read_incoming", "peer_id": 42, "local_id": 5}));
    let whole = Event::from_history(&raw(r#"[5,5,1,42,9,"own"]"#), Some(&raw(MESSAGE)));
    assert_eq!((&told(&whole)["text"], &told(&whole)["timestamp"]), (&json!("own"), &json!(9)));
    let odd = Event::from_history(&raw("[]"), Some(&raw(MESSAGE)));
    assert!(odd.recovered && odd.code().is_none());
}

#[test]
fn in_a_private_conversation_the_peer_is_the_sender() {
    let message = raw(r#"{"id":5,"from_id":42,"peer_id":42,"text":""}"#);
    let event = Event::from_history(&raw("[4,5,1,42]"), Some(&message));
    let EventKind::NewMessage(message) = &event.kind else { panic!() };
    assert!(message.extra.as_ref().unwrap().is_empty());
}

#[test]
fn an_unknown_and_an_odd_row_are_serialised_with_what_is_known() {
    let told = |row: &str| serde_json::to_string(&event(row)).unwrap();
    assert_eq!(
        told("[777, 1]"),
        r#"{"kind":"unknown","code":777,"recovered":false,"raw":[777, 1]}"#
    );
    assert_eq!(
        told("[4,1]"),
        r#"{"kind":"malformed","reason":"value 2 is missing","code":4,"recovered":false,"raw":[4,1]}"#
    );
}
