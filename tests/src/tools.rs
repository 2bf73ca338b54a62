//! Programs that share no code with the product: node with npm packages, zstd, Python.
//!
//! All are installed by `tests/run` (or here, when it is only an npm package) in
//! `${SCELLE_TOOLS:-$HOME/.cache/scelle-tools}`. Never: skips when one is missing.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The checkout that runs, which need not be the one that compiled: clones may share their compiled files.
pub fn checkout() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    package.parent().unwrap().to_owned()
}

/// Folder of the tools.
pub fn folder() -> PathBuf {
    std::env::var_os("SCELLE_TOOLS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/scelle-tools"),
        PathBuf::from,
    )
}

/// Runs a program and gives what it printed; panics when it is missing.
pub fn run<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = A>) -> Output {
    run_with_input(program, arguments, &[])
}

/// Runs a program with `input` on standard input.
pub fn run_with_input<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
    input: &[u8],
) -> Output {
    let program = program.as_ref();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{program:?}: {error}: run tests/run once, it installs what is missing")
        });
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Standard output of a program that has to succeed.
pub fn stdout_of(output: Output) -> Vec<u8> {
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Python of the tools' virtual environment.
pub fn python() -> PathBuf {
    folder().join("venv/bin/python")
}

/// The independent decoder, installed: the folder of `decoder.mjs`.
pub fn decoder() -> PathBuf {
    let install = checkout().join("repo-format/decoder/install");
    let printed = stdout_of(run(install, [""; 0]));
    let folder = PathBuf::from(String::from_utf8(printed).unwrap().trim_end());
    assert!(folder.join("decoder.mjs").is_file());
    folder
}

/// Opens a standard age file with npm `age-encryption` and an identity, both given as files. `Err` is what
/// it printed.
pub fn npm_age_decrypt(identity: &str, sealed: &[u8]) -> Result<Vec<u8>, String> {
    const SCRIPT: &str = r#"import { Decrypter } from "age-encryption";
const parts = []; for await (const part of process.stdin) parts.push(part);
const input = Buffer.concat(parts); const end = input.indexOf(10);
const decrypter = new Decrypter(); decrypter.addIdentity(input.subarray(0, end).toString());
process.stdout.write(await decrypter.decrypt(input.subarray(end + 1)));
"#;
    let script = decoder().join("e2e-age-decrypt.mjs");
    // Other tests run it at the same moment: none ever sees half of it.
    let mut temporary = tempfile::NamedTempFile::new_in(script.parent().unwrap()).unwrap();
    temporary.write_all(SCRIPT.as_bytes()).unwrap();
    temporary.persist(&script).unwrap();
    let input = [identity.as_bytes(), b"\n", sealed].concat();
    let output = run_with_input("node", [&script], &input);
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// `zstd -dc`, with stock zstd.
pub fn zstd_decompress(bytes: &[u8]) -> Vec<u8> {
    stdout_of(run_with_input("zstd", ["-dcq"], bytes))
}
