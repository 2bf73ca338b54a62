// `restore`: one whole snapshot into an empty folder: files, directories, symlinks, hardlinks, modes, times (Node
// passes times as doubles: about a quarter of a microsecond is kept of the nanoseconds), owners when run as root.
// Not restored: extended attributes and ACLs, which Node's standard library cannot set, and owner names.
// Order matters for safety: nothing is ever written below a path that this run has not made as a directory.
import fs from "node:fs";
import path from "node:path";
import { Finding, Stop, sha256Hex } from "./bytes.mjs";
import { parseHunk, parseLevel2 } from "./manifest.mjs";
import { packName } from "./store.mjs";

/** The snapshot to restore: the one asked for, else the newest complete one. */
export function choose(repository, device, number) {
  const devices = [...repository.chains.keys()].filter((id) => !device || id === device)
    .filter((id) => repository.snapshots(id).length > 0);
  if (devices.length === 0) throw new Stop(repository.report.count ? 13 : 10, "no snapshot");
  if (devices.length > 1) throw new Stop(2, `several devices, choose one with --device: ${devices.join(" ")}`);
  const found = repository.snapshots(devices[0])
    .filter((note) => (number === undefined ? note.snapshot.status === "complete" && !note.isForgotten
      : note.snapshot.number === number && note.snapshot.status === "complete"));
  if (found.length === 0) throw new Stop(repository.report.count ? 13 : 2, "no such snapshot");
  if (number !== undefined && found.length > 1) throw new Stop(2, "two snapshots bear this number: the ledger has a fork");
  return found.reduce((newest, note) => (note.snapshot.number >= newest.snapshot.number ? note : newest));
}

export async function restore(repository, note, to) {
  if (fs.existsSync(to) && (!fs.statSync(to).isDirectory() || fs.readdirSync(to).length > 0)) {
    throw new Stop(2, "the target must be an empty or a new folder");
  }
  fs.mkdirSync(to, { recursive: true });
  // Copies of the keys, should keys/ be damaged; and older dedup secrets.
  await repository.report.attempt(() => repository.refs(note.snapshot.refs.hash));
  const root = await repository.root(note);
  await repository.readDeviceFiles();
  const tree = new Tree(repository, to);
  for (const node of root.level2) {
    await repository.report.attempt(async () => {
      const rows = parseLevel2(await repository.chunk(node.at), packName(node.at.pack));
      for (const row of rows) await repository.report.attempt(() => tree.hunk(row));
    });
  }
  tree.finish();
  process.stdout.write(`restored snapshot=${note.snapshot.number} device=${note.device} files=${tree.made.f} `
    + `directories=${tree.made.d} symlinks=${tree.made.l} bytes=${tree.made.bytes} findings=${repository.report.count}\n`);
}

