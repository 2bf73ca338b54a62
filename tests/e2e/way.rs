//! The way to a bucket: private authorities, certificates that are refused, proxies with and without a password.
//!
//! With a real engine behind TLS, a real proxy before it, and servers whose certificates are wrong. Each cause is told in
//! words, in both languages; no secret of a proxy lies anywhere.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use e2e::bucket::Engine;
use e2e::way::{Authority, Tinyproxy, TlsServer};
use e2e::{Agent, Site, Tree, canary, listing};
use scelle_store::testing::ports;

const USER: &str = "utilisateurduproxy";
const PASSWORD: &str = "Mot-de_passe.9";
const TODAY: &str = "2020-01-01";

/// A practice whose bucket is reached with TLS, under the authority in `authority`; only that and a configuration lead there.
fn practice() -> (Site, Tree, Authority) {
    let mut authority = None;
    let site = Site::not_initialised(|folder| {
        let own = Authority::new(folder.join("authority"));
        let server = own.issue("server", "IP:127.0.0.1", TODAY);
        authority = Some(own);
        let engine = Engine::seaweed_with_tls(folder, &server.certificate, &server.key);
        let bucket = engine.bucket("cabinet", "sauvegarde").with_tls();
        bucket.make_locked(1);
        bucket.into()
    });
    let source = site.source("cabinet");
    source.file("lettre.txt", "une lettre");
    (site, source, authority.unwrap())
}

/// The agent with this text as its configuration, which lies where others do not read it.
fn configured(site: &Site, name: &str, text: &str) -> Agent {
    let path = site.path(name);
    fs::write(&path, text).unwrap();
    site.agent.clone().with("SCELLE_CONFIG", path)
}

fn init(site: &Site) -> Vec<OsString> {
    ["init", "--yes"].map(OsString::from).into_iter().chain(site.with_kit()).collect()
}

fn backup(source: &Tree) -> [OsString; 2] {
    ["backup".into(), source.root().into()]
}

/// Fails with 14 and these words, in French and in English.
fn fails(agent: &Agent, arguments: &[OsString], at: &str, french: &str, english: &str) {
    for (lang, words) in [("fr", french), ("en", english)] {
        let arguments = arguments.iter().cloned().chain(["-v".into()]);
        let said = agent.clone().with("SCELLE_LANG", lang).expect(14, arguments).err();
        assert!(said.contains(words) && said.contains(&format!("[{at}]")), "{said}");
    }
}

#[test]
fn each_way_to_name_a_private_authority_is_enough() {
    let (site, source, authority) = practice();
    let pem = authority.certificate();
    site.agent.expect(14, init(&site));
    let by_file = configured(&site, "by-file.toml", "[s3]\nca_file = \"authority/ca.pem\"\n");
    by_file.ok(init(&site));
    for agent in [
        by_file.clone(),
        site.agent.clone().with("AWS_CA_BUNDLE", &pem),
        site.agent.clone().with("SSL_CERT_FILE", &pem),
        // The configuration wins over a variable that leads nowhere.
        by_file.with("AWS_CA_BUNDLE", "/nowhere.pem"),
    ] {
        source.file("lettre.txt", "une autre lettre");
        agent.ok(backup(&source));
    }
    let lost = site.agent.clone().with("AWS_CA_BUNDLE", "/nowhere.pem");
    let said = lost.expect(2, backup(&source)).err();
    assert!(said.contains("[AWS_CA_BUNDLE]"), "{said}");
}

