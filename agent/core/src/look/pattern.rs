//! What a person types to find a file again: part of its name, or a pattern with `*`, `?` and `[a-z]`.
//!
//! Typed text comes from the command line and names from manifests; both are read as characters and folded, so that capitals
//! and accents do not matter, in one sign or two. Our own matching: `globset` counts bytes, so that its `?` is half of an `é`.
//! Never: an error for brackets that are no pattern; they are part of a name then.

use std::ffi::OsStr;

use unicode_normalization::UnicodeNormalization as _;

use crate::error::{AgentError, Result};
use crate::platform;
use scelle_format::path;

/// What is looked for. Without `/` it is looked for in names anywhere, with `/` in paths whose last name it touches; behind a
/// leading `/` (or a drive) from the top.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What was typed, folded, without slashes at its ends: found wherever it is part of a name.
    part: Vec<char>,
    /// The same as a pattern for the whole, where it has `*`, `?` or a pair of brackets.
    glob: Option<Vec<Token>>,
    is_path: bool,
    is_from_top: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    One(char),
    /// `?`: any one character of a name.
    Any,
    /// `[a-z]`, `[!a-z]`: one character of a name.
    Class {
        ranges: Vec<(char, char)>,
        is_negated: bool,
    },
    /// `*`: any characters of a name.
    Many,
    /// `**`: any characters, across folders.
    Deep,
    /// `**/`: any folders, or none.
    Folders,
}

impl Pattern {
    /// Reads what was typed. On Windows `\` separates folders too.
    ///
    /// Errors: exit 2 where nothing is left but slashes, which every name would match.
    pub fn parse(typed: &OsStr) -> Result<Self> {
        let mut text = fold(&platform::os_to_bytes(typed));
        let mut is_from_top = false;
        if platform::HAS_DRIVES {
            text.iter_mut().filter(|c| **c == '\\').for_each(|c| *c = '/');
            // `C:/x` stands in a snapshot as `C/x`, `//srv/share` as `UNC/srv/share`.
            if matches!(text[..], [drive, ':', '/', ..] if drive.is_ascii_alphabetic()) {
                is_from_top = true;
                text.remove(1);
            } else if text.starts_with(&['/', '/']) {
                text.splice(..1, "/unc".chars());
            }
        }
        is_from_top |= text.first() == Some(&'/');
        let start = text.iter().take_while(|c| **c == '/').count();
        let end = text.iter().rev().take_while(|c| **c == '/').count().min(text.len() - start);
        let part = text[start..text.len() - end].to_vec();
        if part.is_empty() {
            return Err(AgentError::nothing_to_look_for());
        }
        let is_path = is_from_top || part.contains(&'/');
        let glob = tokens(&part).map(|glob| match is_path && !is_from_top {
            true => [vec![Token::Folders], glob].concat(),
            false => glob,
        });
        Ok(Self { part, glob, is_path, is_from_top })
    }

    /// Whether an entry is looked for: `name` in `directory`, as the manifest has them.
    pub fn matches(&self, directory: &[u8], name: &[u8]) -> bool {
        let text = if self.is_path { fold(&path::join(directory, name)) } else { fold(name) };
        self.is_part_of(&text) || self.glob.as_ref().is_some_and(|glob| is_match(glob, &text))
    }

    /// Whether what was typed stands in the text as it is, and reaches into its last name: below a folder that matches, not
    /// everything does.
    fn is_part_of(&self, text: &[char]) -> bool {
        let name = text.iter().rposition(|c| *c == '/').map_or(0, |slash| slash + 1);
        let mut places =
            text.windows(self.part.len()).enumerate().filter(|(at, _)| at + self.part.len() > name);
        places.any(|(at, there)| there == self.part && (at == 0 || !self.is_from_top))
    }
}

/// A name as characters, in small letters without accents. A byte that is no UTF-8 is one character: what Latin-1 has there,
/// which is what most such names are.
fn fold(bytes: &[u8]) -> Vec<char> {
    if bytes.is_ascii() {
        return bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().copied().map(char::from));
    }
    // Composed again: what is left of a sign in two parts (Korean, Japanese) is one character.
    let bare = text.nfd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc();
    bare.map(fold_case).collect()
}

/// The small letter, by way of the capital: Greek has two small letters of one. What would become two stays (`ß`).
fn fold_case(c: char) -> char {
    let capital = sole(c.to_uppercase()).unwrap_or(c);
    sole(capital.to_lowercase()).unwrap_or(capital)
}

fn sole(mut chars: impl Iterator<Item = char>) -> Option<char> {
    chars.next().filter(|_| chars.next().is_none())
}

/// The pattern in a text; `None` where it has none, or a bracket that nothing closes.
fn tokens(text: &[char]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let token = match first {
            '?' => Token::Any,
            '*' => {
                let stars = rest.iter().take_while(|c| **c == '*').count();
                rest = &rest[stars..];
                let begins = matches!(tokens.last(), None | Some(Token::One('/') | Token::Folders));
                match (stars, rest) {
                    (0, _) => Token::Many,
                    (_, ['/', after @ ..]) if begins => {
                        rest = after;
                        Token::Folders
                    }
                    _ => Token::Deep,
                }
            }
            '[' => class(&mut rest)?,
            c => Token::One(*c),
        };
        tokens.push(token);
    }
    tokens.iter().any(|token| !matches!(token, Token::One(_))).then_some(tokens)
}

/// What stands behind `[`, to the closing bracket. One that comes first is a character of the class.
fn class(rest: &mut &[char]) -> Option<Token> {
    let is_negated = matches!(rest.first(), Some('!' | '^'));
    let inside = &rest[usize::from(is_negated)..];
    let end = 1 + inside.iter().skip(1).position(|c| *c == ']')?;
    *rest = &inside[end + 1..];
    let (mut inside, mut ranges) = (&inside[..end], Vec::new());
    while let Some((from, after)) = inside.split_first() {
        let (to, after) = match after {
            ['-', to, after @ ..] => (to, after),
            _ => (from, after),
        };
        ranges.push((*from, *to));
        inside = after;
    }
    Some(Token::Class { ranges, is_negated })
}

/// Whether the pattern matches the whole text. All ways are followed at once: no pattern takes more than its length times the
/// text's.
fn is_match(tokens: &[Token], text: &[char]) -> bool {
    let mut now = vec![false; tokens.len() + 1];
    let mut next = now.clone();
    enter(tokens, &mut now, 0);
    for c in text {
        next.fill(false);
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| now[*at]) {
            match token {
                Token::One(wanted) if c == wanted => enter(tokens, &mut next, at + 1),
                Token::Any if *c != '/' => enter(tokens, &mut next, at + 1),
                Token::Class { ranges, is_negated }
                    if *c != '/'
                        && ranges.iter().any(|(from, to)| (from..=to).contains(&c)) != *is_negated =>
                {
                    enter(tokens, &mut next, at + 1);
                }
                Token::Many if *c != '/' => enter(tokens, &mut next, at),
                Token::Deep => enter(tokens, &mut next, at),
                Token::Folders if *c == '/' => enter(tokens, &mut next, at),
                // Within a folder's name: what comes behind begins at the next one only.
                Token::Folders => next[at] = true,
                _ => {}
            }
        }
        std::mem::swap(&mut now, &mut next);
    }
    now[tokens.len()]
}

/// Marks a place in the pattern, and those behind it that nothing need stand before.
fn enter(tokens: &[Token], places: &mut [bool], mut at: usize) {
    places[at] = true;
    while matches!(tokens.get(at), Some(Token::Many | Token::Deep | Token::Folders)) {
        at += 1;
        places[at] = true;
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
