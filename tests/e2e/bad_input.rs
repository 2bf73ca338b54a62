//! Every mistake is answered by one line that says what, where and what to do, in both languages, and by its code.

use std::fs;

use e2e::Site;
use e2e::mistakes::Table;
use scelle_format::kit::Kit;
use scelle_format::{descriptor::Descriptor, layout, note};
use scelle_store::testing::ports;

/// Begins every name of the practice.
const CANARY: &str = "DUPONT";

/// A practice with one snapshot.
fn practice() -> Site {
    let site = Site::on_dir_with_phrase();
    let source = site.source("source");
    source.file(format!("{CANARY}.txt"), "letter");
    site.backup(&source);
    site
}

#[test]
fn wrong_keys_are_told_apart() {
    let site = practice();
    site.other_computer("clean").ok([
        "kit".as_ref(),
        "new".as_ref(),
        "--out".as_ref(),
        site.path("other").as_os_str(),
    ]);
    let kit = fs::read_to_string(site.kit()).unwrap();
    fs::write(site.path("third-group"), mistyped(&kit, "AGE-SECRET-KEY-PQ-1", 14)).unwrap();
    fs::write(site.path("owner-group"), mistyped(&kit, "# owner ", 7)).unwrap();
    fs::write(site.path("letter"), "Bonjour Madame").unwrap();
    fs::write(site.path("empty"), "").unwrap();
    fs::write(
        site.path("wrong-phrase"),
        "abaisser abandon abdiquer abeille abolir aborder aboutir aboyer abrasif\n",
    )
    .unwrap();
    fs::write(site.path("no-phrase"), "je ne sais plus\n").unwrap();
    let stranger = site.other_computer("stranger");
    let mut table = Table::new(&site);
    for agent in [site.agent.clone(), stranger] {
        let mut add = |code, mistake, says, line: &str| {
            table.add(code, mistake, says, line).by(agent.clone());
        };
        let to = "restore 1 --to {back}";
        add(
            12,
            "kit of another repository",
            ["another repository", "autre dépôt"],
            &format!("{to} --kit {{other}}"),
        );
        add(
            12,
            "kit with one mistyped character",
            ["group 3 ", "groupe 3 "],
            &format!("{to} --kit {{third-group}}"),
        );
        add(
            12,
            "kit with a mistyped owner",
            ["group 2 ", "groupe 2 "],
            &format!("{to} --kit {{owner-group}}"),
        );
        add(2, "missing kit", ["does not exist", "introuvable"], &format!("{to} --kit {{nowhere}}"));
        add(2, "a letter for a kit", ["not a recovery kit", "pas un kit"], &format!("{to} --kit {{letter}}"));
        add(2, "an empty kit", ["not a recovery kit", "pas un kit"], &format!("{to} --kit {{empty}}"));
        add(
            12,
            "wrong phrase",
            ["this phrase", "cette phrase"],
            &format!("{to} --phrase-file {{wrong-phrase}}"),
        );
        add(
            12,
            "no phrase at all",
            ["this phrase", "cette phrase"],
            &format!("{to} --phrase-file {{no-phrase}}"),
        );
        add(
            2,
            "missing phrase",
            ["missing or empty", "introuvable ou vide"],
            &format!("{to} --phrase-file {{nowhere}}"),
        );
        add(
            2,
            "empty phrase",
            ["missing or empty", "introuvable ou vide"],
            &format!("{to} --phrase-file {{empty}}"),
        );
        add(2, "no key", ["needs a key", "besoin d'une clé"], "ls 1");
        add(
            2,
            "two keys",
            ["two keys", "deux clés"],
            &format!("{to} --kit {{kit.txt}} --phrase-file {{phrase.txt}}"),
        );
        add(12, "check with another kit", ["another repository", "autre dépôt"], "check --kit {other}");
        add(
            12,
            "check-kit with another kit",
            ["another repository", "autre dépôt"],
            "keys check-kit --kit {other}",
        );
        add(12, "ls with another kit", ["another repository", "autre dépôt"], "ls 1 --kit {other}");
    }
    table.assert_answered(CANARY);
}

/// The text with another character at `at` behind the first `head`.
fn mistyped(text: &str, head: &str, at: usize) -> String {
    let place = text.find(&format!("\n{head}")).unwrap() + 1 + head.len() + at;
    let other = if text[place..].starts_with(['q', 'Q']) { "p" } else { "q" };
    let mut text = text.to_owned();
    let is_upper = text[place..].starts_with(|c: char| c.is_ascii_uppercase());
    text.replace_range(place..=place, &if is_upper { other.to_uppercase() } else { other.to_owned() });
    text
}

