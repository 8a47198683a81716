//! Rows: every code, with few and with many values, in every shape that sources know.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

mod common;

use common::{event, kind, samples, told};
use serde_json::{Value, json};
use vk_longpoll::user::{EventKind, MalformedReason};

#[test]
fn every_sample_is_what_its_shape_says() {
    let found: Vec<_> = samples("event").iter().map(|row| told(&event(row))).collect();
    let message = |id: i64, flags: i64, peer: i64| json!({"kind": "new_message", "message_id": id, "flags": flags, "peer_id": peer});
    let with = |mut base: serde_json::Value, more: serde_json::Value| {
        base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        base
    };
    let expected = [
        with(
            message(100000, 561, 100007),
            json!({"timestamp": 1464958914, "text": "hello",
            "extra": {"title": "... "}, "attachments": {"attach1_type": "photo",
            "attach1": "100007_100014", "attach2_type": "audio", "attach2": "100007_100021"}}),
        ),
        json!({"kind": "flags_reset", "message_id": 100035, "flags": 1, "peer_id": 2000000202}),
        with(
            message(100035, 8193, 2000000202),
            json!({"timestamp": 1464950873, "text": "Hello.",
            "extra": {"from": "100007 "}}),
        ),
        with(
            message(100056, 532481, 2000000052),
            json!({"timestamp": 1565127481, "text": "text",
            "extra": {"from": "100063"}, "attachments": {}}),
        ),
        with(
            message(100070, 532481, 2000000017),
            json!({"timestamp": 1565125977, "text": "",
            "extra": {"from": "100077"}, "attachments": {"attach1_product_id": "380",
            "attach1_type": "sticker", "attach1": "100084"}}),
        ),
        with(
            message(100112, 532481, 2000000269),
            json!({"timestamp": 1565127084, "text": "",
            "extra": {"from": "100119"}, "attachments": {"attach1_product_id": "381",
            "attach1_type": "sticker", "attach1": "100126", "attach1_kind": "animation"}}),
        ),
        with(
            message(100133, 2629633, 2000000269),
            json!({"timestamp": 1565127481, "text": "",
            "extra": {"fwd_all_count": "0", "fwd_count": "1", "from": "100140",
            "mentions": [100119]},
            "attachments": {"attach1_type": "audio", "attach1": "100140_100147", "fwd": "0_0"}}),
        ),
        json!({"kind": "message_edited", "message_id": 100182, "flags": 532481,
            "peer_id": 2000000017, "timestamp": 1565189959,
            "text": "текст &lt;b&gt; 🌚<br>line",
            "extra": {"emoji": "1", "title": "", "from": "100189"}, "attachments": {}}),
        json!({"kind": "message_edited", "message_id": 100196, "flags": 532481,
            "peer_id": 2000000269, "timestamp": 1565128950, "text": "text",
            "extra": {"from": "100119"},
            "attachments": {"attach1_type": "video", "attach1": "100119_100203"}}),
        with(
            message(41, 532481, 2000000001),
            json!({"timestamp": 1512524680, "text": "",
            "extra": {"source_act": "chat_invite_user", "source_mid": "100217",
            "from": "100224"}}),
        ),
        json!({"kind": "friend_offline", "user_id": 100231, "flags": 1}),
        json!({"kind": "read_outgoing", "peer_id": -100245, "local_id": 100252}),
        message(100259, 17, -100245),
        json!({"kind": "user_typing", "user_id": 100266, "flags": 1}),
        json!({"kind": "friend_online", "user_id": 100273, "extra": 0}),
        json!({"kind": "read_incoming", "peer_id": 100287, "local_id": 100280}),
        json!({"kind": "flags_reset", "message_id": 100280, "flags": 1, "peer_id": 100287}),
        json!({"kind": "friend_online", "user_id": 123, "extra": 7, "platform": 7,
            "timestamp": 1700000000}),
        json!({"kind": "friend_offline", "user_id": 123, "flags": 1, "timestamp": 1700000000}),
        json!({"kind": "peer_flags_set", "peer_id": 42, "flags": 1}),
        json!({"kind": "messages_deleted", "peer_id": 42, "local_id": 7}),
        json!({"kind": "major_id_changed", "peer_id": 42, "major_id": 9}),
        json!({"kind": "chat_changed", "chat_id": 5, "by_self": 1}),
        json!({"kind": "user_typing_in_chat", "user_id": 5, "chat_id": 9}),
        json!({"kind": "users_recording_audio", "user_ids": [1, 2], "peer_id": 2000000009,
            "total_count": 2, "timestamp": 1700000000}),
        json!({"kind": "notification_settings_changed", "peer_id": 42, "sound": 1,
            "disabled_until": -1}),
        json!({"kind": "folder_peers_added", "folder_id": 5,
            "peer_ids": [100294, 100301, 2000000346]}),
        json!({"kind": "folder_counters_changed", "folders": [
            {"folder_id": 2, "unread_count": 3, "unread_unmuted_count": 0},
            {"folder_id": 3, "unread_count": 2, "unread_unmuted_count": 1}]}),
        json!({"kind": "reactions_changed", "change": 1, "peer_id": 2000000153,
            "local_id": 100308, "reaction_id": 2, "reactions": [
            {"reaction_id": 4, "count": 2, "user_ids": [100315, 100322]},
            {"reaction_id": 32, "count": 1, "user_ids": [100329]},
            {"reaction_id": 2, "count": 3, "user_ids": [100336, 100301, 100343]},
            {"reaction_id": 15, "count": 1, "user_ids": [100350]}]}),
    ];
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// Of each code: the fewest values that it takes, and what they come to.
const FEWEST: &[&str] = &[
    "[1,5,3]",
    "[2,5,3]",
    "[3,5,3]",
    "[4,5,3]",
    "[5,5,3]",
    "[6,42,5]",
    "[7,42,5]",
    "[8,-42]",
    "[9,-42]",
    "[10,42,1]",
    "[11,42,1]",
    "[12,42,1]",
    "[13,42,5]",
    "[14,42,5]",
    "[18,5,3]",
    "[19,5]",
    "[20,42,1]",
    "[21,42,1]",
    "[50,{}]",
    "[51,5]",
    "[52,1,2000000005]",
    "[61,42]",
    "[62,42,5]",
    "[63,[42],7]",
    "[64,7,[42]]",
    "[65,7,[]]",
    "[66,7,[42,43]]",
    "[67,[42],7]",
    "[68,[42],7]",
    "[70,42]",
    "[80,1]",
    "[81,-42]",
    "[90,2]",
    "[91]",
    "[114,{}]",
    "[115]",
    "[119,{}]",
    "[501,1]",
    "[502,1]",
    "[503,1]",
    "[504,1]",
    "[505,1]",
    "[506]",
    "[507]",
    "[601,1,42,5]",
    "[602]",
];

#[test]
fn every_code_of_the_table_has_its_kind_with_few_and_with_many_values() {
    assert_eq!(FEWEST.len(), EventKind::ALL.len());
    for (row, (code, name)) in FEWEST.iter().zip(EventKind::ALL) {
        assert_eq!((event(row).code(), kind(row)), (Some(*code), *name), "{row}");
        let values: Vec<Value> = serde_json::from_str(row).unwrap();
        // One value fewer is malformed, but for those that need none.
        if let Some((_, fewer @ [_, ..])) = values.split_last() {
            let fewer = Value::from(fewer).to_string();
            assert_eq!((event(&fewer).code(), kind(&fewer)), (Some(*code), "malformed"), "{fewer}");
        }
        // Past all known places anything may come. These have no last place.
        if ![504, 505, 506, 507, 601].contains(code) {
            let mut many = values;
            many.resize(15, Value::Null);
            many.extend([json!("new"), json!([[{}]]), json!(null), json!(true), json!(1.5)]);
            let many = Value::from(many).to_string();
            assert_eq!(kind(&many), *name, "{many}");
        }
    }
}

#[test]
fn an_unknown_code_is_told_with_its_row() {
    for row in ["[10004,1,2,3]", "[-1]", r#"["777",{}]"#, "[0]"] {
        let event = event(row);
        assert!(
            matches!(&event.kind, EventKind::Unknown(unknown) if Some(unknown.code) == event.code())
        );
        assert_eq!(event.raw().get(), row);
    }
}

#[test]
fn a_malformed_row_says_what_is_wrong_with_it() {
    for (row, reason) in [
        ("[]", MalformedReason::Empty),
        ("{}", MalformedReason::NotAnArray),
        ("null", MalformedReason::NotAnArray),
        ("4", MalformedReason::NotAnArray),
        (r#""[4,1,2]""#, MalformedReason::NotAnArray),
        ("[null]", MalformedReason::NoCode),
        (r#"["four",1]"#, MalformedReason::NoCode),
        ("[[4],1]", MalformedReason::NoCode),
        ("[4.5,1,2]", MalformedReason::NoCode),
        ("[99999999999999999999]", MalformedReason::NoCode),
        ("[4]", MalformedReason::Missing(1)),
        ("[4,1]", MalformedReason::Missing(2)),
        ("[4,null,2]", MalformedReason::Missing(1)),
        ("[4,1,true]", MalformedReason::Wrong(2)),
        ("[4,1,2,[]]", MalformedReason::Wrong(3)),
        ("[63,1,2]", MalformedReason::Wrong(2)),
        ("[63,[1,\"x\"],[]]", MalformedReason::Wrong(2)),
        (r#"[119,{"peer_id":[]}]"#, MalformedReason::WrongPeer(1)),
    ] {
        let event = event(row);
        let EventKind::Malformed(malformed) = &event.kind else { panic!("{event:?}") };
        assert_eq!(malformed.reason, reason, "{row}");
        assert_eq!(event.raw().get(), row);
        assert_eq!(event.peer_id(), None);
    }
}

#[test]
fn several_who_type_are_told_by_which_value_is_the_array() {
    for code in 63..=68 {
        for row in [format!("[{code},[1,2],7,2,99]"), format!("[{code},7,[1,2],2,99]")] {
            let told = told(&event(&row));
            assert_eq!((&told["user_ids"], &told["peer_id"]), (&json!([1, 2]), &json!(7)), "{row}");
            assert_eq!((&told["total_count"], &told["timestamp"]), (&json!(2), &json!(99)));
        }
    }
}

#[test]
fn notification_settings_are_told_by_what_their_values_can_be() {
    let until = 1_700_000_000;
    for (row, peer, sound, disabled) in [
        (format!("[114,42,1,{until}]"), Some(42), 1, until),
        (format!("[114,42,{until},1]"), Some(42), 1, until),
        (format!("[114,1,{until},42]"), Some(42), 1, until),
        (format!("[114,0,2000000009,{until}]"), Some(2_000_000_009), 0, until),
        ("[114,2000000009,0,-1]".to_owned(), Some(2_000_000_009), 0, -1),
        ("[114,42,1,0]".to_owned(), Some(42), 1, 0),
        ("[114,1,-1]".to_owned(), None, 1, -1),
        (
            r#"[114,{"peer_id":"42","sound":"1","disabled_until":0,"new":1}]"#.to_owned(),
            Some(42),
            1,
            0,
        ),
    ] {
        let event = event(&row);
        let EventKind::NotificationSettingsChanged(settings) = &event.kind else { panic!("{row}") };
        assert_eq!(settings.peer_id, peer, "{row}");
        assert_eq!(
            (settings.sound, settings.disabled_until),
            (Some(sound), Some(disabled)),
            "{row}"
        );
        assert_eq!(event.peer_id(), peer);
    }
}

#[test]
fn an_updated_message_may_be_whole() {
    let told = told(&event(r#"[18,5,3,42,9,"text",{},{"attach1_type":"link"},0,7,8]"#));
    assert_eq!((&told["text"], &told["random_id"]), (&json!("text"), &json!(0)));
}

#[test]
fn a_random_id_may_stand_where_the_mode_left_out_an_object() {
    for row in [
        r#"[4,1,2,3,4,"",{},{},77]"#,
        r#"[4,1,2,3,4,"",{},77]"#,
        r#"[4,1,2,3,4,"",77]"#,
        r#"[4,1,2,3,4,"","77"]"#,
        r#"[4,1,2,3,4,"",[],[],77]"#,
        r#"[4,1,2,3,4,"",null,null,77]"#,
    ] {
        assert_eq!(told(&event(row))["random_id"], json!(77), "{row}");
    }
    // Followed by more, it is no random id, and cannot be read as what belongs there.
    let event = event(r#"[4,1,2,3,4,"",77,{}]"#);
    assert_eq!(
        (told(&event)["random_id"].clone(), event.malformed_parts().count()),
        (Value::Null, 1)
    );
}

#[test]
fn reactions_are_told_by_what_their_numbers_come_to() {
    let of = |row: &str| {
        let told = told(&event(row));
        let ids: Vec<_> = told["reactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["reaction_id"].clone())
            .collect();
        (told["reaction_id"].clone(), ids)
    };
    let none = Value::Null;
    // Without the reaction that is meant; with it; with none left.
    assert_eq!(of("[601,3,42,5,1,4,9,2,1,7]"), (none.clone(), vec![json!(9)]));
    assert_eq!(of("[601,2,42,5,9,1,4,9,2,1,7]"), (json!(9), vec![json!(9)]));
    assert_eq!(of("[601,3,42,5,0]"), (none.clone(), vec![]));
    assert_eq!(of("[601,3,42,5]"), (none, vec![]));
    // What comes to nothing of the kind: too many reactions, users, numbers; a length below zero.
    for rest in ["2,4,9,2,1,7", "1,4,9,2,2,7", "1,5,9,2,1,7", "1,-4,9,2,1,7", "1,2,9,2"] {
        assert_eq!(of(&format!("[601,3,42,5,{rest}]")).1, Vec::<Value>::new(), "{rest}");
    }
}

#[test]
fn before_version_3_attachments_stand_with_the_rest() {
    let row = r#"[4,5,3,42,9,"text",{"title":" ... ","attach1_type":"photo","attach1":"1_2"},77]"#;
    let EventKind::NewMessage(message) = event(row).kind else { panic!() };
    let attachments = message.attachments.unwrap();
    assert_eq!(attachments.list()[0].owner_and_item(), Some((1, 2)));
    assert_eq!(message.extra.unwrap().title().as_deref(), Some(" ... "));
    assert_eq!(message.random_id, Some(77));
}
