//! Agreement itself, and every sentence of the agent that counts: each is written with what changes in brackets, none with a
//! bare plural behind a number.

use std::path::{Path, PathBuf};

use super::*;
#[test]
fn words_agree_with_their_count_as_each_language_has_it() {
    let packs = |n| counted(n, "# paquet[s] perdu[s]", "# pack[s] [was|were] lost");
    let french = [(0, "0 paquet perdu"), (1, "1 paquet perdu"), (2, "2 paquets perdus")];
    let english = [(0, "0 packs were lost"), (1, "1 pack was lost"), (2, "2 packs were lost")];
    for ((n, fr), (_, en)) in french.into_iter().zip(english) {
        assert_eq!((packs(n).text(Lang::Fr), packs(n).text(Lang::En)), (fr, en));
    }
    let many = packs(12_345);
    assert_eq!(
        (many.text(Lang::Fr), many.text(Lang::En)),
        ("12 345 paquets perdus", "12,345 packs were lost")
    );
}

#[test]
fn words_of_two_forms_may_hold_the_number() {
    let of = |n| counted(n, "rien ne manque [à l'instantané|aux # instantanés]", "# entr[y|ies]");
    assert_eq!(of(1).text(Lang::Fr), "rien ne manque à l'instantané");
    assert_eq!(of(3).text(Lang::Fr), "rien ne manque aux 3 instantanés");
    assert_eq!((of(1).text(Lang::En), of(2).text(Lang::En)), ("1 entry", "2 entries"));
}

#[test]
fn what_was_not_counted_is_many() {
    assert_eq!(uncounted("# nouveau[x]", "# new").text(Lang::Fr), "? nouveaux");
}

#[test]
fn a_bracket_that_is_not_closed_stays() {
    assert_eq!(agreed("a[s] b[", true), "as b[");
}

/// Nouns and adjectives that stood behind a number somewhere. None may stand there as a bare plural.
const PLURALS: &str = "fichiers objets paquets instantanés notes lignes bases noms époques dépôts problèmes écarts postes \
    nouveaux modifiés inchangés disparus ajoutés retirés supprimés renommés relus attendus touchés intacts autres \
    files objects packs snapshots lines databases names epochs repositories problems mismatches computers entries";

/// Files of the agent that people read sentences of.
fn sources() -> Vec<PathBuf> {
    let view = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![view.join("src"), view.parent().unwrap().join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_str().unwrap().ends_with("_tests.rs") => {}
                false => files.push(path),
            }
        }
    }
    files
}

/// The texts in quotes of a source file, up to its tests, comments left out.
fn texts(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let lines = source.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    let source = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "''");
    let (mut texts, mut rest) = (Vec::new(), source.as_str());
    while let Some((_, after)) = rest.split_once('"') {
        let mut is_escaped = false;
        let ends = |c: char| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        };
        let Some(end) = after.find(ends) else { break };
        let joined: Vec<&str> = after[..end]
            .split("\\\n")
            .enumerate()
            .map(|(i, line)| if i > 0 { line.trim_start() } else { line })
            .collect();
        texts.push(joined.concat());
        rest = &after[end + 1..];
    }
    texts
}

fn is_bare_plural(text: &str) -> bool {
    let plural = |word: &str| PLURALS.split_whitespace().any(|plural| plural == word);
    text.match_indices("} ").any(|(at, _)| {
        let words = text[at + 2..].split(|c: char| !c.is_alphabetic());
        words.take(2).any(plural)
    })
}

#[test]
fn no_sentence_has_a_bare_plural_behind_a_number() {
    assert!(is_bare_plural("{n} fichiers") && is_bare_plural("{n} lost packs") && !is_bare_plural("{n} h"));
    let mut found = Vec::new();
    for file in sources() {
        let texts = texts(&std::fs::read_to_string(&file).unwrap());
        found.extend(texts.into_iter().filter(|text| is_bare_plural(text)));
    }
    assert!(found.is_empty(), "a number and a word that does not agree with it:\n{}", found.join("\n"));
}

#[test]
fn every_sentence_that_counts_reads_for_none_one_and_many() {
    let mut patterns = Vec::new();
    for file in sources() {
        let texts = texts(&std::fs::read_to_string(&file).unwrap());
        patterns.extend(texts.into_iter().filter(|text| text.contains("# ") && !text.contains(['{', '<'])));
    }
    assert!(patterns.len() > 80, "{} found", patterns.len());
    for pattern in patterns {
        assert_eq!(pattern.matches('[').count(), pattern.matches(']').count(), "{pattern}");
        let (one, many) = (agreed(&pattern, false), agreed(&pattern, true));
        assert!(!one.contains(['[', ']', '|']) && !many.contains(['[', ']', '|']), "{one}\n{many}");
        assert!(!is_bare_plural(&one.replace("# ", "{} ")), "one: {one}");
    }
}
