//! The two languages the program speaks.
//!
//! Every text has both; which one is shown is chosen where a person is known. Never: changes what is stored.

/// A language the program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// French, the default: that is where the product is used.
    Fr,
    /// English.
    En,
}

impl Lang {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Fr, Self::En];

    /// One of two texts.
    pub fn pick<T>(self, fr: T, en: T) -> T {
        match self {
            Self::Fr => fr,
            Self::En => en,
        }
    }

    /// `fr` or `en`, the value `--lang` takes.
    pub fn code(self) -> &'static str {
        self.pick("fr", "en")
    }

    /// The language of a code, in any case and with blanks around it.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| code.trim().eq_ignore_ascii_case(lang.code()))
    }
}
