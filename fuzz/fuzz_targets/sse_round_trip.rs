//! What is encoded is decoded again, and nothing else: no field can be injected.
#![no_main]

#[path = "../../crates/sse-codec/tests/support/oracle.rs"]
mod oracle;

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use oracle::{Seen, oracle};
use sse_codec::Fields;
use std::time::Duration;

#[derive(Debug, Arbitrary)]
struct Input {
    id: Option<String>,
    event: Option<String>,
    data: Option<String>,
    retry: Option<u32>,
    comment: Option<String>,
}

fuzz_target!(|input: Input| {
    let mut fields = Fields::new();
    if let Some(id) = &input.id {
        fields = fields.id(id);
    }
    if let Some(event) = &input.event {
        fields = fields.event(event);
    }
    if let Some(data) = &input.data {
        fields = fields.data(data);
    }
    if let Some(retry) = input.retry {
        fields = fields.retry(Duration::from_millis(retry.into()));
    }
    if let Some(comment) = &input.comment {
        fields = fields.comment(comment);
    }
    let Ok(bytes) = fields.encode() else {
        let breaks = |text: &str| text.contains(['\n', '\r']);
        let id = input.id.as_deref().is_some_and(|id| breaks(id) || id.contains('\0'));
        let event = input.event.as_deref().is_some_and(breaks);
        assert!(id || event || fields == Fields::new(), "refused without a reason");
        return;
    };
    assert_eq!(bytes.len(), fields.encoded_len());

    // The oracle is the reader here: it shares nothing with the encoder. (The decoder is held to
    // the oracle by the other target.)
    let with_lf = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    let mut want = Vec::new();
    if let Some(comment) = input.comment {
        want.extend(with_lf(&comment).split('\n').map(|line| Seen::Comment(line.into())));
    }
    want.extend(input.retry.map(|retry| Seen::Retry(retry.into())));
    if let Some(data) = input.data {
        let event = input.event.filter(|event| !event.is_empty());
        want.push(Seen::Event {
            event: event.unwrap_or_else(|| "message".into()),
            data: with_lf(&data),
            id: input.id.unwrap_or_default(),
        });
    }
    assert_eq!(oracle(&bytes, "", usize::MAX).0, want);

    let mut decoder = sse_codec::Decoder::new();
    let mut feed = decoder.feed(&bytes);
    let mut items = 0;
    while feed.next().is_some() {
        items += 1;
    }
    assert_eq!(items, want.len());
});
