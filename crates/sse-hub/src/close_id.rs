//! The id of a close event: where its client was, and which close it is.

use crate::{ClientId, Zone};
use hmac::{Hmac, KeyInit, Mac};
use rt_broker::{Position, Timestamp};
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;

/// Bytes of a tag: enough that two closes never share one by chance.
const TAG: usize = 16;

/// The kind of a close after which a client must not reconnect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CloseKind {
    Closed,
    Replaced,
}

impl CloseKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Replaced => "replaced",
        }
    }
}

/// The id of a close event: `<position>~<kind>~<time>~<tag>`, of at most 100 bytes.
///
/// The closed browser reconnects with it and receives 204, which ends its tries. No other client does:
/// the tag binds the id to the position, the kind of close, its time, the zone and the client, under
/// the [key](crate::HubBuilder::close_key) of the hubs that trust each other's closes. Any other
/// client that presents the id resumes from the position in it.
///
/// The position is missing if the client was closed before it had one. Then another client that
/// presents the id receives a gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CloseId {
    position: Option<Position>,
    kind: CloseKind,
    time: Timestamp,
    tag: [u8; TAG],
}

impl CloseId {
    pub(crate) fn new(
        key: &CloseKey,
        zone: &Zone,
        client: &ClientId,
        kind: CloseKind,
        position: Option<Position>,
        time: Timestamp,
    ) -> Self {
        let mut id = Self { position, kind, time, tag: [0; TAG] };
        let whole = id.mac(key, zone, client).finalize().into_bytes();
        id.tag.copy_from_slice(&whole[..TAG]);
        id
    }

    /// The position from which any other client resumes.
    pub(crate) fn position(&self) -> Option<Position> {
        self.position
    }

    /// Whether this is the close of this client in this zone. A client whose id is made for each
    /// request cannot be recognised by that id. It is recognised by the close itself, which was sent
    /// to no other client.
    pub(crate) fn was_issued_to(&self, key: &CloseKey, zone: &Zone, client: &ClientId) -> bool {
        self.mac(key, zone, client).verify_truncated_left(&self.tag).is_ok()
    }

    fn mac(&self, key: &CloseKey, zone: &Zone, client: &ClientId) -> Hmac<Sha256> {
        let client = Some(client.as_str()).filter(|_| !client.is_random());
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key.0);
        let mut mac = mac.expect("HMAC takes a key of any length");
        mac.update(b"sse-hub close");
        let position = self.position.map(|position| position.to_string());
        for part in [position.as_deref(), Some(self.kind.as_str()), Some(zone.as_str()), client] {
            // With its length, so that no two lists of parts are the same bytes.
            mac.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            mac.update(part.unwrap_or_default().as_bytes());
        }
        mac.update(&self.time.as_millis().to_be_bytes());
        mac
    }
}

impl fmt::Display for CloseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{position}")?;
        }
        write!(
            f,
            "~{}~{:x}~{:032x}",
            self.kind.as_str(),
            self.time.as_millis(),
            u128::from_be_bytes(self.tag)
        )
    }
}

/// The text is not the id of a close event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct InvalidCloseId;

impl FromStr for CloseId {
    type Err = InvalidCloseId;

    /// Reads exactly what [`Display`](fmt::Display) writes: one close has one text.
    fn from_str(text: &str) -> Result<Self, InvalidCloseId> {
        let mut parts = text.split('~');
        let (Some(position), Some(kind), Some(time), Some(tag), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidCloseId);
        };
        let id = Self {
            position: match position {
                "" => None,
                position => Some(position.parse().map_err(|_| InvalidCloseId)?),
            },
            kind: match kind {
                "closed" => CloseKind::Closed,
                "replaced" => CloseKind::Replaced,
                _ => return Err(InvalidCloseId),
            },
            time: u64::from_str_radix(time, 16)
                .map(Timestamp::from_millis)
                .map_err(|_| InvalidCloseId)?,
            tag: u128::from_str_radix(tag, 16).map_err(|_| InvalidCloseId)?.to_be_bytes(),
        };
        if id.to_string() == text { Ok(id) } else { Err(InvalidCloseId) }
    }
}

/// The key that the closes of a hub are made with.
#[derive(Clone)]
pub(crate) struct CloseKey(Vec<u8>);

