//! Any answer to a poll of a user, and any single row: never a panic, a row for an event, the row
//! whole, and what is asked of an event answers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vk_longpoll::RawValue;
use vk_longpoll::user::{Answer, Attachments, Event, EventKind, Extra};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Answer::Updates(updates)) = Answer::decode(bytes) {
        // What serde_json alone finds in it.
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        #[derive(serde::Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            updates: Vec<&'a RawValue>,
        }
        if let Ok(body) = serde_json::from_str::<Body<'_>>(text) {
            let rows: Vec<_> = body.updates.iter().map(|row| row.get()).collect();
            let told: Vec<_> = updates.events.iter().map(|event| event.raw().get()).collect();
            assert_eq!(rows, told);
        }
        updates.events.iter().for_each(check);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(row) = serde_json::from_str::<&RawValue>(text)
    {
        let event = Event::decode(row);
        assert_eq!(event.raw().get(), row.get());
        check(&event);
        check(&Event::from_history(row, Some(row)));
        for code in [4, 5, 18] {
            let short = format!("[{code},1,2,3]");
            let short = RawValue::from_string(short).expect("a row");
            check(&Event::from_history(&short, Some(row)));
        }
    }
});

fn check(event: &Event) {
    let told = serde_json::to_string(event).expect("an event is JSON");
    assert!(told.ends_with(&format!(",\"raw\":{}}}", event.raw().get())));
    serde_json::from_str::<&RawValue>(&told).expect("an event is JSON");
    let _ = (event.peer_id(), event.message_id(), event.code(), format!("{event:?}"));
    if let EventKind::NewMessage(message) = &event.kind {
        let _ = message.text_decoded();
        message.extra.iter().for_each(ask);
        message.attachments.iter().for_each(list);
    }
}

fn ask(extra: &Extra) {
    let _ = (extra.title(), extra.sender(), extra.sender_id(), extra.mentions());
    let _ = (extra.source_act(), extra.marked_users(), extra.keyboard(), extra.payload());
    extra.names().for_each(|name| drop((extra.get(&name), extra.json(&name))));
}

fn list(attachments: &Attachments) {
    for attachment in attachments.list() {
        let _ = (attachment.owner_and_item(), attachment.item());
    }
    let _ = (attachments.reply_local_id(), attachments.json(), attachments.count());
}
