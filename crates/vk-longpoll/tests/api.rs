//! Calls of the API against the stand-in for VK.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

use std::time::Duration;

use rt_testkit::vk::{Step, Vk};
use serde_json::{Value, json};
use vk_longpoll::{
    Api, ApiBuilder, ApiError, CaptchaAnswer, Execute, HttpClient, SendMessage, bots,
};

const TOKEN: &str = "S3cr3t-of-the-user";

fn builder(vk: &Vk) -> ApiBuilder {
    let http = HttpClient::builder().no_proxy().build().unwrap();
    Api::builder(TOKEN).address(vk.api_url()).http_client(http).calls_per_second(0)
}

fn api(vk: &Vk) -> Api {
    builder(vk).build().unwrap()
}

#[tokio::test]
async fn a_call_has_the_token_in_its_header_and_its_parameters_in_the_form() {
    let vk = Vk::builder().token(TOKEN).start();
    let api = builder(&vk).user_agent("probe/1").version("5.131").build().unwrap();
    let users: Value =
        api.call("users.get", &json!({"user_ids": [1, 2], "x": null})).await.unwrap();
    assert_eq!(users.as_array().unwrap().len(), 2);
    let call = &vk.calls()[0];
    assert!(call.token_in_header && call.token == TOKEN);
    assert_eq!(call.target, "/method/users.get");
    let params: Vec<_> = call.params.iter().collect();
    assert_eq!(params, [("user_ids", "1,2"), ("v", "5.131")]);
    let error = api.call::<u8>("users.get", &json!({"user_ids": 1})).await.unwrap_err();
    assert!(error.is_data() && std::error::Error::source(&error).is_some());
    for method in ["", "users/get", "users get", "ё"] {
        assert!(api.call::<Value>(method, &()).await.unwrap_err().is_builder());
    }
}

#[tokio::test]
async fn an_error_says_what_vk_says_and_shows_no_token() {
    let vk = Vk::builder().token("another").start();
    let error = api(&vk).call::<Value>("users.get", &()).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_retryable());
    assert!(!format!("{error} {error:?}").contains(TOKEN));

    let vk = Vk::start();
    let error = json!({
        "error_code": 24,
        "error_msg": "Confirm it",
        "error_subcode": 3,
        "error_text": "for people",
        "confirmation_text": "really?",
        "redirect_uri": "https://vk.com/x",
        "request_params": [
            {"key": "method", "value": "wall.post"},
            {"key": "n", "value": 5},
            {"key": "access_token", "value": TOKEN},
        ],
    });
    vk.script_calls("wall.post", [Step::body(json!({"error": error}).to_string())]);
    let error = api(&vk).call::<Value>("wall.post", &()).await.unwrap_err();
    let it = error.api().unwrap();
    assert_eq!((it.code(), it.subcode(), it.text()), (24, Some(3), Some("for people")));
    assert_eq!(it.confirmation_text(), Some("really?"));
    assert_eq!(it.redirect_uri(), Some("https://vk.com/x"));
    assert_eq!((it.method(), it.request_param("n")), (Some("wall.post"), Some("5")));
    assert_eq!(it.request_param("access_token"), None);
    assert!(!format!("{error:?}").contains(TOKEN));
    assert_eq!(error.to_string(), "wall.post: VK answered with error 24: Confirm it");
}

