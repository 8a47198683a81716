//! What comes broken: cut, of wrong types, too deep, too long. Nothing panics, nothing else is lost.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

mod common;

use common::{event, events, kind, raw, samples, told};
use proptest::prelude::*;
use serde_json::{Value, json};
use vk_longpoll::RawValue;
use vk_longpoll::user::{Answer, Event, EventKind};

#[test]
fn a_sample_cut_at_any_byte_is_an_error_of_the_answer_and_nothing_worse() {
    for row in samples("event") {
        let body = format!(r#"{{"ts":1,"updates":[{row}]}}"#);
        for end in 0..body.len() {
            let cut = &body.as_bytes()[..end];
            let error = Answer::decode(cut).unwrap_err();
            // serde_json takes a lone minus for a wrong number.
            assert!(error.is_cut() || cut.ends_with(b"-"), "{error}");
        }
        Answer::decode(body.as_bytes()).unwrap();
    }
}

#[test]
fn a_sample_with_any_byte_changed_never_panics_and_never_loses_its_neighbours() {
    for row in samples("event") {
        for at in 0..row.len() {
            for byte in [b'"', b'[', b'}', b',', b'\\', b'9', 0xFF, 0] {
                let mut changed = row.clone().into_bytes();
                changed[at] = byte;
                let mut body = br#"{"ts":1,"updates":[[61,1,1],"#.to_vec();
                body.extend_from_slice(&changed);
                body.extend_from_slice(b",[61,2,1]]}");
                if let Ok(Answer::Updates(updates)) = Answer::decode(&body) {
                    let whole = [&updates.events[0], updates.events.last().unwrap()];
                    assert_eq!(whole.map(Event::peer_id), [Some(1), Some(2)]);
                }
            }
        }
    }
}

/// Each value of each sample in turn becomes each of these.
#[test]
fn a_value_of_a_wrong_type_costs_its_row_at_most() {
    let wrong = [
        json!(true),
        json!(1.5),
        json!("x"),
        json!([]),
        json!({}),
        json!([[1]]),
        json!({"a": [1]}),
        json!(u64::MAX),
        Value::Null,
    ];
    let mut odd = 0;
    for row in samples("event") {
        let values: Vec<Value> = serde_json::from_str(&row).unwrap();
        for at in 0..values.len() {
            for wrong in &wrong {
                let mut changed = values.clone();
                changed[at] = wrong.clone();
                let text = serde_json::to_string(&changed).unwrap();
                let events = events(&format!("[61,1,1],{text},[61,2,1]"));
                assert_eq!(events.len(), 3, "{text}");
                assert_eq!(events[1].raw().get(), text);
                assert_eq!((events[0].peer_id(), events[2].peer_id()), (Some(1), Some(2)));
                if at == 0 {
                    assert_eq!((events[1].code(), kind(&text)), (None, "malformed"), "{text}");
                }
                odd += usize::from(matches!(events[1].kind, EventKind::Malformed(_)));
            }
        }
    }
    assert!(odd > 500, "{odd}");
}

fn each_value(value: &mut Value, change: &impl Fn(&mut Value)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| each_value(value, change)),
        Value::Object(entries) => entries.values_mut().for_each(|value| each_value(value, change)),
        single => change(single),
    }
}

