//! Any answer to a call of today's API, alone and in a batch, in both forms: it is a result or an
//! error that says which, and what an error tells is of one line.

#![no_main]

use arbitrary::Arbitrary;
use bytes::Bytes;
use centrifugo_api::{
    Batch, Broadcast, Channels, Client, Error, Form, History, HttpClient, Info, Presence, Publish,
    RetryPolicy, Rpc,
};
use http::{Request, Response};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use tokio::runtime::{Builder, Runtime};

#[derive(Arbitrary, Debug)]
struct Input {
    call: u8,
    is_lines: bool,
    /// 200, or one of an error.
    status: Option<u8>,
    body: Vec<u8>,
}

#[derive(Clone)]
struct Answer(u16, Bytes);

impl tower_service::Service<Request<Bytes>> for Answer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let mut response = Response::new(Full::new(self.1.clone()));
        *response.status_mut() = self.0.try_into().expect("a status");
        ready(Ok(response))
    }
}

thread_local! {
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().build().expect("a runtime");
}

async fn call(client: &Client, which: u8) -> Result<(), Error> {
    match which % 9 {
        0 => client.publish(Publish::new("a", "x")).await.map(drop),
        1 => {
            let result = client.broadcast(Broadcast::new(["a", "b"], "x")).await?;
            assert_eq!(result.responses.len(), 2);
            Ok(())
        }
        2 => client.presence("a").await.map(drop),
        3 => {
            for publication in client.history(History::new("a").all()).await?.publications {
                // The text is JSON, whatever it says.
                publication.json::<serde_json::Value>()?;
            }
            Ok(())
        }
        4 => client.channels(Channels::new()).await.map(drop),
        5 => client.info().await.map(drop),
        6 => client.rpc(Rpc::new("a")).await.map(drop),
        7 => client.presence_stats("a").await.map(drop),
        _ => {
            let mut batch = Batch::new();
            let published = batch.add(Publish::new("a", "x"));
            let present = batch.add(Presence::new("a"));
            let broadcast = batch.add(Broadcast::new(["a", "b"], "x"));
            let info = batch.add(Info::new());
            let mut replies = client.batch(batch).await?;
            assert_eq!(replies.len(), 4);
            replies.take(published)?;
            replies.take(present)?;
            assert_eq!(replies.take(broadcast)?.responses.len(), 2);
            replies.take(info).map(drop)
        }
    }
}

fuzz_target!(|input: Input| {
    const STATUSES: [u16; 8] = [201, 307, 400, 401, 404, 416, 429, 502];
    let status = input.status.map_or(200, |status| STATUSES[usize::from(status) % 8]);
    let http = HttpClient::from_service::<Bytes, _, _>(Answer(status, input.body.clone().into()));
    let form = if input.is_lines { Form::Lines } else { Form::Paths };
    let client = Client::builder("http://h")
        .key("the-api-key")
        .http_client(http)
        .form(form)
        .retry(RetryPolicy::none())
        .build()
        .expect("a client");
    let result = RUNTIME.with(|runtime| runtime.block_on(call(&client, input.call)));
    assert!(status == 200 || result.is_err());
    if let Err(error) = result {
        let told = error.is_command()
            || error.is_malformed()
            || error.is_data()
            || error.status().is_some();
        assert!(told, "{error:?}");
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
    }
});
