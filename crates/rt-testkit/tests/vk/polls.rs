//! Polls that are answered right.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use rt_testkit::vk::{Account, Vk};
use serde_json::json;

use crate::client::{Client, Session, connect, get};

#[test]
fn a_poll_gets_what_came_after_its_ts() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    assert_eq!(session.ts, "1000");
    assert_eq!(session.poll(&mut client)["updates"], json!([]));
    vk.push(json!([61, 5, 1]));
    vk.push(json!([80, 3, 0]));
    let answer = session.poll(&mut client);
    assert_eq!(answer["ts"], 1002);
    assert_eq!(answer["updates"], json!([[61, 5, 1], [80, 3, 0]]));
    // Again: a poll takes nothing away.
    assert_eq!(session.poll(&mut client), answer);
    let later = Session { ts: "1001".into(), ..session };
    assert_eq!(later.poll(&mut client)["updates"], json!([[80, 3, 0]]));
}

#[test]
fn a_poll_waits_for_a_row() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    client.send(&get(&session.target(25))).unwrap();
    vk.wait_for_waiting(1);
    assert_eq!(vk.waiting_polls(), 1);
    vk.push(json!([61, 5, 1]));
    assert_eq!(client.answer().unwrap().json()["updates"], json!([[61, 5, 1]]));
    vk.wait_for_waiting(0);
}

#[test]
fn a_poll_that_waited_long_enough_gets_nothing() {
    let vk = Vk::builder().wait_scale(Duration::from_millis(4)).start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    for (wait, least, most) in [(25, 100, 5_000), (90, 360, 5_000), (100_000, 360, 5_000)] {
        let start = Instant::now();
        let answer = client.get(&session.target(wait)).unwrap().json();
        assert_eq!(answer, json!({ "ts": 1000, "updates": [], "pts": 50_000 }));
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(least), "{took:?}");
        assert!(took < Duration::from_millis(most), "{took:?}");
    }
}

#[test]
fn a_poll_whose_client_left_waits_no_more() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    client.send(&get(&session.target(90))).unwrap();
    vk.wait_for_waiting(1);
    drop(client);
    vk.wait_for_waiting(0);
}

#[test]
fn pts_comes_with_mode_32_and_counts_only_rows_that_have_one() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.push(json!([61, 5, 1]));
    vk.message(5, 5, "a");
    vk.push(json!([8, -5, 0]));
    vk.push(json!([7, 5, 3]));
    let mut pts = Vec::new();
    for ts in ["1000", "1001"] {
        let session = Session { ts: ts.into(), ..session.clone() };
        pts.push(session.poll(&mut client)["pts"].clone());
    }
    assert_eq!(pts, [50_002, 50_002]);
    assert_eq!((vk.ts(Account::User), vk.pts(Account::User)), (1_004, 50_002));
    let without = Session { more: "&mode=202&version=3".into(), ..session };
    assert_eq!(without.poll(&mut client).get("pts"), None);
}

#[test]
fn an_answer_has_a_bound_if_one_was_set() {
    let vk = Vk::builder().rows_a_poll(2).start();
    let mut client = Client::new(&vk);
    let mut session = Session::user(&mut client);
    for peer in 0..3 {
        vk.push(json!([7, peer, 1]));
    }
    let answer = session.poll(&mut client);
    assert_eq!(answer, json!({ "ts": 1002, "pts": 50_002, "updates": [[7, 0, 1], [7, 1, 1]] }));
    session.ts = "1002".into();
    assert_eq!(session.poll(&mut client)["updates"], json!([[7, 2, 1]]));
}

#[test]
fn a_key_that_is_not_known_is_failed_2() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    let other = Session { key: "abc".into(), ..session.clone() };
    assert_eq!(other.poll(&mut client), json!({ "failed": 2 }));
    let elsewhere = Session { path: "/wh1".into(), ..session };
    assert_eq!(elsewhere.poll(&mut client), json!({ "failed": 2 }));
    assert_eq!(vk.polls()[0].account, None);
    assert_eq!(vk.polls()[1].account, Some(Account::User));
}

#[test]
fn an_expired_key_is_failed_2_also_for_a_poll_that_waits() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    client.send(&get(&session.target(90))).unwrap();
    vk.wait_for_waiting(1);
    vk.expire_keys();
    assert_eq!(client.answer().unwrap().json(), json!({ "failed": 2 }));
    let fresh = Session::user(&mut client);
    assert_ne!(fresh.key, session.key);
    // A new key makes the old one no better, and the old ts is good with it.
    assert_eq!(session.poll(&mut client), json!({ "failed": 2 }));
    assert_eq!(Session { ts: session.ts, ..fresh }.poll(&mut client)["ts"], 1000);
}

