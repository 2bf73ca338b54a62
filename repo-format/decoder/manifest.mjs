// The tree of a snapshot (§8): root, level-2 nodes, hunks, chunk-list nodes, paths. Bytes in, checked values out.
// Paths and names are held as latin1 strings, one character per byte, so that comparing strings compares bytes.
import { Finding, LIMITS, decodeBase64, decodeUtf8, isCount, isHash, signedDecimal } from "./bytes.mjs";

const PACK = /^e(0|[1-9]\d{0,8})\/[0-9a-f]{64}$/;

function packTable(rows, kind, object) {
  if (!Array.isArray(rows) || !rows.every((row) => typeof row === "string" && PACK.test(row))) {
    throw new Finding("manifest-malformed", object, "packs");
  }
  return rows.map((row) => `${kind}/${row}`);
}

/** Reads a location array against a pack table (§8.1). */
function location(row, packs, object, isJson = true) {
  const [id, pack, frameOffset, frameBytes, offset, bytes, filter = 0] = Array.isArray(row) ? row : [];
  const wellFormed = Array.isArray(row) && (row.length === 6 || row.length === 7) && isHash(id)
    && isCount(pack) && pack < packs.length && isCount(frameOffset) && isCount(frameBytes) && isCount(offset)
    && isCount(bytes) && bytes >= 1 && isCount(filter) && (row.length === 6 || filter > 0 || !isJson)
    && frameOffset + frameBytes <= LIMITS.packPlain && offset + bytes <= LIMITS.frameContent;
  if (!wellFormed) throw new Finding("manifest-malformed", object, "location");
  if (filter > 1) throw new Finding("unknown-filter", object, `filter ${filter}`);
  return { id, pack: packs[pack], frameOffset, frameBytes, offset, bytes, filter };
}

/** A JSON string or `{"b64":…}` as the bytes of a path or name. */
function nameBytes(value, object) {
  const isText = typeof value === "string";
  const bytes = isText && value.isWellFormed() ? Buffer.from(value) : decodeBase64(value?.b64);
  if (!bytes || (!isText && decodeUtf8(bytes) !== null)) throw new Finding("manifest-malformed", object, "name");
  return bytes.toString("latin1");
}

function isSafeComponent(name) {
  return name.length >= 1 && name.length <= LIMITS.component && name !== "." && name !== ".." && !/[\0/]/.test(name);
}
function hostile(object) { return new Finding("hostile-path", object, "a path that must not be restored"); }

/** A path as its components; the empty string is the top. */
function components(path, object) {
  if (path === "") return [];
  const parts = path.split("/");
  if (path.length > LIMITS.path || parts.length > LIMITS.pathComponents || !parts.every(isSafeComponent)) throw hostile(object);
  return parts;
}

/** Whether an object has only fields this version names. */
const onlyFields = (value, names) => Object.keys(value).every((name) => names.includes(name));

