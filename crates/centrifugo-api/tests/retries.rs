//! What is tried again, and when: in paused time, over a transport in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use centrifugo_api::{
    AutoBatchOptions, Batch, Client, ClientBuilder, Disconnect, Error, Form, HistoryRemove,
    HttpClient, HttpError, Publish, RetryPolicy, StatusCode,
};
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;

/// What the transport does with one request after the other; then it hangs.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<(Instant, Bytes)>>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Ok,
    Refused,
    Broken,
    Certificate,
    Panic,
    Status(u16, Option<&'static str>),
    Body(&'static str),
    /// A good answer, after this many milliseconds.
    After(u64, &'static str),
}

impl tower_service::Service<Request<Bytes>> for Script {
    type Response = Response<Full<Bytes>>;
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, HttpError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.seen.lock().unwrap().push((Instant::now(), request.into_body()));
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            let io = |kind| std::io::Error::from(kind);
            let (status, retry_after, body) = match answer {
                None => std::future::pending().await,
                Some(Answer::Refused) => {
                    let error = io(std::io::ErrorKind::ConnectionRefused);
                    return Err(HttpError::connect_failed(error));
                }
                Some(Answer::Broken) => {
                    let error = io(std::io::ErrorKind::ConnectionReset);
                    return Err(HttpError::transport_failed(error));
                }
                Some(Answer::Certificate) => return Err(HttpError::tls_failed(true, "expired")),
                Some(Answer::Panic) => panic!("as the test wants it"),
                Some(Answer::Ok) => (200, None, r#"{"result":{}}"#),
                Some(Answer::Body(body)) => (200, None, body),
                Some(Answer::After(millis, body)) => {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    (200, None, body)
                }
                Some(Answer::Status(status, after)) => (status, after, "oops"),
            };
            let mut response = Response::builder().status(status);
            if let Some(after) = retry_after {
                response = response.header("retry-after", after);
            }
            Ok(response.body(Full::from(body)).unwrap())
        })
    }
}

fn script(answers: impl IntoIterator<Item = Answer>) -> Script {
    let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
    Script { answers, ..Script::default() }
}

fn builder(script: &Script) -> ClientBuilder {
    let http = HttpClient::from_service::<Bytes, _, _>(script.clone());
    Client::builder("http://h").key("key").http_client(http)
}

fn seen(script: &Script) -> usize {
    script.seen.lock().unwrap().len()
}

/// How often a call is sent that fails in this way the first time.
async fn sent<T>(
    first: Answer,
    call: impl AsyncFn(Client) -> Result<T, Error>,
) -> (usize, Result<T, Error>) {
    let script = script([first, Answer::Ok]);
    let result = call(builder(&script).build().unwrap()).await;
    (seen(&script), result)
}

