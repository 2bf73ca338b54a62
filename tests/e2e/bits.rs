//! The disk of the computer turns one bit of what Scellé keeps there: the next backup still ends well, and what it stores
//! comes back as the source is.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::listing::files_at_rest;
use e2e::process::{copy, put_back};
use e2e::{Site, Tree, compare, noise, rounds};
use rusqlite::Connection;

/// Keys and place: a flip there is told, and answered with `init --join`.
const IDENTITY: &str = "device.json";

fn change_database(source: &Tree, from: u32) {
    let database = Connection::open(source.root().join("app.db")).unwrap();
    database.execute_batch("create table if not exists t (id integer primary key, text)").unwrap();
    database.execute_batch("begin").unwrap();
    for id in (from..from + 20_000).step_by(if from == 0 { 1 } else { 400 }) {
        database.execute("insert or replace into t select ?1, hex(randomblob(40))", [id]).unwrap();
    }
    database.execute_batch("commit").unwrap();
}

fn flip(path: &Path, bit: u64) {
    let mut bytes = fs::read(path).unwrap();
    let bit = bit % (bytes.len() as u64 * 8);
    bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

#[test]
fn one_bit_turned_in_the_local_state_stops_no_backup_and_spoils_none() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.fill_with_small_files(400, 40, 7);
    source.file("image.raw", noise(1, 700_000));
    change_database(&source, 0);
    site.backup(&source);
    source.file("letter.txt", noise(2, 3_000));
    change_database(&source, 7);
    site.backup(&source);
    let (home, store) = (site.path("image of the home"), site.path("image of the store"));
    copy(site.agent.home(), &home);
    copy(site.place.folder(), &store);
    source.file("later.raw", noise(3, 40_000));
    change_database(&source, 11);

    let state = site.state();
    let sized = |file: PathBuf| (file.metadata().unwrap().len(), file);
    let files: Vec<(u64, PathBuf)> = files_at_rest(&state).into_iter().map(sized).collect();
    let named = |name: &str| files.iter().any(|(_, file)| file.ends_with(name));
    for name in ["catalog.sqlite", "lists.sqlite", "journal.sqlite", "head.json", "refs.txt", "last.json"] {
        assert!(named(name), "{name}");
    }
    let mut faults = Vec::new();
    for (bytes, file) in files.iter().filter(|(bytes, file)| *bytes > 0 && !file.ends_with(IDENTITY)) {
        let name = file.strip_prefix(&state).unwrap();
        // One or two of many kept copies are as good as all of them.
        let is_many = name.components().count() > 1;
        let turns = if is_many { rounds(1, 4) } else { rounds(8, 100) };
        for turn in 0..u64::from(turns).min(bytes * 8) {
            put_back(&home, site.agent.home());
            put_back(&store, site.place.folder());
            // Spread over the file, each time at another bit of the byte.
            let bit = (bytes * 8 / u64::from(turns)) * turn + turn * 37 + 5;
            flip(file, bit);
            if let Err(fault) = goes_on(&site, &source) {
                faults.push(format!("{} bit {bit} of {}: {fault}", name.display(), bytes * 8));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

/// A restored folder may mix files of two days; a database that was mended by hand, tables.
#[test]
fn one_table_of_an_earlier_day_stops_no_backup_and_spoils_none() {
    let site = Site::on_dir();
    let source = site.source("source");
    source.fill_with_small_files(300, 40, 7);
    source.file("image.raw", noise(1, 700_000));
    change_database(&source, 0);
    site.backup(&source);
    let names = ["catalog.sqlite", "lists.sqlite", "journal.sqlite"];
    let earlier = |name: &str| site.path(&format!("earlier {name}"));
    for name in names {
        fs::copy(site.state().join(name), earlier(name)).unwrap();
    }
    source.file("letter.txt", noise(2, 3_000));
    source.file("second.raw", noise(4, 900_000));
    source.edit("image.raw", noise(5, 700_000));
    change_database(&source, 7);
    site.backup(&source);
    source.fill_with_small_files(20, 4, 8);
    fs::remove_file(source.path("second.raw")).unwrap();
    site.backup(&source);
    let (home, store) = (site.path("image of the home"), site.path("image of the store"));
    copy(site.agent.home(), &home);
    copy(site.place.folder(), &store);
    source.file("later.raw", noise(3, 40_000));
    change_database(&source, 11);

    let mut faults = Vec::new();
    for name in names {
        for table in tables_of(&site.state().join(name)) {
            put_back(&home, site.agent.home());
            put_back(&store, site.place.folder());
            set_back(&site.state().join(name), &earlier(name), &table);
            if let Err(fault) = goes_on(&site, &source) {
                faults.push(format!("{name}, {table}: {fault}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

fn tables_of(file: &Path) -> Vec<String> {
    let database = Connection::open(file).unwrap();
    let sql = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'";
    let mut tables = database.prepare(sql).unwrap();
    let names = tables.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

/// Gives a table the rows that it had in an earlier copy.
fn set_back(file: &Path, earlier: &Path, table: &str) {
    let database = Connection::open(file).unwrap();
    database.execute("attach ?1 as earlier", [earlier.to_str().unwrap()]).unwrap();
    let sql = format!("delete from main.{table}; insert into main.{table} select * from earlier.{table};");
    database.execute_batch(&sql).unwrap();
}

fn goes_on(site: &Site, source: &Tree) -> Result<(), String> {
    let backup = site.agent.run(["backup".as_ref(), source.root().as_os_str(), "--json".as_ref()]);
    if backup.code() != 0 {
        return Err(format!("backup: {backup}"));
    }
    let status = &backup.json()["status"];
    if status == "red" || status == "grey" {
        return Err(format!("status {status}: {backup}"));
    }
    let check = site.agent.run(["check", "--read-data", "all"]);
    if check.code() != 0 {
        return Err(format!("check: {check}"));
    }
    let to = site.path("restored");
    site.restore("latest", &to);
    let differences = compare::differences(source.root(), &site.restored(&to, source.root()));
    fs::remove_dir_all(to).unwrap();
    if differences.is_empty() { Ok(()) } else { Err(format!("restored: {differences:?}")) }
}
