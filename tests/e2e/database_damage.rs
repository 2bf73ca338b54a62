//! A pack that holds pages of a database in use is lost or spoilt: its pages are stored again, from the database as it is.

use std::fs;
use std::path::Path;

use e2e::{Site, Tree};
use rusqlite::Connection;

const ROWS: u32 = 4_000;

/// A database with a write-ahead log, held open by its program.
fn held(source: &Tree) -> Connection {
    let database = Connection::open(source.root().join("app.db")).unwrap();
    database.pragma_update(None, "journal_mode", "wal").unwrap();
    database.execute_batch("create table t (id integer primary key, text)").unwrap();
    let row = "insert into t select ?1, hex(randomblob(100))";
    database.execute_batch("begin").unwrap();
    for id in 0..ROWS {
        database.execute(row, [id]).unwrap();
    }
    database.execute_batch("commit").unwrap();
    database
}

fn rows(file: &Path) -> u32 {
    let database = Connection::open(file).unwrap();
    let check: String = database.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    database.query_row("select count(*) from t", [], |row| row.get(0)).unwrap()
}

fn restored_rows(site: &Site, source: &Tree, snapshot: &str, name: &str) -> u32 {
    let to = site.path(name);
    site.restore(snapshot, &to);
    rows(&site.restored(&to, source.root()).join("app.db"))
}

fn data_packs(site: &Site) -> Vec<String> {
    site.objects("p/")
}

#[test]
fn pages_of_a_database_in_use_whose_pack_is_gone_are_stored_again() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let database = held(&source);
    site.backup(&source);
    data_packs(&site).iter().for_each(|name| fs::remove_file(site.object(name)).unwrap());
    // Without a check between: the run itself finds out.
    site.backup(&source);
    site.agent.ok(["check", "--read-data", "all"]);
    assert_eq!(restored_rows(&site, &source, "1", "first"), ROWS);
    assert_eq!(restored_rows(&site, &source, "2", "second"), ROWS);
    drop(database);
}

#[test]
fn pages_of_a_database_in_use_whose_pack_is_spoilt_are_stored_again() {
    let site = Site::on_dir();
    let source = site.source("cabinet");
    let database = held(&source);
    site.backup(&source);
    for name in data_packs(&site) {
        let mut bytes = fs::read(site.object(&name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(site.object(&name)).unwrap();
        fs::write(site.object(&name), bytes).unwrap();
    }
    site.agent.expect(13, ["check", "--read-data", "all"]);
    site.backup(&source);
    site.agent.ok(["check", "--read-data", "all"]);
    assert_eq!(restored_rows(&site, &source, "latest", "newest"), ROWS);
    assert_eq!(restored_rows(&site, &source, "1", "first"), ROWS);
    drop(database);
}
