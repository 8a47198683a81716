//! Calls, and what each needs.

use std::time::Duration;

use rt_testkit::vk::{ApiError, Vk};
use serde_json::json;

use crate::client::Client;

#[test]
fn a_call_without_a_version_is_error_100() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    let answer = client.try_call("users.get", &[("user_ids", "7")]).unwrap().json();
    assert_eq!(answer["error"]["error_code"], 100);
    let told = json!([{ "key": "user_ids", "value": "7" }]);
    assert_eq!(answer["error"]["request_params"], told);
}

#[test]
fn a_token_that_is_not_known_is_error_5() {
    let vk = Vk::builder().token("secret").start();
    let mut client = Client::new(&vk);
    assert_eq!(client.call("users.get", &[])["response"][0]["id"], 1);
    vk.revoke_token("secret");
    let answer = client.call("users.get", &[("access_token", "x")]);
    assert_eq!(answer["error"]["error_code"], 5);
    assert!(!answer.to_string().contains("access_token\""), "{answer}");
    // Neither is none at all, nor an empty one.
    for target in ["/method/users.get?v=5.199", "/method/users.get?v=5.199&access_token="] {
        assert_eq!(client.get(target).unwrap().json()["error"]["error_code"], 5);
    }
    let vk = Vk::start();
    let answer = Client::new(&vk).get("/method/users.get?v=5.199").unwrap().json();
    assert_eq!(answer["error"]["error_code"], 5);
}

#[test]
fn a_token_comes_in_a_header_or_as_a_parameter() {
    let vk = Vk::builder().token("secret").start();
    let mut client = Client::new(&vk);
    client.call("users.get", &[]);
    let answer = client.get("/method/users.get?v=5.199&access_token=secret").unwrap().json();
    assert_eq!(answer["response"][0]["id"], 1);
    let calls = vk.wait_for_calls(2);
    let seen: Vec<_> = calls.iter().map(|it| (it.token.as_str(), it.token_in_header)).collect();
    assert_eq!(seen, [("secret", true), ("secret", false)]);
    assert_eq!((calls[0].method.as_str(), calls[0].params.get("v")), ("users.get", Some("5.199")));
    assert!(calls[0].at <= calls[1].at);
    assert!(calls[0].headers.contains(&("host".to_owned(), "x".to_owned())));
}

#[test]
fn a_method_that_is_not_known_is_error_3() {
    let vk = Vk::start();
    assert_eq!(Client::new(&vk).error("a.b", &[]), 3);
}

#[test]
fn a_test_can_answer_a_method_itself() {
    let vk = Vk::start();
    let mut client = Client::new(&vk);
    vk.on_call("a.b", |params| match params.number("n") {
        Some(n) => Ok(json!(n * 2)),
        None => Err(ApiError::parameter("n is undefined")),
    });
    assert_eq!(client.call("a.b", &[("n", "4")]), json!({ "response": 8 }));
    assert_eq!(client.error("a.b", &[]), 100);
    vk.on_call("users.get", |_| Ok(json!("own")));
    assert_eq!(client.call("users.get", &[]), json!({ "response": "own" }));
}

#[test]
fn users_are_made_up_by_their_ids() {
    let vk = Vk::builder().me(9).start();
    let mut client = Client::new(&vk);
    let users = client.call("users.get", &[("user_ids", "3, 4")])["response"].clone();
    assert_eq!((&users[0]["id"], &users[1]["id"]), (&json!(3), &json!(4)));
    assert_eq!(client.call("users.get", &[])["response"][0]["id"], 9);
}

#[test]
fn the_server_of_a_user_comes_with_pts_if_it_is_asked_for() {
    let vk = Vk::builder().first_ts(7).first_pts(8).start();
    let mut client = Client::new(&vk);
    let method = "messages.getLongPollServer";
    let given = client.call(method, &[("need_pts", "1"), ("lp_version", "3")])["response"].clone();
    assert_eq!((&given["ts"], &given["pts"]), (&json!(7), &json!(8)));
    assert_eq!(given["server"], format!("{}/nim123456", vk.api_url()));
    assert_eq!(client.call(method, &[])["response"].get("pts"), None);
}

#[test]
fn the_server_is_told_as_the_test_wants_it() {
    let vk = Vk::builder().server_without_scheme().host("localhost").start();
    let mut client = Client::new(&vk);
    let port = vk.server().addr().port();
    assert_eq!(vk.api_url(), format!("http://localhost:{port}"));
    let method = "messages.getLongPollServer";
    let server = client.call(method, &[])["response"]["server"].clone();
    assert_eq!(server, format!("localhost:{port}/nim123456"));
    vk.set_server("evil.example/x");
    assert_eq!(client.call(method, &[])["response"]["server"], "evil.example/x");
    let bots = client.call("groups.getLongPollServer", &[("group_id", "1")]);
    assert_eq!(bots["response"]["server"], "evil.example/x");
}

#[test]
fn a_fourth_call_within_the_time_is_error_6_for_a_user_and_a_twenty_first_for_a_community() {
    for (most, vk) in [
        (3, Vk::builder().rate_limits(Duration::from_secs(60))),
        (20, Vk::builder().rate_limits(Duration::from_secs(60)).group_token("secret", 5)),
    ] {
        let vk = vk.start();
        let mut client = Client::new(&vk);
        for _ in 0..most {
            assert!(client.call("users.get", &[])["response"].is_array());
        }
        assert_eq!(client.error("users.get", &[]), 6);
        // Another token has calls of its own.
        let other = client.get("/method/users.get?v=5.199&access_token=other").unwrap().json();
        assert_ne!(other["error"]["error_code"], 6);
    }
}

#[test]
fn calls_are_let_through_again_when_the_time_is_over() {
    let within = Duration::from_millis(50);
    let vk = Vk::builder().rate_limits(within).start();
    let mut client = Client::new(&vk);
    let (mut through, mut refused) = (Vec::new(), 0);
    while through.len() < 5 {
        match client.call("users.get", &[])["error"]["error_code"].as_i64() {
            None => through.push(vk.calls().last().unwrap().at),
            Some(code) => {
                assert_eq!(code, 6);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    assert!(through[3] - through[0] >= within && through[4] - through[1] >= within);
}
