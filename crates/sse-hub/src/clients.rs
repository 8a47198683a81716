//! The clients of this node: zones, the clients in each, the connections of each.

use crate::{ClientId, CloseReason, SameId, Zone};
use atomic_waker::AtomicWaker;
use rt_broker::{Canceller, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The callback `on_connect` has returned.
const CONNECTED: u8 = 1;
/// The client has left, or its stream was ended.
const LEFT: u8 = 2;

/// A connected client, as callbacks receive it.
#[derive(Debug)]
pub struct Client {
    zone: Zone,
    id: ClientId,
    since: Timestamp,
    address: Option<IpAddr>,
    closed: OnceLock<CloseReason>,
    /// Cancels its subscription, once it has one.
    canceller: OnceLock<Canceller>,
    /// [`CONNECTED`] and [`LEFT`]: whoever sets the second one calls `on_disconnect`, so that it is
    /// called once and never before `on_connect`.
    progress: AtomicU8,
    /// The task of its stream, to be woken when it is closed from outside.
    task: AtomicWaker,
}

impl Client {
    /// The zone it is in.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// When its stream began.
    #[must_use]
    pub fn connected_since(&self) -> Timestamp {
        self.since
    }

    /// Where it comes from, if that is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Ends its stream for this reason and cancels its subscription; the first reason counts.
    pub(crate) fn end(&self, reason: CloseReason) {
        let _ = self.closed.set(reason);
        if let Some(canceller) = self.canceller.get() {
            canceller.cancel();
        }
        self.task.wake();
    }

    /// Notes that the callback `on_connect` has returned. Returns whether `on_disconnect` is due now,
    /// since the client has left meanwhile.
    pub(crate) fn note_connected(&self) -> bool {
        self.progress.fetch_or(CONNECTED, Ordering::AcqRel) & LEFT != 0
    }

    /// Notes that the client has left. Returns whether `on_disconnect` is due now, since
    /// `on_connect` has returned.
    pub(crate) fn note_left(&self) -> bool {
        self.progress.fetch_or(LEFT, Ordering::AcqRel) & CONNECTED != 0
    }

    pub(crate) fn closed(&self) -> Option<&CloseReason> {
        self.closed.get()
    }

    pub(crate) fn watch(&self, waker: &std::task::Waker) {
        self.task.register(waker);
    }
}

/// The limits on connections that are checked when one comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    pub(crate) all: usize,
    pub(crate) zone: usize,
    pub(crate) address: usize,
}

/// Why a connection was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    Limit(&'static str),
    SameId,
    ShuttingDown,
}

/// All clients of this node.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    zones: HashMap<Zone, ZoneClients>,
    addresses: HashMap<IpAddr, usize>,
    all: usize,
    shutting_down: bool,
}

#[derive(Debug, Default)]
struct ZoneClients {
    clients: HashMap<Arc<str>, Vec<Arc<Client>>>,
    connections: usize,
}

impl Clients {
    /// Adds a client, and returns those that it replaces.
    pub(crate) fn add(
        &self,
        zone: &Zone,
        id: &ClientId,
        since: Timestamp,
        address: Option<IpAddr>,
        limits: ConnectionLimits,
        same_id: SameId,
    ) -> Result<(Arc<Client>, Vec<Arc<Client>>), Refused> {
        let state = &mut *self.lock();
        if state.shutting_down {
            return Err(Refused::ShuttingDown);
        }
        let counted = address.filter(|address| !address.is_loopback());
        let known = state.zones.get_key_value(zone.as_str());
        let there = known.and_then(|(_, zone)| zone.clients.get_key_value(id.as_str()));
        if there.is_some() && same_id == SameId::Refuse {
            return Err(Refused::SameId);
        }
        let replaces =
            if same_id == SameId::Replace { there.map_or(0, |(_, c)| c.len()) } else { 0 };
        let in_zone = known.map_or(0, |(_, zone)| zone.connections);
        let from_address = counted.and_then(|a| state.addresses.get(&a)).copied().unwrap_or(0);
        let full = |count: usize, limit| count.saturating_sub(replaces) >= limit;
        if full(state.all, limits.all) {
            return Err(Refused::Limit("the server has as many streams as it allows"));
        }
        if full(in_zone, limits.zone) {
            return Err(Refused::Limit("the zone has as many streams as it allows"));
        }
        if full(from_address, limits.address) {
            return Err(Refused::Limit("your address has as many streams as it is allowed"));
        }
        let client = Arc::new(Client {
            // The names that are there already, so that a zone's name is held once.
            zone: known.map_or(zone, |(name, _)| name).clone(),
            id: there.map_or_else(|| id.clone(), |(text, _)| id.with_shared(text.clone())),
            since,
            address,
            closed: OnceLock::new(),
            canceller: OnceLock::new(),
            progress: AtomicU8::new(0),
            task: AtomicWaker::new(),
        });
        let zone = state.zones.entry(client.zone.clone()).or_default();
        let same = zone.clients.entry(client.id.shared().clone()).or_default();
        let replaced = if same_id == SameId::Replace { same.clone() } else { Vec::new() };
        same.reserve_exact(1);
        same.push(client.clone());
        zone.connections += 1;
        state.all += 1;
        if let Some(address) = counted {
            *state.addresses.entry(address).or_default() += 1;
        }
        Ok((client, replaced))
    }

