// Builds a tiny repository (selftest-writer.mjs), verifies and restores it, then breaks it in every way the format
// says is seen, and expects exit 13 with the right word. Needs the `zstd` command. Exit 0 when all cases pass.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { generateHybridIdentity } from "age-encryption";
import { padme } from "./bytes.mjs";
import { frameContent, measureFrame, unfilter } from "./pack.mjs";
import { isHazard } from "./restore.mjs";
import { checkVectors } from "./selftest-vectors.mjs";
import { Writer, filter1, zstd } from "./selftest-writer.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const work = fs.mkdtempSync(path.join(os.tmpdir(), "scelle-decoder-"));
let passed = 0;
const failures = [];
function check(name, isRight, detail = "") {
  if (isRight) passed += 1;
  else failures.push(`${name} ${detail}`);
}

function run(...words) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(here, "decoder.mjs"), ...words], { encoding: "utf8" });
  return { status, stdout, stderr, kinds: stderr.split("\n").filter(Boolean).map((line) => line.split(" ")[0]) };
}

const MODIFIED = "1795293847123456789";
const FILES = {
  whole: Buffer.from("Compte rendu, une seule pièce.\n"),
  wave: Buffer.from(Int16Array.from({ length: 50000 }, (_, i) => 9000 * Math.sin(i / 40)).buffer).subarray(0, 99999),
  sliced: Buffer.from("le milieu d'un groupe"),
  long: randomBytes(70 * 900),
  sparseData: randomBytes(5000),
};