#[tokio::test]
async fn what_goes_wrong_on_the_way_is_told_with_its_status_and_body() {
    let vk = Vk::start();
    vk.script_calls(
        "users.get",
        [
            Step::Status(502, "<html>busy</html>".into()),
            Step::Html,
            Step::Empty,
            Step::EmptyObject,
            Step::Cut,
            Step::Reset,
            Step::body(*b"{\"response\":\"a\\u0000\xff\"}"),
        ],
    );
    let api = api(&vk);
    let users = async || api.call::<Value>("users.get", &()).await;
    let error = users().await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.body()), (502, &b"<html>busy</html>"[..]));
    assert!(error.is_retryable());
    for _ in 0..3 {
        let error = users().await.unwrap_err();
        assert!(error.is_malformed() && error.is_retryable(), "{error}");
        assert_eq!(error.status().unwrap(), 200);
    }
    for _ in 0..2 {
        let error = users().await.unwrap_err();
        assert!(error.http().is_some() && error.is_retryable(), "{error}");
    }
    assert!(users().await.is_ok());

    let small = builder(&vk).max_answer_bytes(10).build().unwrap();
    let error = small.call::<Value>("users.get", &json!({"user_ids": [1, 2]})).await.unwrap_err();
    assert!(error.is_too_large());
    vk.script_calls("users.get", [Step::Hang]);
    let hasty = builder(&vk).timeout(Duration::from_millis(50)).build().unwrap();
    assert!(hasty.call::<Value>("users.get", &()).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn an_oddly_written_error_is_an_error_and_null_is_a_response() {
    let vk = Vk::start();
    let odd = json!({"error_code": "5", "error_msg": 0, "request_params": {"method": "users.get"}});
    vk.script_calls(
        "users.get",
        [
            Step::body(json!({"error": odd}).to_string()),
            Step::body(json!({"error": {"error_code": 5}, "response": null}).to_string()),
            Step::Response(Value::Null),
            Step::Response(Value::Null),
            Step::body(json!({"error": null, "response": [7]}).to_string()),
            Step::body(json!({"error": {"error_msg": "no number"}}).to_string()),
            Step::body(json!({"error": null}).to_string()),
        ],
    );
    let api = api(&vk);
    for told in ["users.get: VK answered with error 5: 0", "VK answered with error 5: "] {
        let error = api.call::<Value>("users.get", &()).await.unwrap_err();
        assert!(error.is_unauthorized() && !error.is_retryable(), "{error}");
        assert_eq!(error.to_string(), told);
    }
    assert_eq!(api.call::<Option<u8>>("users.get", &()).await.unwrap(), None);
    assert!(api.call::<u8>("users.get", &()).await.unwrap_err().is_data());
    assert_eq!(api.call::<[u8; 1]>("users.get", &()).await.unwrap(), [7]);
    for _ in 0..2 {
        assert!(api.call::<Value>("users.get", &()).await.unwrap_err().is_malformed());
    }
}

#[tokio::test]
async fn a_captcha_is_asked_for_and_a_wrong_answer_asks_again() {
    let captcha =
        || Step::Captcha { sid: "7".into(), img: "https://x/c".into(), key: "right".into() };
    let vk = Vk::start();
    vk.script_calls("users.get", [captcha(), captcha()]);
    let tries = std::sync::Mutex::new(vec!["right", "wrong"]);
    let api = builder(&vk)
        .on_captcha(move |captcha| {
            assert_eq!((&*captcha.sid, &*captcha.image), ("7", "https://x/c"));
            let answer = tries.lock().unwrap().pop();
            async move { answer.map(|it| CaptchaAnswer::Key(it.into())) }
        })
        .build()
        .unwrap();
    api.call::<Value>("users.get", &()).await.unwrap();
    let keys: Vec<_> =
        vk.calls().iter().map(|it| it.params.get("captcha_key").map(str::to_owned)).collect();
    assert_eq!(keys, [None, Some("wrong".into()), Some("right".into())]);

    // Nobody can read it.
    vk.script_calls("users.get", [captcha()]);
    let error = api.call::<Value>("users.get", &()).await.unwrap_err();
    assert_eq!(error.api().unwrap().code(), ApiError::CAPTCHA);
}

#[tokio::test]
async fn the_same_message_sent_twice_is_delivered_once() {
    let vk = Vk::start();
    let api = api(&vk);
    let message =
        SendMessage::text(42, "hello").reply_to(3).attachment("photo1_2").attachment("doc1_3");
    let id = api.send_message(&message).await.unwrap();
    assert_eq!(api.send_message(&message).await.unwrap(), id);
    assert_ne!(api.send_message(&message.clone().with_random_id(5)).await.unwrap(), id);
    let params = vk.calls()[0].params.clone();
    assert_eq!(params.get("attachment"), Some("photo1_2,doc1_3"));
    assert_eq!((params.get("reply_to"), params.get("message")), (Some("3"), Some("hello")));
    assert_eq!(params.number("random_id"), Some(i64::from(message.random_id())));
}

#[tokio::test]
async fn calls_are_executed_25_at_a_time_and_each_has_its_own_result() {
    let vk = Vk::start();
    vk.on_call("test.fail", |_| Err(rt_testkit::vk::ApiError::of(100)));
    vk.on_call("test.false", |_| Ok(json!(false)));
    let api = api(&vk);
    let mut calls = Execute::new();
    assert!(calls.is_empty());
    for n in 0..27 {
        let method = match n {
            // Told apart from the one that fails after it.
            3 => "test.false",
            4 | 26 => "test.fail",
            _ => "users.get",
        };
        assert_eq!(calls.call(method, &json!({"user_ids": n, "text": "\"]});"})).unwrap(), n);
    }
    let mut replies = api.execute(&calls).await;
    assert_eq!(vk.calls().len(), 2);
    for n in 0..27 {
        match n {
            4 | 26 => {
                let error = replies.take::<Value>(n).unwrap_err();
                assert_eq!(error.api().unwrap().code(), 100, "{error}");
                assert_eq!(error.api().unwrap().method(), Some("test.fail"));
            }
            3 => assert!(!replies.take::<bool>(n).unwrap()),
            _ => assert_eq!(replies.take::<Vec<Value>>(n).unwrap()[0]["id"], n),
        }
    }
    assert!(replies.take::<Value>(0).unwrap_err().is_builder());
    assert!(replies.take::<Value>(27).unwrap_err().is_builder());

    // The request fails: so do its calls, and those of the next are made all the same.
    vk.script_calls("execute", [Step::error(10)]);
    let mut replies = api.execute(&calls).await;
    assert_eq!(replies.take::<Value>(0).unwrap_err().api().unwrap().code(), 10);
    assert_eq!(replies.take::<Vec<Value>>(25).unwrap()[0]["id"], 25);
    for method in ["users", "users.get()", ".x", "a.b.c", "a b.c"] {
        assert!(calls.call(method, &json!({})).unwrap_err().is_builder(), "{method}");
    }
    assert!(calls.call("a.b", &json!([1])).unwrap_err().is_builder());
}

#[tokio::test]
async fn the_default_client_names_itself_unless_the_user_does() {
    let own = concat!("vk-longpoll/", env!("CARGO_PKG_VERSION"));
    let (sender, received) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let server = rt_testkit::server::Server::start(move |connection| {
        let Some(request) = connection.request() else { return };
        let agent = request.header("user-agent").map(str::to_owned);
        sender.lock().unwrap().send(agent).unwrap();
        connection.answer(500, "", "");
    });
    for (agent, expected) in [(None, own), (Some("probe/1"), "probe/1")] {
        let mut api = Api::builder(TOKEN).address(server.url("/"));
        if let Some(agent) = agent {
            api = api.user_agent(agent);
        }
        api.build().unwrap().call::<Value>("users.get", &()).await.unwrap_err();
        assert_eq!(received.recv().unwrap().as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_message_to_several_conversations_tells_what_became_of_each() {
    let vk = Vk::start();
    let message = SendMessage::text(0, "hello");
    let sent = api(&vk).send_message_to_each(&[42, 0, 2_000_000_001], &message).await.unwrap();
    let peers: Vec<_> = sent.iter().map(|sent| (sent.peer_id, sent.error.is_some())).collect();
    assert_eq!(peers, [(42, false), (0, true), (2_000_000_001, false)]);
    assert!(sent[0].message_id.unwrap() > 0);
    let error = sent[1].error.as_ref().unwrap();
    assert_eq!(error.code, 100);
    assert!(error.to_string().ends_with("peer_id is undefined (error 100)"), "{error}");
    let params = &vk.calls()[0].params;
    assert_eq!((params.get("peer_ids"), params.get("peer_id")), (Some("42,0,2000000001"), None));

    // It is sent, whatever else the response says.
    let odd = json!([7, {"peer_id": 1, "message_id": {}}, {"peer_id": 2, "error": "x"}]);
    vk.script_calls("messages.send", [Step::Response(odd)]);
    let sent = api(&vk).send_message_to_each(&[1, 2], &message).await.unwrap();
    assert_eq!((sent[0].peer_id, sent[0].message_id), (1, None));
    assert!(sent.len() == 2 && sent[1].error.is_some());
    for peers in [vec![], vec![1; 101]] {
        assert!(api(&vk).send_message_to_each(&peers, &message).await.unwrap_err().is_builder());
    }
}

#[tokio::test]
async fn a_reply_in_a_chat_names_the_message_by_its_number_there() {
    let vk = Vk::start();
    let message = SendMessage::text(2_000_000_001, "hi").reply_to_conversation_message(9);
    api(&vk).send_message(&message).await.unwrap();
    let calls = vk.calls();
    let forward: Value = serde_json::from_str(calls[0].params.get("forward").unwrap()).unwrap();
    let expected =
        json!({"peer_id": 2_000_000_001, "conversation_message_ids": [9], "is_reply": true});
    assert_eq!((forward, calls[0].params.get("reply_to")), (expected, None));
}

#[tokio::test]
async fn a_cropped_message_is_read_whole_with_one_call() {
    let vk = Vk::start();
    for method in ["messages.getByConversationMessageId", "messages.getById"] {
        vk.on_call(method, |params| {
            let id = params.get("conversation_message_ids").or(params.get("message_ids")).unwrap();
            let whole =
                json!({"id": 1, "peer_id": 42, "text": id, "attachments": [{"type": "photo"}]});
            Ok(json!({"items": if id == "404" { json!([]) } else { json!([whole]) }}))
        });
    }
    let message = |more: Value| {
        let object = json!({"message": more}).to_string();
        let update = format!(r#"{{"type":"message_new","object":{object}}}"#);
        let event = bots::Event::decode(&vk_longpoll::RawValue::from_string(update).unwrap());
        let bots::EventKind::MessageNew(new) = event.kind else { panic!() };
        new.message
    };
    let api = api(&vk);
    let in_chat = message(json!({"peer_id": 2_000_000_001, "conversation_message_id": 9, "id": 0}));
    let whole = in_chat.fetch_whole(&api).await.unwrap().unwrap();
    assert_eq!((whole.text.as_deref(), whole.attachments.unwrap().len()), (Some("9"), 1));
    let by_id = message(json!({"peer_id": 42, "id": 5}));
    assert_eq!(by_id.fetch_whole(&api).await.unwrap().unwrap().text.as_deref(), Some("5"));
    assert!(bots::Message::fetch(&api, 404).await.unwrap().is_none());
    assert!(message(json!({"peer_id": 42})).fetch_whole(&api).await.unwrap_err().is_builder());
    let calls = vk.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[0].params.get("peer_id"), Some("2000000001"));
    vk.script_calls("messages.getById", [Step::Response(json!(7))]);
    assert!(bots::Message::fetch(&api, 1).await.unwrap_err().is_malformed());
}
