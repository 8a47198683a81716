//! Any answer of a legacy Centrifugo: malformed, or responses whose bodies are read or malformed.
#![no_main]

use centrifugo_api::legacy::{
    Command, Responses, decode_broadcast, decode_channels, decode_disconnect, decode_history,
    decode_node, decode_presence, decode_publish, decode_stats, decode_unsubscribe,
};
use centrifugo_api::{Error, RawValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (form, bytes) = input;
    // Most inputs stand where they are looked at more closely.
    let body = match form % 4 {
        0 => bytes.to_vec(),
        1 => [br#"[{"method":"history","body":{"data":"#, bytes, b"}}]"].concat(),
        2 => [br#"[{"method":"history","body":{"data":[{"data":"#, bytes, b"}]}}]"].concat(),
        _ => [br#"[{"method":"node","body":{"data":{"metrics":"#, bytes, b"}}}]"].concat(),
    };
    decode(&body);
    let _ = serde_json::from_slice::<Vec<Command>>(&body);
    match Responses::parse(&body) {
        Ok(responses) => {
            for response in &responses {
                match response.ok() {
                    Ok(body) => decode(body),
                    Err(error) => assert!(error.is_command() && !error.to_string().is_empty()),
                }
            }
        }
        Err(error) => check(&error, &body),
    }
});

fn decode(body: &[u8]) {
    for done in [decode_publish, decode_broadcast, decode_unsubscribe, decode_disconnect] {
        done(body).expect("any body will do");
    }
    match decode_history(body) {
        Ok(messages) => messages.iter().for_each(|message| json(&message.data)),
        Err(error) => check(&error, body),
    }
    match decode_presence(body) {
        Ok(clients) => {
            let infos = clients.values().flat_map(|info| [&info.default_info, &info.channel_info]);
            infos.flatten().for_each(|info| json(info));
        }
        Err(error) => check(&error, body),
    }
    for error in [decode_channels(body).err(), decode_stats(body).err(), decode_node(body).err()] {
        error.iter().for_each(|error| check(error, body));
    }
}

/// What is handed on as JSON is JSON.
fn json(raw: &RawValue) {
    RawValue::from_string(raw.get().to_owned()).expect("JSON");
}

fn check(error: &Error, body: &[u8]) {
    assert!(error.is_malformed());
    assert!(body.starts_with(error.body()));
    let _ = format!("{error} {error:?}");
}
