//! A failure as it is shown to a person.
//!
//! From its two sentences and its place to one line. Never: a cause in technical words.

use crate::bilingual;
use crate::words::{Lang, Message};

/// A failure as it is shown.
pub struct FailureShown<'a> {
    /// What happened.
    pub what: Message,
    /// Where, if anywhere: a root's label, a token, an object key or an address.
    pub place: Option<&'a str>,
    /// What the person can do about it.
    pub todo: Message,
}

impl FailureShown<'_> {
    /// The one line: what, where, what to do.
    pub fn line(&self, lang: Lang) -> String {
        let (what, todo) = (self.what.text(lang), self.todo.text(lang));
        let place = self.place.map(|place| format!(" [{place}]")).unwrap_or_default();
        let end = if todo.ends_with('?') { "" } else { "." };
        let line = bilingual!(
            "erreur : {what}{place}. À faire : {todo}{end}",
            "error: {what}{place}. To do: {todo}{end}"
        );
        line.text(lang).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_where_and_what_to_do_and_stays_one_line() {
        let shown = |todo: &'static str| FailureShown {
            what: Message::new("rien", "nothing"),
            place: Some("cabinet\nabc"),
            todo: Message::new(todo, todo),
        };
        assert_eq!(shown("x").line(Lang::En), "error: nothing [cabinet abc]. To do: x.");
        assert_eq!(shown("x ?").line(Lang::Fr), "erreur : rien [cabinet abc]. À faire : x ?");
    }
}
