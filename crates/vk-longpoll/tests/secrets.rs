//! What an error shows: no key of a poll, and no token, whatever a server writes.
#![allow(clippy::unwrap_used)] // A failure here is a test's failure.

use std::time::Duration;

use futures_util::StreamExt;
use rt_testkit::vk::{Step, Vk};
use serde_json::{Value, json};
use vk_longpoll::user::{LongPoll, Session};
use vk_longpoll::{Api, ApiError, CaptchaAnswer, Error, Execute, HttpClient, RetryPolicy};

const TOKEN: &str = "S3cr3t-of-the-user";
const KEY: &str = "K3Y/of&the=poll";
/// As it stands in the address of a poll.
const IN_ADDRESS: &str = "K3Y%2Fof%26the%3Dpoll";

fn http() -> HttpClient {
    HttpClient::builder().no_proxy().build().unwrap()
}

/// The error of a poll that was answered so.
async fn of_poll(step: Step) -> Error {
    let vk = Vk::start();
    vk.script_polls([step]);
    let mut long_poll = LongPoll::with_session(Session::new(vk.api_url(), KEY, 5))
        .http_client(http())
        .retry(RetryPolicy::new().min(Duration::ZERO).max_retries(0))
        .build()
        .unwrap();
    long_poll.next().await.unwrap().unwrap_err()
}

/// The error of a call that was answered so.
async fn of_call(method: &str, step: Step) -> Error {
    let vk = Vk::start();
    vk.script_calls(method, [step]);
    api(&vk).call::<Value>(method, &()).await.unwrap_err()
}

fn api(vk: &Vk) -> Api {
    Api::builder(TOKEN).address(vk.api_url()).http_client(http()).build().unwrap()
}

/// All that an error shows, its causes too.
fn shown(error: &Error) -> String {
    let mut all = format!("{error} {error:?} {}", String::from_utf8_lossy(error.body()));
    let mut cause = std::error::Error::source(error);
    while let Some(this) = cause {
        all += &format!(" {this} {this:?}");
        cause = this.source();
    }
    all
}

fn redirect(location: &str) -> Step {
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    Step::Raw(head.into_bytes())
}

#[tokio::test]
async fn a_page_that_repeats_the_address_does_not_show_the_key() {
    let page = format!("<a href=\"/x?act=a_check&amp;key={IN_ADDRESS}\">{KEY}</a>");
    for status in [200, 403, 502] {
        let error = of_poll(Step::Status(status, page.clone())).await;
        let told = shown(&error);
        assert!(told.contains("<a href=\"/x?act=a_check&amp;key=***\">***</a>"), "{told}");
        assert!(!told.contains("K3Y"), "{told}");
        assert_eq!(error.status().unwrap().as_u16(), status);
    }
}

#[tokio::test]
async fn of_a_redirect_only_the_host_is_told() {
    for (location, host) in [
        (format!("https://login.example:8443/{KEY}"), "https://login.example:8443:"),
        (
            format!("http://u:{IN_ADDRESS}@portal.example/?url=http%3A%2F%2Fh%2F%3Fkey%3D{KEY}"),
            "http://portal.example:",
        ),
        (format!("//portal.example/x#{IN_ADDRESS}"), "http://portal.example:"),
        (format!("/login/{IN_ADDRESS}"), "http://127.0.0.1:"),
        (format!("data:,{KEY}"), "an unknown place:"),
        (format!("http://[{KEY}"), "an unknown place:"),
    ] {
        let error = of_poll(redirect(&location)).await;
        let told = shown(&error);
        assert!(error.is_redirect() && told.contains(&format!("302 Found, to {host}")), "{told}");
        assert!(!told.contains("K3Y"), "{told}");
    }
}

#[tokio::test]
async fn a_broken_answer_that_names_a_server_shows_nothing_of_it() {
    let named = json!({"response": {"key": KEY, "server": "https://im.vk.com/nim", "ts": 1}});
    for (step, status) in [
        (Step::body(format!("{named}<!-- garbage -->")), 200),
        (Step::body(json!([named]).to_string()), 200),
        (Step::body(json!(named.to_string()).to_string()), 200),
        (Step::Status(502, named.to_string()), 502),
    ] {
        for method in ["messages.getLongPollServer", "groups.getLongPollServer"] {
            let error = of_call(method, step.clone()).await;
            assert!(!shown(&error).contains("K3Y"), "{}", shown(&error));
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert!(error.is_retryable());
        }
    }

    // The same in an execute.
    let vk = Vk::start();
    let broken = json!({"response": [named["response"]]}).to_string() + "x";
    vk.script_calls("execute", [Step::body(broken)]);
    let mut calls = Execute::new();
    calls.call("messages.getLongPollServer", &json!({})).unwrap();
    let error = api(&vk).execute(&calls).await.take::<Value>(0).unwrap_err();
    assert!(error.is_malformed() && !shown(&error).contains("K3Y"), "{}", shown(&error));
}

#[tokio::test]
async fn a_page_that_repeats_the_request_does_not_show_the_token() {
    for status in [200, 400] {
        let page = format!("<pre>authorization: Bearer {TOKEN}</pre>");
        let error = of_call("users.get", Step::Status(status, page)).await;
        let told = shown(&error);
        assert!(told.contains("<pre>authorization: Bearer ***</pre>"), "{told}");
        assert!(!told.contains(TOKEN), "{told}");
    }
    let error = of_call("users.get", Step::body(format!("\"Bearer {TOKEN}\""))).await;
    assert!(error.is_malformed() && !shown(&error).contains(TOKEN), "{}", shown(&error));
}

#[test]
fn a_captcha_and_its_answer_do_not_show_themselves() {
    let error = r#"{"error_code":14,"captcha_sid":"K3Y","captcha_img":"https://vk.com/K3Y","redirect_uri":"K3Y"}"#;
    let error: ApiError = serde_json::from_str(error).unwrap();
    let (key, token) =
        (CaptchaAnswer::Key("K3Y".into()), CaptchaAnswer::SuccessToken("K3Y".into()));
    let told = format!("{error:?} {:?} {key:?} {token:?}", error.captcha().unwrap());
    assert!(!told.contains("K3Y"), "{told}");
    assert!(told.ends_with("Captcha { .. } Key(***) SuccessToken(***)"), "{told}");
}
