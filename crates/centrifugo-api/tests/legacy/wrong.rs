//! What goes wrong, and what is told about it.
use std::error::Error as _;
use std::time::Duration;

use centrifugo_api::{Error, Payload, legacy};
use rt_testkit::legacy_centrifugo::LegacyCentrifugo;
use rt_testkit::server::Server;
use serde_json::json;

use super::{SECRET, answering, builder, insecure, signed};

/// All that an error says, its causes included.
fn everything(error: &Error) -> String {
    let mut text = format!("{error:?}");
    let mut level: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = level {
        text += &format!("\n{error}");
        level = error.source();
    }
    text
}

#[tokio::test]
async fn a_wrong_secret_is_unauthorized_and_none_is_a_bad_request() {
    let server = LegacyCentrifugo::start("another");
    let error = signed(&server).channels().await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_retryable());
    assert_eq!(error.body(), b"Unauthorized\n");
    assert!(!everything(&error).contains(SECRET));
    let error = insecure(server.server()).channels().await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.body()), (400, &b"Bad Request\n"[..]));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached() {
    let gone = Server::start(|_| ()).url("");
    let error = builder(gone).insecure().build().unwrap().channels().await.unwrap_err();
    assert!(error.is_connect() && error.is_retryable() && error.status().is_none(), "{error}");
}

#[tokio::test]
async fn an_answer_of_another_kind_is_malformed_and_its_first_bytes_are_kept() {
    let page = format!("<html><title>Sign in</title>{}", "x".repeat(10_000));
    let server = answering(200, "content-type: text/html\r\n", page.clone());
    let error = insecure(&server).channels().await.unwrap_err();
    assert!(error.is_malformed() && !error.is_retryable());
    assert_eq!(error.status().unwrap(), 200);
    assert_eq!(error.body(), &page.as_bytes()[..4096]);
    let text = error.to_string();
    assert!(text.starts_with("malformed response returned from server: not an array of answers"));
    assert!(text.contains("text/html") && text.contains("<title>Sign in"), "{text}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn answers_that_do_not_fit_the_command() {
    let ok = r#"{"uid":"1","method":"channels","error":null,"body":{"data":[]}}"#;
    for (body, what) in [
        ("[]".to_owned(), "0 answers to 1 commands"),
        (format!("[{ok},{ok}]"), "2 answers to 1 commands"),
        (ok.to_owned(), "not an array of answers"),
        ("null".to_owned(), "not an array of answers"),
        (String::new(), "not an array of answers"),
        (ok.replace("channels", "node"), "not an array of answers"),
        (format!("[{}]", ok.replace("channels", "node")), "answer 0 is not to channels"),
        (format!("[{}]", ok.replace("[]", "{}")), "channels: not the body of its answer"),
    ] {
        let server = answering(200, "", body.clone());
        let error = insecure(&server).channels().await.unwrap_err();
        assert!(error.is_malformed() && error.to_string().contains(what), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_short_or_too_large() {
    let cut = Server::start(|connection| {
        if connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{\"method\":\"chan");
        }
    });
    let error = insecure(&cut).channels().await.unwrap_err();
    assert!(!error.is_malformed() && error.is_retryable() && error.http().is_some(), "{error}");

    let large = answering(200, "", format!("[{}]", " ".repeat(2000)));
    let client = builder(large.url("")).insecure().max_answer_bytes(1000).build().unwrap();
    assert!(client.channels().await.unwrap_err().is_too_large());
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let server = answering(301, "location: https://user:pw@h/api/\r\n", "");
    let error = insecure(&server).channels().await.unwrap_err();
    assert!(error.is_redirect() && error.status().unwrap() == 301);
    assert!(!everything(&error).contains("pw"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time() {
    let server = Server::start(|connection| connection.wait_closed());
    let client = builder(server.url("")).insecure().timeout(Duration::from_millis(50));
    let error = client.build().unwrap().channels().await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable(), "{error}");
    // Nor to the end.
    let server = Server::start(|connection| {
        if connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[");
        }
        connection.wait_closed();
    });
    let client = builder(server.url("")).insecure().timeout(Duration::from_millis(50));
    let error = client.build().unwrap().channels().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

/// The body is of less worth than the status.
#[tokio::test]
async fn a_status_is_told_in_time_though_its_body_does_not_come() {
    let server = Server::start(|connection| {
        if connection.request().is_some() {
            connection.send("HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\nbusy");
        }
        connection.wait_closed();
    });
    let client = builder(server.url("")).insecure().timeout(Duration::from_millis(400));
    let error = client.build().unwrap().channels().await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.body()), (503, &b"busy"[..]), "{error}");
}

#[tokio::test]
async fn a_payload_that_is_not_json_is_not_sent() {
    let server = LegacyCentrifugo::start(SECRET);
    let client = signed(&server);
    for data in [Payload::raw("{a}"), Payload::raw_bytes([0xff]), Payload::bytes("x")] {
        let error = client.publish("public:a", data).await.unwrap_err();
        assert!(error.is_builder(), "{error}");
    }
    assert!(client.publish("", json!(1)).await.unwrap_err().is_builder());
    assert!(server.take_requests().is_empty());
}

#[test]
fn a_client_that_is_described_wrongly() {
    let url = "http://localhost:8000";
    let built = |client: legacy::ClientBuilder| client.build().unwrap_err();
    for (error, what) in [
        (built(builder("localhost:8000").secret("s")), "write \"http://localhost:8000\""),
        (built(builder("ftp://h").secret("s")), "not an http or https URL"),
        (built(builder(url).secret("")), "the secret is empty"),
        (built(builder(url).secret("")), "use `insecure`"),
        (built(builder(url)), "use `insecure`"),
        (built(builder(url).secret("s").timeout(Duration::ZERO)), "timeout of zero"),
        (built(builder(url).secret("s").header("X-API-Sign", "x")), "set by the client"),
        (built(builder(url).secret("s").header("content-type", "x")), "set by the client"),
        (built(builder(url).secret("s").header("a b", "x")), "name is not valid"),
        (built(builder(url).secret("s").header("a", "hidden\n")), "value of the header a"),
    ] {
        assert!(error.is_builder() && error.to_string().contains(what), "{error}");
        assert!(!everything(&error).contains("hidden"), "{error}");
    }
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let gone = Server::start(|_| ()).addr();
    let described = builder(format!("http://name:pass-word@{gone}"))
        .secret(SECRET)
        .header("authorization", "t0ken");
    let mut texts = vec![format!("{described:?}")];
    let mut client = described.build().unwrap();
    texts.push(format!("{client:?}"));
    let payload = json!({"private": "pay-load"});
    texts.push(everything(&client.publish("c", payload.clone()).await.unwrap_err()));
    client.add_publish("c", payload).unwrap();
    texts.push(format!("{client:?}"));
    for text in texts {
        for secret in [SECRET, "pass-word", "t0ken", "pay-load"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
