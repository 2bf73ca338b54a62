//! A sentence, in French and in English side by side.
//!
//! A [`Message`] cannot be built with only one language, so a missing translation does not compile. Never: a file name, a
//! secret, a line break.

use std::fmt::Display;

use super::lang::Lang;

/// One sentence in both languages, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    fr: Box<str>,
    en: Box<str>,
}

impl Message {
    /// A sentence from its two versions. Control characters (line breaks, terminal escapes) become spaces.
    pub fn new(fr: impl Into<String>, en: impl Into<String>) -> Self {
        Self { fr: one_line(fr.into()), en: one_line(en.into()) }
    }

    /// A sentence whose parts (sizes, dates, lists) depend on the language.
    pub fn by(text: impl Fn(Lang) -> String) -> Self {
        Self::new(text(Lang::Fr), text(Lang::En))
    }

    /// The sentence in `lang`.
    pub fn text(&self, lang: Lang) -> &str {
        lang.pick(&self.fr, &self.en)
    }
}

fn one_line(text: String) -> Box<str> {
    if !text.contains(char::is_control) {
        return text.into_boxed_str();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().into_boxed_str()
}

/// What stands in a sentence: the same in both languages, or a message, which is shown in the sentence's own.
pub trait Spoken {
    /// As it is shown in `lang`.
    fn spoken(&self, lang: Lang) -> &dyn Display;
}

impl<T: Display> Spoken for T {
    fn spoken(&self, _: Lang) -> &dyn Display {
        self
    }
}

impl Spoken for Message {
    fn spoken(&self, lang: Lang) -> &dyn Display {
        lang.pick(&self.fr, &self.en)
    }
}

/// `bilingual!("{place} est plein", "{place} is full")`, or with values: `bilingual!("{n} h", "{n} h", n = x / 60)`. A value
/// that is a [`Message`], such as a [`counted`](crate::words::counted) one, is shown in each sentence's language.
#[macro_export]
macro_rules! bilingual {
    ($fr:literal, $en:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        $(let $name = &$value;)*
        $crate::words::Message::by(|lang| {
            $(let $name = $crate::words::message::Spoken::spoken($name, lang);)*
            match lang {
                $crate::words::Lang::Fr => ::std::fmt::format(format_args!($fr)),
                $crate::words::Lang::En => ::std::fmt::format(format_args!($en)),
            }
        })
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_one_line() {
        let name = "a\nb\u{1b}[31m";
        let message = bilingual!("fichier {name}", "file {name}");
        assert_eq!(message.text(Lang::En), "file a b [31m");
        assert_eq!(message.text(Lang::Fr), "fichier a b [31m");
    }

    #[test]
    fn values_can_be_given_by_name() {
        let message = bilingual!("{h} heures", "{h} hours", h = 120 / 60);
        assert_eq!(message.text(Lang::Fr), "2 heures");
    }

    #[test]
    fn a_message_in_a_sentence_has_its_language() {
        let files = crate::words::counted(1, "# fichier[s] lu[s]", "# file[s] read");
        let message = bilingual!("{files}, {x:.1} s", "{files}, {x:.1} s", files = files, x = 0.25);
        assert_eq!(
            (message.text(Lang::Fr), message.text(Lang::En)),
            ("1 fichier lu, 0.2 s", "1 file read, 0.2 s")
        );
    }
}