#[test]
fn a_ts_out_of_the_window_is_failed_1_with_the_newest() {
    let vk = Vk::builder().keep_for_polls(2).start();
    let mut client = Client::new(&vk);
    let mut session = Session::user(&mut client);
    for peer in 0..3 {
        vk.push(json!([7, peer, 1]));
    }
    for odd in ["1000", "1004", "0", "-1", "", "x"] {
        session.ts = odd.into();
        assert_eq!(session.poll(&mut client), json!({ "failed": 1, "ts": 1003 }), "{odd}");
    }
    session.ts = "1001".into();
    assert_eq!(session.poll(&mut client)["updates"], json!([[7, 1, 1], [7, 2, 1]]));
    vk.forget();
    assert_eq!(session.poll(&mut client), json!({ "failed": 1, "ts": 1003 }));
}

#[test]
fn the_ts_of_failed_1_can_be_text() {
    let vk = Vk::builder().failed_ts_as_text().start();
    let mut client = Client::new(&vk);
    let session = Session { ts: "7".into(), ..Session::user(&mut client) };
    assert_eq!(session.poll(&mut client), json!({ "failed": 1, "ts": "1000" }));
}

#[test]
fn a_lost_history_is_failed_3_and_its_rows_are_gone_for_polls() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.message(5, 5, "a");
    vk.lose_history();
    assert_eq!(session.poll(&mut client), json!({ "failed": 3 }));
    let fresh = Session::user(&mut client);
    assert_eq!(fresh.ts, "1001");
    assert_eq!(fresh.poll(&mut client)["updates"], json!([]));
    let stale = Session { ts: session.ts, ..fresh };
    assert_eq!(stale.poll(&mut client), json!({ "failed": 1, "ts": 1001 }));
}

#[test]
fn a_version_that_is_not_known_is_failed_4() {
    let vk = Vk::builder().versions(0..=3).start();
    let mut client = Client::new(&vk);
    let mut session = Session::user(&mut client);
    session.more = "&version=4".into();
    let failed = json!({ "failed": 4, "min_version": 0, "max_version": 3 });
    assert_eq!(session.poll(&mut client), failed);
    session.more = "&version=3".into();
    assert_eq!(session.poll(&mut client)["ts"], 1000);
}

#[test]
fn what_polls_asked_for_is_told() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    session.poll(&mut client);
    let plain = format!("{}?act=a_check&key={}&ts=1000", session.path, session.key);
    let mut other = Client::over(connect(&vk));
    other.send(&format!("GET {plain} HTTP/1.1\r\nUser-Agent: test\r\n\r\n")).unwrap();
    let polls = vk.wait_for_polls(2);
    let [first, second] = &polls[..] else { panic!("{polls:?}") };
    assert_eq!((first.ts.as_str(), &first.key), ("1000", &session.key));
    assert_eq!((first.wait, first.mode, first.version, first.connection), (0, 234, 3, 0));
    assert_eq!((second.wait, second.mode, second.version, second.connection), (25, 0, 0, 1));
    assert_eq!(second.target, plain);
    assert_eq!(second.headers, [("user-agent".to_owned(), "test".to_owned())]);
    assert!(first.at <= second.at && second.at <= Instant::now());
}

#[test]
fn what_is_neither_a_call_nor_a_poll_is_not_found() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    assert_eq!(client.get("/").unwrap().status, 404);
    assert_eq!(client.get("/nim1?key=a").unwrap().status, 404);
    assert_eq!((vk.poll_count(), vk.call_count()), (0, 0));
}

#[test]
fn all_who_wait_get_the_row() {
    let vk = Vk::start();
    let mut clients: Vec<_> = (0..5).map(|_| Client::new(&vk)).collect();
    for client in &mut clients {
        let session = Session::user(client);
        client.send(&get(&session.target(90))).unwrap();
    }
    vk.wait_for_waiting(5);
    vk.push(json!([61, 5, 1]));
    for client in &mut clients {
        assert_eq!(client.answer().unwrap().json()["updates"], json!([[61, 5, 1]]));
    }
}

#[test]
fn a_connection_lasts_until_the_client_gives_it_up() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    for _ in 0..3 {
        client.call("users.get", &[]);
    }
    let last = "GET /method/users.get?v=5.199&access_token=a HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(client.exchange(last).unwrap().status, 200);
    assert_eq!(client.answer().unwrap_err().kind(), ErrorKind::UnexpectedEof);
}
