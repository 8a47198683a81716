//! The body of a command's answer.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::types::{ClientInfo, Message, NodeInfo, Stats};
use crate::Error;
use crate::wire::Object;

/// The body of an answer to `publish`. No error in the answer means that it was done: there is
/// nothing to read in the body, and any body will do.
///
/// # Errors
/// None today.
pub fn decode_publish(body: &[u8]) -> Result<(), Error> {
    nothing(body)
}

/// The body of an answer to `broadcast`; see [`decode_publish`].
///
/// # Errors
/// None today.
pub fn decode_broadcast(body: &[u8]) -> Result<(), Error> {
    nothing(body)
}

/// The body of an answer to `unsubscribe`; see [`decode_publish`].
///
/// # Errors
/// None today.
pub fn decode_unsubscribe(body: &[u8]) -> Result<(), Error> {
    nothing(body)
}

/// The body of an answer to `disconnect`; see [`decode_publish`].
///
/// # Errors
/// None today.
pub fn decode_disconnect(body: &[u8]) -> Result<(), Error> {
    nothing(body)
}

/// Who is in the channel, by the id of the connection. A null body is an empty channel.
///
/// # Errors
/// With [`Error::is_malformed`], when the body is no such JSON.
pub fn decode_presence(body: &[u8]) -> Result<BTreeMap<String, ClientInfo>, Error> {
    let clients: BTreeMap<_, Object<_>> = data("presence", body)?.unwrap_or_default();
    Ok(clients.into_iter().map(|(id, Object(info))| (id, info)).collect())
}

/// The channel's last messages, newest first. A null body is an empty history.
///
/// ```
/// use centrifugo_api::legacy::decode_history;
///
/// let body = br#"{"channel":"c","data":[{"uid":"1","channel":"c","data":{"a":1}}]}"#;
/// let messages = decode_history(body)?;
/// assert_eq!(messages[0].data.get(), r#"{"a":1}"#);
/// assert!(decode_history(b"null")?.is_empty());
/// # Ok::<(), centrifugo_api::Error>(())
/// ```
///
/// # Errors
/// With [`Error::is_malformed`], when the body is no such JSON.
pub fn decode_history(body: &[u8]) -> Result<Vec<Message>, Error> {
    let messages: Vec<Object<_>> = data("history", body)?.unwrap_or_default();
    Ok(messages.into_iter().map(|Object(message)| message).collect())
}

/// The channels that have subscribers. A null body is none.
///
/// # Errors
/// With [`Error::is_malformed`], when the body is no such JSON.
pub fn decode_channels(body: &[u8]) -> Result<Vec<String>, Error> {
    Ok(data("channels", body)?.unwrap_or_default())
}

/// The server's nodes. A null body is none.
///
/// # Errors
/// With [`Error::is_malformed`], when the body is no such JSON.
pub fn decode_stats(body: &[u8]) -> Result<Stats, Error> {
    Ok(data("stats", body)?.map(|Object(stats)| stats).unwrap_or_default())
}

/// The node that answered. A null body is one that says nothing.
///
/// # Errors
/// With [`Error::is_malformed`], when the body is no such JSON.
pub fn decode_node(body: &[u8]) -> Result<NodeInfo, Error> {
    Ok(data("node", body)?.map(|Object(node)| node).unwrap_or_default())
}

fn nothing(_: &[u8]) -> Result<(), Error> {
    Ok(())
}

#[derive(Deserialize)]
struct Body<T> {
    data: Option<T>,
}

