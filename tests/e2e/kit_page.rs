//! The printed page of a kit: whoever holds only this sheet opens the backups, by its code and by typing.

use std::fs;
use std::path::Path;

use e2e::{Place, Site, tools};

/// Draws the code of a page as a printer would, dot for dot, and reads it with zbar.
const READ_CODE: &str = r"
import re, sys
from pyzbar.pyzbar import ZBarSymbol, decode
page = sys.stdin.read()
width, height = map(int, re.search(r'viewBox=.0 0 (\d+) (\d+)', page).groups())
dots = bytearray(b'\xff' * (width * height))
for x, y, w, h in re.findall(r'M(\d+) (\d+)h(\d+)v(\d+)H', page):
    for row in range(int(y), int(y) + int(h)):
        start = row * width + int(x)
        dots[start:start + int(w)] = bytes(int(w))
found = decode((bytes(dots), width, height), symbols=[ZBarSymbol.QRCODE])
assert len(found) == 1, found
sys.stdout.buffer.write(found[0].data)
";

fn code_of(page: &str) -> String {
    let read = tools::run_with_input(tools::python(), ["-c", READ_CODE], page.as_bytes());
    String::from_utf8(tools::stdout_of(read)).unwrap()
}

/// A page as a person reads it: without what is between `<` and `>`.
fn plain(html: &str) -> String {
    let pieces = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<String>().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The lines of the frame with the key, as a person types them.
fn typed(page: &str) -> String {
    let (_, frame) = page.split_once("<div class=\"key\">").unwrap();
    let (frame, _) = frame.split_once("</div></div>").unwrap();
    frame.split("</div>").map(|line| plain(line) + "\n").collect()
}

/// What a page says below a heading.
fn fact(page: &str, of: &str) -> String {
    let (_, rest) = page.split_once(&format!("<dt>{of}</dt><dd>")).unwrap();
    plain(rest.split_once("</dd>").unwrap().0)
}

fn page_of(site: &Site, out: &Path, more: &[&str]) -> String {
    let words = [&["kit", "new", "--out", out.to_str().unwrap()], more].concat();
    site.agent.ok(words);
    fs::read_to_string(format!("{}.html", out.display())).unwrap()
}

#[test]
fn the_code_and_the_typed_lines_of_a_page_open_the_backups() {
    let site = Site::not_initialised(Place::dir);
    let made = site.path("made.txt");
    let page = page_of(&site, &made, &[]);
    site.agent.ok(["init", "--kit-public", &format!("{}.pub", made.display())]);
    let source = site.source("source");
    source.file("a.txt", "content");
    site.backup(&source);
    fs::remove_file(&made).unwrap();
    let address = fact(&page, "Address of the backups");
    for (name, text) in
        [("scanned", code_of(&page)), ("typed", typed(&page)), ("lower", typed(&page).to_lowercase())]
    {
        let (kit, to) = (site.path(&format!("{name}.txt")), site.path(&format!("to {name}")));
        fs::write(&kit, &text).unwrap();
        // What the steps of the page say, on a computer that knows nothing.
        let stranger = site.other_computer(&format!("stranger {name}"));
        assert!(plain(&page).contains("scelle restore NUMBER --to FOLDER --kit kit.txt --repo "), "{page}");
        stranger.ok(["snapshots", "--repo", &address]);
        let (kit, to) = (kit.to_str().unwrap(), to.to_str().unwrap());
        stranger.ok(["restore", "1", "--to", to, "--kit", kit, "--repo", &address]);
        assert!(site.restored(to.as_ref(), source.root()).join("a.txt").exists(), "{name}");
    }
    // A mistake is said with the number that stands above its group.
    let lines = typed(&page);
    let (_, groups) = lines.split_once("AGE-SECRET-KEY-PQ-1 ").unwrap();
    let third = &groups[12..18];
    let other: String = third.chars().rev().collect();
    let mistyped = site.path("mistyped.txt");
    fs::write(&mistyped, lines.replace(third, &other)).unwrap();
    let refused = site.agent.expect(12, ["ls", "1", "--kit", mistyped.to_str().unwrap()]);
    assert!(refused.err().contains("group 3"), "{refused}");
}

#[test]
fn the_page_says_where_the_backups_are_or_leaves_a_line_for_it() {
    let site = Site::not_initialised(Place::dir);
    let url = "s3://cabinet/a/b";
    let s3 = ["--repo", url, "--s3-endpoint", "https://s3.example", "--s3-region", "fr-1"];
    let page = page_of(&site, &site.path("en.txt"), &s3);
    assert_eq!(fact(&page, "Address of the backups"), "s3://cabinet/a/b");
    assert_eq!(fact(&page, "S3 service"), "https://s3.example");
    let command = "--kit kit.txt --repo s3://cabinet/a/b --s3-endpoint https://s3.example --s3-region fr-1";
    assert!(plain(&page).contains(command), "{page}");
    assert!(code_of(&page).contains("# where s3://cabinet/a/b\n# where https://s3.example\n"), "{page}");
    // Both fingerprints are those that `init` tells.
    let made = site.path("fr.txt");
    let page = page_of(&site, &made, &["--lang", "fr", "--repo", "file:///mnt/nas"]);
    assert_eq!(fact(&page, "Adresse des sauvegardes"), "file:///mnt/nas");
    for english in [" the ", "backup", "FOLDER", "fingerprint</dt>"] {
        assert!(!page.contains(english), "{english}: {page}");
    }
    let public = format!("{}.pub", made.display());
    let told = site.agent.json(["init", "--lang", "fr", "--kit-public", &public]);
    assert_eq!(told["owner_fingerprint"], fact(&page, "Empreinte du responsable").as_str());
    assert_eq!(told["recovery_fingerprint"], fact(&page, "Empreinte de la clé de secours").as_str());
}
