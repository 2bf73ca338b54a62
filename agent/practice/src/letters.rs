//! Letters and messages: CDA-R2-like XML and HPRIM-like text, in varied French.
//!
//! Sentences are drawn from a bank with invented names, figures and dates in them, so that they compress
//! like real letters rather than like one repeated page. Never: advice to follow, or a real case.

use std::fmt::Write as _;

use super::Seeded;
use super::clinical;
use super::names::{self, Patient};

const GREETINGS: &[&str] =
    &["Chère Consœur,", "Cher Confrère,", "Cher Ami,", "Madame, Monsieur,", "Bonjour,"];
const REASONS: &[&str] = &[
    "un suivi annuel",
    "une toux sèche depuis trois semaines",
    "des douleurs lombaires au lever",
    "un renouvellement d'ordonnance",
    "un bilan avant intervention",
    "des vertiges au changement de position",
    "une gêne à l'effort",
    "un contrôle de la tension artérielle",
    "une éruption du bras gauche",
    "une fatigue persistante",
];
const FINDINGS: &[&str] = &[
    "L'auscultation est sans particularité",
    "La palpation de l'abdomen est souple et indolore",
    "Les réflexes sont présents et symétriques",
    "La mobilité du genou est limitée en fin de course",
    "Les bruits du cœur sont réguliers",
    "On note un discret œdème des chevilles",
    "La gorge est légèrement érythémateuse",
    "L'examen neurologique est normal",
    "Le poids est stable depuis la dernière visite",
    "Les tympans sont bien visibles",
];
const PLANS: &[&str] = &[
    "Je propose de revoir le patient dans {n} semaines",
    "Un contrôle biologique sera fait dans {n} jours",
    "J'ai prescrit {n} séances de kinésithérapie",
    "Le traitement est poursuivi pour {n} mois",
    "Un avis spécialisé a été demandé, délai annoncé de {n} jours",
    "La posologie passe à {n} mg par jour",
    "Une radiographie sera faite sous {n} jours",
    "Repos et hydratation pendant {n} jours",
];
const SECTIONS: &[(&str, &str)] = &[
    ("42349-1", "Motif de consultation"),
    ("10164-2", "Histoire de la maladie"),
    ("29545-1", "Examen clinique"),
    ("18776-5", "Conduite à tenir"),
    ("10160-0", "Traitements"),
    ("30954-2", "Résultats"),
];
/// Letters are signed: a signature with its time stamp, in base 64.
const SIGNATURE_CHARS: usize = 1_600;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ANALYSES: &[(&str, &str, u64, u64)] = &[
    ("GLYCEMIE", "g/L", 60, 140),
    ("CREATININE", "mg/L", 5, 15),
    ("CHOLESTEROL TOTAL", "g/L", 120, 300),
    ("HEMOGLOBINE", "g/dL", 90, 170),
    ("LEUCOCYTES", "G/L", 30, 120),
    ("PLAQUETTES", "G/L", 1200, 4500),
    ("TSH", "mUI/L", 2, 60),
    ("FERRITINE", "µg/L", 100, 4000),
    ("CRP", "mg/L", 0, 300),
    ("POTASSIUM", "mmol/L", 30, 55),
];

/// A letter as a CDA-R2-like document of about eleven kilobytes: sections of text, each with coded entries.
pub fn cda(random: &mut Seeded, patient: &Patient, number: u32) -> String {
    let mut xml = String::with_capacity(20_000);
    let date = date(random);
    let (author, author_given) = (names::family(random), names::given(random));
    let Patient { family, given, birth, number: id, .. } = patient;
    let _ = write!(
        xml,
        r##"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
  <id root="2.25.{:020}" extension="{number}"/>
  <code code="11488-4" codeSystem="2.16.840.1.113883.6.1" displayName="Lettre de consultation"/>
  <title>Courrier {number}</title>
  <effectiveTime value="{date}"/>
  <languageCode code="fr-FR"/>
  <recordTarget><patientRole>
    <id extension="CAB{id:06}" root="2.25.7"/>
    <patient><name><family>{family}</family><given>{given}</given></name><birthTime value="{birth}"/></patient>
  </patientRole></recordTarget>
  <author><time value="{date}"/><assignedAuthor><assignedPerson><name><family>{author}</family><given>{author_given}</given></name></assignedPerson></assignedAuthor></author>
  <component><structuredBody>
"##,
        random.next_u64()
    );
    section(&mut xml, random, patient);
    xml.push_str("  </structuredBody></component>\n  <ds:SignatureValue>");
    for _ in 0..SIGNATURE_CHARS {
        xml.push(*random.pick(BASE64) as char);
    }
    xml.push_str("</ds:SignatureValue>\n</ClinicalDocument>\n");
    xml
}

