//! What a token says.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::payload::{Content, field as payload};
use crate::{Error, Override, Payload};

/// Claims that a [`Key`](super::Key) signs; as `Serialize` they are the token's content.
pub trait Claims: Serialize + sealed::Checked {}

impl Claims for ConnectionClaims {}
impl Claims for SubscriptionClaims {}

pub(crate) mod sealed {
    use super::{Arc, Error};

    pub trait Checked {
        /// The first payload that could not be written.
        fn mistake(&self) -> Option<&Arc<Error>>;
    }
}

/// What every token may say beside its subject.
#[derive(Clone, Debug, Default)]
struct Common {
    info: Option<Payload>,
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
    jti: Option<String>,
    iss: Option<String>,
    aud: Vec<String>,
    expire_at: Option<i64>,
}

impl Common {
    fn fields<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        payload(fields, ("info", "b64info"), self.info.as_ref())?;
        let numbers = [
            ("exp", self.exp),
            ("nbf", self.nbf),
            ("iat", self.iat),
            ("expire_at", self.expire_at),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                fields.serialize_field(name, &value)?;
            }
        }
        for (name, value) in [("jti", &self.jti), ("iss", &self.iss)] {
            if let Some(value) = value {
                fields.serialize_field(name, value)?;
            }
        }
        match self.aud.as_slice() {
            [] => Ok(()),
            [one] => fields.serialize_field("aud", one),
            several => fields.serialize_field("aud", several),
        }
    }
}

/// The end of the year 9999. A server computes with times of more as if they were past.
const LAST_SECOND: u64 = 253_402_300_799;

/// The options of both kinds of token; a macro, because a trait would have to be imported to be seen.
macro_rules! common {
    ($claims:ident) => {
        impl $claims {
            /// When the token is over, in seconds since 1970 (`exp`). Without it, it is good for ever.
            pub fn expires_at(mut self, seconds: i64) -> Self {
                self.common.exp = Some(seconds);
                self
            }

            /// When the token is over, from now on (`exp`).
            pub fn expires_in(self, time: Duration) -> Self {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let seconds = now.saturating_add(time).as_secs().min(LAST_SECOND);
                self.expires_at(i64::try_from(seconds).unwrap_or_default())
            }

            /// Before when the token is not good yet, in seconds since 1970 (`nbf`).
            pub fn not_before(mut self, seconds: i64) -> Self {
                self.common.nbf = Some(seconds);
                self
            }

            /// When the token was made, in seconds since 1970 (`iat`).
            pub fn issued_at(mut self, seconds: i64) -> Self {
                self.common.iat = Some(seconds);
                self
            }

            /// The token's id (`jti`).
            pub fn id(mut self, id: impl Into<String>) -> Self {
                self.common.jti = Some(id.into());
                self
            }

            /// Who made the token (`iss`); a server may ask for a certain one.
            pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
                self.common.iss = Some(issuer.into());
                self
            }

            /// Adds one for whom the token is (`aud`); a server may ask for a certain one.
            pub fn audience(mut self, audience: impl Into<String>) -> Self {
                self.common.aud.push(audience.into());
                self
            }

            /// Information that presence shows, and join and leave events (`info`).
            pub fn info(mut self, info: impl Into<Payload>) -> Self {
                self.common.info = Some(info.into());
                self
            }

            /// When what the token allowed is over, where that is not when the token is
            /// (`expire_at`), in seconds since 1970; 0 is never.
            pub fn expire_at(mut self, seconds: i64) -> Self {
                self.common.expire_at = Some(seconds);
                self
            }
        }
    };
}

/// What a connection token says. The claim `channel` is not among its claims: with it a server takes
/// no connection token.
///
/// ```
/// use centrifugo_api::token::{ConnectionClaims, ServerSubscription};
/// use serde_json::json;
///
/// let claims = ConnectionClaims::new("42")
///     .info(json!({"name": "Alex"}))
///     .subscription("news", ServerSubscription::new().data(json!({"since": 3})));
/// assert_eq!(
///     serde_json::to_value(&claims)?,
///     json!({
///         "sub": "42",
///         "info": {"name": "Alex"},
///         "subs": {"news": {"data": {"since": 3}}},
///     }),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ConnectionClaims {
    sub: String,
    common: Common,
    channels: Vec<String>,
    subs: BTreeMap<String, ServerSubscription>,
    meta: Option<Content>,
}

impl ConnectionClaims {
    /// For this user; the empty one is anonymous.
    pub fn new(user: impl Into<String>) -> Self {
        Self {
            sub: user.into(),
            common: Common::default(),
            channels: Vec::new(),
            subs: BTreeMap::new(),
            meta: None,
        }
    }

