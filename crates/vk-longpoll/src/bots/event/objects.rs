//! How the events' structs are declared: an object's entries by their names, first those that must
//! be there, after `;` those that may be absent. `as` gives
//! the name of an entry that is not its field's.

use crate::MalformedParts;
use crate::json::{EntryFault, Object};

/// An object that can be read as this.
pub(super) trait FromObject: Sized {
    fn from_object(object: &Object<'_>) -> Result<Self, EntryFault>;

    /// What of it could not be read.
    fn malformed_parts(&self) -> &MalformedParts;
}

macro_rules! objects {
    ($(
        $(#[$about:meta])*
        $name:ident {
            $($(#[$doc:meta])* $field:ident $(as $name_of_need:literal)?: $type:ty),*
            $(; $($(#[$more_doc:meta])* $more:ident $(as $name_of_it:literal)?: $more_type:ty),+)?
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* $(#[serde(rename = $name_of_need)])? pub $field: $type,)*
            $($(
                $(#[$more_doc])*
                #[serde(skip_serializing_if = "Option::is_none" $(, rename = $name_of_it)?)]
                pub $more: Option<$more_type>,
            )+)?
            #[serde(skip)]
            malformed: crate::MalformedParts,
        }

        impl $name {
            /// What of it could not be read; the paths begin here.
            #[must_use]
            pub fn malformed_parts(&self) -> &crate::MalformedParts {
                &self.malformed
            }
        }

        impl super::objects::FromObject for $name {
            fn from_object(
                object: &crate::json::Object<'_>,
            ) -> Result<Self, crate::json::EntryFault> {
                Ok(Self {
                    $($field: object.need(super::objects::name!($field $($name_of_need)?))?,)*
                    $($($more: object.find(super::objects::name!($more $($name_of_it)?)),)+)?
                    malformed: object.take_malformed(),
                })
            }

            fn malformed_parts(&self) -> &crate::MalformedParts {
                &self.malformed
            }
        }

        impl crate::json::Typed for $name {
            fn typed(json: &str) -> Option<Self> {
                let object = crate::json::Object::split(json)?;
                super::objects::FromObject::from_object(&object).ok()
            }

            const HAS_PARTS: bool = true;

            fn read(json: &str, malformed: &mut crate::MalformedParts) -> Option<Self> {
                let typed = Self::typed(json)?;
                malformed.add_within("", &typed.malformed);
                Some(typed)
            }
        }
    )*};
}
pub(super) use objects;

/// The name of an entry: the field's, unless another is given.
macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}
pub(super) use name;