/// The letter's words, then the results they rest on.
fn section(xml: &mut String, random: &mut Seeded, patient: &Patient) {
    let (code, title) = random.pick(SECTIONS);
    let _ = write!(
        xml,
        r#"    <component><section><id root="2.25.{:020}"/>
      <code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="{title}"/><title>{title}</title>
      <text>"#,
        random.next_u64(),
    );
    let told = match random.below(6) {
        0 => paragraph(random, patient),
        _ => {
            let sentences = 3 + random.below(2);
            clinical::account(random, sentences)
        }
    };
    let _ = writeln!(xml, "<paragraph>{told}</paragraph></text>");
    for _ in 0..20 + random.below(8) {
        entry(xml, random);
    }
    xml.push_str("    </section></component>\n");
}

/// A coded result as in CDA level 3: long, and nearly the same each time.
fn entry(xml: &mut String, random: &mut Seeded) {
    let (name, value, unit) = clinical::result(random);
    let _ = write!(
        xml,
        r#"      <entry><observation classCode="OBS" moodCode="EVN"><templateId root="1.3.6.1.4.1.19376.1.5.3.1.4.13"/>
        <code code="{}-{}" codeSystem="2.16.840.1.113883.6.1" displayName="{name}"/><statusCode code="completed"/>
        <effectiveTime nullFlavor="UNK"/><value xsi:type="PQ" value="{value}" unit="{unit}"/>
      </observation></entry>
"#,
        name.bytes().fold(1_000u32, |sum, byte| (sum * 31 + u32::from(byte)) % 90_000),
        name.len() % 10,
    );
}

/// A few sentences of a letter.
pub fn paragraph(random: &mut Seeded, patient: &Patient) -> String {
    let mut text = format!("{} ", random.pick(GREETINGS));
    let _ = write!(
        text,
        "j'ai reçu le {} {} {}, né(e) le {}, pour {}. ",
        date(random),
        patient.given,
        patient.family,
        patient.birth,
        random.pick(REASONS)
    );
    for _ in 0..1 + random.below(3) {
        let _ = write!(
            text,
            "{} ; TA {}/{}, pouls {}. ",
            random.pick(FINDINGS),
            100 + random.below(60),
            55 + random.below(40),
            50 + random.below(60)
        );
    }
    let plan = random.pick(PLANS).replace("{n}", &(2 + random.below(40)).to_string());
    let _ = write!(
        text,
        "{plan}. Bien confraternellement, Dr {} {}.",
        names::given(random),
        names::family(random)
    );
    text
}

/// A laboratory result in the manner of HPRIM Médecin: header lines, the text, then coded results.
pub fn hprim(random: &mut Seeded, patient: &Patient, number: u32) -> String {
    let Patient { family, given, birth, number: id, .. } = patient;
    let mut text = String::with_capacity(2_000);
    let _ = write!(
        text,
        "{id:06}\r\n{family}\r\n{given}\r\n{} RUE DES EXEMPLES\r\n\r\n00000 VILLE-INVENTÉE\r\n{birth}\r\n\r\n{number:08}\r\n{}\r\nLABO{:03}\r\n\r\n",
        1 + random.below(200),
        date(random),
        random.below(1000)
    );
    let count = 4 + random.below(12);
    let results: Vec<_> = (0..count)
        .map(|_| {
            let &(name, unit, low, high) = random.pick(ANALYSES);
            let value = low + random.below(high - low + 1);
            (name, unit, value, low, high)
        })
        .collect();
    for (name, unit, value, low, high) in &results {
        let _ = write!(
            text,
            "{name:.<24} {},{} {unit} (N : {},{} à {},{})\r\n",
            value / 10,
            value % 10,
            low / 10,
            low % 10,
            high / 10,
            high % 10
        );
    }
    let _ = write!(text, "\r\n{}\r\n****LAB****\r\n", paragraph(random, patient));
    for (name, unit, value, low, high) in &results {
        let _ = write!(text, "RES|{name}|{name}|F|{value}|N|{unit}|{low}|{high}|||F|\r\n");
    }
    text.push_str("****FIN****\r\n****FINFICHIER****\r\n");
    text
}

fn date(random: &mut Seeded) -> String {
    format!("2025{:02}{:02}", 1 + random.below(12), 1 + random.below(28))
}