/** One repository with two snapshots; `defect` breaks one rule. */
async function build(name, defect) {
  const folder = path.join(work, name);
  const writer = new Writer(folder, defect);
  await writer.start();
  const group = Buffer.concat([Buffer.from("avant "), FILES.sliced, Buffer.from(" après")]);
  const pieces = Array.from({ length: 70 }, (_, i) => FILES.long.subarray(900 * i, 900 * (i + 1)));
  const frames = [{ chunks: [FILES.whole, group] }, { chunks: [FILES.wave], filter: 1 },
    { chunks: pieces.slice(0, 40) }, { chunks: [...pieces.slice(40), FILES.sparseData] }];
  const data = await writer.pack("p", frames);
  const pieceAt = (i) => data.at(3 + i);
  const rows = (from, to) => pieces.slice(from, to).map((_, i) => ({ at: pieceAt(from + i), covered: 900 }));
  const leaves = await writer.pack("m", [{ chunks: [writer.node(0, data, rows(0, 64)), writer.node(0, data, rows(64, 70))] }]);
  const upper = writer.node(1, leaves, [{ at: leaves.at(0), covered: 64 * 900 }, { at: leaves.at(1), covered: defect === "covered" ? 1 : 6 * 900 }]);

  const second = await writer.pack("m", [{ chunks: [upper] }]);
  const file = (fields) => ({ t: "f", m: MODIFIED, p: 0o640, u: process.getuid(), g: process.getgid(), ...fields });
  const line = (value) => `${JSON.stringify(value)}\n`;
  const hostileName = defect === "hostile-dots" ? ".." : defect === "hostile-slash" ? "a/b" : "plat";
  const hunks = [
    [{ hunk: 1, packs: [data.key], nodes: [second.key] }, { d: "" }, { n: "home", t: "d", m: MODIFIED, p: 0o750 }, { d: "home" },
      { n: "cabinet", t: "d", m: MODIFIED, p: 0o700 }, { d: "home/cabinet" },
      file({ n: "entier", s: FILES.whole.length, c: [data.at(0)], x: [["user.a", "AAE="]], h: 281474976710655 }),
      file({ n: "long", s: FILES.long.length, cut: "cdc:1:2:3", nl: { level: 1, c: [second.at(0)] } }),
      file({ n: "ondes", s: FILES.wave.length, c: [data.at(2)] })],
    [{ hunk: 1, packs: [data.key], nodes: [] }, { d: "home/cabinet" },
      file({ n: "part", s: defect === "manifest-sum" ? 3 : FILES.sliced.length, cut: "group", gr: [data.at(1), 6, FILES.sliced.length] }),
      { n: hostileName, t: "d", m: MODIFIED, p: 0o755 }, file({ n: "trou", s: 1000000, sp: [[4096, 2000], [500000, 3000]], c: [data.at(73)] }),
      file({ n: "vide", s: 0 }), { d: "home/cabinet/plat" },
      { n: { b64: Buffer.from([0x66, 0xff]).toString("base64") }, t: "l", m: MODIFIED, l: "../entier" },
      file({ n: "lié", s: FILES.whole.length, c: [data.at(0)], h: 281474976710655 })],
  ];
  if (defect === "hostile-symlink") {
    hunks[1].splice(3, 1, { n: "plat", t: "l", m: MODIFIED, l: work });
  }
  const bytesOf = (hunk) => hunk.reduce((sum, row) => sum + (row.s ?? 0), 0);
  const counts = hunks.map((hunk) => ({ entries: hunk.filter((row) => row.t).length, files: hunk.filter((row) => row.t === "f").length, bytes: bytesOf(hunk) }));
  const total = Object.fromEntries(["entries", "files", "bytes"].map((field) => [field, counts[0][field] + counts[1][field]]));
  const leafHunks = await writer.pack("m", [{ chunks: hunks.map((hunk) => Buffer.from(hunk.map(line).join(""))) }]);
  const firsts = ["home", "home/cabinet/part"];
  const level2 = Buffer.from([{ level2: 1, packs: [leafHunks.key] }, ...counts.map((count, i) => ({ first: firsts[i], at: leafHunks.at(i), ...count }))].map(line).join(""));
  const top = await writer.pack("m", [{ chunks: [level2] }]);
  const packs = [data, leaves, second, leafHunks, top];
  const index = await writer.indexSegment(data, 74);
  const root = (snapshot) => writer.rootObject({ snapshot, packs: [top.key], level2: [{ first: "home", at: top.at(0), ...total }],
    totals: { files: total.files, directories: 3, symlinks: defect === "hostile-symlink" ? 2 : 1, bytes: total.bytes, skipped: 0, problems: 0 } });
  const lines = (snapshot, status = "complete") => [`snapshot ${snapshot}`, `status ${status}`, "epoch 0", "set s1", `files ${total.files}`, "source-bytes 1", "stored-bytes 1"];
  writer.note("config", [], []);
  const full = writer.refs(null, defect === "refs-incomplete" ? packs.slice(0, 4) : packs, [index]);
  writer.note("snapshot", [["root", await root(1)], ["refs", full]], lines(1));
  const record = writer.attach(Buffer.from('{"a":1}'), "record");
  writer.note("bilan", [["record", record]], ["run backup", "status green", "snapshot 1"]);
  if (defect === "fork") writer.note("pause", [], [], { again: true });
  if (defect === "gap") writer.sequence += 2;
  if (defect === "gap") writer.note("gap", [], ["missing 4 5", "reason lost"]);
  if (defect === "gap-of-millions") {
    writer.sequence += 9e11;
    writer.note("gap", [], [`missing 4 ${writer.sequence}`, "reason lost"]);
  }
  if (defect === "note-with-unknown-line") writer.note("pause", [], ["why not"]);
  if (defect === "partial-with-root") writer.note("snapshot", [["root", await root(2)], ["refs", full]], lines(2, "partial"));
  if (defect === "missing-without-gap") writer.sequence += 1;
  if (defect === "forget-of-the-future") writer.note("forget", [], [`snapshot ${writer.device} 3`, "reason theft"]);
  writer.note("snapshot", [["refs", full]], lines(2, "partial"));
  writer.note("snapshot", [["root", await root(3)], ["refs", writer.refs(full, [], [index])]], lines(3));
  if (defect === "heal") {
    // The same chunks elsewhere, in another order of frames; the first pack is lost.
    const heir = await writer.pack("p", [...frames].reverse());
    const last = await writer.pack("p", frames);
    writer.note("heal", [], [`replaces p 0 ${data.hash}`, `by p 0 ${heir.hash} ${heir.bytes}`]);
    writer.note("heal", [], [`replaces p 0 ${heir.hash}`, `by p 0 ${last.hash} ${last.bytes}`]);
    fs.rmSync(path.join(writer.root, writer.objects.dataPack[0]));
  }
  writer.note("pause", [], []);
  if (defect === "note-signature") writer.note("pause", [], [], { signer: writer.owner });
  const kit = path.join(folder, "kit.txt");
  fs.writeFileSync(kit, `# a kit\n# owner 1/1 not read\n${writer.kit}\n`);
  return { folder, writer, kit, words: ["--store", folder, "--kit", kit, "--owner", writer.owner.vkey] };
}

