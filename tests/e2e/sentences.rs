//! What people read is in their language and says things by their names: counts agree, no code or word of another language
//! stands in a sentence, and what is to be compared can be.

use std::fs;

use e2e::{Place, Site};

#[test]
fn what_is_printed_can_be_compared_with_the_kits_page() {
    let site = Site::not_initialised(Place::dir);
    let kit = site.path("paper.txt");
    let made = site.agent.ok(["kit", "new", "--out", kit.to_str().unwrap()]);
    let page = fs::read_to_string(&kit).unwrap();
    let line =
        |key: &str| page.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
    let (words, address) = (line("# owner-fingerprint "), line("# where "));
    assert!(
        made.out().contains(&format!("Owner fingerprint: {words}")) && words.split(' ').count() == 6,
        "{made}"
    );
    assert!(address.starts_with("file:///"), "no --kit of init, and the address is on the page: {page}");
    let html = fs::read_to_string(site.path("paper.txt.html")).unwrap();
    assert!(html.contains(&address), "{html}");
    let public = site.path("paper.txt.pub");
    let told = site.agent.ok(["init", "--kit-public", public.to_str().unwrap()]);
    assert!(told.out().contains(&format!("fingerprint {words}\n")), "{told}");
    assert!(told.out().contains(&format!("address     {address}\n")), "{told}");
    assert!(told.out().contains("its \"Owner fingerprint\""), "it says where to look: {told}");
}

#[test]
fn a_life_in_french_is_in_french_and_one_is_one() {
    let site = Site::on_dir();
    let kit = site.kit();
    let kit = kit.to_str().unwrap();
    let source = site.source("cabinet");
    source.file("lettre.txt", "bonjour");
    let french = site.agent.clone().with("SCELLE_LANG", "fr");
    let saved = french.ok(["backup", source.root().to_str().unwrap()]);
    assert!(saved.out().contains("fichiers : 1 nouveau, 0 modifié, 0 inchangé, 0 disparu\n"), "{saved}");
    let listed = french.ok(["bilan", "list"]);
    assert!(listed.out().contains("  sauvegarde  ") && !listed.out().contains("UTC"), "{listed}");
    let id = listed.out().lines().last().unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(saved.out().contains(&format!("« scelle bilan show {id} »")), "it is not green: {saved}");
    let page = french.ok(["bilan", "show"]);
    assert!(
        page.out().contains("1 fichier vu, 1 nouveau") && page.out().contains("1 instantané de"),
        "{page}"
    );
    let check = french.ok(["check"]);
    assert!(check.out().contains("Aucun dommage trouvé : 1 instantané complet\n"), "{check}");
    let keys = french.ok(["keys", "list"]).out();
    assert!(keys.contains("kit de secours") && keys.contains("inscrit"), "{keys}");
    assert!(
        !["recipient", "recovery", "epoch", "device", "enrolled"].iter().any(|word| keys.contains(word)),
        "{keys}"
    );
    let to = site.path("retour");
    let planned = french.ok(["restore", "1", "--to", to.to_str().unwrap(), "--kit", kit, "--dry-run"]).out();
    assert!(
        planned.contains("écrire ") && planned.contains("1 fichier,") && !planned.contains("write"),
        "{planned}"
    );
    let unknown = french.expect(2, ["bilan", "whois", "0000000000", "--kit", kit]);
    assert!(unknown.err().contains("jeton") && !unknown.err().contains("chemin"), "{unknown}");
    // What is wrong has a sentence, its code is for programs.
    let pack = site.objects("p/").remove(0);
    fs::remove_file(site.object(&pack)).unwrap();
    let check = french.expect(13, ["check"]);
    assert!(check.err().contains(&format!("paquet absent : {pack}")), "{check}");
    assert!(check.out().contains("DOMMAGES : au plus 1 instantané touché, 0 intact."), "{check}");
}

#[test]
fn times_are_those_of_the_computer() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("letter.txt", "hello");
    site.backup(&source);
    for words in [&["bilan", "list"][..], &["snapshots"], &["bilan", "show"]] {
        let here = site.agent.clone().with("TZ", "JST-9").ok(words);
        assert_ne!(here.out(), site.agent.ok(words).out(), "{words:?}");
    }
}
