//! A plan is the unit of a run: its own folders, exclusions, label and history, whatever other plans there are.

use std::ffi::OsString;
use std::fs;

use e2e::{Site, Tree};
use serde_json::Value;

struct Practice {
    site: Site,
    letters: Tree,
    images: Tree,
}

impl Practice {
    fn new() -> Self {
        let site = Site::on_dir();
        let (letters, images) = (site.source("letters"), site.source("images"));
        letters.file("a.txt", "a letter");
        letters.file("b.tmp", "left out by the plan of letters");
        images.file("c.tmp", "an image that this plan keeps");
        Self { site, letters, images }
    }

    /// Writes the configuration beside the state.
    fn configure(&self, plans: &[&str], rest: &str) {
        let table = |plan: &&str| {
            let (paths, exclude) = match *plan {
                "letters" => (self.letters.root(), "[\"**/*.tmp\"]"),
                _ => (self.images.root(), "[]"),
            };
            format!("[[plan]]\nname = \"{plan}\"\npaths = ['{}']\nexclude = {exclude}\n", paths.display())
        };
        let text: String = plans.iter().map(table).chain([rest.to_owned()]).collect();
        fs::write(self.site.agent.home().join("config.toml"), text).unwrap();
    }

    fn backup(&self) -> Value {
        self.site.agent.json(["backup"])
    }

    fn sets(&self) -> Vec<String> {
        let listed = self.site.agent.json(["bilan", "list"]);
        listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn each_plan_is_a_run_with_its_own_exclusions() {
    let practice = Practice::new();
    practice.configure(&["letters", "images"], "");
    let document = practice.backup();
    let runs = document["runs"].as_array().unwrap();
    let of = |plan: &str| runs.iter().find(|run| run["plan"] == plan).unwrap();
    assert_eq!(of("letters")["files"]["new"], 1, "{document}");
    assert_eq!(of("images")["files"]["new"], 1, "the exclusion of another plan: {document}");
    assert_eq!(document["files"]["new"], 2);
    assert_eq!((&of("letters")["snapshot"], &of("images")["snapshot"]), (&1.into(), &2.into()));
    assert_eq!(practice.sets().len(), 2, "a bilan each");
}

#[test]
fn snapshots_and_bilans_are_listed_with_their_plan() {
    let practice = Practice::new();
    practice.configure(&["letters", "images"], "");
    practice.backup();
    let other = practice.site.source("other");
    other.file("x", "of no plan");
    practice.site.backup(&other);
    for words in [["snapshots", "--json"], ["bilan list", "--json"]] {
        let words = words.iter().flat_map(|word| word.split(' '));
        let listed = practice.site.agent.ok(words).json();
        let plans: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["plan"].clone()).collect();
        assert_eq!(plans, ["letters".into(), "images".into(), Value::Null], "{listed}");
    }
    for words in [&["snapshots"][..], &["bilan", "list"]] {
        let shown = practice.site.agent.ok(words).out();
        let ends: Vec<_> = shown.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(ends, ["plan", "letters", "images", "-"], "{shown}");
    }
    // Its folders alone say which plan it was.
    practice.configure(&["images"], "");
    let listed = practice.site.agent.json(["snapshots"]);
    assert_eq!((&listed[0]["plan"], &listed[1]["plan"]), (&Value::Null, &"images".into()), "{listed}");
    practice.configure(&[], "");
    assert!(!practice.site.agent.ok(["snapshots"]).out().contains("plan"));
}

#[test]
fn a_plan_keeps_its_history_when_others_come_and_go() {
    let practice = Practice::new();
    practice.configure(&["letters"], "");
    practice.backup();
    for plans in [&["letters", "images"][..], &["letters"][..], &["images", "letters"][..]] {
        practice.configure(plans, "");
        let document = practice.backup();
        let runs = document["runs"].as_array().cloned().unwrap_or_else(|| vec![document.clone()]);
        let letters = runs.iter().find(|run| run["plan"] == "letters").unwrap();
        assert_eq!(
            (&letters["files"]["new"], &letters["files"]["unchanged"]),
            (&0.into(), &1.into()),
            "{document}"
        );
        assert_eq!(letters["files"]["removed"], 0, "{document}");
    }
    // The same folders given by hand are the same set.
    let by_hand = practice.site.agent.json([
        "backup".as_ref(),
        practice.letters.root().as_os_str(),
        "--exclude".as_ref(),
        "**/*.tmp".as_ref(),
    ]);
    assert_eq!(by_hand["files"]["new"], 0, "{by_hand}");
}

#[test]
fn a_plan_that_fails_does_not_keep_the_next_from_being_saved() {
    let practice = Practice::new();
    practice.configure(&["images", "letters"], "");
    fs::remove_dir_all(practice.images.root()).unwrap();
    let outcome = practice.site.agent.run(["backup", "--json"]);
    let document = outcome.json();
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs[1]["files"]["new"], 1, "{document}");
    assert_eq!((&document["status"], &document["problems"]), (&"red".into(), &1.into()), "{document}");
    assert_ne!(outcome.code(), 0, "{outcome}");
    // A person is told which.
    let told = practice.site.agent.run(["backup"]);
    assert!(told.err().contains("plan 1 (images) was not saved"), "{told}");
    assert!(!told.err().contains("plan 2"), "{told}");
}

