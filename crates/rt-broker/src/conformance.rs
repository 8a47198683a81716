//! The suite that every engine passes: [`run`] it from an engine's tests.
//!
//! Each check is independent of the others and panics with the fault that it found. Checks of parts
//! that an engine's [capabilities](crate::Capabilities) exclude are skipped.

mod claims;
mod control;
mod damaged;
mod delivery;
mod history;
mod presence;
mod subject;
mod support;

pub use damaged::DamagedEngine;
pub use subject::Subject;

/// Runs all checks, one after the other; about a second for an engine in memory.
///
/// # Panics
/// When the engine breaks the contract.
pub async fn run(subject: &dyn Subject) {
    history::order_under_many_publishers(subject).await;
    history::no_hole_and_no_repeat_between_history_and_live(subject).await;
    history::a_lost_position_is_a_gap(subject).await;
    history::bounds_are_kept(subject).await;
    history::the_newest_is_held_whatever_its_size(subject).await;
    history::found_by_time_and_by_own_id(subject).await;
    history::of_several_starts_the_first_that_is_held_decides(subject).await;
    history::found_by_the_id_of_an_import(subject).await;
    history::a_removed_topic_begins_a_new_epoch(subject).await;
    history::thousands_of_topics_stay_apart(subject).await;
    delivery::a_key_publishes_once(subject).await;
    delivery::a_target_is_the_only_one_to_get_it(subject).await;
    delivery::what_is_live_only_is_never_replayed(subject).await;
    delivery::without_history_the_connected_get_all(subject).await;
    delivery::reached_counts_at_the_append(subject).await;
    delivery::a_subscriber_that_reads_slowly_receives_a_gap(subject).await;
    delivery::nothing_is_stamped_at_or_below_a_watermark(subject).await;
    delivery::what_a_mark_covers_is_seen_at_once(subject).await;
    delivery::a_publication_reaches_the_other_node(subject).await;
    delivery::what_cannot_be_read_is_a_gap_in_its_place(subject).await;
    claims::a_claim_is_deleted_once_it_is_confirmed(subject).await;
    claims::unconfirmed_it_comes_back_after_its_lease(subject).await;
    claims::pollers_side_by_side_share_out_what_is_there(subject).await;
    claims::a_claim_says_that_something_could_not_be_read(subject).await;
    presence::presence_ends_unless_it_is_refreshed(subject).await;
    control::control_messages_reach_the_other_nodes_only(subject).await;
}
