//! Structs that are deserialized from JSON objects only.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A struct that is deserialized from an object alone.
///
/// `#[derive(Deserialize)]` lets a struct be read from an array too, with the fields in the order of
/// their declaration. For input from outside, that is a second, undocumented form, which changes its
/// meaning when a field is added. Derive with `#[serde(remote = "Self")]`, and
/// implement `Deserialize` with [`deserialize_object`]:
///
/// ```
/// use rt_broker::{FromObject, deserialize_object};
/// use serde::{Deserialize, Deserializer};
///
/// #[derive(Deserialize)]
/// #[serde(remote = "Self")]
/// struct Named {
///     name: String,
/// }
///
/// impl<'de> FromObject<'de> for Named {
///     const EXPECTED: &'static str = "an object with a name";
///
///     fn from_object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
///         Self::deserialize(object)
///     }
/// }
///
/// impl<'de> Deserialize<'de> for Named {
///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
///         deserialize_object(deserializer)
///     }
/// }
///
/// assert_eq!(serde_json::from_str::<Named>(r#"{"name":"a"}"#)?.name, "a");
/// assert!(serde_json::from_str::<Named>(r#"["a"]"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
pub trait FromObject<'de>: Sized {
    /// The name of the expected object in error messages, such as "a packet".
    const EXPECTED: &'static str;

    /// Reads the fields of an object.
    ///
    /// # Errors
    /// When the object does not have the fields.
    fn from_object<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error>;
}

/// Deserializes a struct from an object, and from nothing else.
///
/// # Errors
/// When it is not an object, or not one with the fields.
pub fn deserialize_object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromObject<'de>,
    D: Deserializer<'de>,
{
    // Not `deserialize_map`: formats may take a sequence for that.
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: FromObject<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as a JSON object", T::EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_object(MapAccessDeserializer::new(map))
    }
}
