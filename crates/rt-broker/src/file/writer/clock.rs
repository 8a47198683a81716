//! The engine's clock: never behind what an earlier life has given out.

use super::queue::{Command, Queue};
use crate::local::Clock;
use crate::timestamp::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How far ahead of the clock stamps and marks are reserved in the journal. After an end without
/// closing the engine's clock starts this much ahead at most.
pub(in crate::file) const AHEAD: Duration = Duration::from_secs(2);

pub(in crate::file) struct EngineClock {
    source: Clock,
    /// The last life may have given out marks up to here.
    floor: Timestamp,
    reading: Mutex<Reading>,
    /// The journal says that stamps and marks go up to here, in milliseconds.
    reserved: AtomicU64,
    reserving: AtomicBool,
}

/// The last time that was read.
struct Reading {
    time: Timestamp,
    source: Timestamp,
    /// Whether half a millisecond is left over.
    has_half: bool,
}

impl EngineClock {
    pub(in crate::file) fn new(source: Clock, floor: Timestamp, reserved: Timestamp) -> Self {
        let reading = Reading { time: floor, source: source(), has_half: false };
        let reserved = AtomicU64::new(reserved.as_millis());
        Self { source, floor, reading: Mutex::new(reading), reserved, reserving: false.into() }
    }

    /// The engine's time, which never goes back. Where the source was set back, the clock goes on at
    /// half the speed until the source has caught up: leases and ages do not stand still.
    pub(in crate::file) fn now(&self) -> Timestamp {
        let source = (self.source)();
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let since = source.as_millis().saturating_sub(reading.source.as_millis());
        let halves = since.saturating_add(u64::from(reading.has_half));
        reading.source = source;
        reading.has_half = halves % 2 == 1;
        reading.time = source.max(reading.time.after(Duration::from_millis(halves / 2)));
        reading.time
    }

    /// The time up to which to reserve together with a change that is stamped so, if it is due: about
    /// once a second.
    pub(in crate::file) fn to_reserve(&self, stamp: Timestamp) -> Option<Timestamp> {
        (stamp.after(AHEAD / 2) > self.reserved()).then(|| stamp.after(AHEAD))
    }

    /// The time at which this life began: earlier lives have given out marks up to it.
    pub(in crate::file) fn floor(&self) -> Timestamp {
        self.floor
    }

    /// The time up to which to reserve now, due or not. Of several reservations the last one counts,
    /// and the clock may have been set back since the one before.
    pub(in crate::file) fn next_reservation(&self) -> Timestamp {
        self.now().after(AHEAD).max(self.reserved())
    }

    /// The journal has this reservation.
    pub(in crate::file) fn set_reserved(&self, time: Timestamp) {
        self.reserved.fetch_max(time.as_millis(), Ordering::Relaxed);
    }

    fn reserved(&self) -> Timestamp {
        Timestamp::from_millis(self.reserved.load(Ordering::Relaxed))
    }

    /// The time that a mark may be given for now. Has the writer reserve more where that runs out; a
    /// mark that stays behind the clock until then is only smaller than it could be.
    pub(in crate::file) fn markable(&self, queue: &Queue) -> Timestamp {
        let (now, reserved) = (self.now(), self.reserved());
        if self.to_reserve(now).is_some() && !self.reserving.swap(true, Ordering::Relaxed) {
            // A closed queue needs no time any more.
            let _ = queue.push(Command::Reserve);
        }
        now.min(reserved)
    }

    /// Lets [`markable`](Self::markable) ask the writer again.
    pub(in crate::file) fn may_reserve_again(&self) {
        self.reserving.store(false, Ordering::Relaxed);
    }
}
