//! Months in seconds: many events through random faults.
use std::time::Instant;

use super::*;

/// So many messages, all delivered once, in their order, however the server fares.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_events_through_faults_come_once_and_in_order() {
    const EVENTS: usize = 100_000;
    let vk = vk().rows_a_poll(50).history_page(100, 70).start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.faults(7, 6);
    let start = Instant::now();
    // Not all at once: most of them come while the client polls.
    let (ahead, behind) = std::sync::mpsc::sync_channel(60);
    let writer = tokio::task::spawn_blocking(move || {
        for n in 0..EVENTS {
            ahead.send(()).unwrap();
            match n % 5 {
                // Rows that are all alike.
                4 => vk.push(serde_json::json!([51, 5, 0])),
                _ => say(&vk, &n.to_string()),
            }
        }
        vk
    });
    let (mut next, mut recovered, mut failures, mut gaps) = (0, 0, 0, 0);
    while next < EVENTS {
        let item = tokio::time::timeout(Duration::from_secs(30), long_poll.next()).await;
        match item.expect("it goes on").unwrap().unwrap() {
            Item::Event(event) => {
                match &event.kind {
                    EventKind::NewMessage(message) if next % 5 != 4 => {
                        assert_eq!(message.text.as_deref(), Some(&*next.to_string()));
                    }
                    EventKind::ChatChanged(_) if next % 5 == 4 => {}
                    _ => panic!("{event:?} instead of {next}"),
                }
                next += 1;
                behind.recv().unwrap();
                recovered += usize::from(event.recovered);
            }
            Item::Answered(answered) => failures += usize::from(answered.failed.is_some()),
            Item::Disconnected(_) => failures += 1,
            // The history stood in for the server.
            Item::Gap(gap) if gap.missing == Missing::NotInHistory => gaps += 1,
            other => panic!("{other:?}"),
        }
    }
    let vk = writer.await.unwrap();
    println!(
        "{failures} failures in {} polls, {recovered} events recovered, {:?}",
        vk.polls().len(),
        start.elapsed()
    );
    assert!(failures > 20 && recovered > 100, "{failures} failures, {recovered} recovered");
    assert!(gaps > 5, "{gaps} gaps");
}
