//! Polls.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Shared;
use super::rows;
use super::seen::{Account, Params, Poll};
use super::state::{Access, State};
use super::step::Step;
use super::wire::{PAGE, Reply};
use crate::server::{Connection, Received};

/// How often a poll that waits looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(20);

/// The longest `wait`, and the one that is taken where there is none.
const MAX_WAIT: u64 = 90;
const DEFAULT_WAIT: u64 = 25;

pub(super) fn answer(
    shared: &Shared,
    request: Received,
    params: &Params,
    connection: &mut Connection,
) -> Reply {
    let at = Instant::now();
    let number = |name| params.number(name).and_then(|value| u64::try_from(value).ok());
    let mut poll = Poll {
        account: None,
        ts: params.get("ts").unwrap_or_default().to_owned(),
        key: params.get("key").unwrap_or_default().to_owned(),
        wait: number("wait").unwrap_or(DEFAULT_WAIT),
        mode: number("mode").unwrap_or_default(),
        version: params.number("version").unwrap_or_default(),
        at,
        target: request.target,
        headers: request.headers,
        connection: connection.index(),
    };
    let step = {
        let mut state = shared.state();
        poll.account = state.account_of(&poll.key);
        state.polls.push(poll.clone());
        shared.changed.notify_all();
        let slow = state.config.wait_scale;
        match state.next_poll_step(poll.account) {
            None => state.faults.as_mut().and_then(|faults| faults.poll(&poll, slow)),
            scripted => scripted,
        }
    };
    take(shared, &poll, step.unwrap_or(Step::Pass), connection)
}

fn take(shared: &Shared, poll: &Poll, step: Step, connection: &mut Connection) -> Reply {
    let mut state = shared.state();
    // What a step does to an account it cannot do for a key that was never given out.
    let step = match (step, poll.account) {
        (Step::Forget | Step::ExpireKeys | Step::LoseHistory, None) => Step::Pass,
        (step, _) => step,
    };
    match step {
        Step::Pass => {}
        Step::Failed { code, mut extra } => {
            extra["failed"] = code.into();
            return Reply::Json(extra);
        }
        Step::Forget => {
            state.forget(poll.account);
            let account = poll.account.unwrap_or(Account::User);
            return Reply::Json(outdated(&mut state, account));
        }
        Step::ExpireKeys => state.refuse_keys(poll.account, 2),
        Step::LoseHistory => {
            state.forget(poll.account);
            state.refuse_keys(poll.account, 3);
        }
        Step::NewServer(address) => {
            state.server = Some(address);
            state.refuse_keys(None, 2);
        }
        Step::Status(status, page) => return Reply::Page(status, page),
        Step::Empty => return Reply::Bytes(Vec::new()),
        Step::EmptyObject => return Reply::Json(json!({})),
        Step::Html => return Reply::Page(200, PAGE.to_owned()),
        Step::Body(bytes) => return Reply::Bytes(bytes),
        Step::Cut => return Reply::Cut(either(look(&mut state, poll))),
        Step::Stall => return Reply::Stall(either(look(&mut state, poll))),
        Step::Raw(bytes) => return Reply::Raw(bytes),
        Step::Reset | Step::LostAnswer => return Reply::Reset,
        Step::Hang => return Reply::Hang,
        Step::Late(time) => {
            drop(state);
            if !shared.pause(time) {
                return Reply::Close;
            }
            return wait(shared, poll, connection);
        }
        Step::Rows(rows) => return Reply::Json(odd(&mut state, poll, rows)),
        Step::Error(error) => return Reply::Json(super::call::failure(&error, &Params::default())),
        Step::Response(value) => return Reply::Json(json!({ "response": value })),
        Step::Captcha { sid, img, .. } => {
            let error = super::call::captcha(&sid, &img);
            return Reply::Json(super::call::failure(&error, &Params::default()));
        }
    }
    shared.changed.notify_all();
    drop(state);
    wait(shared, poll, connection)
}