#[test]
fn what_the_store_has_lost_is_said_once_for_all_plans() {
    let practice = Practice::new();
    practice.configure(&["images", "letters"], "");
    practice.backup();
    for pack in practice.site.objects("p/") {
        fs::remove_file(practice.site.object(&pack)).unwrap();
    }
    for source in [&practice.images, &practice.letters] {
        fs::remove_dir_all(source.root()).unwrap();
        fs::create_dir(source.root()).unwrap();
        source.file("other.txt", "something else");
    }
    practice.site.agent.expect(13, ["check"]);
    let told = practice.site.agent.run(["backup"]);
    assert_eq!(told.err().matches("still lost or damaged").count(), 1, "{told}");
}

#[test]
fn keys_without_effect_are_named_and_those_with_effect_are_in_the_bilan() {
    let practice = Practice::new();
    let rest = "label = \"Courriers\"\nschedule = \"30 12 * * Mon-Fri\"\n[limits]\nmemory_bytes = 5\n[host]\n\
                name = \"Hebergeur Exemple\"\ncertified_until = \"2099-12-31\"\ncountry = \"FR\"\n";
    practice.configure(&["letters"], rest);
    let outcome = practice.site.agent.run(["--lang", "fr", "backup"]);
    assert_eq!(outcome.code(), 0, "{outcome}");
    assert!(outcome.err().contains("« limits.memory_bytes »"), "{outcome}");
    assert!(outcome.err().contains("config.toml:8"), "{outcome}");
    assert!(!outcome.err().contains("schedule"), "the service acts on it: {outcome}");
    assert!(!outcome.err().contains("host"), "{outcome}");
    // Whatever the options; once.
    for (options, expected) in [("-q", "warning: the key"), ("--json", "{\"warning\":\"the key")] {
        let outcome = practice.site.agent.ok([options, "backup"]);
        assert_eq!(outcome.err().matches(expected).count(), 1, "{outcome}");
    }
    let exported = practice.site.path("bilan.json");
    let line = ["bilan", "export", "latest", "--format", "json", "--out"].map(OsString::from);
    practice.site.agent.ok(line.into_iter().chain([exported.clone().into()]));
    let record: Value = serde_json::from_slice(&fs::read(exported).unwrap()).unwrap();
    for word in ["Courriers", "Hebergeur Exemple"] {
        assert!(record.to_string().contains(word), "{word}: {record}");
    }
    practice.configure(&["letters"], "label = \"/srv/DUPONT\"\n");
    let refused = practice.site.agent.run(["backup"]);
    assert_eq!(refused.code(), 2, "{refused}");
    assert!(refused.err().contains("config.toml:5"), "{refused}");
}

/// What keeps the pen from being taken up: a file that this computer cannot read.
#[test]
fn a_run_without_a_pen_leaves_a_bilan_for_each_plan() {
    let practice = Practice::new();
    practice.configure(&["letters", "images"], "");
    practice.backup();
    let agent = &practice.site.agent;
    let note = practice.site.state().join("pending.json");
    std::os::unix::fs::symlink(&note, &note).unwrap();
    let told = agent.expect(1, ["backup"]);
    assert!(told.err().contains("2 bilans kept on this computer"), "{told}");
    fs::remove_file(&note).unwrap();
    practice.backup();
    let rows = agent.json(["bilan", "list"]);
    let lights = rows.as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap());
    assert_eq!(lights.filter(|light| *light == "red").count(), 2, "both were sent: {rows}");
}

