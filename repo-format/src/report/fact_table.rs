//! The form of the truth table: what `facts!` makes of it.
//!
//! For: [`super::facts`], so that the table there holds nothing but facts. Never: a fact of its own.

/// The reason of one value.
macro_rules! reason {
    (Fine) => {
        None
    };
    ($light:ident $code:literal $half:ident $who:ident) => {
        Some(Reason { code: $code, light: Light::$light, half: Half::$half, who: Who::$who })
    };
}

/// One enum for each fact, and [`super::facts::Facts`] over all of them.
macro_rules! facts {
    ($(
        $(#[$meta:meta])* $Fact:ident as $field:ident {
            $( $(#[$doc:meta])* $Value:ident: $light:ident $($code:literal $half:ident $who:ident)?, )*
            ; unknown $ucode:literal $uhalf:ident $uwho:ident
        }
        best $Best:ident, at_init $Init:ident $(($why:ident))?;
    )*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub enum $Fact {
                $( $(#[$doc])* $Value, )*
                /// Not known, and why.
                Unknown(UnknownWhy),
            }

            impl $Fact {
                /// Every value (with one unknown).
                pub const ALL: &'static [Self] = &[$(Self::$Value,)* Self::Unknown(UnknownWhy::NotMeasured)];

                /// The reason it gives.
                pub fn reason(self) -> Option<Reason> {
                    match self {
                        $(Self::$Value => reason!($light $($code $half $who)?),)*
                        Self::Unknown(_) => reason!(Grey $ucode $uhalf $uwho),
                    }
                }
            }
        )*

        /// All facts of one bilan.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Facts {
            $( $(#[$meta])* pub $field: $Fact, )*
        }

        impl Facts {
            /// Everything as it should be, confirmed by a second party.
            pub fn all_good() -> Self {
                Self { $($field: $Fact::$Best),* }
            }

            /// The start of a bilan: what has a delay is not due, what has no reference is not compared, and what
            /// each run must measure is unknown until the caller says it.
            pub fn unmeasured() -> Self {
                Self { $($field: $Fact::$Init $((UnknownWhy::$why))?),* }
            }

            /// The reasons of all facts, in the order of the fields.
            pub fn reasons(&self) -> Vec<Reason> {
                [$(self.$field.reason()),*].into_iter().flatten().collect()
            }

            /// `self` with one fact changed at a time, to each of its other values: field name, changed facts.
            pub fn single_changes(&self) -> Vec<(&'static str, Self)> {
                let mut out = Vec::new();
                $(for value in $Fact::ALL.iter().filter(|value| **value != self.$field) {
                    out.push((stringify!($field), Self { $field: *value, ..self.clone() }));
                })*
                out
            }

            /// Every reason there is, in the order of the table.
            pub fn all_reasons() -> Vec<Reason> {
                let mut out = Vec::new();
                $(out.extend($Fact::ALL.iter().filter_map(|value| value.reason()));)*
                out
            }
        }
    };
}
pub(super) use facts;
pub(super) use reason;
