//! A stand-in for VK: its API, user long poll and Bots Long Poll, in memory.
//!
//! It is right unless it is told to misbehave: rows that are pushed reach each poll once, in order,
//! and come back in the history. [`Vk::script_polls`] and [`Vk::script_calls`] put a fault in the
//! place of the next answers, [`Vk::faults`] puts random ones. It needs no async runtime. What waits
//! blocks its thread: a test with a runtime needs a second thread, on which the client goes on.
//!
//! ```
//! use rt_testkit::vk::{Step, Vk};
//!
//! let vk = Vk::start();
//! vk.script_polls([Step::failed(2)]);
//! vk.message(2_000_000_001, 42, "hello");
//! // A client that is given `vk.api_url()` asks for a server, polls, is refused, asks again, polls.
//! ```

mod builder;
mod call;
mod deliver;
mod execute;
mod faults;
mod history;
mod log;
mod looking;
mod methods;
mod poll;
mod rows;
mod seen;
mod state;
mod step;
mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use builder::Builder;
pub use log::has_pts;
pub use seen::{Account, Call, Params, Poll};
pub use step::{ApiError, Step};

use crate::server::{Connection, Server};
use faults::Faults;
use state::State;

/// The stand-in. Dropping it ends it with all that waits, and panics if one of its threads did.
pub struct Vk {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Vk {
    /// One over plain HTTP, all as by default.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// The same over TLS.
    pub fn start_tls() -> Self {
        Self::builder().tls().start()
    }

    /// For what is not as by default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn with(config: builder::Config) -> Self {
        let (tls, host) = (config.tls, config.host.clone());
        let state = Mutex::new(State::new(config));
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        let script = {
            let shared = Arc::clone(&shared);
            move |connection: &mut Connection| serve(&shared, connection)
        };
        let server = if tls { Server::start_tls(script) } else { Server::start(script) };
        let scheme = if tls { "https" } else { "http" };
        shared.state().base = format!("{scheme}://{host}:{}", server.addr().port());
        Self { server, shared }
    }

    /// What calls are made at, without the `/method/` and without a slash at its end.
    pub fn api_url(&self) -> String {
        self.shared.state().base.clone()
    }

    /// The server under it.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The certificate for `localhost` and 127.0.0.1 that a client must trust.
    ///
    /// # Panics
    ///
    /// If it does not speak TLS.
    pub fn certificate_pem(&self) -> &str {
        self.server.certificate_pem().expect("a stand-in with TLS")
    }

    /// Adds a row to the user's events, as a poll with every mode would show it.
    pub fn push(&self, row: Value) {
        self.change(|state| state.push_row(Account::User, row));
    }

    /// Adds a row to what the user long poll shows a community.
    pub fn push_to(&self, group: i64, row: Value) {
        self.change(|state| state.push_row(Account::Community(group), row));
    }

    /// Adds an event for a community's bot. Its `event_id`, or none if the type is switched off.
    pub fn push_bot(&self, group: i64, kind: &str, object: Value) -> Option<String> {
        self.change(|state| state.push_bot(group, kind, object))
    }

    /// A new message in a conversation of the user, written by `from` (the user: an outgoing one).
    /// Its id.
    pub fn message(&self, peer: i64, from: i64, text: &str) -> i64 {
        self.change(|state| state.deliver(None, peer, from, text, 0))
    }

    /// A new message in a conversation of a community, in both kinds of long poll. Its id.
    pub fn message_to(&self, group: i64, peer: i64, from: i64, text: &str) -> i64 {
        self.change(|state| state.deliver(Some(group), peer, from, text, 0))
    }

    /// What the history says of a message, in place of what its row tells.
    pub fn message_object(&self, id: i64, object: Value) {
        self.change(|state| state.objects.insert(id, object));
    }

    /// Steps for the next polls, whosever they are, after those that wait there already.
    pub fn script_polls(&self, steps: impl IntoIterator<Item = Step>) {
        self.change(|state| state.poll_steps.entry(None).or_default().extend(steps));
    }

    /// Steps for the next polls of one account; they go before those for all.
    pub fn script_polls_of(&self, account: Account, steps: impl IntoIterator<Item = Step>) {
        self.change(|state| state.poll_steps.entry(Some(account)).or_default().extend(steps));
    }

    /// Steps for the next calls of this method. Within an `execute` only errors and responses
    /// happen.
    pub fn script_calls(&self, method: &str, steps: impl IntoIterator<Item = Step>) {
        self.change(|state| state.call_steps.entry(method.to_owned()).or_default().extend(steps));
    }

    /// How many steps for polls are left.
    pub fn steps_left(&self) -> usize {
        self.shared.state().poll_steps.values().map(VecDeque::len).sum()
    }

    /// From now on one of `every_nth` polls and calls meets a random fault, always the same ones for
    /// a seed; 0 ends it. All are such that a client can lose nothing: a row that leaves the polls can
    /// be read in the history, if it [has a pts](has_pts), and no bots' event leaves them. A late
    /// answer comes after what is [a second of `wait`](Builder::wait_scale).
    pub fn faults(&self, seed: u64, every_nth: u32) {
        self.change(|state| state.faults = (every_nth > 0).then(|| Faults::new(seed, every_nth)));
    }

    /// Answers the calls of a method from now on.
    pub fn on_call(
        &self,
        method: &str,
        answer: impl Fn(&Params) -> Result<Value, ApiError> + Send + Sync + 'static,
    ) {
        self.change(|state| state.methods.insert(method.to_owned(), Arc::new(answer)));
    }

    /// What is told as `server` from now on, to users and to bots, as it stands here.
    pub fn set_server(&self, server: &str) {
        self.change(|state| state.server = Some(server.to_owned()));
    }

    /// Refuses a token from now on, and all that were not set one by one.
    pub fn revoke_token(&self, token: &str) {
        self.change(|state| {
            state.config.tokens.get_or_insert_default().retain(|(known, _)| known != token);
        });
    }

    /// Refuses all keys so far with failed 2, also in polls that wait.
    pub fn expire_keys(&self) {
        self.change(|state| state.refuse_keys(None, 2));
    }

    /// Makes the rows so far too old for polls: they get failed 1.
    pub fn forget(&self) {
        self.change(|state| state.forget(None));
    }

    /// Refuses all keys so far with failed 3; the rows so far are left in the history alone.
    pub fn lose_history(&self) {
        self.change(|state| {
            state.forget(None);
            state.refuse_keys(None, 3);
        });
    }

    fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        let done = how(&mut self.shared.state());
        self.shared.changed.notify_all();
        done
    }
}

impl Drop for Vk {
    fn drop(&mut self) {
        // The server ends when this is over; its threads must not wait any more.
        let mut state = self.shared.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.closing = true;
        self.shared.changed.notify_all();
    }
}

impl fmt::Debug for Vk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vk").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets this time go by; `false` if the stand-in ends in it.
    fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !state.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
        false
    }
}

fn serve(shared: &Shared, connection: &mut Connection) {
    while let Some(request) = connection.request() {
        let last = request.header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
        let target = request.target.clone();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut params = Params::default();
        params.read(query.as_bytes());
        params.read(&request.body);
        let reply = match path.split_once("/method/") {
            Some((_, name)) => call::answer(shared, request, name, params),
            None if params.get("act") == Some("a_check") => {
                poll::answer(shared, request, &params, connection)
            }
            None => wire::Reply::Page(404, wire::PAGE.to_owned()),
        };
        if !reply.send(shared, connection) || last {
            break;
        }
    }
}