function checkRestored(to) {
  const at = (name) => path.join(to, "home/cabinet", name);
  const same = (name, content) => check(`restored ${name}`, fs.readFileSync(at(name)).equals(content));
  same("entier", FILES.whole);
  same("ondes", FILES.wave);
  same("part", FILES.sliced);
  same("long", FILES.long);
  same("vide", Buffer.alloc(0));
  same("plat/lié", FILES.whole);
  const sparse = Buffer.alloc(1000000);
  FILES.sparseData.copy(sparse, 4096, 0, 2000);
  FILES.sparseData.copy(sparse, 500000, 2000);
  same("trou", sparse);
  const stat = fs.statSync(at("entier"), { bigint: true });
  check("mode", (stat.mode & 0o7777n) === 0o640n);
  const off = stat.mtimeNs - BigInt(MODIFIED);
  check("mtime", off > -1000n && off < 1000n, String(off));
  check("hardlink", stat.ino === fs.statSync(at("plat/lié"), { bigint: true }).ino && stat.nlink === 2n);
  check("directory mode", (fs.statSync(path.join(to, "home/cabinet")).mode & 0o7777) === 0o700);
  check("directory mtime", Math.abs(fs.statSync(path.join(to, "home")).mtimeMs - Number(MODIFIED.slice(0, 13))) < 2);
  const link = Buffer.concat([Buffer.from(`${at("plat")}/`), Buffer.from([0x66, 0xff])]);
  check("symlink", fs.readlinkSync(link) === "../entier");
}

const TAMPERS = {
  "flip first": (bytes) => { bytes[0] ^= 1; return bytes; },
  "flip middle": (bytes) => { bytes[bytes.length >> 1] ^= 1; return bytes; },
  "flip last": (bytes) => { bytes[bytes.length - 1] ^= 1; return bytes; },
  truncate: (bytes) => bytes.subarray(0, bytes.length - 1),
  empty: () => Buffer.alloc(0),
};

