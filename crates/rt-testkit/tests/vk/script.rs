//! Steps: each stands for one request, and then all is right again.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use rt_testkit::vk::{Account, Step, Vk};
use serde_json::{Value, json};

use crate::client::{Client, Session, connect, get};

/// One row is there, and one step; the poll's answer, and that of the next poll on the same
/// connection.
fn polled(step: Step) -> (Value, Value) {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.push(json!([7, 5, 1]));
    vk.script_polls([step]);
    assert_eq!(vk.steps_left(), 1);
    let first = client.get(&session.target(0)).unwrap();
    assert_eq!(vk.steps_left(), 0);
    let first = match serde_json::from_str(&first.body) {
        Ok(body) if first.status == 200 => body,
        _ => json!([first.status, first.body]),
    };
    (first, session.poll(&mut client))
}

fn right() -> Value {
    json!({ "ts": 1001, "pts": 50_001, "updates": [[7, 5, 1]] })
}

#[test]
fn a_poll_is_answered_with_what_the_step_says() {
    let page = |status: u16| json!([status, "<h1>odd</h1>"]);
    for (step, answer) in [
        (Step::Pass, right()),
        (Step::failed(99), json!({ "failed": 99 })),
        (
            Step::failed_with(4, json!({ "min_version": 0, "x": [] })),
            json!({ "failed": 4, "min_version": 0, "x": [] }),
        ),
        (Step::Status(500, "<h1>odd</h1>".into()), page(500)),
        (Step::Status(502, "<h1>odd</h1>".into()), page(502)),
        (Step::Empty, json!([200, ""])),
        (Step::EmptyObject, json!({})),
        (Step::body("[1"), json!([200, "[1"])),
        (
            Step::Rows(vec![json!([]), json!(7)]),
            json!({ "ts": 1000, "pts": 50_000, "updates": [[], 7] }),
        ),
        (
            Step::error(10),
            json!({ "error": {
            "error_code": 10, "error_msg": "Internal server error", "request_params": [],
        } }),
        ),
    ] {
        assert_eq!(polled(step), (answer, right()));
    }
    let (html, after) = polled(Step::Html);
    assert_eq!((&html[0], after), (&json!(200), right()));
    assert!(html[1].as_str().unwrap().starts_with("<html>"));
}

#[test]
fn steps_wait_in_a_queue() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.script_polls([Step::failed(7), Step::Pass]);
    vk.script_polls([Step::failed(8)]);
    let failed: Vec<_> = (0..4).map(|_| session.poll(&mut client)["failed"].clone()).collect();
    assert_eq!(failed, [json!(7), Value::Null, json!(8), Value::Null]);
}

#[test]
fn a_step_can_change_what_is_right() {
    let failed = |step| polled(step).0;
    assert_eq!(polled(Step::Forget).0, json!({ "failed": 1, "ts": 1001 }));
    assert_eq!(polled(Step::Forget).1, json!({ "failed": 1, "ts": 1001 }));
    assert_eq!(failed(Step::ExpireKeys), json!({ "failed": 2 }));
    assert_eq!(polled(Step::ExpireKeys).1, json!({ "failed": 2 }));
    assert_eq!(failed(Step::LoseHistory), json!({ "failed": 3 }));
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.script_polls([Step::NewServer("other.example/a".into())]);
    assert_eq!(session.poll(&mut client), json!({ "failed": 2 }));
    let told = client.call("messages.getLongPollServer", &[]);
    assert_eq!(told["response"]["server"], "other.example/a");
}

#[test]
fn steps_can_be_for_one_account() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let (one, two) = (Session::bot(&mut client, 1), Session::bot(&mut client, 2));
    vk.script_polls([Step::failed(7), Step::failed(9)]);
    vk.script_polls_of(Account::Bots(2), [Step::failed(8)]);
    assert_eq!(vk.steps_left(), 3);
    let mut failed = |session: &Session| session.poll(&mut client)["failed"].clone();
    assert_eq!([failed(&one), failed(&two), failed(&two)], [7, 8, 9]);
    assert_eq!(vk.steps_left(), 0);
}

