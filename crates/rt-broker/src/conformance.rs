//! What every engine is held to: [`run`] it from an engine's tests.
//!
//! Each check stands alone and panics with what was wrong. Where an engine's
//! [promises](crate::Promises) exclude something, the check of it is left out.

mod claims;
mod delivery;
mod history;
mod nodes;

use crate::{Bounds, BoxFuture, Broker, Delivery, Engine, Message, Publication, Subscription};
use std::sync::Arc;
use std::time::Duration;

/// How the suite gets an engine and lets its clock go on.
pub trait Subject: Sync {
    /// A fresh, empty engine whose topics have these bounds.
    fn engine(&self, bounds: Bounds) -> BoxFuture<'_, Arc<dyn Engine>>;

    /// Lets the engines' clocks go on by at least this.
    fn advance(&self, by: Duration) -> BoxFuture<'_, ()>;
}

/// Runs all checks, one after the other; about a second for an engine in memory.
///
/// # Panics
/// Where the engine breaks the contract.
pub async fn run(subject: &dyn Subject) {
    history::order_under_many_publishers(subject).await;
    history::no_hole_and_no_repeat_between_history_and_live(subject).await;
    history::a_lost_position_is_a_gap(subject).await;
    history::bounds_are_kept(subject).await;
    history::the_newest_is_held_whatever_its_size(subject).await;
    history::found_by_time_and_by_own_id(subject).await;
    history::a_uuid_that_is_held_decides_else_the_time(subject).await;
    history::a_removed_topic_begins_a_new_epoch(subject).await;
    history::thousands_of_topics_stay_apart(subject).await;
    delivery::a_key_publishes_once(subject).await;
    delivery::a_target_is_the_only_one_to_get_it(subject).await;
    delivery::what_is_live_only_is_never_replayed(subject).await;
    delivery::without_history_the_connected_get_all(subject).await;
    delivery::reached_counts_at_the_append(subject).await;
    delivery::one_who_reads_slowly_is_told(subject).await;
    delivery::nothing_is_stamped_at_or_below_a_watermark(subject).await;
    delivery::what_a_mark_covers_is_seen_at_once(subject).await;
    claims::a_claim_is_deleted_once_it_is_confirmed(subject).await;
    claims::unconfirmed_it_comes_back_after_its_lease(subject).await;
    claims::pollers_side_by_side_share_out_what_is_there(subject).await;
    nodes::presence_ends_unless_it_is_refreshed(subject).await;
    nodes::a_publication_reaches_the_other_node(subject).await;
    nodes::control_messages_reach_the_other_nodes_only(subject).await;
}

async fn broker(subject: &dyn Subject, bounds: Bounds) -> Broker {
    Broker::builder_shared(subject.engine(bounds).await).build()
}

fn text(text: impl Into<String>) -> Message {
    Message::text(text.into()).expect("a string is UTF-8")
}

async fn publish(broker: &Broker, topic: &str, data: impl Into<String>) -> crate::Receipt {
    broker.publish(topic, text(data)).await.expect("published")
}

/// The data of the next `count` publications; panics at a gap.
async fn take(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match subscription.next().await.expect("delivered") {
            Delivery::Gap(gap) => panic!("a gap where nothing was lost: {gap:?}"),
            Delivery::Batch(batch) => {
                taken.extend(batch.entries().iter().map(|entry| data(entry.publication())));
            }
        }
    }
    assert_eq!(taken.len(), count, "more came than was published");
    taken
}

fn data(publication: &Publication) -> String {
    publication.data().unwrap_or_default().to_owned()
}

/// Asserts that nothing more is there.
fn nothing_more(subscription: &mut Subscription) {
    let next = subscription.try_next().expect("readable");
    assert!(next.is_none(), "something came that should not: {next:?}");
}