function tamperAll({ writer, words }) {
  const verify = (name, expected = 13) => {
    const { status, stderr } = run("verify", ...words);
    check(name, status === expected, `exit ${status} ${stderr.split("\n")[0]}`);
    check(`${name}, no file name`, !/home|cabinet|entier/.test(stderr));
  };
  const noteNames = [...writer.objects.note].sort();
  const file = (name) => path.join(writer.root, name);
  for (const [kind, names] of Object.entries(writer.objects)) {
    const name = names[0];
    const original = fs.readFileSync(file(name));
    for (const [how, change] of Object.entries(TAMPERS)) {
      // The free text of FORMAT.txt is nobody's to check.
      if (kind === "format" && !["flip first", "empty"].includes(how)) continue;
      fs.writeFileSync(file(name), change(Buffer.from(original)));
      verify(`${how} ${kind}`);
    }
    fs.rmSync(file(name));
    verify(`delete ${kind}`);
    fs.writeFileSync(file(name), original);
    const other = { record: writer.objects.refs[0], epochKey: writer.objects.deviceKey[0], deviceKey: writer.objects.epochKey[0],
      dataPack: writer.objects.manifestPack[0], index: writer.objects.dataPack[0], format: writer.objects.note[0] }[kind] ?? names[1];
    const second = fs.readFileSync(file(other));
    fs.writeFileSync(file(name), second);
    fs.writeFileSync(file(other), original);
    verify(`swap ${kind}`);
    fs.writeFileSync(file(name), original);
    fs.writeFileSync(file(other), second);
  }
  const newest = `desc/${999999999998}`;
  const held = fs.readFileSync(file(newest));
  fs.rmSync(file(newest));
  verify("rollback of the descriptor");
  fs.writeFileSync(file(newest), held);
  const head = fs.readFileSync(file(noteNames[0]));
  fs.rmSync(file(noteNames[0]));
  verify("the newest note alone deleted cannot be seen (§14.4)", 0);
  fs.writeFileSync(file(noteNames[0]), head);
  verify("put back", 0);
}

function checkCodecs() {
  for (let round = 0; round < 60; round += 1) {
    const length = round === 0 ? 1 : Math.floor(2 ** (Math.random() * 21));
    const content = Buffer.alloc(length);
    for (let at = 0; at < length;) {
      const run_ = Math.min(length - at, 1 + Math.floor(Math.random() * 5000));
      if (Math.random() < 0.3) randomBytes(run_).copy(content, at);
      else if (at > 0 && Math.random() < 0.6) content.copy(content, at, Math.floor(Math.random() * at), at + run_);
      else content.fill(String.fromCharCode(97 + (round % 26)), at, at + run_);
      at += run_;
    }
    const frame = zstd(content, 1 + (round % 19));
    const { end, contentBytes } = measureFrame(frame, 0);
    const row = { offset: 0, storedBytes: frame.length, plainBytes: length, filter: 0 };
    check(`zstd round ${round}`, end === frame.length && contentBytes === length && frameContent(frame, row, "-").equals(content));
    check(`filter round ${round}`, unfilter(1, filter1(content), "-").equals(content));
  }
  check("padme", [1, 2, 9, 1000, 65537, 100000].map(padme).join() === "1,2,10,1024,67584,100352", [1, 2, 9, 1000, 65537, 100000].map(padme).join());
}

