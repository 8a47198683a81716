//! Any answer to a poll of a bot, and any single update of any type: never a panic, the update
//! whole, and messages that are nested are typed when asked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vk_longpoll::RawValue;
use vk_longpoll::bots::{Answer, Event, EventKind, EventType};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Answer::Updates(updates)) = Answer::decode(bytes) {
        updates.events.iter().for_each(check);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(object) = serde_json::from_str::<&RawValue>(text)
    {
        check(&Event::decode(object));
        let which = bytes.len() % EventType::ALL.len();
        let name = EventType::ALL[which].name();
        let update = format!(r#"{{"type":"{name}","object":{}}}"#, object.get());
        let update = RawValue::from_string(update).expect("an update");
        let event = Event::decode(&update);
        assert_eq!(event.kind.event_type().as_ref(), Some(&EventType::ALL[which]));
        check(&event);
    }
});

fn check(event: &Event) {
    let told = serde_json::to_string(event).expect("an event is JSON");
    assert!(told.ends_with(&format!("\"raw\":{}}}", event.raw().get())));
    serde_json::from_str::<&RawValue>(&told).expect("an event is JSON");
    let _ = (event.peer_id(), format!("{event:?}"));
    if let EventKind::MessageNew(new) = &event.kind {
        let _ = (new.message.reply(), new.message.forwarded(), new.message.payload_json());
        for attachment in new.message.attachments.iter().flatten() {
            let _ = attachment.object();
        }
    }
}
