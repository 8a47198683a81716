//! What is there again after the store is opened anew.

use super::{held, open, publish, take};
use rt_broker::{Start, Sync};

#[tokio::test]
async fn a_store_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let broker = open(&path, Sync::Always);
    let mut last = None;
    for n in 0..100 {
        last = Some(publish(&broker, "t", n.to_string()).await);
    }
    let last = last.unwrap();
    drop(broker);
    let broker = open(&path, Sync::Always);
    assert_eq!(held(&broker, "t").await.len(), 100);
    let mut back = broker.subscribe("t", Start::After(last.position())).unwrap();
    let next = publish(&broker, "t", "next").await;
    assert_eq!(next.position().epoch(), last.position().epoch());
    assert_eq!(next.position().offset(), last.position().offset() + 1);
    assert!(next.time() >= last.time());
    assert_eq!(take(&mut back, 1).await, ["next"]);
}
