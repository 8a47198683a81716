//! Any one edit of any file of a store: it is refused, or opened with everything in it, or what is missing
//! is reported. 40 stores; `RT_BROKER_EDITS=500` for more.

use super::support::{Store, files};
use super::{LARGE, held, publish};
use proptest::prelude::*;
use rt_broker::{Broker, ClaimRequest, Epoch, FileEngine, Health, Start};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

const TOPICS: [&str; 3] = ["kept", "claimed", "removed"];

/// A use of the store before it is edited.
#[derive(Clone, Debug)]
enum Step {
    Publish { topic: usize, size: usize },
    Claim { limit: usize },
    Remove,
    Kill,
}

/// An edit of one of its files.
#[derive(Clone, Debug)]
enum Edit {
    Flip { at: u32, bit: u8 },
    Zero { at: u32, bytes: u16 },
    Truncate { at: u32 },
    Remove,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..TOPICS.len(), 0..300_usize).prop_map(|(topic, size)| Step::Publish { topic, size }),
        2 => (1..4_usize).prop_map(|limit| Step::Claim { limit }),
        1 => Just(Step::Remove),
        1 => Just(Step::Kill),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (any::<u32>(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip { at, bit }),
        2 => (any::<u32>(), any::<u16>()).prop_map(|(at, bytes)| Edit::Zero { at, bytes }),
        2 => any::<u32>().prop_map(|at| Edit::Truncate { at }),
        1 => Just(Edit::Remove),
    ]
}

/// The publications that a store holds, and those that it deleted.
#[derive(Default)]
struct Known {
    held: BTreeMap<&'static str, Vec<String>>,
    epochs: HashMap<&'static str, Epoch>,
    deleted: HashSet<String>,
}

fn open(store: &Store) -> Result<Broker, rt_broker::Error> {
    let bounds = |topic: &str| match topic {
        "claimed" => LARGE.delete_after_retrieval(Duration::from_secs(30)),
        _ => LARGE,
    };
    let engine = FileEngine::builder(store.path()).bounds_of(bounds).open()?;
    Ok(Broker::builder(engine).build())
}

/// Uses a store, and ends it.
async fn use_store(steps: &[Step], closed: bool) -> (Store, Known) {
    let (mut store, mut known) = (Store::new(), Known::default());
    let mut broker = open(&store).unwrap();
    for (n, step) in steps.iter().enumerate() {
        match *step {
            Step::Publish { topic, size } => {
                let (topic, text) = (TOPICS[topic], format!("{n} {}", "x".repeat(size)));
                let position = publish(&broker, topic, text.clone()).await.position();
                known.held.entry(topic).or_default().push(text);
                known.epochs.insert(topic, position.epoch());
            }
            Step::Claim { limit } => {
                let request = ClaimRequest::new(Start::Earliest).limit(limit);
                let claim = broker.claim("claimed", request).await.unwrap();
                let Some(last) = claim.entries.last() else { continue };
                broker.confirm("claimed", last.publication().position()).await.unwrap();
                let held = known.held.entry("claimed").or_default();
                known.deleted.extend(held.drain(..claim.entries.len()));
            }
            Step::Remove => {
                broker.engine().history().remove("removed").await.unwrap();
                known.deleted.extend(known.held.remove("removed").unwrap_or_default());
                known.epochs.remove("removed");
            }
            Step::Kill => {
                store.killed(broker);
                broker = open(&store).unwrap();
            }
        }
    }
    store.ended(broker, closed);
    (store, known)
}

fn apply(edit: &Edit, path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    // Most of what can be damaged is at the beginning: a segment may be prepared with zeros.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let place = |at: u32| at as usize % used.max(1);
    match *edit {
        Edit::Flip { at, bit } => {
            if let Some(byte) = bytes.get_mut(place(at)) {
                *byte ^= 1 << bit;
            }
        }
        Edit::Zero { at, bytes: count } => {
            let end = bytes.len().min(place(at) + usize::from(count));
            if let Some(bytes) = bytes.get_mut(place(at)..end) {
                bytes.fill(0);
            }
        }
        Edit::Truncate { at } => bytes.truncate(place(at)),
        Edit::Remove => return fs::remove_file(path).unwrap(),
    }
    fs::write(path, bytes).unwrap();
}

async fn check(store: &Store, known: &Known) {
    let before = files(&store.path()).unwrap();
    let broker = match open(store) {
        Ok(broker) => broker,
        Err(error) => {
            let text = error.to_string();
            assert!(error.is_unavailable(), "{text}");
            assert!(text.contains(store.path().to_str().unwrap()), "it names the file: {text}");
            let advice = ["restore", "give", "use the version"];
            assert!(advice.iter().any(|advice| text.contains(advice)), "what to do? {text}");
            assert!(before == files(&store.path()).unwrap(), "it was refused and changed: {text}");
            return;
        }
    };
    let health = broker.engine().health().await;
    for topic in TOPICS {
        let expected = known.held.get(topic).cloned().unwrap_or_default();
        let found = held(&broker, topic).await;
        let is_known = |text: &String| expected.contains(text) || known.deleted.contains(text);
        assert!(found.iter().all(is_known), "{topic} holds what was never in it");
        let kept: Vec<_> = found.iter().filter(|text| expected.contains(text)).collect();
        let order: Vec<_> = expected.iter().filter(|text| found.contains(text)).collect();
        assert_eq!(kept, order, "{topic} is out of order, or holds something twice");
        let is_whole = found == expected;
        let Some(epoch) = known.epochs.get(topic) else { continue };
        if !is_whole {
            let now = publish(&broker, topic, "next").await.position().epoch();
            assert_ne!(now, *epoch, "{topic} is not what it was, and keeps its epoch: {health:?}");
        }
        if found.len() < expected.len() {
            assert!(matches!(health, Health::Degraded(_)), "a loss in {topic} is a secret");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("RT_BROKER_EDITS").map_or(40, |cases| cases.parse().expect("a number")),
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn one_edit_is_refused_or_harmless_or_reported(
        steps in prop::collection::vec(step(), 1..60),
        closed in any::<bool>(),
        file in any::<prop::sample::Index>(),
        edit in edit(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (store, known) = use_store(&steps, closed).await;
            let files: Vec<_> = files(&store.path()).unwrap().into_keys().collect();
            apply(&edit, &files[file.index(files.len())]);
            check(&store, &known).await;
        });
    }
}
