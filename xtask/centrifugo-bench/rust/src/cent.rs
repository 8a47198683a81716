//! The crate `cent`, as its examples use it.
use cent::{BatchOptions, Client, Config, PublishRequest};

use crate::{CHANNEL, Payload, Publisher};

pub fn client(url: &str, key: &str) -> Client {
    Client::new(Config::new(url).api_key(key)).expect("a client")
}

fn request(data: &Payload<'_>) -> PublishRequest {
    PublishRequest::new(CHANNEL).data(cent::json(data).expect("JSON"))
}

impl Publisher for Client {
    async fn publish(&self, data: Payload<'_>) {
        let request = request(&data);
        Client::publish(self, request).await.expect("published");
    }

    async fn publish_batch(&self, data: Vec<Payload<'_>>) {
        let mut batch = self.new_batch(BatchOptions::default());
        let pending: Vec<_> = data.iter().map(|data| batch.publish(request(data))).collect();
        batch.send().await.expect("published");
        for one in pending {
            one.result().expect("published");
        }
    }
}
