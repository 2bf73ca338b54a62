//! Invented patients: names made of syllables no family bears, in both Unicode forms.
//!
//! A third of the folders are in decomposed form (NFD), as a Mac writes them. Never: a real name.

use super::Seeded;

const FIRST_NAMES: &[&str] = &[
    "Zéphyrine",
    "Anselmin",
    "Éloïsie",
    "Maëlisse",
    "Théodulf",
    "Béréniçon",
    "Gaëtanne",
    "Cléonie",
    "Hévrard",
    "Noëlline",
    "Ysaurée",
    "Ombéline",
    "Lucïenne",
    "Fabriçois",
    "Amédélie",
    "Rosélyn",
    "Aurélant",
    "Josépha-Lune",
];
const STARTS: &[&str] = &[
    "Orvé", "Valmon", "Brimê", "Tréval", "Châlan", "Gouëdr", "Pélis", "Marqué", "Sauvil", "Fontéb", "Dûral",
    "L'Héral", "D'Orval", "Krïn", "Bœuvr", "Aubréç",
];
const ENDS: &[&str] = &[
    "andre", "tès", "ïsson", "ouval", "ézac", "elünd", "ignôt", "arïc", "euvière", "onçal", "ubière",
    "estrel",
];
const PARTICLES: &[&str] = &["", "", "", "", "Le ", "de ", "de la ", "Saint-"];

/// An invented person.
#[derive(Clone, Debug)]
pub struct Patient {
    /// Family name.
    pub family: String,
    /// First name.
    pub given: String,
    /// Birth date, `YYYYMMDD`.
    pub birth: String,
    /// Number in the practice.
    pub number: u32,
    /// Name of the folder, with its number so that no two are equal whatever the file system folds.
    pub folder: String,
}

/// So many patients, numbered from 1.
pub fn patients(random: &mut Seeded, count: u32) -> Vec<Patient> {
    (1..=count).map(|number| patient(random, number)).collect()
}

fn patient(random: &mut Seeded, number: u32) -> Patient {
    let family = family(random);
    let given = (*random.pick(FIRST_NAMES)).to_owned();
    let birth = format!("{}{:02}{:02}", 1930 + random.below(90), 1 + random.below(12), 1 + random.below(28));
    let folder = format!("{} {given} ({number:04})", family.to_uppercase());
    let folder = if number.is_multiple_of(3) { decomposed(&folder) } else { folder };
    Patient { family, given, birth, number, folder }
}

/// An invented family name.
pub fn family(random: &mut Seeded) -> String {
    let (particle, start, end) = (random.pick(PARTICLES), random.pick(STARTS), random.pick(ENDS));
    // French does not put "de la" before a vowel, nor before another particle.
    let alone = start.starts_with(['O', 'A']) || start.contains('\'');
    format!("{}{start}{end}", if alone { "" } else { particle })
}

/// An invented first name.
pub fn given(random: &mut Seeded) -> &'static str {
    FIRST_NAMES[random.below(FIRST_NAMES.len() as u64) as usize]
}

/// The decomposed form (NFD) of the accented letters used here.
pub fn decomposed(text: &str) -> String {
    const ACCENTS: [(&str, &str, char); 5] = [
        ("éÉóÓ", "eEoO", '\u{301}'),
        ("èÈàÀùÙ", "eEaAuU", '\u{300}'),
        ("êÊâÂîÎôÔûÛ", "eEaAiIoOuU", '\u{302}'),
        ("ëËïÏüÜöÖ", "eEiIuUoO", '\u{308}'),
        ("çÇ", "cC", '\u{327}'),
    ];
    let mut result = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        let found = ACCENTS.iter().find_map(|(composed, bases, mark)| {
            let index = composed.chars().position(|candidate| candidate == c)?;
            Some((bases.chars().nth(index)?, *mark))
        });
        match found {
            Some((base, mark)) => result.extend([base, mark]),
            None => result.push(c),
        }
    }
    result
}
