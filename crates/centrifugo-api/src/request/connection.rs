//! What is done to connections: subscribe, unsubscribe, disconnect, refresh.
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::sealed::Details;
use super::{Request, is_default};
use crate::payload::field as payload;
use crate::{EmptyResult, Error, Payload, Position};

/// `subscribe`: subscribes a user's connections to a channel, from the server's side.
///
/// ```
/// use centrifugo_api::{Override, Subscribe};
///
/// let request = Subscribe::new("42", "news")
///     .info(&serde_json::json!({"role": "reader"}))
///     .overrides(Override::new().presence(false));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Subscribe {
    user: String,
    channel: String,
    info: Option<Payload>,
    client: Option<String>,
    session: Option<String>,
    data: Option<Payload>,
    expire_at: Option<i64>,
    recover_since: Option<Position>,
    overrides: Option<Override>,
}

impl Subscribe {
    /// Subscribes all connections of this user.
    pub fn new(user: impl Into<String>, channel: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            channel: channel.into(),
            info: None,
            client: None,
            session: None,
            data: None,
            expire_at: None,
            recover_since: None,
            overrides: None,
        }
    }

    /// Information about the subscriber, for presence and join events: JSON. (Bytes are sent as
    /// `b64info`, which servers up to 5.4.9 do not read.)
    pub fn info(mut self, info: impl Into<Payload>) -> Self {
        self.info = Some(info.into());
        self
    }

    /// Only the connection with this client id.
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// Only the connection with this session id.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Data for the subscriber, sent with the subscription: JSON. (Bytes are sent as `b64data`, which
    /// servers up to 5.4.9 do not read.)
    pub fn data(mut self, data: impl Into<Payload>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// When the subscription ends, in seconds since 1970.
    pub fn expire_at(mut self, seconds: i64) -> Self {
        self.expire_at = Some(seconds);
        self
    }

    /// Sends what was published since this position.
    pub fn recover_since(mut self, position: Position) -> Self {
        self.recover_since = Some(position);
        self
    }

    /// Settings of the channel that are different for this subscription.
    pub fn overrides(mut self, overrides: Override) -> Self {
        self.overrides = Some(overrides);
        self
    }
}

impl Request for Subscribe {
    const METHOD: &'static str = "subscribe";
    type Result = EmptyResult;
}

impl Details for Subscribe {
    fn mistake(&self) -> Option<&Arc<Error>> {
        [&self.info, &self.data].into_iter().flatten().find_map(Payload::mistake)
    }
}

impl Serialize for Subscribe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Subscribe", 9)?;
        fields.serialize_field("user", &self.user)?;
        fields.serialize_field("channel", &self.channel)?;
        payload(&mut fields, ("info", "b64info"), self.info.as_ref())?;
        payload(&mut fields, ("data", "b64data"), self.data.as_ref())?;
        for (name, value) in [("client", &self.client), ("session", &self.session)] {
            if let Some(value) = value {
                fields.serialize_field(name, value)?;
            }
        }
        if let Some(seconds) = self.expire_at {
            fields.serialize_field("expire_at", &seconds)?;
        }
        if let Some(position) = &self.recover_since {
            fields.serialize_field("recover_since", position)?;
        }
        if let Some(overrides) = &self.overrides {
            fields.serialize_field("override", overrides)?;
        }
        fields.end()
    }
}

/// Settings of a channel that are different for one subscription; what is not named stays as the
/// channel has it. Subscription tokens have it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Override {
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_leave: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    force_recovery: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    force_positioning: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    force_push_join_leave: Option<Switch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Switch {
    value: bool,
}

impl Override {
    /// Nothing is different yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the subscriber is in the channel's presence.
    pub fn presence(mut self, value: bool) -> Self {
        self.presence = Some(Switch { value });
        self
    }

    /// Whether it causes join and leave events.
    pub fn join_leave(mut self, value: bool) -> Self {
        self.join_leave = Some(Switch { value });
        self
    }

    /// Whether the subscription recovers what it missed.
    pub fn force_recovery(mut self, value: bool) -> Self {
        self.force_recovery = Some(Switch { value });
        self
    }

    /// Whether the subscription is positioned: it notices when it missed something.
    pub fn force_positioning(mut self, value: bool) -> Self {
        self.force_positioning = Some(Switch { value });
        self
    }

    /// Whether join and leave events are sent to the subscriber.
    pub fn force_push_join_leave(mut self, value: bool) -> Self {
        self.force_push_join_leave = Some(Switch { value });
        self
    }
}

/// `unsubscribe`: ends a user's subscriptions to a channel.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Unsubscribe {
    user: String,
    channel: String,
    #[serde(skip_serializing_if = "is_default")]
    client: String,
    #[serde(skip_serializing_if = "is_default")]
    session: String,
}