const INTERNAL: Answer =
    Answer::Body(r#"{"error":{"code":100,"message":"internal server error"}}"#);
const TOO_MANY: Answer = Answer::Body(r#"{"error":{"code":111,"message":"too many requests"}}"#);
const BAD_REQUEST: Answer = Answer::Body(r#"{"error":{"code":107,"message":"bad request"}}"#);

#[tokio::test(start_paused = true)]
async fn only_what_does_no_harm_is_repeated() {
    let ask = async |client: Client| client.presence("news").await.map(drop);
    let publish = async |client: Client| client.publish(Publish::new("news", "x")).await.map(drop);
    let once = async |client: Client| {
        client.publish(Publish::new("news", "x").idempotency_key("k")).await.map(drop)
    };
    let disconnect = async |client: Client| client.disconnect(Disconnect::new("42")).await;
    let remove = async |client: Client| client.history_remove(HistoryRemove::new("news")).await;
    // What fails, and whether it is repeated: a question; a publication; one with a key.
    for (first, asked, published, keyed) in [
        (Answer::Refused, 2, 2, 2),
        (Answer::Broken, 2, 1, 2),
        (Answer::Status(502, None), 2, 1, 2),
        (Answer::Status(503, Some("1")), 2, 1, 2),
        (Answer::Status(429, Some("1")), 2, 2, 2),
        (Answer::Status(401, None), 1, 1, 1),
        (Answer::Body("<html>"), 1, 1, 1),
        (INTERNAL, 2, 1, 2),
        (TOO_MANY, 2, 2, 2),
        (BAD_REQUEST, 1, 1, 1),
    ] {
        for (call, expected) in [
            (sent(first, ask).await, asked),
            (sent(first, publish).await, published),
            (sent(first, once).await, keyed),
            (sent(first, disconnect).await, published),
            (sent(first, remove).await, published),
        ] {
            assert_eq!((call.0, call.1.is_ok()), (expected, expected == 2));
        }
    }
}

/// A captive portal: a mistake in the endpoint looks the same, unless the client has worked before.
#[tokio::test(start_paused = true)]
async fn a_redirect_and_a_page_are_repeated_once_the_client_has_worked() {
    for odd in [Answer::Status(302, None), Answer::Body("<html>"), Answer::Certificate] {
        let first = script([odd, Answer::Ok]);
        let client = builder(&first).build().unwrap();
        assert!(client.presence("news").await.is_err());
        assert_eq!(seen(&first), 1);

        let later = script([Answer::Ok, odd, Answer::Ok]);
        let client = builder(&later).build().unwrap();
        client.presence("news").await.unwrap();
        client.clone().presence("news").await.unwrap();
        assert_eq!(seen(&later), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_repeated_if_each_command_may_be() {
    for (key, expected) in [("", 1), ("k", 2)] {
        let script = script([
            Answer::Broken,
            Answer::Body(r#"{"replies":[{"publish":{}},{"presence":{}}]}"#),
        ]);
        let mut batch = Batch::new();
        batch.add(Publish::new("news", "x").idempotency_key(key));
        batch.add(centrifugo_api::Presence::new("news"));
        let result = builder(&script).build().unwrap().batch(batch).await;
        assert_eq!((seen(&script), result.is_ok()), (expected, expected == 2));
        let sent = script.seen.lock().unwrap();
        assert!(sent.iter().all(|(_, body)| *body == sent[0].1), "the same bytes each time");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_end_by_number_and_by_the_deadline() {
    let start = Instant::now();
    let broken = script([Answer::Broken; 10]);
    let error = builder(&broken).build().unwrap().presence("news").await.unwrap_err();
    assert_eq!((seen(&broken), error.is_retryable()), (3, true));
    assert!(start.elapsed() <= Duration::from_millis(300));
    // The waits are drawn: up to 100, 200, 300, 300 ms, which is 450 on average.
    let mut waited = Duration::ZERO;
    for _ in 0..200 {
        let broken = script([Answer::Broken; 10]);
        let retry = RetryPolicy::new().max_retries(4).max(Duration::from_millis(300));
        let client = builder(&broken).retry(retry).build().unwrap();
        let start = Instant::now();
        client.presence("news").await.unwrap_err();
        assert!(start.elapsed() <= Duration::from_millis(904));
        waited += start.elapsed();
    }
    let average = (waited / 200).as_millis();
    assert!((400..500).contains(&average), "{average} ms");

    // The server asks for longer than the call may take: no use in waiting.
    let busy = script([Answer::Status(503, Some("60"))]);
    let client = builder(&busy).timeout(Duration::from_secs(5)).build().unwrap();
    let start = Instant::now();
    let error = client.presence("news").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    assert_eq!((seen(&busy), start.elapsed()), (1, Duration::ZERO));

    // The time that a Retry-After asks for is waited for.
    let busy = script([Answer::Status(503, Some("3")), Answer::Ok]);
    let client = builder(&busy).timeout(Duration::from_secs(5)).build().unwrap();
    let start = Instant::now();
    client.presence("news").await.unwrap();
    assert!((3..=4).contains(&start.elapsed().as_secs()));

    // One deadline for all attempts.
    let hanging = script([Answer::Broken]);
    let client = builder(&hanging).timeout(Duration::from_secs(5)).build().unwrap();
    let start = Instant::now();
    let error = client.presence("news").await.unwrap_err();
    assert!(error.is_timeout() && seen(&hanging) == 2, "{error:?}");
    assert_eq!(start.elapsed().as_millis().div_ceil(10), 500);

    let none = script([Answer::Broken; 2]);
    let client = builder(&none).retry(RetryPolicy::none()).build().unwrap();
    assert!(client.presence("news").await.is_err() && seen(&none) == 1);
    let error = builder(&script([Answer::Status(503, None); 3])).build().unwrap();
    let error = error.with_timeout(Duration::from_secs(1)).presence("x").await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_relied_on_as_long_as_the_server_knows_it() {
    let publish = || Publish::new("news", "x").idempotency_key("k");
    // Version 3 knows none: it would publish twice.
    let lines = script([Answer::Broken, Answer::Ok]);
    let client = builder(&lines).form(Form::Lines).build().unwrap();
    assert!(client.publish(publish()).await.is_err() && seen(&lines) == 1);
    assert!(client.presence("news").await.is_ok());
    // A server forgets it after five minutes.
    for (wait, expected) in [("230", 2), ("250", 1)] {
        let busy = script([Answer::Status(503, Some(wait)), Answer::Ok]);
        let client = builder(&busy).timeout(Duration::from_secs(3_600)).build().unwrap();
        assert_eq!(client.publish(publish()).await.is_ok(), expected == 2);
        assert_eq!(seen(&busy), expected);
    }
    let busy = script([Answer::Status(503, Some("250")), Answer::Ok]);
    let client = builder(&busy).timeout(Duration::from_secs(3_600)).build().unwrap();
    client.presence("news").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_joined_call_has_one_deadline_whatever_it_waits_for() {
    let hanging = script([]);
    let client = builder(&hanging).timeout(Duration::from_secs(5)).build().unwrap();
    let joined = client.auto_batch(AutoBatchOptions::new().max_waiting(1));
    let start = Instant::now();
    let call = || async {
        let error = joined.publish(Publish::new("news", "x")).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
    };
    // The second has no room until the first has given up.
    tokio::join!(call(), call());
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_hurts_only_the_calls_it_carries() {
    let script = script([Answer::Panic, Answer::Body(r#"{"replies":[{"publish":{}}]}"#)]);
    let joined = builder(&script).build().unwrap().auto_batch(AutoBatchOptions::new());
    let error = joined.publish(Publish::new("news", "x")).await.unwrap_err();
    assert!(error.to_string().contains("connection failed"), "{error}");
    // Nothing is on the way any more: the next one does not wait.
    let start = Instant::now();
    joined.publish(Publish::new("news", "x")).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

const ONE: &str = r#"{"replies":[{"publish":{}}]}"#;
const TWO: &str = r#"{"replies":[{"publish":{}},{"publish":{}}]}"#;
const THREE: &str = r#"{"replies":[{"publish":{}},{"publish":{}},{"publish":{}}]}"#;

/// When the requests go out of a call that is made alone, and then of five that are made at 0, 5, 8, 50
/// and 150 ms.
async fn sent_at(options: AutoBatchOptions, answers: &[Answer]) -> Vec<u128> {
    let script = script(answers.iter().copied());
    let joined = builder(&script).build().unwrap().auto_batch(options);
    let publish = |after: u64| {
        let joined = joined.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            joined.publish(Publish::new("news", "x")).await.unwrap();
        }
    };
    let start = Instant::now();
    publish(0).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "a call alone waits for nobody");
    tokio::join!(publish(0), publish(5), publish(8), publish(50), publish(150));
    let seen = script.seen.lock().unwrap();
    seen.iter().map(|(at, _)| (*at - start).as_millis()).collect()
}

fn assert_about(got: &[u128], expected: &[u128]) {
    assert_eq!(got.len(), expected.len(), "{got:?}");
    for (got, expected) in got.iter().zip(expected) {
        assert!(got.abs_diff(*expected) <= 2, "{got} is not {expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_order_calls_wait_for_the_request_that_is_on_the_way_and_go_together() {
    let answers =
        [Answer::Body(ONE), Answer::After(100, ONE), Answer::After(100, THREE), Answer::Body(ONE)];
    // The call at 150 ms waits for the three that were sent at 100 ms.
    assert_about(&sent_at(AutoBatchOptions::new(), &answers).await, &[0, 0, 100, 200]);
}

#[tokio::test(start_paused = true)]
async fn out_of_order_a_call_waits_for_others_and_not_for_long() {
    let answers = [
        Answer::Body(ONE),
        Answer::After(100, ONE),
        Answer::After(100, TWO),
        Answer::Body(ONE),
        Answer::Body(ONE),
    ];
    let options = AutoBatchOptions::new().unordered().max_delay(Duration::from_millis(10));
    // While the first is on the way, the next two go together, ten milliseconds after the first of
    // them; a later one goes when its time is up, or when nothing is on the way.
    assert_about(&sent_at(options, &answers).await, &[0, 0, 15, 60, 150]);
}