#[test]
fn a_proxy_is_used_left_out_and_told_of_and_its_password_lies_nowhere() {
    let (mut site, source, authority) = practice();
    site.agent = site.agent.clone().with("AWS_CA_BUNDLE", authority.certificate());
    let (open, closed) = (
        Tinyproxy::start(site.folder(), "open.conf", None),
        Tinyproxy::start(site.folder(), "closed.conf", Some((USER, PASSWORD))),
    );
    let by_open = site.agent.clone().with("HTTPS_PROXY", open.address(None));
    by_open.ok(init(&site));
    let tunnels = open.tunnels();
    assert!(tunnels > 0, "init went through it");
    // Left out, one way or the other: not even a dead one is in the way.
    let dead = ports::closed();
    let dead = format!("http://127.0.0.1:{}", dead.number);
    let by_dead = site.agent.clone().with("HTTPS_PROXY", &dead);
    by_dead.clone().with("NO_PROXY", "10.0.0.0/8, 127.0.0.0/8").ok(backup(&source));
    let straight = format!("[s3]\nproxy = \"{dead}\"\nno_proxy = \"127.0.0.1\"\n");
    configured(&site, "straight.toml", &straight).with("NO_PROXY", "elsewhere.fr").ok(backup(&source));
    assert_eq!(open.tunnels(), tunnels);
    fails(&by_dead, &backup(&source), &dead, "le proxy ne répond pas", "the proxy does not answer");
    // Nor is it said before that the store is silent: nobody asked it.
    let tried = by_dead.expect(14, backup(&source)).err();
    assert!(tried.contains("trying again") && !tried.contains("the store does not answer"), "{tried}");

    // Without a password it is asked once: trying again cannot help.
    let (address, asked) = (closed.address(None), closed.tunnels());
    let by_closed = site.agent.clone().with("ALL_PROXY", &address);
    let wants = ("le proxy demande un mot de passe", "the proxy wants a password");
    fails(&by_closed, &backup(&source), &address, wants.0, wants.1);
    assert_eq!(closed.tunnels(), asked + 2, "once in each language");
    // tinyproxy answers 401, not 407, to a wrong one.
    let wrong = site.agent.clone().with("HTTPS_PROXY", closed.address(Some(&format!("{USER}:{PASSWORD}x"))));
    let refuses = ("le proxy répond et ne mène pas au stockage", "the proxy answers and does not lead");
    fails(&wrong, &backup(&source), &address, refuses.0, refuses.1);

    // The right one, from a variable and from a file; everything is said as loudly as it can be.
    let log = site.path("log");
    let loud = |agent: Agent| {
        let words = ["-vv", "--json", "--log-level", "trace", "--log-file"].map(OsString::from);
        let words = words.into_iter().chain([log.join("scelle.log").into()]).chain(backup(&source));
        agent.ok(words);
    };
    loud(site.agent.clone().with("https_proxy", closed.address(Some(&format!("{USER}:{PASSWORD}")))));
    let login = site.path("proxy.secret");
    fs::write(&login, format!("{USER}:{PASSWORD}\n")).unwrap();
    let text = format!("[s3]\nproxy = \"{address}\"\nproxy_credentials_file = \"proxy.secret\"\n");
    let by_file = configured(&site, "closed.toml", &text).with("HTTPS_PROXY", &dead);
    fs::set_permissions(&login, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(by_file.expect(2, backup(&source)).err().contains("chmod 600"));
    fs::set_permissions(&login, fs::Permissions::from_mode(0o600)).unwrap();
    loud(by_file.clone());
    let restored = site.path("restored");
    let words =
        ["restore", "latest", "--to"].map(OsString::from).into_iter().chain([restored.clone().into()]);
    by_file.ok(words.chain(site.with_kit()));
    assert!(listing::files_at_rest(&restored).iter().any(|file| file.ends_with("lettre.txt")));

    let secrets = [USER, PASSWORD, "dXRpbGlzYXRldXJkdXByb3h5"].map(str::as_bytes);
    let seen = |bytes: &[u8]| secrets.iter().any(|secret| canary::contains(bytes, secret));
    assert!(!seen(&site.agent.said()), "printed");
    for folder in [site.agent.home(), &log as &Path] {
        let files = listing::files_at_rest(folder);
        assert!(!files.is_empty());
        for file in files {
            assert!(!seen(&fs::read(&file).unwrap()), "{}", file.display());
        }
    }
    assert!(seen(&fs::read(&login).unwrap()), "the search finds it");
}

#[test]
fn a_certificate_that_is_refused_is_told_with_its_cause() {
    let site = Site::not_initialised(e2e::Place::dir);
    site.agent.ok(["kit", "new", "--out", "kit.txt"]);
    let (known, unknown) = (Authority::new(site.path("known")), Authority::new(site.path("unknown")));
    let cases = [
        (
            known.issue_for("old", "IP:127.0.0.1", TODAY, 30),
            "le certificat du stockage a expiré",
            "certificate has expired",
        ),
        (
            known.issue("young", "IP:127.0.0.1", "2090-01-01"),
            "n'est pas encore valable",
            "certificate is not valid yet",
        ),
        (
            known.issue("other", "DNS:autre.example", TODAY),
            "celui d'un autre serveur",
            "certificate shown is another server's",
        ),
        (
            unknown.issue("stranger", "IP:127.0.0.1", TODAY),
            "une autorité inconnue de ce poste",
            "an authority that this computer does not know",
        ),
    ];
    let proxy = Tinyproxy::start(site.folder(), "proxy.conf", None);
    for (identity, french, english) in &cases {
        let server = TlsServer::start(identity);
        let at = server.endpoint();
        let agent = (site.agent.clone())
            .with("SCELLE_REPO", "s3://cabinet/sauvegarde")
            .with("SCELLE_S3_ENDPOINT", &at)
            .with("AWS_ACCESS_KEY_ID", "a")
            .with("AWS_SECRET_ACCESS_KEY", "b")
            .with("AWS_CA_BUNDLE", known.certificate());
        fails(&agent, &init(&site), &at, french, english);
        let asked = proxy.tunnels();
        // The same through a proxy: the certificate is the server's.
        let through = agent.with("HTTPS_PROXY", proxy.address(None));
        fails(&through, &init(&site), &at, french, english);
        assert_eq!(proxy.tunnels(), asked + 2, "once in each language: trying again cannot help");
    }
}

#[test]
fn without_an_address_it_is_said_that_amazon_was_tried_and_a_folder_needs_no_proxy() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    source.file("lettre.txt", "une lettre");
    // What cannot be used is in nobody's way where nothing goes that way.
    let odd =
        site.agent.clone().with("ALL_PROXY", "socks5://127.0.0.1:1").with("AWS_CA_BUNDLE", "/nowhere.pem");
    odd.ok(backup(&source));
    let lost = (site.agent.clone())
        .with("SCELLE_REPO", "s3://cabinet/sauvegarde")
        .with("SCELLE_S3_REGION", "nulle-part")
        .with("AWS_ACCESS_KEY_ID", "a")
        .with("AWS_SECRET_ACCESS_KEY", "b");
    let lost = lost.elsewhere(site.path("elsewhere"));
    lost.ok(["kit", "new", "--out", "other.txt"]);
    let words = ["init", "--yes", "--kit", "other.txt"].map(OsString::from);
    let at = "https://s3.nulle-part.amazonaws.com/cabinet/sauvegarde";
    fails(&lost, &words, at, "c'est Amazon qui a été essayé", "Amazon was tried");
}
