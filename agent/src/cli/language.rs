//! Which of the two languages the person in front of the screen reads.
//!
//! Taken from `--lang`, then `SCELLE_LANG`, then the system's locale; French when none of them decides,
//! because that is where the product is used. Goes to every text the program prints. Never: changes what
//! is stored, only what is shown.

use std::ffi::OsString;

use scelle_view::words::Lang;

/// The first of the three that decides. A locale other than English, and `C` or `POSIX`, is French.
pub fn choose(flag: Option<&str>, variable: Option<&str>, locale: Option<&str>) -> Lang {
    let explicit = flag.and_then(Lang::from_code).or_else(|| variable.and_then(Lang::from_code));
    explicit.unwrap_or_else(|| match locale {
        Some(tag) if is_english(tag) => Lang::En,
        _ => Lang::Fr,
    })
}

/// The language of this process, known before the command line is parsed so that `--help` and usage
/// errors are already in it. `argv` includes the program's name.
pub fn of_process(argv: &[OsString]) -> Lang {
    let variable = std::env::var("SCELLE_LANG").ok();
    let locale = sys_locale::get_locale();
    choose(flag_value(argv).as_deref(), variable.as_deref(), locale.as_deref())
}

fn is_english(tag: &str) -> bool {
    let language = tag.split(['-', '_', '.', '@']).next().unwrap_or_default();
    language.eq_ignore_ascii_case("en")
}

fn flag_value(argv: &[OsString]) -> Option<String> {
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy()).take_while(|word| word != "--");
    while let Some(word) = words.next() {
        if word == "--lang" {
            return words.next().map(|value| value.into_owned());
        }
        if let Some(value) = word.strip_prefix("--lang=") {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_beats_variable_beats_locale() {
        assert_eq!(choose(Some("en"), Some("fr"), Some("fr-FR")), Lang::En);
        assert_eq!(choose(None, Some("fr"), Some("en-GB")), Lang::Fr);
        assert_eq!(choose(None, None, Some("en_GB.UTF-8")), Lang::En);
    }

    #[test]
    fn a_locale_that_is_neither_is_french() {
        for locale in [None, Some("C"), Some("POSIX"), Some("C.UTF-8"), Some("de-DE"), Some("")] {
            assert_eq!(choose(None, None, locale), Lang::Fr, "{locale:?}");
        }
        assert_eq!(choose(Some("klingon"), None, Some("en")), Lang::En);
    }

    #[test]
    fn flag_is_found_before_parsing_but_not_after_double_dash() {
        let argv = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(flag_value(&argv(&["scelle", "ls", "--lang", "en"])), Some("en".into()));
        assert_eq!(flag_value(&argv(&["scelle", "--lang=fr", "ls"])), Some("fr".into()));
        assert_eq!(flag_value(&argv(&["scelle", "ls", "--", "--lang=fr"])), None);
    }
}
