//! Bad input from outside: each is a typed error that has the status and the first bytes of the body,
//! and no secret.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::error::Error as _;
use std::time::Duration;

use centrifugo_api::{
    Batch, Broadcast, Client, Error, ErrorCode, Form, KeyHeader, Payload, Presence, Publish,
    RetryPolicy, StatusCode,
};
use rt_testkit::server::{Connection, Server};
use serde_json::{Value, json};

const KEY: &str = "the-api-key";

fn server(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Server {
    Server::start(move |connection| {
        if connection.request().is_some() {
            script(connection);
        }
    })
}

fn json_server(body: &'static str) -> Server {
    server(move |connection| {
        connection.answer(200, "content-type: application/json\r\n", body);
    })
}

fn client_of(server: &Server) -> Client {
    let builder = Client::builder(server.url("/api")).key(KEY).retry(RetryPolicy::none());
    builder.max_answer_bytes(10_000).build().unwrap()
}

/// What its texts hold must not be the key.
fn checked(error: Error) -> Error {
    let mut texts = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(this) = cause {
        texts.push_str(&format!(" {this} {this:?}"));
        cause = this.source();
    }
    assert!(!texts.contains(KEY), "{texts}");
    error
}

async fn presence(server: &Server) -> Error {
    checked(client_of(server).presence("news").await.unwrap_err())
}

/// A server may repeat the key in whatever it writes; no error shows it.
#[tokio::test]
async fn a_key_that_the_server_repeats_is_in_no_error() {
    let hidden = |error: &Error| String::from_utf8_lossy(error.body()).into_owned();
    for (status, body) in [
        (200, "<pre>GET /api\nx-api-key: the-api-key</pre>"),
        (200, r#"{"error":{"code":107,"message":"bad key the-api-key"}}"#),
        (200, r#"{"result":{"presence":"the-api-key"}}"#),
        (200, r#"{"result":"the\u002dapi-key"}"#),
        (502, "upstream said no to apikey the-api-key"),
        (400, r#"{"code":107,"message":"bad key the-api-key"}"#),
    ] {
        let server = json_server_with(status, body);
        let error = presence(&server).await;
        assert!(!hidden(&error).contains(KEY), "{error:?}");
        assert!(!error.message().unwrap_or_default().contains(KEY), "{error:?}");
    }
    let server = server(|connection| {
        connection.answer(302, "location: http://h/login?back=the-api-key\r\n", "");
    });
    assert!(presence(&server).await.is_redirect());

    let body = r#"{"result":{"responses":[{"error":{"code":100,"message":"the-api-key"}},{"result":{}}]}}"#;
    let server = json_server(body);
    let request = Broadcast::new(["a", "b"], "x");
    let result = client_of(&server).broadcast(request).await.unwrap();
    let (at, error) = result.failed().next().unwrap();
    assert_eq!((at, error.message()), (0, Some("***")));
    assert!(!format!("{result:?}").contains(KEY));

    let body = r#"{"replies":[{"error":{"code":100,"message":"the-api-key"}},{"presence":{"presence":"the-api-key"}}]}"#;
    let server = json_server(body);
    let mut batch = Batch::new();
    let tickets = (batch.add(Publish::new("a", "x")), batch.add(Presence::new("a")));
    let mut replies = client_of(&server).batch(batch).await.unwrap();
    assert!(!format!("{replies:?}").contains(KEY));
    assert_eq!(checked(replies.take(tickets.0).unwrap_err()).message(), Some("***"));
    assert!(checked(replies.take(tickets.1).unwrap_err()).is_data());
}

fn json_server_with(status: u16, body: &'static str) -> Server {
    server(move |connection| {
        connection.answer(status, "content-type: application/json\r\n", body);
    })
}

#[tokio::test]
async fn an_unreachable_server() {
    let server = server(|_| {});
    let client = client_of(&server);
    drop(server);
    let error = checked(client.presence("news").await.unwrap_err());
    assert!(error.is_connect() && error.is_retryable() && error.status().is_none(), "{error:?}");
    assert!(error.to_string().contains("/api/presence: could not connect"), "{error}");
}

#[tokio::test]
async fn a_refused_key() {
    let server = server(|connection| {
        connection.answer(401, "", "");
    });
    let error = presence(&server).await;
    assert!(error.is_unauthorized() && !error.is_retryable() && !error.is_command(), "{error:?}");
}

#[tokio::test]
async fn a_page_of_a_proxy_with_any_status() {
    for (status, malformed) in [(200, true), (502, false)] {
        let server = server(move |connection| {
            let page = "<!DOCTYPE html>\n<title>Please sign in</title>";
            connection.answer(status, "content-type: text/html\r\n", page);
        });
        let error = presence(&server).await;
        assert_eq!(error.is_malformed(), malformed, "{error:?}");
        assert_eq!(error.is_retryable(), !malformed);
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert!(error.body().starts_with(b"<!DOCTYPE"));
        assert!(error.to_string().contains("Please sign in"), "{error}");
        if malformed {
            assert!(error.to_string().contains("text/html"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_cut_body() {
    let cut = server(|connection| {
        connection.send("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"result\":");
    });
    let error = presence(&cut).await;
    assert!(error.http().unwrap().is_body() && error.is_retryable(), "{error:?}");
    assert_eq!((error.status(), error.body()), (Some(StatusCode::OK), &b"{\"result\":"[..]));
    // Cut by whoever then counted it anew.
    for cut in ["", "{", r#"{"result":{"presence":{"#, r#"{"result":"#] {
        let error = presence(&json_server(cut)).await;
        assert!(error.is_malformed() && error.source().is_some(), "{cut}: {error:?}");
        assert_eq!(error.status(), Some(StatusCode::OK));
    }
}

#[tokio::test]
async fn answers_that_are_json_and_not_this_apis() {
    for body in [
        "null",
        "[]",
        "3",
        "{}",
        r#"{"status":"ok"}"#,
        r#"{"result":null}"#,
        r#"{"result":[]}"#,
        r#"{"result":{"presence":[1]}}"#,
        r#"{"error":"no"}"#,
        r#"{"error":{"code":"x"}}"#,
        r#"{"result":{}} {"result":{}}"#,
    ] {
        let server = json_server(body);
        let lines = Client::builder(server.url("")).key(KEY).form(Form::Lines).build().unwrap();
        for client in [client_of(&server), lines] {
            match client.presence("news").await {
                // Version 3 answers so, in its form, when there is nothing to tell.
                Ok(result) => assert!(body == "{}" && result.presence.is_empty(), "{client:?}"),
                Err(error) => {
                    let error = checked(error);
                    assert!(error.is_malformed() && !error.is_retryable(), "{body}: {error:?}");
                    assert_eq!(error.body(), body.as_bytes());
                }
            }
        }
        assert!(client_of(&server).presence("news").await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn an_unknown_code_is_kept() {
    let server = json_server(r#"{"error":{"code":4242,"message":"from\na later version"}}"#);
    let error = presence(&server).await;
    assert_eq!(error.code(), Some(ErrorCode::Other(4242)));
    assert_eq!(error.message(), Some("from\na later version"));
    assert_eq!(error.to_string(), "presence: the server answered 4242: from a later version");
    let server = server_with_status(409, r#"{"code":113,"message":"conflict"}"#);
    let error = presence(&server).await;
    assert_eq!(
        (error.code(), error.status()),
        (Some(ErrorCode::Conflict), StatusCode::CONFLICT.into())
    );
    let server = server_with_status(500, r#"{"code":4242,"message":"of a later version"}"#);
    assert_eq!(presence(&server).await.code(), Some(ErrorCode::Other(4242)));
    // A status with another JSON body is a status.
    for (status, body) in [
        (500, r#"{"error":"oops"}"#),
        (503, r#"{"code":503,"message":"Service Unavailable"}"#),
        (500, r#"{"code":500,"message":"Internal Server Error"}"#),
        (429, r#"{"code":429,"message":"Too Many Requests"}"#),
        (401, r#"{"code":7,"message":"who are you"}"#),
    ] {
        let error = presence(&server_with_status(status, body)).await;
        assert!(error.code().is_none() && !error.is_command(), "{error:?}");
        assert_eq!((error.status().unwrap().as_u16(), error.body()), (status, body.as_bytes()));
        assert_eq!(error.is_retryable(), status != 401);
    }
}

fn server_with_status(status: u16, body: &'static str) -> Server {
    server(move |connection| {
        connection.answer(status, "content-type: application/json\r\n", body);
    })
}

#[tokio::test]
async fn wrong_counts_and_replies_to_something_else() {
    for body in [
        "{}",
        "[]",
        r#"{"replies":{}}"#,
        r#"{"replies":[{"publish":{}}]}"#,
        r#"{"replies":[{"publish":{}},{"publish":{}},{"publish":{}}]}"#,
        r#"{"replies":[{"publish":{}},{"history":{}}]}"#,
        r#"{"replies":[{"publish":{}},{}]}"#,
        r#"{"replies":[{"publish":{}},7]}"#,
        r#"{"replies":[{"publish":{}},{"error":{}}]}"#,
    ] {
        let server = json_server(body);
        let two: Batch = (0..2).map(|n| Publish::new("news", &n)).collect();
        let error = checked(client_of(&server).batch(two).await.unwrap_err());
        assert!(error.is_malformed(), "{body}: {error:?}");
    }
    for body in [
        "",
        r#"{"id":1,"result":{}}"#,
        "{\"id\":2,\"result\":{}}\n{\"id\":1,\"result\":{}}",
        "{\"id\":1,\"result\":{}}\n{\"id\":2,\"status\":1}",
        "{\"id\":1,\"result\":{}}\n{\"id\":2,\"result\":{}}\n{\"id\":3,\"result\":{}}",
        "{\"id\":1,\"result\":{}}\nBad",
    ] {
        let server = json_server(body);
        let client = Client::builder(server.url("")).key(KEY).form(Form::Lines).build().unwrap();
        let two: Batch = (0..2).map(|n| Publish::new("news", &n)).collect();
        let error = checked(client.batch(two).await.unwrap_err());
        assert!(error.is_malformed(), "{body}: {error:?}");
    }
    let server = json_server(r#"{"result":{"responses":[{"result":{}}]}}"#);
    let error = client_of(&server).broadcast(Broadcast::new(["a", "b"], "x")).await.unwrap_err();
    assert!(checked(error).is_malformed());
}

#[tokio::test]
async fn a_reply_of_a_wrong_type_is_that_commands_error() {
    let server = json_server(r#"{"replies":[{"publish":[]},{"publish":{"offset":7}}]}"#);
    let mut batch = Batch::new();
    let bad = batch.add(Publish::new("news", "a"));
    let good = batch.add(Publish::new("news", "b"));
    let mut replies = client_of(&server).batch(batch).await.unwrap();
    assert!(replies.take(bad).unwrap_err().is_data());
    assert_eq!(replies.take(good).unwrap().offset, Some(7));
    let server = json_server(r#"{"replies":[{"broadcast":{"responses":[]}}]}"#);
    let mut batch = Batch::new();
    let broadcast = batch.add(Broadcast::new(["a"], "x"));
    assert!(client_of(&server).batch(batch).await.unwrap().take(broadcast).unwrap_err().is_data());
    let mut other = Batch::new();
    let stranger = other.add(Presence::new("news"));
    assert!(replies.take(stranger).unwrap_err().is_builder());
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let server = server(|connection| {
        connection.answer(307, "location: http://elsewhere/api?api_key=abc\r\n", "");
    });
    let error = presence(&server).await;
    assert!(error.is_redirect() && !error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("elsewhere") && !error.to_string().contains("abc"));
}

#[tokio::test]
async fn an_answer_beyond_the_bound_and_one_that_never_comes() {
    let server = json_server(Box::leak("x".repeat(10_001).into_boxed_str()));
    let error = presence(&server).await;
    assert!(error.is_too_large() && error.status() == Some(StatusCode::OK), "{error:?}");
    assert!(error.body().starts_with(b"xxx") && error.body().len() <= 4_096);
    let hanging = self::server(Connection::wait_closed);
    let client = client_of(&hanging).with_timeout(Duration::from_millis(50));
    let error = checked(client.presence("news").await.unwrap_err());
    assert!(error.is_timeout() && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn what_is_described_wrongly_is_told_before_anything_is_sent() {
    let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
    for endpoint in ["localhost:8000/api", "/api", "ftp://h/api", ""] {
        assert!(Client::new(endpoint, KEY).unwrap_err().is_builder(), "{endpoint}");
    }
    for key in ["", "a\nb"] {
        let error = Client::new("http://h", key).unwrap_err();
        assert!(error.is_builder() && !error.to_string().contains("a\n"), "{error}");
    }
    // Two credentials for one header.
    let two = Client::builder("http://h").header("authorization", "Basic x").key(KEY);
    for builder in [two.clone(), Client::builder("http://u:pw@h").key(KEY)] {
        let error = builder.clone().build().unwrap_err();
        assert!(error.to_string().contains("XApiKey"), "{error}");
        assert!(builder.key_header(KeyHeader::XApiKey).build().is_ok());
    }
    let error = Client::builder("http://h").build().unwrap_err();
    assert!(error.to_string().contains("insecure"), "{error}");
    let silent = Server::start(|_| panic!("nothing is to be sent"));
    let client = client_of(&silent);
    for payload in [Payload::raw("{not json"), Payload::from(&unwritable), Payload::bytes("")] {
        let error = client.publish(Publish::new("news", payload.clone())).await.unwrap_err();
        assert!(error.is_builder(), "{error:?}");
        let mut batch = Batch::new();
        batch.add(Presence::new("news"));
        batch.add(Publish::new("news", payload));
        assert!(client.batch(batch).await.unwrap_err().is_builder());
    }
    for method in ["", "../secret", "a/b", "a b", "a\"b"] {
        assert!(client.call::<Value>(method, &json!({})).await.unwrap_err().is_builder());
        let mut batch = Batch::new();
        batch.call::<Value>(method, &json!({}));
        assert!(client.batch(batch).await.unwrap_err().is_builder(), "{method}");
    }
    let bytes = centrifugo_api::Rpc::new("m").params(Payload::bytes([1]));
    assert!(client.rpc(bytes).await.unwrap_err().is_builder());
}

#[tokio::test]
async fn the_path_of_an_exact_endpoint_is_kept() {
    let server = Server::start(|connection| {
        let request = connection.request().unwrap();
        assert_eq!(request.target, "/private/presence");
        connection.answer(200, "", r#"{"result":{}}"#);
    });
    let builder = Client::builder(server.url("/private/")).key(KEY).exact_endpoint();
    builder.build().unwrap().presence("news").await.unwrap();
}

#[test]
fn nothing_shows_the_key() {
    let builder = Client::builder("http://u:pw@h/api")
        .key(KEY)
        .key_header(KeyHeader::XApiKey)
        .header("x-secret", "s3cr3t");
    let text = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!text.contains(KEY) && !text.contains("s3cr3t") && !text.contains("pw"), "{text}");
}