function json(line, object) {
  const text = decodeUtf8(line);
  try {
    const value = JSON.parse(text ?? "");
    // A field that stands twice is malformed; JSON.parse would keep the last one.
    const isOnce = text.length === 0 || countFields(text) === countFields(JSON.stringify(value));
    if (isOnce && value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch { /* said below */ }
  throw new Finding("manifest-malformed", object, "not a JSON object");
}

/** Colons outside strings: one for each field. */
const countFields = (text) => text.replace(/"(?:[^"\\]|\\.)*"/g, "").split(":").length;

function* lines(bytes) {
  for (let at = 0; at < bytes.length;) {
    const found = bytes.indexOf(0x0a, at);
    const end = found < 0 ? bytes.length : found;
    yield bytes.subarray(at, end);
    at = end + 1;
  }
}

const summary = (row) => ({ entries: row.entries, files: row.files, bytes: row.bytes });

function nodeRow(row, packs, object) {
  const isSound = row !== null && typeof row === "object" && onlyFields(row, ["first", "at", "entries", "files", "bytes"]);
  if (!isSound || !isCount(row.entries) || !isCount(row.files) || !isCount(row.bytes)) throw new Finding("manifest-malformed", object, "row");
  return { first: components(nameBytes(row.first, object), object).join("/"), at: location(row.at, packs, object), ...summary(row) };
}

const ROOT_FIELDS = ["scelle", "repository", "device", "snapshot", "set", "time", "os", "roots", "generation", "dedup_secret",
  "older_secrets", "packs", "level2", "totals", "problems"];
const TOTALS = ["files", "directories", "symlinks", "bytes", "skipped", "problems"];

export function parseRoot(bytes, object) {
  const bad = (detail) => new Finding("root-malformed", object, detail);
  let root;
  try {
    root = JSON.parse(decodeUtf8(bytes));
  } catch {
    throw bad("not JSON");
  }
  const secrets = root?.older_secrets ?? [];
  const areSound = Array.isArray(secrets) && secrets.every((row, at) => Array.isArray(row) && row.length === 2 && isCount(row[0])
    && /^[0-9a-f]{64}$/.test(row[1]) && row[0] < (at === 0 ? root.generation : secrets[at - 1][0]));
  if (root?.scelle !== "root/1" || !areSound || !onlyFields(root, ROOT_FIELDS) || root.generation > 0xffff
    || !TOTALS.every((name) => isCount(root.totals?.[name])) || !Array.isArray(root.roots) || !Array.isArray(root.problems) || !Number.isInteger(root.generation) || !/^[0-9a-f]{64}$/.test(root.dedup_secret ?? "")
    || !Array.isArray(root.level2)) throw bad("fields");
  const packs = packTable(root.packs, "m", object);
  for (const row of root.roots) components(nameBytes(row?.path, object), object);
  return { olderSecrets: secrets, repository: root.repository, device: root.device, snapshot: root.snapshot, set: root.set, time: root.time,
    generation: root.generation, secret: root.dedup_secret, totals: root.totals,
    level2: root.level2.map((row) => nodeRow(row, packs, object)) };
}

export function parseLevel2(bytes, object) {
  const all = [...lines(bytes)].map((line) => json(line, object));
  if (all[0]?.level2 !== 1) throw new Finding("manifest-malformed", object, "not a level-2 node");
  if (bytes.length > LIMITS.nodePlain || all.length < 2) throw new Finding("manifest-malformed", object, "size of a level-2 node");
  const packs = packTable(all[0].packs, "m", object);
  return all.slice(1).map((row) => nodeRow(row, packs, object));
}

function extents(rows, size, object) {
  let end = 0;
  const ok = Array.isArray(rows) && rows.every((row) => {
    const fits = Array.isArray(row) && row.length === 2 && isCount(row[0]) && isCount(row[1]) && row[0] >= end && row[1] >= 1;
    end = fits ? row[0] + row[1] : end;
    return fits && end <= size;
  });
  if (!ok) throw new Finding("manifest-malformed", object, "sparse map");
  return rows;
}

/** What a file's bytes are made of: `{ chunks }`, `{ nodes, level }` or `{ slice }`. */
function content(entry, packs, nodes, object) {
  if ([entry.c, entry.nl, entry.gr].filter((way) => way !== undefined).length > 1) {
    throw new Finding("manifest-malformed", object, "content given twice");
  }
  if (entry.gr !== undefined) {
    const [chunk, offset, bytes] = Array.isArray(entry.gr) && entry.gr.length === 3 ? entry.gr : [];
    const at = location(chunk, packs, object);
    if (!isCount(offset) || !isCount(bytes) || bytes < 1 || offset + bytes > at.bytes || entry.sp !== undefined) throw new Finding("manifest-malformed", object, "slice");
    return { slice: { at, offset, bytes } };
  }
  if (entry.nl !== undefined) {
    if (!isCount(entry.nl?.level) || entry.nl.level >= LIMITS.nodeLevels || !Array.isArray(entry.nl.c)) {
      throw new Finding("manifest-malformed", object, "chunk list");
    }
    return { level: entry.nl.level, nodes: entry.nl.c.map((row) => location(row, nodes, object)) };
  }
  if (entry.c !== undefined && !Array.isArray(entry.c)) throw new Finding("manifest-malformed", object, "chunks");
  return { chunks: (entry.c ?? []).map((row) => location(row, packs, object)) };
}

function checkXattrs(rows, object) {
  let total = 0;
  const ok = Array.isArray(rows) && rows.length <= LIMITS.xattrs && rows.every((row) => {
    const value = decodeBase64(row?.[1]);
    total += value?.length ?? 0;
    return value && value.length <= LIMITS.xattrValue;
  });
  if (!ok || total > LIMITS.xattrTotal) throw new Finding("manifest-malformed", object, "extended attributes");
}

const I64 = 2n ** 63n;
const ENTRY_FIELDS = ["n", "t", "s", "m", "p", "u", "g", "un", "gn", "l", "x", "h", "sp", "cut", "c", "nl", "gr", "f"];
const CUT = /^(whole|group|paged:[1-9]\d*|cdc(:[1-9]\d*){3})$/;

function entryFrom(raw, directory, packs, nodes, object) {
  const bad = (detail) => new Finding("manifest-malformed", object, detail);
  const name = nameBytes(raw.n, object);
  if (!isSafeComponent(name)) throw hostile(object);
  const parts = [...directory, name];
  if (parts.length > LIMITS.pathComponents || parts.join("/").length > LIMITS.path) throw hostile(object);
  if (!onlyFields(raw, ENTRY_FIELDS)) throw bad("unknown field");
  const entry = { parts, type: raw.t, modified: signedDecimal(raw.m),
    mode: raw.p ?? null, uid: raw.u ?? null, gid: raw.g ?? null, hardlink: raw.h ?? null };
  if (entry.modified === null || entry.modified < -I64 || entry.modified >= I64) throw bad("modification time");
  if ([entry.mode, entry.uid, entry.gid].some((number) => number !== null && !isCount(number)) || entry.mode > 0o7777) throw bad("mode or owner");
  if (entry.hardlink !== null && !(isCount(entry.hardlink) && entry.hardlink < 2 ** 48 && raw.t === "f")) throw bad("hardlink group");
  if (raw.cut !== undefined && !CUT.test(raw.cut)) throw bad("cut");
  const isOther = raw.t !== "f" && [raw.s, raw.sp, raw.c, raw.nl, raw.gr].some((field) => field !== undefined);
  if (isOther || (raw.t !== "l" && raw.l !== undefined)) throw bad("a field of another type");
  if (raw.x !== undefined) checkXattrs(raw.x, object);
  if (raw.t === "l") {
    entry.target = nameBytes(raw.l, object);
    if (entry.target === "" || entry.target.includes("\0")) throw bad("symlink target");
  } else if (raw.t === "f") {
    if (!isCount(raw.s)) throw bad("size");
    entry.bytes = raw.s;
    entry.sparse = raw.sp === undefined ? null : extents(raw.sp, raw.s, object);
    entry.content = content(raw, packs, nodes, object);
    entry.dataBytes = entry.sparse ? entry.sparse.reduce((sum, [, length]) => sum + length, 0) : raw.s;
    const { chunks, slice } = entry.content;
    const listed = slice ? slice.bytes : chunks?.reduce((sum, chunk) => sum + chunk.bytes, 0);
    if (listed !== undefined && listed !== entry.dataBytes) throw bad("chunks do not add up to the file");
  } else if (raw.t !== "d") {
    throw bad("type");
  }
  return entry;
}

/**
 * The entries of a hunk. With `tolerate(finding)` an entry that cannot be used is handed over and passed by;
 * without it the first one throws.
 */
export function parseHunk(bytes, object, tolerate) {
  if (bytes.length > LIMITS.nodePlain) throw new Finding("manifest-malformed", object, "size of a hunk");
  const entries = [];
  let packs = null;
  let nodes = null;
  let directory = null;
  for (const line of lines(bytes)) {
    const raw = json(line, object);
    if (packs === null) {
      if (raw.hunk !== 1 || !onlyFields(raw, ["hunk", "packs", "nodes"])) throw new Finding("manifest-malformed", object, "not a hunk");
      packs = packTable(raw.packs, "p", object);
      nodes = packTable(raw.nodes ?? [], "m", object);
      continue;
    }
    try {
      if (raw.d !== undefined && raw.n === undefined) {
        directory = null;
        directory = components(nameBytes(raw.d, object), object);
        continue;
      }
      if (directory === null) throw new Finding("manifest-malformed", object, "entry outside a usable directory");
      if (entries.length >= LIMITS.hunkEntries) throw new Finding("manifest-malformed", object, "too many entries");
      entries.push(entryFrom(raw, directory, packs, nodes, object));
    } catch (error) {
      if (!tolerate || !(error instanceof Finding)) throw error;
      tolerate(error);
    }
  }
  if (packs === null || (entries.length === 0 && !tolerate)) throw new Finding("manifest-malformed", object, "empty hunk");
  return entries;
}

/** Whether two paths stand in the order of §8.2: by parent directory, component by component, then by name. */
export function inOrder(before, after) {
  const [a, b] = [before, after].map((parts) => [parts.slice(0, -1).join("\0"), parts.at(-1)]);
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

/** Rows of a chunk-list node (§8.4): locations with `covered`, in `p/` at level 0, in `m/` above. */
export function parseNode(bytes, object) {
  const bad = (detail) => new Finding("manifest-malformed", object, `chunk-list node: ${detail}`);
  if (bytes.length < 16 || bytes.toString("latin1", 0, 4) !== "SCCL" || bytes.readUInt16LE(4) !== 1 || bytes[7] !== 0) throw bad("header");
  const level = bytes[6];
  const count = bytes.readUInt32LE(8);
  const packCount = bytes.readUInt32LE(12);
  if (count < 1 || count > LIMITS.nodeRows || packCount > LIMITS.nodeRows || level >= LIMITS.nodeLevels || bytes.length !== 16 + 36 * packCount + 61 * count) throw bad("length");
  const kind = level === 0 ? "p" : "m";
  const packs = [];
  for (let at = 16; packs.length < packCount; at += 36) {
    packs.push(`${kind}/e${bytes.readUInt32LE(at)}/${bytes.toString("hex", at + 4, at + 36)}`);
  }
  let at = 16 + 36 * packCount;
  const column = (width, read) => {
    const values = Array.from({ length: count }, (_, row) => read(at + width * row));
    at += width * count;
    return values;
  };
  const u32 = (position) => bytes.readUInt32LE(position);
  const columns = [column(32, (position) => bytes.toString("hex", position, position + 32)),
    column(4, u32), column(4, u32), column(4, u32), column(4, u32), column(4, u32), column(1, (position) => bytes[position])];
  const covered = column(8, (position) => Number(bytes.readBigUInt64LE(position)));
  const rows = covered.map((bytesBelow, row) => {
    const found = { ...location(columns.map((values) => values[row]), packs, object, false), covered: bytesBelow };
    if (found.filter > 1 || !isCount(bytesBelow) || (level === 0 && bytesBelow !== found.bytes)) throw bad("covered");
    return found;
  });
  return { level, rows };
}
