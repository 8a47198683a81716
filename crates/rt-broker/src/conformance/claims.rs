//! Checks of topics that delete after retrieval.

use super::subject::Subject;
use super::support::{data, publish};
use crate::bounds::Bounds;
use crate::broker::Broker;
use crate::claim::{Claim, ClaimRequest};
use crate::position::{Epoch, Offset, Position};
use crate::start::Start;
use std::collections::HashSet;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

/// Creates a broker whose topics delete after retrieval; `None` if the engine cannot delete.
async fn broker(subject: &dyn Subject) -> Option<Broker> {
    let bounds = Bounds::new().count(2_000).delete_after_retrieval(LEASE);
    let engine = subject.engine(bounds).await;
    engine.capabilities().claims.then(|| Broker::builder_shared(engine).build())
}

async fn claim(broker: &Broker, confirmed: Option<Position>, limit: usize) -> Claim {
    if let Some(position) = confirmed {
        broker.confirm("t", position).await.expect("confirmed");
    }
    let request = ClaimRequest::new(Start::Earliest).limit(limit);
    broker.claim("t", request).await.expect("claimed")
}

fn texts(claim: &Claim) -> Vec<String> {
    claim.entries.iter().map(|entry| data(entry.publication())).collect()
}

fn last(claim: &Claim) -> Option<Position> {
    claim.entries.last().map(|entry| entry.publication().position())
}

pub(super) async fn a_claim_is_deleted_once_it_is_confirmed(subject: &dyn Subject) {
    let Some(broker) = broker(subject).await else { return };
    assert!(broker.subscribe("t", Start::Live).is_err_and(|error| error.is_invalid()));
    for text in ["1", "2", "3", "4"] {
        publish(&broker, "t", text).await;
    }
    let first = claim(&broker, None, 2).await;
    assert_eq!(texts(&first), ["1", "2"]);
    // The first poller confirms with its next request. Confirmed publications never return.
    let second = claim(&broker, last(&first), 1).await;
    assert_eq!(texts(&second), ["3"]);
    subject.advance(LEASE).await;
    let third = claim(&broker, None, 9).await;
    assert_eq!(texts(&third), ["3", "4"]);
    assert!(texts(&claim(&broker, last(&third), 9).await).is_empty());
    // Later publications are not part of the claim, and a position of another epoch confirms nothing.
    publish(&broker, "t", "5").await;
    let fourth = claim(&broker, Some(Position::new(Epoch::random(), Offset::new(5))), 9).await;
    assert_eq!(texts(&fourth), ["5"]);
    subject.advance(LEASE).await;
    let offset = last(&fourth).map_or(Offset::ZERO, Position::offset);
    let stranger = Position::new(Epoch::random(), offset);
    assert_eq!(texts(&claim(&broker, Some(stranger), 9).await), ["5"]);
}

pub(super) async fn unconfirmed_it_comes_back_after_its_lease(subject: &dyn Subject) {
    let Some(broker) = broker(subject).await else { return };
    publish(&broker, "t", "1").await;
    let first = claim(&broker, None, 9).await;
    let none = claim(&broker, None, 9).await;
    assert!(none.entries.is_empty(), "it is leased");
    let look_again = none.look_again.expect("a lease ends");
    assert!(look_again > broker.engine().history().now());
    subject.advance(LEASE).await;
    assert!(look_again <= broker.engine().history().now());
    assert_eq!(texts(&claim(&broker, None, 9).await), ["1"]);
    // The first holder was only slow: its confirmation still counts.
    claim(&broker, last(&first), 9).await;
    subject.advance(LEASE).await;
    assert!(claim(&broker, None, 9).await.entries.is_empty());
}

pub(super) async fn pollers_side_by_side_share_out_what_is_there(subject: &dyn Subject) {
    let Some(broker) = broker(subject).await else { return };
    for n in 0..1_000 {
        publish(&broker, "t", n.to_string()).await;
    }
    let poller = async || {
        let (mut seen, mut confirmed) = (Vec::new(), None);
        loop {
            let claim = claim(&broker, confirmed, 7).await;
            confirmed = last(&claim);
            seen.extend(texts(&claim));
            if claim.entries.is_empty() {
                return seen;
            }
        }
    };
    let seen = futures_util::future::join_all((0..8).map(|_| poller())).await.concat();
    assert_eq!(seen.len(), 1_000, "each is given to one poller");
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 1_000);
    // Publications that are leased to another poller do not count.
    for text in ["1", "2222", "3"] {
        publish(&broker, "t", text).await;
    }
    let takes = async |bytes| {
        let request = ClaimRequest::new(Start::Earliest).limit(2).bytes(bytes);
        texts(&broker.claim("t", request).await.expect("claimed"))
    };
    assert_eq!(takes(1).await, ["1"]);
    assert_eq!(takes(4).await, ["2222"]);
    subject.advance(LEASE / 2).await;
    publish(&broker, "t", "4").await;
    assert_eq!(takes(2).await, ["3", "4"]);
    // A bound on bytes gives one at least.
    publish(&broker, "t", "large").await;
    assert_eq!(takes(1).await, ["large"]);
}

/// Runs only if the subject can make publications unreadable.
pub(super) async fn a_claim_says_that_something_could_not_be_read(subject: &dyn Subject) {
    let Some(broker) = broker(subject).await else { return };
    for text in ["1", "2"] {
        publish(&broker, "t", text).await;
    }
    let whole = claim(&broker, None, 1).await;
    assert_eq!((texts(&whole), whole.lost), (vec!["1".to_owned()], false));
    let lost = publish(&broker, "t", "lost").await.position().offset();
    publish(&broker, "t", "4").await;
    if !subject.damage("t", lost..=lost).await {
        return;
    }
    let rest = claim(&broker, last(&whole), 9).await;
    assert_eq!((texts(&rest), rest.lost), (vec!["2".to_owned(), "4".to_owned()], true));
    assert!(claim(&broker, last(&rest), 9).await.entries.is_empty());
    subject.advance(LEASE).await;
    assert!(claim(&broker, None, 9).await.entries.is_empty(), "they are confirmed");
}
