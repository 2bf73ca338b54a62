//! Stock clients on the vault: rclone and restic as they come.

use std::fs;
use std::path::Path;
use std::process::Command;

use scelle_store::s3::{BucketSettings, S3Store};

use crate::program::{Program, credential, tool};

/// Files of every size that matters: none, one byte, one part, several parts.
fn tree(folder: &Path) {
    fs::create_dir_all(folder.join("été/deep")).unwrap();
    for (name, bytes) in
        [("empty", 0), ("one", 1), ("a b+c", 70_000), ("été/deep/ñ", 20_000), ("large", 30_000_000)]
    {
        let body: Vec<u8> = (0..bytes).map(|at: u32| (at ^ (at >> 7)) as u8).collect();
        fs::write(folder.join(name), body).unwrap();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
}

fn assert_same(one: &Path, other: &Path) {
    run(Command::new("diff").arg("-r").arg(one).arg(other));
}

#[tokio::test(flavor = "multi_thread")]
async fn rclone_and_restic_work_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (access, secret) = credential(&path("vault"), "cabinet", "admin");
    let vault = Program::start(&path("vault"), &[]);
    let endpoint = format!("http://{}", vault.address());
    for (bucket, lock) in [("plain", false), ("locked", true)] {
        let mut settings =
            BucketSettings::new(Some(endpoint.clone()), "us-east-1", bucket, &access, secret.as_str());
        settings.allow_plain_http_loopback = true;
        match lock {
            true => S3Store::create_bucket_with_lock(settings, 1).await.unwrap(),
            false => S3Store::create_plain_bucket(settings).await.unwrap(),
        };
    }
    tree(&path("source"));

    let rclone = |arguments: &[&str]| {
        let mut rclone = Command::new(tool("rclone"));
        rclone.env("RCLONE_CONFIG", path("none")).env("RCLONE_CONFIG_V_TYPE", "s3");
        rclone.env("RCLONE_CONFIG_V_PROVIDER", "Other").env("RCLONE_CONFIG_V_ENDPOINT", &endpoint);
        rclone
            .env("RCLONE_CONFIG_V_ACCESS_KEY_ID", &access)
            .env("RCLONE_CONFIG_V_SECRET_ACCESS_KEY", &secret);
        // Several parts, of which several at once.
        rclone.args(["--s3-upload-cutoff", "8M", "--s3-chunk-size", "8M"]).args(arguments);
        rclone
    };
    let (source, back) = (path("source"), path("back"));
    let (source_text, back_text) = (source.to_str().unwrap(), back.to_str().unwrap());
    for bucket in ["v:plain/rclone", "v:locked/rclone"] {
        run(&mut rclone(&["sync", source_text, bucket]));
        run(&mut rclone(&["check", "--download", source_text, bucket]));
        run(&mut rclone(&["copy", bucket, back_text]));
        assert_same(&source, &back);
        fs::remove_dir_all(&back).unwrap();
        run(&mut rclone(&["moveto", &format!("{bucket}/one"), &format!("{bucket}/two")]));
        run(&mut rclone(&["delete", &format!("{bucket}/two")]));
    }

    let restic = |arguments: &[&str]| {
        let mut restic = Command::new("restic");
        restic.env("AWS_ACCESS_KEY_ID", &access).env("AWS_SECRET_ACCESS_KEY", &secret);
        restic.env("RESTIC_PASSWORD", "x").env("RESTIC_CACHE_DIR", path("cache"));
        restic.args(["-r", &format!("s3:{endpoint}/plain/restic")]).args(arguments);
        restic
    };
    run(&mut restic(&["init"]));
    run(&mut restic(&["backup", source_text]));
    fs::write(source.join("one"), "changed").unwrap();
    run(&mut restic(&["backup", source_text]));
    run(&mut restic(&["check", "--read-data"]));
    run(&mut restic(&["restore", "latest", "--target", back_text]));
    assert_same(&source, &back.join(source_text.trim_start_matches('/')));
    run(&mut restic(&["forget", "--keep-last", "1", "--prune"]));
    run(&mut restic(&["check", "--read-data"]));
}
