//! How the events' structs are declared: a row's values in their order, first those that must be
//! there, after `;` those that may be absent.

macro_rules! rows {
    ($(
        $(#[$about:meta])*
        $name:ident {
            $($(#[$doc:meta])* $field:ident: $type:ty),*
            $(; $($(#[$more_doc:meta])* $more:ident: $more_type:ty),+)?
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
            $($(
                $(#[$more_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $more: Option<$more_type>,
            )+)?
        }

        impl super::row::FromRow for $name {
            fn from_row(row: &super::row::Row<'_>) -> Result<Self, super::row::Fault> {
                let mut places = 1..;
                let mut next = || places.next().unwrap_or_default();
                Ok(Self {
                    $($field: row.need(next())?,)*
                    $($($more: row.find(next()),)+)?
                })
            }
        }
    )*};
}
pub(super) use rows;