    /// Subscribes the connection to these channels too, from the server's side (`channels`, or
    /// `subs` beside a [`subscription`](Self::subscription)).
    pub fn channels<C: Into<String>>(mut self, channels: impl IntoIterator<Item = C>) -> Self {
        self.channels.extend(channels.into_iter().map(Into::into));
        self
    }

    /// Subscribes the connection to this channel, from the server's side (`subs`).
    pub fn subscription(
        mut self,
        channel: impl Into<String>,
        subscription: ServerSubscription,
    ) -> Self {
        self.subs.insert(channel.into(), subscription);
        self
    }

    /// Information about the connection that no client is shown (`meta`): JSON.
    pub fn meta(mut self, meta: impl Into<Payload>) -> Self {
        self.meta = Some(meta.into().json_only());
        self
    }
}

common!(ConnectionClaims);

impl sealed::Checked for ConnectionClaims {
    fn mistake(&self) -> Option<&Arc<Error>> {
        let subs = self.subs.values().flat_map(|sub| [&sub.info, &sub.data]).flatten();
        let mut payloads = self.common.info.iter().chain(subs);
        let meta = || self.meta.as_ref().and_then(Content::mistake);
        payloads.find_map(Payload::mistake).or_else(meta)
    }
}

impl Serialize for ConnectionClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ConnectionClaims", 12)?;
        fields.serialize_field("sub", &self.sub)?;
        self.common.fields(&mut fields)?;
        // A token with both has its `channels` ignored by the server, without a word.
        match (self.channels.is_empty(), self.subs.is_empty()) {
            (true, true) => {}
            (true, false) => fields.serialize_field("subs", &self.subs)?,
            (false, true) => fields.serialize_field("channels", &self.channels)?,
            (false, false) => {
                let none = ServerSubscription::new();
                let plain = self.channels.iter().map(|channel| (channel, &none));
                let all: BTreeMap<_, _> = plain.chain(&self.subs).collect();
                fields.serialize_field("subs", &all)?;
            }
        }
        if let Some(meta) = &self.meta {
            fields.serialize_field("meta", meta)?;
        }
        fields.end()
    }
}

/// What a subscription token says.
#[derive(Clone, Debug)]
#[must_use]
pub struct SubscriptionClaims {
    sub: String,
    channel: String,
    client: Option<String>,
    common: Common,
    data: Option<Payload>,
    overrides: Option<Override>,
}

impl SubscriptionClaims {
    /// For this user and this channel.
    pub fn new(user: impl Into<String>, channel: impl Into<String>) -> Self {
        Self {
            sub: user.into(),
            channel: channel.into(),
            client: None,
            common: Common::default(),
            data: None,
            overrides: None,
        }
    }

    /// Only for the connection with this client id (`client`; old, [`Self::new`]'s user is enough).
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// Data for the subscriber, sent with the subscription (`data`).
    pub fn data(mut self, data: impl Into<Payload>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Settings of the channel that are different for this subscription (`override`).
    pub fn overrides(mut self, overrides: Override) -> Self {
        self.overrides = Some(overrides);
        self
    }
}

common!(SubscriptionClaims);

impl sealed::Checked for SubscriptionClaims {
    fn mistake(&self) -> Option<&Arc<Error>> {
        [&self.common.info, &self.data].into_iter().flatten().find_map(Payload::mistake)
    }
}

impl Serialize for SubscriptionClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("SubscriptionClaims", 12)?;
        fields.serialize_field("sub", &self.sub)?;
        fields.serialize_field("channel", &self.channel)?;
        if let Some(client) = &self.client {
            fields.serialize_field("client", client)?;
        }
        self.common.fields(&mut fields)?;
        payload(&mut fields, ("data", "b64data"), self.data.as_ref())?;
        if let Some(overrides) = &self.overrides {
            fields.serialize_field("override", overrides)?;
        }
        fields.end()
    }
}

/// A subscription that a connection token brings along.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerSubscription {
    info: Option<Payload>,
    data: Option<Payload>,
    overrides: Option<Override>,
}

impl ServerSubscription {
    /// One with nothing of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Information about the subscriber, for presence and join events (`info`).
    pub fn info(mut self, info: impl Into<Payload>) -> Self {
        self.info = Some(info.into());
        self
    }

    /// Data for the subscriber, sent with the subscription (`data`).
    pub fn data(mut self, data: impl Into<Payload>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Settings of the channel that are different for this subscription (`override`).
    pub fn overrides(mut self, overrides: Override) -> Self {
        self.overrides = Some(overrides);
        self
    }
}

impl Serialize for ServerSubscription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ServerSubscription", 3)?;
        payload(&mut fields, ("info", "b64info"), self.info.as_ref())?;
        payload(&mut fields, ("data", "b64data"), self.data.as_ref())?;
        if let Some(overrides) = &self.overrides {
            fields.serialize_field("override", overrides)?;
        }
        fields.end()
    }
}