impl Unsubscribe {
    /// Ends the subscriptions of all connections of this user.
    pub fn new(user: impl Into<String>, channel: impl Into<String>) -> Self {
        let (client, session) = Default::default();
        Self { user: user.into(), channel: channel.into(), client, session }
    }

    /// Only that of the connection with this client id.
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = client.into();
        self
    }

    /// Only that of the connection with this session id.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = session.into();
        self
    }
}

impl Details for Unsubscribe {}

impl Request for Unsubscribe {
    const METHOD: &'static str = "unsubscribe";
    type Result = EmptyResult;
}

/// `disconnect`: closes a user's connections.
///
/// ```
/// use centrifugo_api::Disconnect;
///
/// let all = Disconnect::new("42");
/// let but_this = Disconnect::new("42").whitelist(["6dcc6e1a"]).code(4501, "signed in elsewhere");
/// ```
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Disconnect {
    user: String,
    #[serde(skip_serializing_if = "is_default")]
    client: String,
    #[serde(skip_serializing_if = "is_default")]
    session: String,
    #[serde(skip_serializing_if = "is_default")]
    whitelist: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    disconnect: Option<Code>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Code {
    code: u32,
    reason: String,
    #[serde(skip_serializing_if = "is_default")]
    reconnect: bool,
}

impl Disconnect {
    /// Closes all connections of this user.
    pub fn new(user: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            client: String::new(),
            session: String::new(),
            whitelist: Vec::new(),
            disconnect: None,
        }
    }

    /// Only the connection with this client id.
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = client.into();
        self
    }

    /// Only the connection with this session id.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = session.into();
        self
    }

    /// Not the connections with these client ids.
    pub fn whitelist<C: Into<String>>(mut self, clients: impl IntoIterator<Item = C>) -> Self {
        self.whitelist = clients.into_iter().map(Into::into).collect();
        self
    }

    /// The code and the reason that clients are told; 4000 to 4999 are for applications. After 4000
    /// to 4499 clients connect again, after 4500 to 4999 they do not. The default is 3503,
    /// `force disconnect`, after which they do not.
    pub fn code(mut self, code: u32, reason: impl Into<String>) -> Self {
        let code = Code { code, reason: reason.into(), reconnect: false };
        self.disconnect = Some(code);
        self
    }

    /// A code after which clients connect again; version 3, where the code alone does not say it, is
    /// told so too.
    pub fn reconnect(mut self, code: u32, reason: impl Into<String>) -> Self {
        self = self.code(code, reason);
        if let Some(code) = &mut self.disconnect {
            code.reconnect = true;
        }
        self
    }
}

impl Details for Disconnect {}

impl Request for Disconnect {
    const METHOD: &'static str = "disconnect";
    type Result = EmptyResult;
}

/// `refresh`: gives a user's connections another time to live.
///
/// Without [`expire_at`](Refresh::expire_at) and [`expired`](Refresh::expired) they never expire from
/// then on.
///
/// ```
/// use centrifugo_api::Refresh;
///
/// let until_noon = Refresh::new("42").expire_at(1_795_262_400);
/// let over = Refresh::new("42").expired();
/// ```
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Refresh {
    user: String,
    #[serde(skip_serializing_if = "is_default")]
    client: String,
    #[serde(skip_serializing_if = "is_default")]
    session: String,
    #[serde(skip_serializing_if = "is_default")]
    expired: bool,
    #[serde(skip_serializing_if = "is_default")]
    expire_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<crate::payload::Content>,
}

impl Refresh {
    /// Refreshes all connections of this user.
    pub fn new(user: impl Into<String>) -> Self {
        let (client, session, expired, expire_at, info) = Default::default();
        Self { user: user.into(), client, session, expired, expire_at, info }
    }

    /// Only the connection with this client id.
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = client.into();
        self
    }

    /// Only the connection with this session id.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = session.into();
        self
    }

    /// The connections are over now.
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }

    /// When the connections are over, in seconds since 1970: at once, if that is past. 0 is never.
    pub fn expire_at(mut self, seconds: i64) -> Self {
        self.expire_at = seconds;
        self
    }

    /// New information about the connection: JSON. The server takes it only together with an
    /// [`expire_at`](Refresh::expire_at) to come.
    pub fn info(mut self, info: impl Into<Payload>) -> Self {
        self.info = Some(info.into().json_only());
        self
    }
}

impl Details for Refresh {
    fn mistake(&self) -> Option<&Arc<Error>> {
        self.info.as_ref().and_then(crate::payload::Content::mistake)
    }
}

impl Request for Refresh {
    const METHOD: &'static str = "refresh";
    type Result = EmptyResult;
}
