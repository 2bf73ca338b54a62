//! A count and the words that agree with it, in both languages.
//!
//! Sentences are written once, with what changes in brackets; the plural is chosen here, by the rule of each language. Never: a
//! name or another value in a pattern, which could hold brackets itself.

use super::figures::count;
use super::lang::Lang;
use super::message::Message;

/// `counted(n, "# paquet[s] perdu[s]", "# pack[s] [was|were] lost")`: `#` is the number with its thousands apart, `[s]` stands
/// in the plural only, `[one|many]` is one or the other. French says 0 in the singular, English in the plural.
pub fn counted(number: u64, fr: &'static str, en: &'static str) -> Message {
    let of = |pattern, is_plural, lang| agreed(pattern, is_plural).replace('#', &count(number, lang));
    Message::new(of(fr, number > 1, Lang::Fr), of(en, number != 1, Lang::En))
}

/// The same where the number is not known: `? paquets perdus`.
pub fn uncounted(fr: &'static str, en: &'static str) -> Message {
    let of = |pattern| agreed(pattern, true).replace('#', "?");
    Message::new(of(fr), of(en))
}

/// The pattern with one of the two in each pair of brackets. A bracket that is not closed stays.
pub(super) fn agreed(pattern: &str, is_plural: bool) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, (choice, after))) =
        rest.split_once('[').and_then(|(before, after)| Some((before, after.split_once(']')?)))
    {
        let (one, many) = choice.split_once('|').unwrap_or(("", choice));
        text.push_str(before);
        text.push_str(if is_plural { many } else { one });
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
#[path = "counted_tests.rs"]
mod tests;