#[test]
fn what_was_typed_is_explained() {
    let site = practice();
    fs::write(site.path("broken.toml"), "[repository\nurl = 7").unwrap();
    let mut table = Table::new(&site);
    let mut usage = |mistake, says, line: &str| {
        table.add(2, mistake, says, line);
    };
    usage("no command", ["no command", "aucune commande"], "");
    usage("unknown command", ["unknown command", "commande inconnue"], "frobnicate");
    usage("unknown option", ["unknown option", "option inconnue"], "backup --frobnicate {source}");
    usage("nothing to back up", ["nothing to back up", "rien à sauvegarder"], "backup");
    usage("restore nothing", ["missing", "manque"], "restore");
    usage("restore nowhere", ["where to restore", "où restaurer"], "restore 1 --kit {kit.txt}");
    usage(
        "restore to two places",
        ["where to restore", "où restaurer"],
        "restore 1 --to {back} --in-place --kit {kit.txt}",
    );
    usage(
        "no such snapshot",
        ["no such snapshot", "cet instantané"],
        "restore 99 --to {back} --kit {kit.txt}",
    );
    usage(
        "no snapshot at all",
        ["not understood", "non comprise"],
        "restore soon --to {back} --kit {kit.txt}",
    );
    usage("no such path", ["does not hold that path", "ne contient pas"], "ls 1 /nowhere --kit {kit.txt}");
    usage("read nothing back", ["not understood", "non comprise"], "check --read-data 0");
    usage("no language", ["not understood", "non comprise"], "check --lang tlh");
    usage("init without kit", ["name a kit", "indiquez un kit"], "init --repo file:///nowhere");
    usage("unknown address", ["not understood", "non comprise"], "check --repo ftp://somewhere/here");
    usage("configuration not there", ["configuration", "configuration"], "check --config {nowhere.toml}");
    usage("configuration broken", ["configuration", "configuration"], "check --config {broken.toml}");
    usage("no bilan", ["no such bilan", "ce bilan"], "bilan show 99");
    usage(
        "http",
        ["http://", "http://"],
        "check --repo s3://bucket/prefix --s3-endpoint http://192.0.2.1:9000",
    );
    usage(
        "http by name",
        ["http://", "http://"],
        "check --repo s3://bucket/prefix --s3-endpoint http://localhost.example:9000",
    );
    usage(
        "password in the address",
        ["not understood", "non comprise"],
        "check --repo s3://b/p --s3-endpoint https://user:secret@192.0.2.1",
    );
    let stranger = site.other_computer("stranger").with("SCELLE_REPO", "");
    for line in
        ["backup {source}", "check", "snapshots", "restore 1 --to {back} --kit {kit.txt}", "bilan list"]
    {
        table
            .add(2, "no repository named", ["no repository is given", "aucun dépôt"], line)
            .by(stranger.clone());
    }
    let later = ["prune", "prune --dry-run", "forget 1", "pause 2h"];
    let later =
        later.into_iter().chain(["keys add", "keys remove", "keys new-epoch", "keys enrol", "keys revoke"]);
    for line in
        later.chain(["bilan export 1 --format pdf --out {x}", "bilan export 1 --format html --out {x}"])
    {
        table.add(2, "a later version's command", ["not in this version", "pas dans cette version"], line);
    }
    table.assert_answered(CANARY);
    let said = String::from_utf8_lossy(&site.agent.said()).into_owned();
    assert!(!said.contains("secret@"), "a password in an output");
}

#[test]
fn what_is_not_there_is_said() {
    let site = practice();
    fs::create_dir(site.path("empty")).unwrap();
    let empty = format!("file://{}", site.path("empty").display());
    let nowhere = format!("file://{}", site.path("nowhere").display());
    let stranger = site.other_computer("stranger");
    let mut table = Table::new(&site);
    for line in [
        "check",
        "snapshots",
        "restore 1 --to {back} --kit {kit.txt}",
        "backup {source}",
        "init --join --kit {kit.txt} --yes",
    ] {
        let says = ["no repository", "aucun dépôt"];
        table
            .add(10, "an empty folder", says, line)
            .by(stranger.clone().with("SCELLE_REPO", &empty))
            .at("empty");
        let says = ["", ""];
        table
            .add(10, "no folder", says, line)
            .by(stranger.clone().with("SCELLE_REPO", &nowhere))
            .at("nowhere");
    }
    let kit = "init --kit {kit.txt} --yes";
    table.add(1, "init where a repository is", ["already exists", "existe déjà"], kit);
    table.add(1, "init from another computer", ["--join", "--join"], kit).by(stranger.clone());
    let other = "init --kit {other-kit} --phrase-file {other-phrase} --yes";
    table.add(1, "init with another kit", ["--join", "--join"], other).by(stranger.clone());
    table.add(1, "a source that is not there", ["does not exist", "introuvable"], "backup {nowhere}");
    let says = ["not part of", "ne fait pas partie"];
    let third = site.other_computer("third");
    table.add(2, "backup from a computer that has not joined", says, "backup {source}").by(third);
    table.assert_answered(CANARY);
    assert!(!site.path("nowhere").exists(), "a folder was made");
    assert!(!site.path("other-phrase").exists(), "a phrase that opens nothing was left behind");
    assert_eq!(fs::read_dir(site.path("empty")).unwrap().count(), 0, "something was written");

    // The repository that this computer knows is gone: a disk that is not plugged in, not a missing repository.
    fs::rename(site.place.folder(), site.path("unplugged")).unwrap();
    let mut table = Table::new(&site);
    for line in ["check", "snapshots", "backup {source}", "restore 1 --to {back} --kit {kit.txt}"] {
        table.add(14, "the known folder is gone", ["gone", "n'est plus là"], line);
    }
    table.assert_answered(CANARY);
    fs::create_dir(site.place.folder()).unwrap();
    let mut table = Table::new(&site);
    for line in ["check", "snapshots", "backup {source}", "restore 1 --to {back} --kit {kit.txt}"] {
        table.add(14, "the known folder is empty", ["gone", "n'est plus là"], line);
    }
    table.assert_answered(CANARY);
    fs::remove_dir(site.place.folder()).unwrap();
    fs::rename(site.path("unplugged"), site.place.folder()).unwrap();
    site.agent.ok(["check"]);
}