#[test]
fn a_step_of_one_bot_leaves_the_keys_of_others() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let (one, two) = (Session::bot(&mut client, 1), Session::bot(&mut client, 2));
    vk.script_polls([Step::ExpireKeys]);
    assert_eq!(one.poll(&mut client)["failed"], 2);
    assert_eq!(two.poll(&mut client)["ts"], "1000");
}

#[test]
fn a_cut_answer_ends_in_its_middle() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.push(json!([7, 5, 1]));
    vk.script_polls([Step::Cut]);
    vk.script_calls("messages.send", [Step::Cut]);
    let mut stream = connect(&vk);
    stream.write_all(get(&session.target(90)).as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let whole = right().to_string();
    assert!(head.ends_with(&format!("Content-Length: {}", whole.len())), "{head}");
    assert_eq!(body, &whole[..whole.len() / 2]);
    // A call that is cut has been carried out.
    let params = [("v", "5.199"), ("peer_id", "7"), ("message", "a"), ("random_id", "1")];
    let cut = client.try_call("messages.send", &params).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(vk.ts(Account::User), 1_002);
    assert!(Client::new(&vk).call("messages.send", &params)["response"].is_number());
    assert_eq!(vk.ts(Account::User), 1_002);
}

#[test]
fn a_reset_is_a_reset_and_comes_before_or_after_the_deed() {
    let vk = Vk::start();
    let session = Session::user(&mut Client::new(&vk));
    vk.script_polls([Step::Reset, Step::LostAnswer]);
    for _ in 0..2 {
        let error = Client::new(&vk).get(&session.target(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let params = [("v", "5.199"), ("peer_id", "7"), ("message", "a"), ("random_id", "0")];
    for (step, sent) in [(Step::Reset, 0), (Step::LostAnswer, 1)] {
        vk.script_calls("messages.send", [step]);
        let error = Client::new(&vk).try_call("messages.send", &params).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(vk.ts(Account::User), 1_000 + sent);
    }
}

#[test]
fn a_hang_is_never_answered() {
    let vk = Vk::builder().wait_scale(Duration::from_millis(1)).start();
    let session = Session::user(&mut Client::new(&vk));
    vk.push(json!([7, 5, 1]));
    vk.script_polls([Step::Hang]);
    vk.script_calls("users.get", [Step::Hang]);
    for request in [get(&session.target(1)), get("/method/users.get?v=5.199&access_token=a")] {
        let mut stream = connect(&vk);
        stream.write_all(request.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    }
    assert_eq!((vk.polls().len(), vk.calls().len()), (1, 2));
}

#[test]
fn a_stalled_answer_goes_silent_in_its_middle() {
    let vk = Vk::start();
    let session = Session::user(&mut Client::new(&vk));
    vk.push(json!([7, 5, 1]));
    vk.script_polls([Step::Stall]);
    vk.script_calls("users.get", [Step::Stall]);
    let whole = right().to_string();
    for (request, half) in [
        (get(&session.target(90)), &whole[..whole.len() / 2]),
        (get("/method/users.get?v=5.199&access_token=a"), r#"{"response":[{"first_name":"#),
    ] {
        let mut stream = connect(&vk);
        stream.write_all(request.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut bytes = Vec::new();
        let error = stream.read_to_end(&mut bytes).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        let text = String::from_utf8(bytes).unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!(body.starts_with(half) && !body.ends_with('}'), "{text}");
    }
}

#[test]
fn raw_bytes_are_sent_as_they_are() {
    let vk = Vk::start();
    let bytes = "HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\n\r\n";
    vk.script_polls([Step::Raw(bytes.into())]);
    vk.script_calls("users.get", [Step::Raw(bytes.into())]);
    for target in ["/nim123456?act=a_check", "/method/users.get"] {
        let mut stream = connect(&vk);
        stream.write_all(get(target).as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, bytes);
    }
}

#[test]
fn a_late_answer_is_right_and_late() {
    let late = Duration::from_millis(60);
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    vk.push(json!([7, 5, 1]));
    vk.script_polls([Step::Late(late)]);
    vk.script_calls("users.get", [Step::Late(late)]);
    let start = Instant::now();
    assert_eq!(session.poll(&mut client), right());
    assert!(start.elapsed() >= late);
    let start = Instant::now();
    assert!(client.call("users.get", &[])["response"].is_array());
    assert!(start.elapsed() >= late);
}

#[test]
fn a_call_is_answered_with_what_its_step_says() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let extra = json!({ "error_subcode": 1, "redirect_uri": "https://x" });
    vk.script_calls(
        "users.get",
        [
            Step::Pass,
            Step::error_with(17, extra),
            Step::Status(502, "<h1>odd</h1>".into()),
            Step::Empty,
            Step::EmptyObject,
            Step::Html,
            Step::body("{"),
            Step::Response(json!("given")),
        ],
    );
    // A step is one method's.
    assert_eq!(client.error("a.b", &[]), 3);
    assert!(client.call("users.get", &[])["response"].is_array());
    let error = client.call("users.get", &[])["error"].clone();
    assert_eq!((&error["error_code"], &error["error_subcode"]), (&json!(17), &json!(1)));
    assert_eq!(
        (&error["error_msg"], &error["redirect_uri"]),
        (&json!("Validation required"), &json!("https://x"))
    );
    let rest: Vec<_> = (0..6)
        .map(|_| client.try_call("users.get", &[("v", "5.199")]).unwrap())
        .map(|answer| (answer.status, answer.body))
        .collect();
    assert_eq!(rest[0], (502, "<h1>odd</h1>".to_owned()));
    assert_eq!(rest[1], (200, String::new()));
    assert_eq!(rest[2], (200, "{}".to_owned()));
    assert!(rest[3].0 == 200 && rest[3].1.starts_with("<html>"));
    assert_eq!(rest[4], (200, "{".to_owned()));
    assert_eq!(rest[5], (200, r#"{"response":"given"}"#.to_owned()));
    assert!(client.call("users.get", &[])["response"].is_array());
}

#[test]
fn a_captcha_stays_until_it_is_solved() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let (sid, img, key) = ("12".to_owned(), "https://x/y.png".to_owned(), "abc".to_owned());
    vk.script_calls("users.get", [Step::Captcha { sid, img, key }]);
    let solution = [("captcha_sid", "12"), ("captcha_key", "abc")];
    for params in [&[][..], &[("captcha_sid", "12"), ("captcha_key", "abd")], &solution[1..]] {
        let error = client.call("users.get", params)["error"].clone();
        assert_eq!((&error["error_code"], &error["captcha_sid"]), (&json!(14), &json!("12")));
        assert_eq!(error["captcha_img"], "https://x/y.png");
    }
    assert!(client.call("users.get", &solution)["response"].is_array());
    let (sid, img, key) = ("13".to_owned(), String::new(), "token".to_owned());
    vk.script_calls("users.get", [Step::Captcha { sid, img, key }]);
    assert_eq!(client.error("users.get", &solution), 14);
    assert!(client.call("users.get", &[("success_token", "token")])["response"].is_array());
    assert!(client.call("users.get", &[])["response"].is_array());
}

#[test]
fn a_call_can_have_steps_that_change_what_is_right() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let session = Session::user(&mut client);
    let method = "messages.getLongPollServer";
    vk.push(json!([7, 5, 1]));
    vk.script_calls(method, [Step::Forget, Step::ExpireKeys, Step::NewServer("a.b/c".into())]);
    let told: Vec<_> = (0..3).map(|_| client.call(method, &[])["response"].clone()).collect();
    assert_eq!(told[2]["server"], "a.b/c");
    assert_eq!(session.poll(&mut client), json!({ "failed": 2 }));
    let fresh = Session { key: told[1]["key"].as_str().unwrap().into(), ..session };
    assert_eq!(fresh.poll(&mut client), json!({ "failed": 1, "ts": 1001 }));
}
