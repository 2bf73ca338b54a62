//! Clinical notes in French, composed by a grammar: banks of phrases that name other banks, and figures.
//!
//! From the banks of `clinical.txt` to texts of which no two are alike, and which shrink as much as real ones: about to a
//! third. A `%` and a letter in a phrase stand for something drawn from a bank or made up (see [`Voice::make`]). Never:
//! advice to follow, or a real case.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use super::Seeded;
use super::names;

/// Phrases by the name of their bank: `# name`, then one phrase a line, or several with ` | ` between.
static BANKS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut banks = HashMap::new();
    for bank in include_str!("clinical.txt").split("# ").filter(|bank| !bank.is_empty()) {
        let (name, phrases) = bank.split_once('\n').unwrap_or((bank, ""));
        let phrases = phrases.lines().flat_map(|line| line.split(" | ")).filter(|p| !p.is_empty());
        banks.insert(name.trim_end(), phrases.collect());
    }
    banks
});

fn pick(random: &mut Seeded, bank: &str) -> &'static str {
    let phrases: &[&'static str] = &BANKS[bank];
    let phrase: &&str = random.pick(phrases);
    phrase
}

/// A consultation of about a kilobyte.
pub fn consultation(random: &mut Seeded) -> String {
    let mut voice = Voice { random, text: String::with_capacity(2_400) };
    voice.sentences("opening", 1);
    for (bank, least, most) in [
        ("story", 1, 1),
        ("remark", 3, 4),
        ("exam", 1, 2),
        ("result", 1, 1),
        ("conclusion", 0, 1),
        ("remark", 2, 4),
        ("order", 1, 2),
    ] {
        let count = least + voice.random.below(most - least + 1);
        voice.sentences(bank, count);
    }
    voice.text
}

/// Some sentences of an account, for a letter.
pub fn account(random: &mut Seeded, sentences: u64) -> String {
    let mut voice = Voice { random, text: String::with_capacity(120 * sentences as usize) };
    for _ in 0..sentences {
        let bank = *voice.random.pick(&["story", "exam", "result", "conclusion", "order", "remark"]);
        voice.sentences(bank, 1);
    }
    voice.text
}

/// One analysis: its name, its value with a point, its unit.
pub fn result(random: &mut Seeded) -> (&'static str, String, &'static str) {
    // Name, unit, lowest and highest value, decimals.
    let mut fields = pick(random, "analysis").split(';');
    let (name, unit) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let mut number = || fields.next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let (low, high, decimals) = (number(), number(), number() as u32);
    let value = low + random.below(high - low + 1);
    let scale = 10u64.pow(decimals);
    let whole = value / scale;
    let text = match decimals {
        0 => whole.to_string(),
        _ => format!("{whole}.{:0width$}", value % scale, width = decimals as usize),
    };
    (name, text, unit)
}

/// Writes one text.
struct Voice<'a> {
    random: &'a mut Seeded,
    text: String,
}

impl Voice<'_> {
    /// Adds `count` sentences of a bank, each with its figures and names in place.
    fn sentences(&mut self, bank: &str, count: u64) {
        for _ in 0..count {
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            self.from(bank);
        }
    }

    fn from(&mut self, bank: &str) {
        let phrase = pick(self.random, bank);
        self.expand(phrase);
    }

    fn expand(&mut self, phrase: &str) {
        let mut rest = phrase;
        while let Some((before, after)) = rest.split_once('%') {
            self.text.push_str(before);
            let code = after.chars().next().filter(|c| c.is_ascii_alphabetic());
            match code {
                Some(code) => self.make(code),
                None => self.text.push('%'),
            }
            rest = &after[usize::from(code.is_some())..];
        }
        self.text.push_str(rest);
    }

    fn make(&mut self, code: char) {
        match code {
            's' => self.from("symptom"),
            'z' => self.from("quality"),
            'v' => self.from("course"),
            'g' => self.from("judgement"),
            'h' | 'X' => self.from("history"),
            'e' => self.from("finding"),
            'b' | 'B' => self.from("site"),
            'M' => self.from("medicine"),
            'x' => self.from("exploration"),
            'r' | 'R' => self.from("request"),
            't' | 'j' => self.from("duration"),
            'm' => self.prescription(),
            'o' => self.text.push_str(&names::family(self.random)),
            'D' => {
                let initial = (b'A' + self.random.below(26) as u8) as char;
                let family = names::family(self.random);
                let _ = write!(self.text, "{initial}. {family}");
            }
            'l' => {
                let (name, value, unit) = result(self.random);
                let _ = write!(self.text, "{name} {} {unit}", value.replace('.', ","));
            }
            'w' => self.keywords(),
            _ => self.figure(code),
        }
    }

    fn prescription(&mut self) {
        for (at, bank) in ["medicine", "dose", "schedule", "duration"].into_iter().enumerate() {
            self.text.push_str(if at == 0 { "" } else { " " });
            self.from(bank);
        }
    }

    /// Telegraphic remarks: "appui difficile avec canne", "sommeil corr. malgré séance".
    fn keywords(&mut self) {
        self.word("noun");
        self.text.push(' ');
        self.word("adjective");
        for _ in 0..self.random.below(4) {
            self.text.push(' ');
            self.word("link");
            self.text.push(' ');
            self.word("noun");
        }
    }

    /// A word, often cut short, now and then without one of its letters, as in notes typed in haste.
    fn word(&mut self, bank: &str) {
        let word = pick(self.random, bank);
        let at = |index: u64| word.char_indices().nth(index as usize);
        let dice = self.random.below(16);
        match (at(4 + dice % 8), at(1 + dice)) {
            (Some((end, _)), _) if word.len() > end + 1 => {
                self.text.push_str(&word[..end]);
                self.text.push('.');
            }
            (_, Some((gap, letter))) if dice % 4 == 1 => {
                self.text.push_str(&word[..gap]);
                self.text.push_str(&word[gap + letter.len_utf8()..]);
            }
            _ => self.text.push_str(word),
        }
    }

    fn figure(&mut self, code: char) {
        let text = &mut self.text;
        let mut below = |end| self.random.below(end);
        let _ = match code {
            'n' => write!(text, "{}", 2 + below(58)),
            'N' => write!(text, "{}", 1 + below(9)),
            'd' => write!(text, "{:02}/{:02}/202{}", 1 + below(28), 1 + below(12), 3 + below(3)),
            'H' => write!(text, "{} h {:02}", 7 + below(13), below(60)),
            'y' => write!(text, "{}", 1975 + below(50)),
            'T' => write!(text, "{}/{}", 98 + below(84), 52 + below(52)),
            'F' => write!(text, "{}", 48 + below(70)),
            'C' => write!(text, "3{},{}", 6 + below(4), below(10)),
            'P' => write!(text, "{}", 84 + below(17)),
            'K' => write!(text, "{},{}", 42 + below(75), below(10)),
            'U' | 'u' => write!(text, "{},{:02}", below(60), below(100)),
            'i' => write!(text, "{:09}", below(1_000_000_000)),
            'L' => {
                let letter = |at: u64| (b'A' + at as u8) as char;
                write!(text, "{}{}{:04}", letter(below(26)), letter(below(26)), below(10_000))
            }
            _ => Ok(()),
        };
    }
}
