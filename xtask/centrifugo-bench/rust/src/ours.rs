//! Our client, as its documentation uses it.
use centrifugo_api::{AutoBatch, Batch, Client, HttpClient, Publish};

use crate::{CHANNEL, Payload, Publisher};

pub fn client(http: Option<HttpClient>, url: &str, key: &str) -> Client {
    let mut builder = Client::builder(url).key(key);
    if let Some(http) = http {
        builder = builder.http_client(http);
    }
    builder.build().expect("a client")
}

impl Publisher for Client {
    async fn publish(&self, data: Payload<'_>) {
        Client::publish(self, Publish::new(CHANNEL, &data)).await.expect("published");
    }

    async fn publish_batch(&self, data: Vec<Payload<'_>>) {
        let batch: Batch = data.iter().map(|data| Publish::new(CHANNEL, data)).collect();
        for published in self.batch(batch).await.expect("published").into_results::<Publish>() {
            published.expect("published");
        }
    }
}

impl Publisher for AutoBatch {
    async fn publish(&self, data: Payload<'_>) {
        AutoBatch::publish(self, Publish::new(CHANNEL, &data)).await.expect("published");
    }

    async fn publish_batch(&self, _: Vec<Payload<'_>>) {
        panic!("the calls are joined by themselves: measure `one` or `concurrent`");
    }
}