/// The right answer, when it is there or when the time is over.
fn wait(shared: &Shared, poll: &Poll, connection: &mut Connection) -> Reply {
    let mut state = shared.state();
    let seconds = poll.wait.min(MAX_WAIT) as u32;
    let until = Instant::now() + state.config.wait_scale * seconds;
    let mut waits = false;
    let reply = loop {
        if state.closing {
            break Reply::Close;
        }
        let empty = match look(&mut state, poll) {
            Ok(answer) => break Reply::Json(answer),
            Err(empty) => empty,
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Reply::Json(empty);
        }
        if !waits {
            waits = true;
            state.waiting += 1;
            shared.changed.notify_all();
        }
        let (held, out) = shared.changed.wait_timeout(state, left.min(LOOK)).unwrap();
        state = held;
        if out.timed_out() {
            drop(state);
            let gone = connection.is_gone();
            state = shared.state();
            if gone {
                break Reply::Close;
            }
        }
    };
    if waits {
        state.waiting -= 1;
        shared.changed.notify_all();
    }
    reply
}

/// What there is to say now; the answer without any event if that is nothing yet.
fn look(state: &mut State, poll: &Poll) -> Result<Value, Value> {
    let account = match state.access(&poll.key) {
        Access::Granted(account) => account,
        Access::Refused(code) => return Ok(json!({ "failed": code })),
    };
    // A key is good on the address that it came with.
    let group = poll.target.strip_prefix("/wh").and_then(|rest| rest.split('?').next());
    let own = match account {
        Account::Bots(own) => group == Some(own.to_string().as_str()),
        _ => group.is_none(),
    };
    if state.server.is_none() && !own {
        return Ok(json!({ "failed": 2 }));
    }
    let bots = matches!(account, Account::Bots(_));
    let known = state.config.versions.clone();
    if !bots && !known.contains(&poll.version) {
        let (min, max) = known.into_inner();
        return Ok(json!({ "failed": 4, "min_version": min, "max_version": max }));
    }
    let most = state.config.rows_a_poll;
    let log = state.log(account);
    let Some(ts) = poll.ts.parse().ok().filter(|ts| log.covers(*ts)) else {
        return Ok(outdated(state, account));
    };
    let found: Vec<_> = log.after(ts).into_iter().flatten().take(most).collect();
    let updates: Vec<_> = match bots {
        true => found.iter().map(|entry| entry.row.clone()).collect(),
        false => found.iter().map(|entry| rows::for_mode(&entry.row, poll.mode)).collect(),
    };
    let ts = ts + updates.len() as u64;
    let mut answer = json!({ "ts": ts, "updates": updates });
    if bots {
        answer["ts"] = ts.to_string().into();
    } else if poll.mode & 32 != 0 {
        answer["pts"] = log.pts_at(ts).into();
    }
    if found.is_empty() { Err(answer) } else { Ok(answer) }
}

fn either(answer: Result<Value, Value>) -> Value {
    answer.unwrap_or_else(|empty| empty)
}

/// failed 1, with the newest `ts`.
fn outdated(state: &mut State, account: Account) -> Value {
    let ts = state.log(account).ts();
    let text = state.config.failed_ts_text
        || state.faults.as_mut().is_some_and(super::faults::Faults::coin);
    match text {
        true => json!({ "failed": 1, "ts": ts.to_string() }),
        false => json!({ "failed": 1, "ts": ts }),
    }
}

/// An answer of rows that are in no log: it leaves the counters where they were.
fn odd(state: &mut State, poll: &Poll, rows: Vec<Value>) -> Value {
    let account = poll.account.unwrap_or(Account::User);
    let log = state.log(account);
    let ts = poll.ts.parse().unwrap_or_else(|_| log.ts());
    let mut answer = json!({ "ts": ts, "updates": rows });
    if matches!(account, Account::Bots(_)) {
        answer["ts"] = ts.to_string().into();
    } else if poll.mode & 32 != 0 {
        answer["pts"] = log.pts_at(ts).into();
    }
    answer
}