#[test]
fn a_repository_of_a_later_version_is_left_alone() {
    let lines =
        ["check", "snapshots", "restore 1 --to {back} --kit {kit.txt}", "init --join --kit {kit.txt} --yes"];
    let says = ["newer Scellé", "plus récente de Scellé"];
    // A signpost that nobody has signed stops nothing: the descriptor says the same, and is signed.
    let site = practice();
    let format = site.object(layout::FORMAT_TXT);
    let text = fs::read_to_string(&format).unwrap();
    for (right, altered) in [("required -", "required time-travel"), ("version 1", "version 3")] {
        fs::write(&format, text.replace(right, altered)).unwrap();
        let stranger = site.other_computer("stranger");
        let check = stranger.expect(13, ["check"]);
        assert!(check.err().contains("FORMAT.txt"), "{check}");
        let (to, kit) = (site.path("back"), site.kit());
        let to = to.to_str().unwrap();
        stranger.ok(["restore", "1", "--to", to, "--kit", kit.to_str().unwrap()]);
        fs::remove_dir_all(to).unwrap();
    }

    let site = practice();
    let kit = Kit::parse(&fs::read_to_string(site.kit()).unwrap()).unwrap();
    let bytes = fs::read(site.object(&layout::descriptor(1))).unwrap();
    let text = note::parse(&bytes).unwrap().text;
    let prev = Descriptor::parse(&text).unwrap().text_sha256();
    // Our own writer refuses a feature it does not know.
    let text = text
        .replace("\nrevision 1\n", "\nrevision 2\n")
        .replace("\nprev -\n", &format!("\nprev {prev}\n"))
        .replace("\nrequired -\n", "\nrequired time-travel\n");
    let signed = note::sign(&text, &[&kit.owner]).unwrap();
    fs::write(site.object(&layout::descriptor(2)), signed).unwrap();
    let stranger = site.other_computer("stranger");
    let objects = site.place.sizes();
    // Its own computer also backs up, and must not.
    let mut table = Table::new(&site);
    for line in lines {
        table
            .add(1, "a descriptor requires what is unknown", says, line)
            .by(stranger.clone())
            .at("time-travel");
    }
    for line in ["check", "snapshots", "backup {source}", "restore 1 --to {back} --kit {kit.txt}"] {
        table
            .add(1, "a descriptor requires what is unknown, on its own computer", says, line)
            .at("time-travel");
    }
    table.assert_answered(CANARY);
    assert_eq!(objects, site.place.sizes(), "something was written");
}

#[test]
fn an_s3_that_cannot_be_reached_is_tried_again_and_said() {
    let site = practice();
    let port = ports::closed();
    let closed = format!("http://127.0.0.1:{}", port.number);
    let stranger = site
        .other_computer("stranger")
        .with("SCELLE_REPO", "s3://bucket/prefix")
        .with("SCELLE_S3_ENDPOINT", &closed)
        .with("SCELLE_S3_REGION", "us-east-1");
    let with_credential =
        stranger.clone().with("AWS_ACCESS_KEY_ID", "key").with("AWS_SECRET_ACCESS_KEY", "secretsecret");
    let mut table = Table::new(&site);
    let says = ["does not answer", "ne répond pas"];
    table.add(14, "nobody listens", says, "check").by(with_credential.clone()).at("bucket");
    table.add(2, "no credential", ["no S3 credential", "aucun identifiant S3"], "check").by(stranger);
    table.assert_answered(CANARY);
    let outcome = with_credential.expect(14, ["check"]);
    assert!(outcome.err().matches("trying again in").count() >= 2, "retries are shown: {outcome}");
    let said = String::from_utf8_lossy(&site.agent.said()).into_owned();
    assert!(!said.contains("secretsecret"), "a credential in an output");
}

/// `--json` puts nothing else on standard output, whatever happens; help is no error.
#[test]
fn help_and_version_are_answers() {
    let site = Site::not_initialised(e2e::Place::dir);
    for line in [["--help"], ["--version"]] {
        let outcome = site.agent.ok(line);
        assert!(!outcome.stdout.is_empty() && outcome.stderr.is_empty(), "{outcome}");
    }
    let help = site.agent.clone().with("SCELLE_LANG", "fr").ok(["backup", "--help"]);
    assert!(help.out().contains("Utilisation"), "{help}");
}