async function main() {
  checkCodecs();
  if (process.argv[2]) checkVectors(process.argv[2], check);
  const good = await build("good");
  const verified = run("verify", ...good.words);
  check("verify", verified.status === 0 && verified.stderr === "" && !verified.stdout.includes("notice"), verified.stderr);
  const to = path.join(work, "to");
  const restored = run("restore", ...good.words, "--to", to);
  check("restore", restored.status === 0, restored.stderr);
  checkRestored(to);
  check("restore of the first", run("restore", ...good.words, "--to", path.join(work, "to1"), "--snapshot", "1").status === 0);
  check("restore into a full folder", run("restore", ...good.words, "--to", to).status === 2);
  check("no owner given", run("verify", ...good.words.slice(0, 4)).stdout.includes("notice owner-unpinned"));
  check("another owner", run("verify", ...good.words.slice(0, 5), good.writer.admin.vkey).kinds.includes("owner-mismatch"));
  const otherKit = path.join(work, "kit.txt");
  fs.writeFileSync(otherKit, `${await generateHybridIdentity()}\n`);
  check("wrong kit", run("verify", "--store", good.folder, "--kit", otherKit).status === 12);
  check("no repository", run("verify", "--store", here, "--kit", good.kit).status === 10);
  check("usage", run("verify").status === 2);

  const isSeen = { "id-mismatch": "id-mismatch", "trailer-sum": "trailer-malformed", "trailer-magic": "trailer-malformed",
    "off-ladder": "trailer-malformed", "padding-content": "trailer-malformed", "two-recipients": "pack-damaged",
    "unknown-filter": "unknown-filter", "unknown-feature": "unknown-feature", "descriptor-signature": "descriptor-signature",
    "admin-rights": "descriptor-signature", "epoch-key-forged": "epoch-key-forged", "secret-mismatch": "secret-mismatch",
    covered: "manifest-malformed", "manifest-sum": "manifest-malformed", "hostile-dots": "hostile-path", "hostile-slash": "hostile-path",
    "refs-incomplete": "refs-incomplete", "index-order": "index-malformed", fork: "fork", "missing-without-gap": "note-chain-broken",
    "note-signature": "note-signature", "x-line-by-admin": "descriptor-signature", "provisional-by-admin": "descriptor-signature",
    "note-with-unknown-line": "note-malformed", "partial-with-root": "note-malformed" };
  for (const [defect, kind] of Object.entries(isSeen)) {
    const { status, kinds, stderr } = run("verify", ...(await build(defect, defect)).words);
    check(`defect ${defect}`, status === 13 && kinds.includes(kind), `exit ${status} ${stderr}`);
  }
  for (const defect of ["hostile-dots", "hostile-slash", "hostile-symlink"]) {
    const { words } = await build(`${defect}-restore`, defect);
    const { status, kinds } = run("restore", ...words, "--to", path.join(work, `${defect}-to`));
    check(`restore ${defect}`, status === 13 && kinds.includes("hostile-path"), `exit ${status} ${kinds}`);
    check(`restore ${defect}, the rest`, fs.readFileSync(path.join(work, `${defect}-to`, "home/cabinet/entier")).equals(FILES.whole));
  }
  check("nothing written through the symlink", !fs.existsSync(path.join(work, "lié")));
  const healed = await build("heal", "heal");
  check("heal note", run("verify", ...healed.words).status === 0);
  check("restore from the heir", run("restore", ...healed.words, "--to", path.join(work, "healed")).status === 0);
  checkRestored(path.join(work, "healed"));
  check("gap note", run("verify", ...(await build("gap", "gap")).words).status === 0);
  check("gap note over millions", run("verify", ...(await build("gap-of-millions", "gap-of-millions")).words).status === 0);
  check("owner may drop x- lines", run("verify", ...(await build("x-line-by-owner", "x-line-by-owner")).words).status === 0);
  const pre = await build("forget-of-the-future", "forget-of-the-future");
  check("a forget of the future releases nothing", run("restore", ...pre.words, "--to", path.join(work, "pre")).stdout.includes("snapshot=3 "));
  check("a partial snapshot is never restored", run("restore", ...good.words, "--to", path.join(work, "part"), "--snapshot", "2").status === 2);
  for (const name of ["CON", "con.txt", "Aux ", "com1", "LPT\xc2\xb9.x", "a:b", "a.", "a ", "x\ty", "CONOUT$"]) check(`hazard ${name}`, isHazard(name));
  for (const name of ["CONS", "COM", "COM10", "a.con", "é", "nul-x"]) check(`no hazard ${name}`, !isHazard(name));
  const provisional = run("verify", ...(await build("provisional", "provisional")).words);
  check("provisional", provisional.status === 0 && provisional.stdout.includes("notice owner-not-signed"), provisional.stderr);
  fs.rmSync(path.join(good.writer.root, good.writer.epochFile));
  const lost = run("restore", ...good.words, "--to", path.join(work, "lost"));
  check("epoch key lost, copy in refs", lost.status === 13 && fs.existsSync(path.join(work, "lost/home/cabinet/long")), lost.stderr);
  tamperAll(await build("tampered"));
}

await main().catch((error) => failures.push(`stopped: ${error.stack}`));
fs.rmSync(work, { recursive: true, force: true });
for (const failure of failures) process.stdout.write(`FAILED ${failure}\n`);
process.stdout.write(`${passed} checks passed, ${failures.length} failed\n`);
process.exitCode = failures.length ? 1 : 0;
