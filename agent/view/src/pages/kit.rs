//! The page of a recovery kit, to be printed on one sheet: for whoever holds only this sheet, the day the computer is gone.
//!
//! From what may be known of a kit to the page around its secret: what it is, where the backups are, what to do. What opens the
//! repository is put between by whoever made the kit. Never: sees a secret.

use crate::words::Lang;

/// What a page says of its kit. None of it is secret.
pub struct KitFacts<'a> {
    /// The repository's id.
    pub repository: &'a str,
    /// The day it was made.
    pub created: &'a str,
    /// Six words for the owner's key.
    pub owner: &'a str,
    /// Six words for the recovery key.
    pub recovery: &'a str,
    /// Where the repository is, where that is known.
    pub address: Option<&'a str>,
    /// The S3 service, where there is one.
    pub endpoint: Option<&'a str>,
    /// Its region, where one was given.
    pub region: Option<&'a str>,
}

/// A page in two parts: the code to be scanned stands before both, the key to be typed between them.
pub struct KitPage {
    /// Up to the code.
    pub head: String,
    /// Behind the code, up to the key.
    pub what: String,
    /// Behind the key.
    pub steps: String,
}

const STYLE: &str = "@page{size:A4;margin:10mm 15mm}body{font:9.5pt/1.28 sans-serif;color:#000;max-width:180mm;margin:0 auto}\
    h1{font-size:17pt;margin:0 0 1mm}h2{font-size:11.5pt;margin:3mm 0 1mm;border-bottom:.3mm solid #000}p{margin:0 0 1.5mm}\
    svg{float:right;width:52mm;height:52mm;margin:0 0 2mm 5mm}\
    dl{margin:0}dt{font-size:8.5pt}dd{margin:0 0 1.2mm;font-weight:bold;overflow-wrap:anywhere}\
    .blank{display:block;height:7mm;border-bottom:.3mm solid #000}.blank.short{width:120mm}\
    .key{font:9pt/1.3 monospace;border:.4mm solid #000;padding:1.5mm 2mm;clear:both}.key div{margin:.4mm 0}\
    .groups{counter-reset:group}.groups i{font-style:normal;display:inline-block;margin-right:.45em}\
    .groups.joined i{margin-right:0}.groups i:before{counter-increment:group;content:counter(group);display:block;\
    font:5.5pt/1 sans-serif;color:#333}\
    ol{margin:0;padding-left:6mm}li{margin:0 0 1.2mm}code{font:9pt monospace;overflow-wrap:anywhere}\
    code span{display:inline-block}";

/// The page of a kit in a language.
pub fn kit_page(facts: &KitFacts<'_>, lang: Lang) -> KitPage {
    let title = lang.pick("Scellé — kit de secours", "Scellé — recovery kit");
    let head = format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>",
        lang.code()
    );
    KitPage { head, what: what(title, facts, lang), steps: steps(facts, lang) }
}