impl CloseKey {
    pub(crate) fn new(key: impl Into<Vec<u8>>) -> Self {
        Self(key.into())
    }

    /// Makes a key of this hub alone. It need not be hard to guess: a client that forges the id of a
    /// close keeps only itself away.
    pub(crate) fn random() -> Self {
        Self(std::iter::repeat_with(|| fastrand::u8(..)).take(32).collect())
    }
}

impl fmt::Debug for CloseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloseKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Option<Position> {
        "2f31c0a9be7d455-41".parse().ok()
    }

    /// Of a client that has this id, or one that was made for one request.
    fn id(key: &CloseKey, zone: &str, client: Option<&str>, kind: CloseKind) -> CloseId {
        let zone = Zone::new(zone).unwrap();
        let client = client.map_or_else(ClientId::random, |id| ClientId::new(id).unwrap());
        CloseId::new(
            key,
            &zone,
            &client,
            kind,
            position(),
            Timestamp::from_millis(1_795_230_332_805),
        )
    }

    #[test]
    fn an_id_is_of_one_client_in_one_zone_under_one_key() {
        let (key, other) = (CloseKey::new("key"), CloseKey::new("other"));
        let ann = id(&key, "z", Some("ann"), CloseKind::Closed);
        let (zone, named) = (Zone::new("z").unwrap(), ClientId::new("ann").unwrap());
        assert!(ann.was_issued_to(&key, &zone, &named));
        assert!(!ann.was_issued_to(&other, &zone, &named));
        assert!(!ann.was_issued_to(&key, &Zone::new("y").unwrap(), &named));
        assert!(!ann.was_issued_to(&key, &zone, &ClientId::new("bob").unwrap()));
        assert!(!ann.was_issued_to(&key, &zone, &ClientId::random()));

        let unnamed = id(&key, "z", None, CloseKind::Closed);
        assert!(unnamed.was_issued_to(&key, &zone, &ClientId::random()));
        assert!(!unnamed.was_issued_to(&key, &zone, &named));
        assert!(!unnamed.was_issued_to(&CloseKey::random(), &zone, &ClientId::random()));
    }

    #[test]
    fn every_part_of_an_id_is_bound() {
        let (key, zone) = (CloseKey::new("key"), Zone::new("z").unwrap());
        let ann = id(&key, "z", Some("ann"), CloseKind::Closed);
        let named = ClientId::new("ann").unwrap();
        let changed = [
            CloseId { position: None, ..ann.clone() },
            CloseId { position: "2f31c0a9be7d455-42".parse().ok(), ..ann.clone() },
            CloseId { kind: CloseKind::Replaced, ..ann.clone() },
            CloseId { time: ann.time.next(), ..ann.clone() },
        ];
        for id in changed {
            assert!(!id.was_issued_to(&key, &zone, &named), "{id}");
        }
        // Where one part ends is bound as well.
        let joined = id(&key, "za", Some("nn"), CloseKind::Closed);
        assert_ne!(joined.tag, ann.tag);
    }

    #[test]
    fn one_close_has_one_text() {
        let key = CloseKey::new("key");
        let longest: Position = "2f31c0a9be7d455-18446744073709551615".parse().unwrap();
        let earlier = Timestamp::from_millis(7);
        for (position, time) in
            [(position(), earlier), (None, Timestamp::ZERO), (Some(longest), Timestamp::MAX)]
        {
            for kind in [CloseKind::Closed, CloseKind::Replaced] {
                let id =
                    CloseId::new(&key, &Zone::default(), &ClientId::random(), kind, position, time);
                let text = id.to_string();
                assert_eq!(text.parse(), Ok(id));
                assert!(text.len() <= 100, "{}", text.len());
            }
        }
        let text = id(&key, "z", None, CloseKind::Closed).to_string();
        for odd in [
            "".to_owned(),
            "~~~".to_owned(),
            "2f31c0a9be7d455-41".to_owned(),
            text.to_uppercase(),
            text.replace("~closed", "~other"),
            text.replace("-41", "-041"),
            text.replace("closed~", "closed~0"),
            text.replace("closed~", "closed~+"),
            format!("{text}0"),
            format!("{text}~"),
            text[..text.len() - 1].to_owned(),
            format!("{}é", &text[..text.len() - 1]),
        ] {
            assert!(odd.parse::<CloseId>().is_err(), "{odd}");
        }
    }
}