fn data<T: DeserializeOwned>(method: &str, body: &[u8]) -> Result<Option<T>, Error> {
    match serde_json::from_str::<Option<Object<Body<T>>>>(&String::from_utf8_lossy(body)) {
        Ok(body) => Ok(body.and_then(|Object(body)| body.data)),
        Err(error) => {
            Err(Error::text(&format!("{method}: not the body of its answer"), body, Some(error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_says_nothing_and_is_no_error() {
        for body in [&b"null"[..], b"{}", br#"{"channel":"c","data":null}"#] {
            assert!(decode_history(body).unwrap().is_empty());
            assert!(decode_presence(body).unwrap().is_empty());
            assert!(decode_channels(body).unwrap().is_empty());
            assert!(decode_stats(body).unwrap().nodes.is_empty());
            assert_eq!(decode_node(body).unwrap().uid, "");
            assert!(decode_publish(body).is_ok() && decode_broadcast(body).is_ok());
            assert!(decode_unsubscribe(body).is_ok() && decode_disconnect(body).is_ok());
        }
    }

    #[test]
    fn each_field_of_a_message_and_of_presence() {
        let body =
            br#"{"channel":"c","data":[{"uid":"m","timestamp":"1430669930","info":{"user":"42",
            "client":"x","default_info":{"name":"Alex"},"channel_info":[1]},"channel":"c",
            "data":{"a": 1},"client":"y","new":0},{"uid":null,"channel":null,"data":null},
            {"uid":"old","timestamp":"","info":null,"channel":"c","data":1,"client":""}]}"#;
        let messages = decode_history(body).unwrap();
        let [first, second, old] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!((&*first.uid, &*first.channel, first.data.get()), ("m", "c", r#"{"a": 1}"#));
        assert_eq!(first.timestamp.as_deref(), Some("1430669930"));
        assert_eq!(first.client.as_deref(), Some("y"));
        let info = first.info.as_ref().unwrap();
        assert_eq!((&*info.user, &*info.client), ("42", "x"));
        assert_eq!(info.default_info.as_ref().unwrap().get(), r#"{"name":"Alex"}"#);
        assert_eq!(info.channel_info.as_ref().unwrap().get(), "[1]");
        assert_eq!((&*second.uid, &*second.channel, second.data.get()), ("", "", "null"));
        assert!(second.info.is_none() && second.client.is_none() && second.timestamp.is_none());
        // As servers before 1.3.0 wrote them.
        assert!(old.info.is_none() && old.client.is_none() && old.timestamp.is_none());

        let body = br#"{"channel":"c","data":{"x":{"user":"42","client":"x"}}}"#;
        let present = decode_presence(body).unwrap();
        assert_eq!((&*present["x"].user, &*present["x"].client), ("42", "x"));
        assert!(present["x"].default_info.is_none());
    }

    /// Go reads such bytes, and old servers hand on what clients published.
    #[test]
    fn a_byte_that_is_no_utf_8_is_replaced_in_its_message() {
        let body = b"{\"data\":[{\"uid\":\"m\",\"data\":\"\xff!\"},{\"uid\":\"n\",\"data\":1}]}";
        let messages = decode_history(body).unwrap();
        assert_eq!((messages[0].data.get(), &*messages[1].uid), ("\"\u{fffd}!\"", "n"));
    }

    #[test]
    fn an_array_is_no_object() {
        for error in [
            decode_stats(br#"{"data":[]}"#).unwrap_err(),
            decode_stats(b"[[]]").unwrap_err(),
            decode_stats(br#"{"data":{"nodes":[["u"]]}}"#).unwrap_err(),
            decode_node(br#"{"data":["u"]}"#).unwrap_err(),
            decode_channels(br#"[["a"]]"#).unwrap_err(),
            decode_history(br#"{"data":[["u","17",null,"c",1,null]]}"#).unwrap_err(),
            decode_history(br#"{"data":[{"info":["42","x",null,null]}]}"#).unwrap_err(),
            decode_presence(br#"{"data":{"x":["42","x",null,null]}}"#).unwrap_err(),
        ] {
            assert!(error.is_malformed());
        }
    }

    #[test]
    fn metrics_are_numbers_of_any_kind() {
        let body = br#"{"data":{"nodes":[{"uid":"u","version":"1.8.0","name":"n","started_at":17,
            "metrics":{"a":1,"b":2.9,"c":-3e2,"d":18446744073709551615,"e":"x","f":null}}],
            "metrics_interval":60}}"#;
        let stats = decode_stats(body).unwrap();
        assert_eq!(stats.metrics_interval, 60);
        let node = &stats.nodes[0];
        assert_eq!((&*node.uid, &*node.name, node.started), ("u", "n", 17));
        assert_eq!(node.version.as_deref(), Some("1.8.0"));
        let metrics: Vec<_> = node.metrics.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        assert_eq!(metrics, [("a", 1), ("b", 2), ("c", -300), ("d", i64::MAX)]);

        let node = decode_node(br#"{"data":{"name":"n","metrics":null}}"#).unwrap();
        assert_eq!((&*node.name, node.metrics.len()), ("n", 0));
    }

    #[test]
    fn another_shape_is_malformed_and_shown() {
        for body in [&b""[..], b"[]x", br#"{"data":1}"#, br#""x""#, b"\xff", br#"{"data":true}"#] {
            for error in [
                decode_presence(body).unwrap_err(),
                decode_history(body).unwrap_err(),
                decode_channels(body).unwrap_err(),
                decode_stats(body).unwrap_err(),
                decode_node(body).unwrap_err(),
            ] {
                assert!(error.is_malformed() && error.status().is_none(), "{error}");
                assert_eq!(error.body(), body);
            }
        }
        let error = decode_history(br#"{"data":1}"#).unwrap_err().to_string();
        assert_eq!(
            error,
            "malformed response returned from server: history: not the body of its answer: \
             {\"data\":1}: invalid type: integer `1`, expected a sequence at line 1 column 9"
        );
    }
}