/** A name (latin1 of its bytes) that Windows takes for a stream, a device or another name (§8.2). */
export function isHazard(name) {
  const stem = name.split(".")[0].replace(/ +$/, "").toUpperCase();
  return /[\\:*?"<>|\x00-\x1f]|[. ]$/.test(name) || /^(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)(\d|\xc2[\xb9\xb2\xb3]))$/.test(stem);
}

class Tree {
  #directories = new Map([["", null]]);
  #links = new Map();
  made = { f: 0, d: 0, l: 0, bytes: 0 };

  constructor(repository, to) {
    this.repository = repository;
    this.report = repository.report;
    this.to = Buffer.from(path.resolve(to) + path.sep);
    this.isRoot = process.getuid?.() === 0;
  }

  async hunk(row) {
    const object = packName(row.at.pack);
    const entries = parseHunk(await this.repository.chunk(row.at), object, (finding) => this.report.add(finding));
    for (const entry of entries) {
      try {
        await this.#entry(entry, object);
      } catch (error) {
        // Only the code of a system error is said: its message holds the path.
        this.report.add(error instanceof Finding || !error.code ? error : new Finding("not-restored", object, error.code));
      }
    }
  }

  async #entry(entry, object) {
    this.#parents(entry.parts, object);
    const where = this.#path(entry.parts, object);
    if (entry.type === "d") this.#directory(entry, where);
    else if (this.#link(entry, where)) return;
    else if (entry.type === "l") this.#symlink(entry, where);
    else await this.#file(entry, where, object);
  }

  #path(parts, object) {
    // On Windows these would be streams, devices or other folders.
    if (process.platform === "win32" && parts.some((part) => isHazard(part))) throw new Finding("hostile-path", object);
    const where = Buffer.concat([this.to, Buffer.from(parts.join(path.sep), "latin1")]);
    return process.platform === "win32" ? where.toString() : where;
  }

  /** Makes the directories above an entry that have no entry of their own; whatever else stands there is hostile. */
  #parents(parts, object) {
    for (let depth = 1; depth < parts.length; depth += 1) {
      const above = parts.slice(0, depth);
      const key = above.join("/");
      if (this.#directories.has(key)) continue;
      try {
        fs.mkdirSync(this.#path(above, object));
      } catch (error) {
        if (error.code === "EEXIST") throw new Finding("hostile-path", object, "an entry below something that is no directory");
        throw error;
      }
      this.#directories.set(key, null);
    }
  }

  #directory(entry, where) {
    const key = entry.parts.join("/");
    if (!this.#directories.has(key)) fs.mkdirSync(where, { mode: 0o700 });
    this.#directories.set(key, { entry, where });
    this.made.d += 1;
  }

  /** A further name of a file already made: a link, provided it says it has the same content. */
  #link(entry, where) {
    if (entry.hardlink === null) return false;
    const { chunks, nodes, slice } = entry.content ?? {};
    const ids = (chunks ?? nodes ?? (slice ? [slice.at] : [])).map((at) => at.id);
    const same = sha256Hex(JSON.stringify([entry.type, entry.bytes, entry.target, entry.sparse, slice?.offset, ids]));
    const first = this.#links.get(entry.hardlink);
    if (!first) {
      this.#links.set(entry.hardlink, { where, same });
      return false;
    }
    if (first.same !== same || !first.isMade) return false;
    fs.linkSync(first.where, where);
    this.made[entry.type] += 1;
    this.made.bytes += entry.bytes ?? 0;
    return true;
  }
  #isMade(entry) {
    const first = this.#links.get(entry.hardlink);
    if (first) first.isMade = true;
  }

  #symlink(entry, where) {
    fs.symlinkSync(Buffer.from(entry.target, "latin1"), where);
    if (this.isRoot && entry.uid !== null && entry.gid !== null) fs.lchownSync(where, entry.uid, entry.gid);
    if (entry.modified !== null) fs.lutimesSync(where, seconds(entry.modified), seconds(entry.modified));
    this.made.l += 1;
    this.#isMade(entry);
  }

  async #file(entry, where, object) {
    const file = fs.openSync(where, "wx", 0o600);
    try {
      await this.#write(entry, file, object);
      this.#attributes(entry, file);
    } catch (error) {
      fs.closeSync(file);
      fs.rmSync(where);
      throw error;
    }
    fs.closeSync(file);
    this.made.f += 1;
    this.made.bytes += entry.bytes;
    this.#isMade(entry);
  }

  async #write(entry, file, object) {
    const spans = entry.sparse ?? (entry.bytes > 0 ? [[0, entry.bytes]] : []);
    let span = 0;
    let used = 0;
    let total = 0;
    for await (const at of this.repository.dataChunks(entry.content)) {
      let bytes = await this.repository.chunk(at);
      const { slice } = entry.content;
      if (slice) bytes = bytes.subarray(slice.offset, slice.offset + slice.bytes);
      total += bytes.length;
      if (total > entry.dataBytes) break;
      while (bytes.length > 0) {
        const [offset, length] = spans[span];
        const part = bytes.subarray(0, length - used);
        for (let done = 0; done < part.length;) done += fs.writeSync(file, part, done, part.length - done, offset + used + done);
        bytes = bytes.subarray(part.length);
        used += part.length;
        if (used === length) {
          span += 1;
          used = 0;
        }
      }
    }
    if (total !== entry.dataBytes) throw new Finding("manifest-malformed", object, "chunks do not add up to the file");
    if (entry.sparse) fs.ftruncateSync(file, entry.bytes);
  }

  #attributes(entry, file) {
    if (this.isRoot && entry.uid !== null && entry.gid !== null) fs.fchownSync(file, entry.uid, entry.gid);
    // Without root the file belongs to whoever restores: it must not run as that person for others.
    if (entry.mode !== null) fs.fchmodSync(file, entry.mode & (this.isRoot ? 0o7777 : 0o1777));
    if (entry.modified !== null) fs.futimesSync(file, seconds(entry.modified), seconds(entry.modified));
  }

  /** Directories get their attributes last, deepest first, once nothing is written in them any more. */
  finish() {
    const kept = [...this.#directories.values()].filter(Boolean);
    for (const { entry, where } of kept.sort((a, b) => b.entry.parts.length - a.entry.parts.length)) {
      try {
        if (this.isRoot && entry.uid !== null && entry.gid !== null) fs.chownSync(where, entry.uid, entry.gid);
        if (entry.mode !== null) fs.chmodSync(where, entry.mode & 0o7777);
        if (entry.modified !== null) fs.utimesSync(where, seconds(entry.modified), seconds(entry.modified));
      } catch (error) {
        this.report.find("not-restored", "-", error.code);
      }
    }
  }
}

const seconds = (nanoseconds) => Number(nanoseconds / 1000000000n) + Number(nanoseconds % 1000000000n) / 1e9;