fn what(title: &str, facts: &KitFacts<'_>, lang: Lang) -> String {
    let opens = lang.pick(
        "Cette page ouvre toutes les sauvegardes du dépôt ci-dessous, sur n'importe quel ordinateur, même si celui du cabinet a \
         disparu. Sans elle et sans autre clé que vous auriez fait créer (phrase du quotidien, séquestre), personne ne peut vous \
         rendre vos données : ni l'hébergeur, ni l'éditeur.",
        "This page opens every backup of the repository below, on any computer, even if the practice's own is gone. Without it and \
         without another key that you had made (everyday phrase, escrow) nobody can give you your data back: neither the host nor the \
         software's publisher.",
    );
    let keep = lang.pick(
        "<b>Gardez deux exemplaires en deux lieux, hors du cabinet</b> (un coffre, un notaire). Qui lit cette page peut lire vos \
         sauvegardes : ne la photographiez pas, ne l'envoyez ni par courriel ni par message. Si un exemplaire est perdu, \
         prévenez votre prestataire.",
        "<b>Keep two copies at two places, away from the practice</b> (a safe, a notary). Whoever reads this page can read your \
         backups: take no photograph of it, send it neither by mail nor by message. If a copy is lost, tell your IT provider.",
    );
    let key = lang.pick("La clé", "The key");
    let created = escaped(facts.created);
    let address = address_rows(facts, lang);
    format!(
        "<h1>{title}</h1><p>{opens}</p><p>{keep}</p><dl>{address}\
         <dt>{host}</dt><dd><span class=\"blank short\"></span></dd>\
         <dt>{id}</dt><dd>{repository}</dd><dt>{owner}</dt><dd>{owner_words}</dd>\
         <dt>{recovery}</dt><dd>{recovery_words}</dd></dl><h2>{key}</h2>",
        host = lang.pick(
            "Qui appeler : prestataire, hébergeur (nom, téléphone)",
            "Whom to call: IT provider, host (name, telephone)"
        ),
        id = lang
            .pick(format!("Dépôt (kit créé le {created})"), format!("Repository (kit made on {created})")),
        repository = escaped(facts.repository),
        owner = lang.pick("Empreinte du responsable", "Owner fingerprint"),
        owner_words = escaped(facts.owner),
        recovery = lang.pick("Empreinte de la clé de secours", "Recovery key fingerprint"),
        recovery_words = escaped(facts.recovery),
    )
}

/// Where the backups are, or a line to write it on.
fn address_rows(facts: &KitFacts<'_>, lang: Lang) -> String {
    match (facts.address, facts.endpoint) {
        (Some(address), endpoint) => {
            let row = |name: &str, value: &str| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value));
            let service = lang.pick("Service S3", "S3 service");
            let region = lang.pick("Région du service S3", "Region of the S3 service");
            let mut rows = row(lang.pick("Adresse des sauvegardes", "Address of the backups"), address);
            rows.extend(endpoint.map(|endpoint| row(service, endpoint)));
            rows.extend(facts.region.map(|name| row(region, name)));
            rows
        }
        (None, _) => format!(
            "<dt>{}</dt><dd><span class=\"blank short\"></span></dd>",
            lang.pick(
                "Adresse des sauvegardes (à écrire ici à la main : « scelle init » la montre)",
                "Address of the backups (write it here by hand: \"scelle init\" shows it)"
            )
        ),
    }
}

/// What to do without the computer that made the backups.
fn steps(facts: &KitFacts<'_>, lang: Lang) -> String {
    let place = options(facts, lang);
    let title =
        lang.pick("Le jour où l'ordinateur du cabinet est perdu", "The day the practice's computer is gone");
    let take = lang.pick(
        "Prenez un autre ordinateur, sain, et installez-y le programme <code>scelle</code> (demandez-le à votre prestataire).",
        "Take another computer, a clean one, and install the program <code>scelle</code> on it (ask your IT provider for it).",
    );
    let reach = lang.pick(
        "Rendez les sauvegardes accessibles. Disque ou NAS : branchez-le. Hébergeur S3 : demandez-lui un identifiant qui peut \
         lire, et donnez-le dans les variables <code>AWS_ACCESS_KEY_ID</code> et <code>AWS_SECRET_ACCESS_KEY</code>.",
        "Make the backups reachable. Disk or NAS: connect it. S3 host: ask it for a credential that may read, and give it in the \
         variables <code>AWS_ACCESS_KEY_ID</code> and <code>AWS_SECRET_ACCESS_KEY</code>.",
    );
    let write = lang.pick(
        "Dans un fichier nommé <code>kit.txt</code>, recopiez le cadre ci-dessus, une ligne du cadre par ligne du fichier ; le carré \
         contient le même texte, pour un lecteur de codes relié à cet ordinateur. Majuscules, espaces et tirets ne comptent pas, \
         les petits numéros ne se tapent pas : une faute de frappe est signalée par le numéro de son groupe.",
        "Into a file named <code>kit.txt</code>, copy the frame above, one line of the frame to a line of the file; the square holds \
         the same text, for a code reader connected to that computer. Case, spaces and hyphens do not matter, the small numbers are \
         not typed: a mistake is reported by the number of its group.",
    );
    let (list, number) = lang.pick(
        (
            "Voyez ce qui est sauvegardé",
            "La première colonne est le numéro ; la dernière, le poste s'il y en a plusieurs.",
        ),
        (
            "See what is backed up",
            "The first column is the number; the last one is the computer where there are several.",
        ),
    );
    let restore = lang.pick(
        "Restaurez dans un dossier vide (s'il y a plusieurs postes, <code>POSTE/NUMÉRO</code>)",
        "Restore into an empty folder (where there are several computers, <code>DEVICE/NUMBER</code>)",
    );
    let words = lang.pick("NUMÉRO --to DOSSIER", "NUMBER --to FOLDER");
    let after = lang.pick(
        "Chaque octet est vérifié ; ce qui manque ou ne va pas est nommé. Effacez ensuite <code>kit.txt</code> et rangez cette page.",
        "Every byte is verified; what is missing or wrong is named. Then erase <code>kit.txt</code> and put this page back.",
    );
    format!(
        "<h2>{title}</h2><ol><li>{take}</li><li>{reach}</li><li>{write}</li>\
         <li>{list}{colon} <code>scelle snapshots {place}</code><br>{number}</li>\
         <li>{restore}{colon}<br><code>scelle restore {words} --kit kit.txt {place}</code></li><li>{after}</li></ol></html>\n",
        colon = lang.pick(" :", ":"),
    )
}

