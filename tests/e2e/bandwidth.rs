//! The upload limit, from the configuration to the bytes that reach a real bucket.
//!
//! Only the floor of the time is asserted: a busy machine makes a run longer, never shorter. That the limit is also
//! reached, and evenly, is shown on a clock of the test's own beside the limit, and by `benches/link`.

use std::ffi::OsString;
use std::fs;
use std::time::Instant;

use e2e::Site;
use e2e::tree::noise;

const LIMIT_BYTES_PER_SECOND: u64 = 2_000_000;

#[test]
fn a_limited_backup_to_a_bucket_never_goes_faster_than_the_limit() {
    let site = Site::on_seaweed();
    let source = site.source("cabinet");
    // Packs of both workers, and what a run writes beside them, share the limit.
    for (seed, name) in [(1, "a.bin"), (2, "b.bin"), (3, "c.bin")] {
        source.file(name, noise(seed, 4_000_000));
    }
    let configuration = site.path("limite.toml");
    fs::write(&configuration, format!("[limits]\nupload_bytes_per_second = {LIMIT_BYTES_PER_SECOND}\n"))
        .unwrap();
    let before = site.place.stored_bytes();
    let began = Instant::now();
    site.agent.ok([OsString::from("backup"), source.root().into(), "--config".into(), configuration.into()]);
    let seconds = began.elapsed().as_secs_f64();
    let sent = site.place.stored_bytes() - before;
    assert!(sent >= 12_000_000, "{sent} bytes stored");
    let rate = sent as f64 / seconds;
    assert!(rate <= 1.05 * LIMIT_BYTES_PER_SECOND as f64, "{rate:.0} bytes a second");
}
