//! Walks every text of the agent's sources: sentences that count agree with their number, and words that were put right do not
//! come back.

use std::path::{Path, PathBuf};

use super::counted::agreed;

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

#[test]
fn words_that_were_put_right_do_not_come_back() {
    // Terms beside the one that is used, words of no real French, and the word that the screen puts before a warning itself.
    let wrong = [
        "kit de récupération",
        "fiche de secours",
        "phrase courante",
        "échu",
        "n'est pas clair",
        "un voisin",
        "est né sur",
        "au registre",
        "instantané(s)",
        "fichier(s)",
        "ATTENTION",
        "WARNING",
    ];
    let mut found = Vec::new();
    for file in sources() {
        let texts = texts(&std::fs::read_to_string(&file).unwrap());
        found.extend(texts.into_iter().filter(|text| wrong.iter().any(|wrong| text.contains(wrong))));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