    /// Gives a client the handle that cancels its subscription. Returns `false` if the client was
    /// ended meanwhile, so that the caller has to cancel.
    pub(crate) fn set_canceller(&self, client: &Arc<Client>, canceller: Canceller) -> bool {
        let _ = client.canceller.set(canceller);
        // Under the lock that `remove` takes: either `remove` comes later and its caller finds the
        // canceller, or it came before and the client is not found here.
        let state = self.lock();
        let same =
            state.zones.get(&client.zone).and_then(|zone| zone.clients.get(client.id.as_str()));
        same.is_some_and(|same| same.iter().any(|other| Arc::ptr_eq(other, client)))
    }

    /// Removes one connection. Returns `false` if it was removed before.
    pub(crate) fn remove(&self, client: &Arc<Client>) -> bool {
        let state = &mut *self.lock();
        let Some(zone) = state.zones.get_mut(&client.zone) else { return false };
        let Some(same) = zone.clients.get_mut(client.id.as_str()) else { return false };
        let Some(at) = same.iter().position(|other| Arc::ptr_eq(other, client)) else {
            return false;
        };
        same.swap_remove(at);
        if same.is_empty() {
            zone.clients.remove(client.id.as_str());
        }
        zone.connections -= 1;
        if zone.connections == 0 {
            state.zones.remove(&client.zone);
        }
        state.all -= 1;
        if let Some(address) = client.address
            && let Some(count) = state.addresses.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                state.addresses.remove(&address);
            }
        }
        true
    }

    /// The connections of one client.
    pub(crate) fn of(&self, zone: &str, id: &str) -> Vec<Arc<Client>> {
        let state = self.lock();
        let same = state.zones.get(zone).and_then(|zone| zone.clients.get(id));
        same.cloned().unwrap_or_default()
    }

    /// Each client of a zone by its oldest connection, with the number of them.
    pub(crate) fn in_zone(&self, zone: &str) -> Vec<(Arc<Client>, usize)> {
        let state = self.lock();
        let clients = state.zones.get(zone).into_iter().flat_map(|zone| zone.clients.values());
        let oldest = |same: &Vec<Arc<Client>>| {
            let first = same.iter().min_by_key(|client| client.since)?;
            Some((first.clone(), same.len()))
        };
        clients.filter_map(oldest).collect()
    }

    /// All connections of a zone.
    pub(crate) fn all_in_zone(&self, zone: &str) -> Vec<Arc<Client>> {
        let state = self.lock();
        let clients = state.zones.get(zone).into_iter().flat_map(|zone| zone.clients.values());
        clients.flatten().cloned().collect()
    }

    /// The zones that have connections.
    pub(crate) fn zones(&self) -> Vec<Zone> {
        self.lock().zones.keys().cloned().collect()
    }

    pub(crate) fn has_zone(&self, zone: &str) -> bool {
        self.lock().zones.contains_key(zone)
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().all
    }

    /// Accepts no more clients, and returns all that are connected.
    pub(crate) fn shut_down(&self) -> Vec<Arc<Client>> {
        let mut state = self.lock();
        state.shutting_down = true;
        let zones = state.zones.values().flat_map(|zone| zone.clients.values());
        zones.flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