#[test]
fn what_several_plans_saved_is_not_restored_as_if_one_were_all() {
    let practice = Practice::new();
    practice.configure(&["letters", "images"], "");
    practice.backup();
    let to = practice.site.path("restored");
    for word in ["latest", "2099-12-31"] {
        let refused = practice.site.try_restore(word, &to, 2);
        assert!(refused.err().contains("/1@") && refused.err().contains("/2@"), "{refused}");
    }
    assert!(!to.exists());
    practice.site.restore("1", &to);
    practice.site.restore("2", &to);
    for tree in [&practice.letters, &practice.images] {
        assert!(practice.site.restored(&to, tree.root()).is_dir());
    }
}

/// The disk was not plugged in: what could not begin is a result too, once for each plan.
#[test]
fn a_run_that_cannot_begin_leaves_a_bilan_for_each_plan() {
    let practice = Practice::new();
    practice.configure(&["letters", "images"], "");
    practice.backup();
    let agent = &practice.site.agent;
    let here = practice.site.place.folder();
    let away = practice.site.path("unplugged");
    fs::rename(here, &away).unwrap();
    let told = agent.expect(14, ["backup"]);
    assert!(told.err().contains("2 bilans kept on this computer"), "{told}");
    agent.expect(14, ["backup"]);
    fs::rename(&away, here).unwrap();

    let ids = |rows: &Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let rows = agent.json(["bilan", "list"]);
    let kept: Vec<String> = ids(&rows).into_iter().filter(|id| id.contains("unsent")).collect();
    assert_eq!(kept.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{rows}");
    for id in &kept {
        let shown = agent.json(["bilan", "show", id])["record"].clone();
        assert_eq!(
            (&shown["run"]["result"], &shown["status"]["overall"]),
            (&"failed".into(), &"red".into()),
            "{shown}"
        );
    }
    practice.backup();
    let rows = agent.json(["bilan", "list"]);
    assert!(ids(&rows).len() == 8 && !ids(&rows).iter().any(|id| id.contains("unsent")), "{rows}");
    // A wrong command line is no run.
    agent.expect(2, ["backup", "--exclude", "["]);
    assert_eq!(ids(&agent.json(["bilan", "list"])).len(), 8);
}

/// What a practice may consult at any time does not hang on a disk that is plugged in.
#[test]
fn bilans_are_listed_shown_and_exported_while_the_store_is_away() {
    let practice = Practice::new();
    practice.configure(&["letters", "images"], "");
    practice.backup();
    let agent = &practice.site.agent;
    let with_store = agent.json(["bilan", "list"]);
    let shown = agent.json(["bilan", "show"]);
    let (state, here) = (practice.site.state(), practice.site.place.folder());
    let away = practice.site.path("unplugged");
    fs::rename(here, &away).unwrap();

    assert_eq!(agent.json(["bilan", "list"]), with_store, "all of them are this computer's own");
    let told = agent.expect(0, ["bilan", "show"]);
    assert!(told.err().contains("from the copies on this computer"), "{told}");
    assert_eq!(agent.json(["bilan", "show"]), shown);
    let number = shown["id"].as_str().unwrap().rsplit('-').next().unwrap();
    assert_eq!(agent.json(["bilan", "show", number]), shown, "one of this computer's own");
    let file = practice.site.path("bilan.json");
    agent.ok(["bilan", "export", "latest", "--format", "json", "--out", file.to_str().unwrap()]);
    assert_eq!(agent.json(["bilan", "verify", file.to_str().unwrap()])["intact"], true);

    // A failed run is the newest then, and is shown too.
    agent.expect(14, ["backup"]);
    assert_eq!(agent.json(["bilan", "show"])["record"]["run"]["result"], "failed");
    let other = practice.site.path("other.json");
    let told =
        agent.expect(2, ["bilan", "export", "latest", "--format", "json", "--out", other.to_str().unwrap()]);
    assert!(told.err().contains("not in the repository yet"), "{told}");
    // Bilans are all that copies answer for.
    for command in [
        &["snapshots"][..],
        &["check"],
        &["bilan", "acknowledge", "--author", "secretary", "--reason", "other"],
    ] {
        agent.expect(14, command);
    }
    // A copy that is no longer what was signed is not shown as if it were.
    let kept = state.join("kept");
    for file in fs::read_dir(&kept).unwrap().map(|file| file.unwrap().path()) {
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    agent.expect(14, ["bilan", "show", with_store[0]["id"].as_str().unwrap()]);

    // What is not kept here is not missing there.
    let records = fs::read_dir(&kept).unwrap().map(|file| file.unwrap().path());
    let is_record = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("a_");
    records.filter(is_record).for_each(|path| fs::remove_file(path).unwrap());
    agent.expect(14, ["bilan", "show", with_store[0]["id"].as_str().unwrap()]);
}