#[test]
fn numbers_may_be_strings_and_strings_numbers() {
    for row in samples("event") {
        let mut values: Value = serde_json::from_str(&row).unwrap();
        each_value(&mut values, &|value| {
            if value.is_number() {
                *value = json!(value.to_string());
            }
        });
        let (plain, as_strings) = (told(&event(&row)), told(&event(&values.to_string())));
        // What the views keep is kept as it came.
        let typed = |mut told: Value| {
            told.as_object_mut().unwrap().retain(|name, _| name != "extra");
            told
        };
        assert_eq!(typed(plain), typed(as_strings), "{values}");
    }
    let told = told(&event(r#"["4"," 5 ","3","42","9",12.50,{"from":7}]"#));
    assert_eq!((&told["message_id"], &told["text"]), (&json!(5), &json!("12.50")));
    let event = event(r#"[4,5,3,42,9,7,{"from":7},{"attach1_type":"doc","attach1":8}]"#);
    let EventKind::NewMessage(message) = &event.kind else { panic!() };
    assert_eq!(message.extra.as_ref().unwrap().sender_id(), Some(7));
    assert_eq!(message.attachments.as_ref().unwrap().list()[0].item(), Some(8));
}

#[test]
fn a_row_nested_ten_thousand_deep_is_told_like_any_other() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let object = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for (row, expected) in [
        (deep.clone(), "malformed"),
        (format!("[4,{deep}]"), "malformed"),
        (format!("[4,1,2,3,4,\"\",{{\"keyboard\":{deep}}},{{\"x\":{object}}}]"), "new_message"),
        (format!("[4,1,2,3,4,\"\",{{}},{object}]"), "new_message"),
        (format!("[12345,{object}]"), "unknown"),
        (format!("[115,{object}]"), "incoming_call"),
        (format!("[63,{deep},1]"), "users_typing"),
    ] {
        let events = events(&format!("{row},[61,2,1]"));
        assert_eq!((events[0].kind.name(), events[1].peer_id()), (expected, Some(2)));
        assert_eq!(events[0].raw().get(), row);
        assert!(serde_json::to_string(&events[0]).unwrap().contains(&row));
    }
    let beside = format!(r#"{{"new":{object},"ts":1,"updates":[]}}"#);
    assert!(Answer::decode(beside.as_bytes()).is_ok());
}

#[test]
fn a_text_of_ten_megabytes_is_whole() {
    let text = "&lt;🌚".repeat(1_250_000);
    let events = events(&format!(r#"[4,1,2,3,4,"{text}",{{}}],[61,2,1]"#));
    let EventKind::NewMessage(message) = &events[0].kind else { panic!() };
    assert_eq!(message.text.as_ref().unwrap().len(), 10_000_000);
    assert_eq!(message.text_decoded().unwrap().len(), 6_250_000);
}

#[test]
fn bytes_that_are_no_text_cost_themselves() {
    let body = b"{\"ts\":1,\"updates\":[[4,1,2,3,4,\"a\xFF\xF0\x9Fb\",{}],[61,2,1]]}";
    let Answer::Updates(updates) = Answer::decode(body).unwrap() else { panic!() };
    let EventKind::NewMessage(message) = &updates.events[0].kind else { panic!() };
    assert_eq!(message.text.as_deref(), Some("a\u{FFFD}\u{FFFD}b"));
    assert_eq!(updates.events[1].peer_id(), Some(2));
}

#[test]
fn half_an_emoji_in_a_text_or_in_a_name_costs_itself() {
    let rows = r#"[4,1,2,3,4,"a\ud83d",{"from":"7\udc00","\ud83d":"x","b":1}],[61,2,1]"#;
    let events = events(rows);
    let EventKind::NewMessage(message) = &events[0].kind else { panic!("{events:?}") };
    assert_eq!(message.text.as_deref(), Some("a\u{FFFD}"));
    let extra = message.extra.as_ref().unwrap();
    assert_eq!(
        (extra.get("from").as_deref(), extra.get("b").as_deref()),
        (Some("7\u{FFFD}"), Some("1"))
    );
    assert!(rows.starts_with(events[0].raw().get()));
}

proptest! {
    #[test]
    fn any_row_is_an_event_with_its_row_whole(row in any_json(), code in prop::sample::select(EventKind::ALL)) {
        let alone = event(&row);
        prop_assert_eq!(alone.raw().get(), &row);
        // The same values behind a code that is known.
        let coded = format!("[{},{row},{row},{row}]", code.0);
        let event = event(&coded);
        prop_assert_eq!(event.code(), Some(code.0));
        prop_assert!(matches!(event.kind.name(), name if name == code.1 || name == "malformed"));
        let told: Box<RawValue> = raw(&serde_json::to_string(&event).unwrap());
        let end = format!(",\"raw\":{coded}}}");
        prop_assert!(told.get().ends_with(&end));
    }
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f32>()
            .prop_filter("JSON has no others", |value| value.is_finite())
            .prop_map(|value| format!("{value:e}")),
        ".{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        (-9_i64..3_000_000_000).prop_map(|number| format!("\"{number}\"")),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12)
                .prop_map(|parts| format!("[{}]", parts.join(", "))),
            prop::collection::vec(("[a-z1_]{0,7}", inner), 0..5).prop_map(|entries| {
                let entries: Vec<_> =
                    entries.iter().map(|(name, value)| format!("\"{name}\" :{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}