/// What leads to the repository on a command line.
fn options(facts: &KitFacts<'_>, lang: Lang) -> String {
    let shell_word = |value: &str| match value.contains(|c: char| c.is_whitespace() || c == '\'') {
        true => format!("\"{value}\""),
        false => value.to_owned(),
    };
    let address = facts.address.map_or(lang.pick("ADRESSE", "ADDRESS").to_owned(), shell_word);
    let options =
        [("--s3-endpoint", facts.endpoint.map(shell_word)), ("--s3-region", facts.region.map(shell_word))];
    let options = options.into_iter().filter_map(|(option, value)| Some((option, value?)));
    // An option and its value stay on one line where they can.
    let options: Vec<String> = std::iter::once(("--repo", address))
        .chain(options)
        .map(|(option, value)| format!("<span>{option} {}</span>", escaped(&value)))
        .collect();
    options.join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(address: Option<&str>, lang: Lang) -> String {
        let facts = KitFacts {
            repository: "id",
            created: "2026-11-28",
            owner: "one two",
            recovery: "three four",
            address,
            endpoint: address.map(|_| "https://s3.example"),
            region: None,
        };
        let page = kit_page(&facts, lang);
        format!("{}{}{}", page.head, page.what, page.steps)
    }

    #[test]
    fn the_page_is_in_one_language_and_says_both_fingerprints() {
        let (fr, en) = (whole(None, Lang::Fr), whole(None, Lang::En));
        assert!(fr.contains("lang=\"fr\"") && !fr.contains(" the ") && !fr.contains("FOLDER"), "{fr}");
        assert!(en.contains("lang=\"en\"") && !en.contains(" vous ") && !en.contains(" :"), "{en}");
        for page in [fr, en] {
            assert!(page.contains("one two") && page.contains("three four"), "{page}");
        }
    }

    #[test]
    fn an_address_that_is_known_stands_in_the_commands_and_else_a_line_to_write_it_on() {
        let known = whole(Some("s3://b/<p>"), Lang::En);
        let command = "scelle restore NUMBER --to FOLDER --kit kit.txt <span>--repo s3://b/&lt;p&gt;</span> \
                       <span>--s3-endpoint https://s3.example</span></code>";
        assert!(known.contains(command), "{known}");
        assert!(!known.contains("write it here"), "{known}");
        let unknown = whole(None, Lang::En);
        assert!(unknown.contains("write it here by hand") && unknown.contains("--repo ADDRESS"), "{unknown}");
    }
}
