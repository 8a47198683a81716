//! Random faults.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use rt_testkit::vk::Vk;
use serde_json::{Value, json};

use crate::client::{Client, Session};

/// Keeps asking until there is an answer of the kind; what it met on the way.
struct Stubborn<'a> {
    vk: &'a Vk,
    client: Client,
    met: BTreeSet<String>,
}

impl<'a> Stubborn<'a> {
    fn new(vk: &'a Vk) -> Self {
        Self { vk, client: Client::new(vk), met: BTreeSet::new() }
    }

    fn ask(
        &mut self,
        how: impl Fn(&mut Client) -> io::Result<crate::client::Answer>,
        kinds: &[&str],
    ) -> Value {
        loop {
            let met = match how(&mut self.client) {
                Err(error) => {
                    self.client = Client::new(self.vk);
                    format!("{:?}", error.kind())
                }
                Ok(answer) if answer.status != 200 => answer.status.to_string(),
                Ok(answer) => match serde_json::from_str::<Value>(&answer.body) {
                    Err(_) => format!("{:.6}", answer.body),
                    Ok(body) if kinds.iter().any(|kind| body.get(kind).is_some()) => return body,
                    Ok(body) => match body["error"]["error_code"].as_i64() {
                        Some(code) => format!("error {code}"),
                        None => body.to_string(),
                    },
                },
            };
            self.met.insert(met);
        }
    }

    fn call(&mut self, method: &str, params: &[(&str, &str)]) -> Value {
        let params: Vec<_> = params.iter().copied().chain([("v", "5.199")]).collect();
        self.ask(|client| client.try_call(method, &params), &["response"])["response"].clone()
    }

    fn user(&mut self) -> Session {
        let given = self.call("messages.getLongPollServer", &[]);
        Session {
            path: "/nim123456".to_owned(),
            key: text(&given["key"]),
            ts: text(&given["ts"]),
            more: "&mode=34&version=3".to_owned(),
        }
    }

    fn poll(&mut self, session: &Session) -> Value {
        assert!(self.vk.poll_count() < 20_000, "something was lost, and is waited for");
        let body = self.ask(|client| client.get(&session.target(0)), &["updates", "failed"]);
        if let Some(failed) = body.get("failed") {
            let form = if body["ts"].is_string() { "text" } else { "" };
            self.met.insert(format!("failed {failed}{form}"));
        }
        body
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A stand-in whose late answers are not very late.
fn faulty(seed: u64, nth: u32) -> Vk {
    let slow = Duration::from_millis(1);
    Vk::builder().wait_scale(slow).faults(seed, nth).history_page(2, 2).start()
}

#[test]
fn a_client_that_reads_the_history_loses_nothing() {
    let vk = faulty(7, 3);
    let mut client = Stubborn::new(&vk);
    let (mut sent, mut got) = (Vec::new(), Vec::new());
    let (mut session, mut pts) = (client.user(), "50000".to_owned());
    while got.len() < 1_500 {
        if sent.len() < 1_500 {
            sent.push(vk.message(7, 7, "a"));
        }
        let answer = client.poll(&session);
        match answer["failed"].as_i64() {
            None => {
                let rows = answer["updates"].as_array().unwrap().iter();
                got.extend(rows.map(|row| row[1].as_i64().unwrap()));
                (session.ts, pts) = (text(&answer["ts"]), text(&answer["pts"]));
            }
            Some(2) => session = Session { ts: session.ts, ..client.user() },
            // Nothing comes meanwhile, so the new `ts` is where the history ends.
            Some(code) => {
                match code {
                    1 => session.ts = text(&answer["ts"]),
                    _ => session = client.user(),
                }
                loop {
                    let told = client.call("messages.getLongPollHistory", &[("pts", &pts)]);
                    let items = told["messages"]["items"].as_array().unwrap();
                    got.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
                    pts = text(&told["new_pts"]);
                    if told.get("more").is_none() {
                        break;
                    }
                }
            }
        }
    }
    assert_eq!(got, sent);
    let all = [
        "",
        "500",
        "502",
        "503",
        "<html>",
        "ConnectionReset",
        "UnexpectedEof",
        "error 10",
        "error 29",
        "error 6",
        "error 9",
        "failed 1",
        "failed 1text",
        "failed 2",
        "failed 3",
        "{}",
    ];
    assert!(client.met.iter().eq(all), "{:?}", client.met);
}

#[test]
fn a_bot_loses_nothing_though_it_has_no_history() {
    let vk = faulty(8, 3);
    let mut client = Stubborn::new(&vk);
    let (mut got, mut pushed) = (Vec::new(), 0);
    let mut ts = "1000".to_owned();
    let mut key = String::new();
    while got.len() < 1_000 {
        if pushed < 1_000 {
            vk.push_bot(5, "group_join", json!({ "user_id": pushed }));
            pushed += 1;
        }
        let session =
            Session { path: "/wh5".into(), key: key.clone(), ts: ts.clone(), more: String::new() };
        let answer = client.poll(&session);
        match answer["failed"].as_i64() {
            None => {
                let users = answer["updates"].as_array().unwrap().iter();
                got.extend(users.map(|event| event["object"]["user_id"].as_i64().unwrap()));
                ts = text(&answer["ts"]);
            }
            Some(1) => ts = text(&answer["ts"]),
            Some(2) => {
                let given = client.call("groups.getLongPollServer", &[("group_id", "5")]);
                key = text(&given["key"]);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(got.into_iter().eq(0..1_000));
    assert!(client.met.contains("failed 1text"));
}

/// What each of 200 polls and calls gets.
fn outcomes(seed: u64) -> Vec<String> {
    let vk = faulty(seed, 4);
    let key = loop {
        // Its faults are the same, too.
        let given = Client::new(&vk).try_call("messages.getLongPollServer", &[("v", "5.199")]);
        let body = given.ok().and_then(|given| serde_json::from_str::<Value>(&given.body).ok());
        if let Some(key) = body.and_then(|body| body["response"]["key"].as_str().map(str::to_owned))
        {
            break key;
        }
    };
    let target = format!("/nim123456?act=a_check&key={key}&ts=1000&wait=0&version=3");
    let asked = |n: u32| match n % 2 {
        0 => Client::new(&vk).get(&target),
        _ => Client::new(&vk).try_call("users.get", &[("v", "5.199")]),
    };
    (0..200).map(|n| format!("{:?}", asked(n).map_err(|error| error.kind()))).collect()
}

#[test]
fn a_seed_has_always_the_same_faults() {
    assert_eq!(outcomes(3), outcomes(3));
    assert_ne!(outcomes(3), outcomes(4));
}

#[test]
fn faults_come_as_often_as_asked_and_end() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let mut wrong = |count: u32| {
        let wrong = (0..count).filter(|_| match client.try_call("users.get", &[("v", "5.199")]) {
            Ok(answer) => !answer.body.contains("first_name"),
            Err(_) => {
                client = Client::new(&vk);
                true
            }
        });
        wrong.count()
    };
    assert_eq!(wrong(100), 0);
    vk.faults(1, 10);
    // Late answers are right; the rest is some one in ten.
    vk.faults(1, 10);
    let met = wrong(300);
    assert!((10..60).contains(&met), "{met}");
    vk.faults(1, 0);
    assert_eq!(wrong(100), 0);
}
