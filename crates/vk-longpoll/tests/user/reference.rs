//! The faults of the reference library, each a test: vksdk v2.16.1 fails all of these.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::*;
use rt_testkit::vk::{Account, Step};

/// It ends with any network, JSON or API error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_of_failures_does_not_end_it() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    for _ in 0..4 {
        vk.script_polls([Step::Reset, Step::Html, Step::Status(502, "x".into()), Step::ExpireKeys]);
        vk.script_calls("messages.getLongPollServer", [Step::error(10), Step::Empty, Step::Reset]);
    }
    say(&vk, "good morning");
    let told = events(&mut long_poll, 1).await;
    assert_eq!(told.last().unwrap(), "good morning");
    assert!(told.len() > 12, "{told:?}");
}

/// It sets ts to 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_object_does_not_set_ts_to_0() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    vk.script_polls([Step::EmptyObject]);
    say(&vk, "hello");
    assert_eq!(events(&mut long_poll, 1).await, ["again", "hello"]);
    assert!(vk.polls().iter().all(|poll| poll.ts != "0"));
}

/// The HTTP status is ignored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_looking_body_with_a_status_of_failure_is_none() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let body = r#"{"ts":5,"updates":[[61,1,1]]}"#;
    vk.script_polls([Step::Status(500, body.into())]);
    say(&vk, "hello");
    assert_eq!(events(&mut long_poll, 1).await, ["again", "hello"]);
}

/// Events 8 with four values, empty rows and rows without a number are a panic, and one odd row loses
/// the rest of the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_another_length_lose_nothing() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    let rows = [json!([8, -1, 7, 1700000000, 5]), json!([]), json!(["a"]), json!([61, 7, 1])];
    vk.script_polls([Step::Rows(rows.into())]);
    let told = events(&mut long_poll, 4).await;
    assert_eq!(told, ["[8,-1,7,1700000000,5]", "[]", "[\"a\"]", "7 types"]);
}

/// There is no deadline on the request.
#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_noticed_by_its_deadline() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let silent = tower_service_fn(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending()
    });
    let session = vk_longpoll::user::Session::new("im.vk.com/nim", "key", 5);
    let mut long_poll = LongPoll::with_session(session)
        .http_client(HttpClient::from_service(silent))
        .wait(Duration::from_secs(25))
        .retry(impatient())
        .build()
        .unwrap();
    let start = tokio::time::Instant::now();
    let Some(Ok(Item::Disconnected(lost))) = long_poll.next().await else { panic!() };
    assert!(lost.error.is_timeout() && !format!("{:?}", lost.error).contains("key=key"));
    assert_eq!(start.elapsed(), Duration::from_secs(35));
    let Some(Ok(Item::Disconnected(_))) = long_poll.next().await else { panic!() };
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// A tower service made from a function.
fn tower_service_fn<F, R>(call: F) -> ServiceFn<F>
where
    F: Fn(http::Request<http_body_util::Full<Bytes>>) -> R,
{
    ServiceFn(call)
}

#[derive(Clone)]
struct ServiceFn<F>(F);

impl<F, R> tower_service::Service<http::Request<http_body_util::Full<Bytes>>> for ServiceFn<F>
where
    F: Fn(http::Request<http_body_util::Full<Bytes>>) -> R,
    R: Future<Output = Result<http::Response<http_body_util::Full<Bytes>>, std::io::Error>>,
{
    type Response = http::Response<http_body_util::Full<Bytes>>;
    type Error = std::io::Error;
    type Future = R;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), std::io::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<http_body_util::Full<Bytes>>) -> R {
        (self.0)(request)
    }
}

/// Error 6 is answered with 20 calls in a millisecond.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_calls_a_second_are_not_answered_with_more() {
    let vk = vk().rate_limits(Duration::from_millis(950)).start();
    let api = Api::builder(TOKEN).address(vk.api_url()).http_client(http()).build().unwrap();
    let who = json!({"user_ids": 1});
    let all = (0..7).map(|_| api.call::<serde_json::Value>("users.get", &who));
    for result in futures_util::future::join_all(all).await {
        result.unwrap();
    }
    assert_eq!(vk.calls().len(), 7, "none was refused");

    // One that comes from elsewhere is waited out.
    let vk = super::vk().start();
    vk.script_calls("users.get", [Step::error(6), Step::error(6)]);
    let api = Api::builder(TOKEN).address(vk.api_url()).http_client(http()).build().unwrap();
    api.call::<serde_json::Value>("users.get", &who).await.unwrap();
    let at: Vec<_> = vk.calls().iter().map(|call| call.at).collect();
    assert!(at.len() == 3 && at[2] - at[0] > Duration::from_millis(1_900), "{at:?}");
}

/// `pts` in answers is never read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pts_is_read_from_answers() {
    let vk = vk().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    say(&vk, "hello");
    events(&mut long_poll, 1).await;
    while long_poll.waiting() > 0 {
        long_poll.next().await.unwrap().unwrap();
    }
    let pts = i64::try_from(vk.pts(Account::User)).unwrap();
    assert_eq!(long_poll.position().unwrap().pts, Some(pts));
}

/// A server with a port, and without a scheme, is a fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_comes_with_a_port_and_without_a_scheme() {
    let vk = vk().server_without_scheme().start();
    let mut long_poll = long_poll(&vk);
    begin(&mut long_poll).await;
    say(&vk, "hello");
    assert_eq!(events(&mut long_poll, 1).await, ["hello"]);
}

/// Over TLS, with a certificate of one's own, and the server named either way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls() {
    for without_scheme in [false, true] {
        let vk = super::vk().tls();
        let vk = if without_scheme { vk.server_without_scheme() } else { vk }.start();
        let http = HttpClient::builder().no_proxy().add_root_certificate_pem(vk.certificate_pem());
        let mut long_poll = LongPoll::builder(TOKEN)
            .api_address(vk.api_url())
            .http_client(http.build().unwrap())
            .build()
            .unwrap();
        begin(&mut long_poll).await;
        say(&vk, "hello");
        assert_eq!(events(&mut long_poll, 1).await, ["hello"]);
    }
}
