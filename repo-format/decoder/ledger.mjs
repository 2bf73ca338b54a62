// Ledger notes (§10) and refs (§9): grammar, one chain per device, and what a snapshot needs.
import { Finding, LIMITS, decimal, decodeBase64, decodeUtf8, isHash, isTime, isWord, onLadder, signedDecimal } from "./bytes.mjs";
import { signers, splitNote } from "./note.mjs";
import { attachmentName, numberFromInverse } from "./store.mjs";

const HEADER = ["scelle/note/1", "repository", "device", "sequence", "kind", "time", "clock-offset-ms", "instance", "prev",
  "descriptor", "generation"];

function parseNote(note, object) {
  const bad = (detail) => new Finding("note-malformed", object, detail);
  const lines = note.text.split("\n").slice(0, -1);
  const header = {};
  HEADER.forEach((word, index) => {
    const line = lines[index];
    if (index === 0 ? line !== word : !line?.startsWith(`${word} `)) throw bad(`expected ${word}`);
    header[word] = line.slice(word.length + 1);
  });
  const parsed = { object, textHash: note.textHash, repository: header.repository, device: header.device, kind: header.kind,
    sequence: decimal(header.sequence), prev: header.prev, time: header.time, generation: decimal(header.generation),
    attachments: [], lines: [] };
  const descriptor = header.descriptor.split(" ");
  parsed.descriptor = { revision: decimal(descriptor[0]), hash: descriptor[1] };
  const wellFormed = parsed.sequence >= 1 && parsed.generation !== null && isTime(parsed.time)
    && (parsed.prev === "-" || isHash(parsed.prev)) && parsed.descriptor.revision >= 1 && descriptor.length === 2
    && isHash(descriptor[1]) && (header["clock-offset-ms"] === "-" || signedDecimal(header["clock-offset-ms"]) !== null) && /^[0-9a-f]{16}$/.test(header.instance)
    && isWord(parsed.kind) && (parsed.sequence === 1) === (parsed.prev === "-");
  if (!wellFormed) throw bad("header");
  for (const line of lines.slice(HEADER.length)) {
    const words = line.split(" ");
    if (words[0] !== "attach") {
      parsed.lines.push(words);
      continue;
    }
    const [, role, hash, size] = words;
    if (words.length !== 4 || !isHash(hash) || decimal(size) === null || parsed.lines.length) throw bad("attach");
    if (!isWord(role) || parsed.attachments.some((row) => row.role === role)) throw bad("role");
    parsed.attachments.push({ role, hash, bytes: decimal(size) });
  }
  return parsed;
}

/** The first words of the lines of each known kind, in order; `+` one or more, `*` any number. */
const LINES = { snapshot: "snapshot status epoch set files source-bytes stored-bytes", bilan: "run status snapshot", restore: "",
  forget: "snapshot+ reason", heal: "replaces by+", damage: "found-by bad* good*", gap: "missing reason", proof: "holder epoch opened signature", probe: "",
  config: "", keys: "", pause: "", rewound: "from to", acknowledge: "bilan set snapshot author reason", loss: "bilan lost+ snapshots author reason" };
const AUTHORS = /^(secretary|practitioner|responsible|provider)$/;
const REASONS = /^(moved|deleted-on-purpose|archived|replaced|other)$/;

function hasItsLines(note) {
  const words = note.lines.map((row) => row[0]);
  for (const wanted of LINES[note.kind].split(" ").filter(Boolean)) {
    const word = wanted.replace(/[+*]$/, "");
    if (!wanted.endsWith("*") && words.shift() !== word) return false;
    while (/[+*]$/.test(wanted) && words[0] === word) words.shift();
  }
  return words.length === 0;
}

/** Checks known kinds and takes apart what this reader acts upon; other kinds are kept as they are. */
function readKind(note) {
  const bad = () => new Finding("note-malformed", note.object, `lines of ${note.kind}`);
  if (!(note.kind in LINES)) return note;
  if (!hasItsLines(note)) throw bad();
  const one = (word) => {
    const rows = note.lines.filter((row) => row[0] === word);
    if (rows.length !== 1) throw bad();
    return rows[0].slice(1);
  };
  const pack = ([kind, epoch, hash]) => {
    if (!/^[pm]$/.test(kind) || decimal(epoch) === null || !isHash(hash)) throw bad();
    return `${kind}/e${epoch}/${hash}`;
  };
  if (note.kind === "snapshot") {
    const attached = (role) => {
      const rows = note.attachments.filter((row) => row.role === role);
      return rows[0] ?? null;
    };
    note.snapshot = { number: decimal(one("snapshot")[0]), status: one("status")[0], epoch: decimal(one("epoch")[0]),
      set: one("set")[0], root: attached("root"), refs: attached("refs") };
    const { number, status, epoch } = note.snapshot;
    const { root, refs } = note.snapshot;
    const source = decimal(one("source-bytes")[0]);
    const isSound = number >= 1 && epoch !== null && isWord(note.snapshot.set) && source !== null && onLadder(source, 0)
      && refs && (status === "complete" ? root : status === "partial" && !root);
    if (!isSound) throw bad();
  } else if (note.kind === "forget") {
    const rows = note.lines.filter((row) => row[0] === "snapshot");
    if (!rows.every((row) => row.length === 3 && /^[0-9a-f]{16}$/.test(row[1]) && decimal(row[2]) >= 1)) throw bad();
    note.forgets = rows.map((row) => `${row[1]} ${row[2]}`);
  } else if (note.kind === "heal") {
    const by = note.lines.filter((row) => row[0] === "by").map((row) => [pack(row.slice(1, 4)), decimal(row[4])]);
    if (by.length === 0 || by.some(([, bytes]) => bytes === null)) throw bad();
    note.heal = { replaces: pack(one("replaces")), by };
    if (by.some(([heir]) => heir[0] !== note.heal.replaces[0] || heir === note.heal.replaces)) throw bad();
  } else if (note.kind === "damage") {
    const names = note.lines.slice(1).map((row) => row.at(-1));
    const fits = note.lines.every((row) => row.length === (row[0] === "bad" ? 3 : 2) && (row[0] === "good" || isWord(row[1])))
      && names.every((name) => /^[pmia]\/[a-z0-9/]{1,126}$/.test(name));
    if (!fits || names.length === 0 || new Set(names).size !== names.length) throw bad();
  } else if (note.kind === "acknowledge") {
    const [bilan, snapshot] = ["bilan", "snapshot"].map((word) => decimal(one(word)[0]));
    const isSound = bilan >= 1 && bilan < note.sequence && snapshot >= 1 && isWord(one("set")[0])
      && AUTHORS.test(one("author")[0]) && REASONS.test(one("reason")[0]) && note.lines.every((row) => row.length === 2);
    if (!isSound) throw bad();
  } else if (note.kind === "loss") {
    const names = note.lines.filter((row) => row[0] === "lost").map((row) => row[1]);
    const bilan = decimal(one("bilan")[0]);
    const isSound = bilan >= 1 && bilan < note.sequence && decimal(one("snapshots")[0]) !== null
      && names.every((name) => /^[pmia]\/[a-z0-9/]{1,126}$/.test(name)) && new Set(names).size === names.length
      && AUTHORS.test(one("author")[0]) && REASONS.test(one("reason")[0]) && note.lines.every((row) => row.length === 2);
    if (!isSound) throw bad();
  } else if (note.kind === "gap") {
    note.gap = one("missing").map(decimal);
    if (note.gap.length !== 2 || note.gap.includes(null) || note.gap[0] < 1 || note.gap[0] > note.gap[1]
      || note.gap[1] >= note.sequence) throw bad();
  }
  return note;
}

/** The valid notes of one device by sequence number; a note that is not valid is a finding and no more. */
function readValid(store, device, key, isRevoked, report) {
  const bySequence = new Map();
  for (const name of store.list(`c/${device}`)) {
    const object = `c/${device}/${name}`;
    try {
      const parts = /^(\d{12})-([0-9a-f]{64})\.note$/.exec(name);
      const sequence = parts && numberFromInverse(parts[1]);
      if (!sequence) throw new Finding("name-malformed", object);
      if (!key) throw new Finding("note-signature", object, "no descriptor names this device");
      const note = splitNote(store.readHashed(object, parts[2], LIMITS.note), object);
      if (signers(note, [key], object, "note-signature").length === 0) {
        throw new Finding("note-signature", object, "not signed by its device");
      }
      const parsed = readKind(parseNote(note, object));
      if (parsed.repository !== store.repoId || parsed.device !== device || parsed.sequence !== sequence) {
        throw new Finding("note-malformed", object, "repository, device or sequence differ from the name");
      }
      if (isRevoked(parsed)) throw new Finding("device-revoked", object, "written after the device was revoked");
      bySequence.set(sequence, [...(bySequence.get(sequence) ?? []), parsed]);
    } catch (error) {
      report.add(error);
    }
  }
  return bySequence;
}

/**
 * The chain of one device, oldest first. It is followed from the newest note down, so that in a fork the branch
 * that was continued counts.
 */
export function loadChain(store, device, key, isRevoked, report) {
  const bySequence = readValid(store, device, key, isRevoked, report);
  const chain = [];
  const gaps = [];
  const covered = (from, to) => {
    // Ranges, not numbers: a gap may be as wide as a hostile note says.
    let missing = from;
    while (missing <= to) {
      const last = Math.max(0, ...gaps.filter(([first, end]) => first <= missing && missing <= end).map(([, end]) => end));
      if (last === 0) return false;
      missing = last + 1;
    }
    return true;
  };
  let later = null;
  const broken = (object, detail) => report.find("note-chain-broken", object, detail);
  for (const sequence of [...bySequence.keys()].sort((a, b) => b - a)) {
    const candidates = bySequence.get(sequence);
    // Other signatures on one text make no fork.
    if (new Set(candidates.map((note) => note.textHash)).size > 1) report.find("fork", `c/${device}`, `two valid notes of sequence ${sequence}`);
    const next = candidates.find((note) => note.textHash === later?.prev) ?? candidates[0];
    if (later) {
      const isNeighbour = later.sequence === sequence + 1;
      if (isNeighbour ? later.prev !== next.textHash : !covered(sequence + 1, later.sequence - 1)) {
        broken(later.object, isNeighbour ? "prev is not the hash of the note before" : "notes are missing");
      }
    }
    if (next.gap) gaps.push(next.gap);
    chain.push(next);
    later = next;
  }
  if (later && later.sequence === 1 && later.prev !== "-") broken(later.object, "the first note has a prev");
  if (later && later.sequence > 1 && !covered(1, later.sequence - 1)) broken(later.object, "notes are missing");
  return chain.reverse();
}

const KEY_NAME = /^(keys\/(e\d{1,9}\/\d{8}|d[0-9a-f]{16}|r2\/\d{8})\.age|desc\/\d{12})$/;

/** Parses one refs attachment. Packs are written `p/e<k>/<sha256>`. */
export function parseRefs(bytes, repoId, object) {
  const bad = (detail) => new Finding("refs-malformed", object, detail);
  const text = decodeUtf8(bytes);
  if (text === null || !text.endsWith("\n")) throw bad("not text");
  const lines = text.slice(0, -1).split("\n").map((line) => line.split(" "));
  if (lines[0].join(" ") !== "scelle/refs/1") throw bad("first line");
  if (lines[1]?.join(" ") !== `repository ${repoId}`) throw bad("another repository");
  if (lines[2]?.[0] !== "device" || !/^[0-9a-f]{16}$/.test(lines[2][1] ?? "")) throw bad("device");
  const refs = { device: lines[2][1], base: null, keys: [], add: [], remove: [], indexes: [] };
  const base = lines[3] ?? [];
  if (base[0] !== "base" || !(base[1] === "-" ? base.length === 2 : isHash(base[1]) && base.length === 3 && decimal(base[2]) >= 1
    && decimal(base[2]) <= LIMITS.refsDepth)) throw bad("base");
  if (base[1] !== "-") refs.base = base[1];
  refs.depth = refs.base ? decimal(base[2]) : 0;
  const order = ["key", "+", "-", "i"];
  let stage = 0;
  const pack = ([, kind, epoch, hash]) => {
    if (!/^[pm]$/.test(kind ?? "") || decimal(epoch) === null || !isHash(hash)) throw bad("pack");
    return `${kind}/e${epoch}/${hash}`;
  };
  const size = (word) => decimal(word) ?? (() => { throw bad("size"); })();
  for (const row of lines.slice(4)) {
    const found = order.indexOf(row[0]);
    if (found < stage) throw bad(found < 0 ? "unknown line" : "order of lines");
    stage = found;
    if (row[0] === "key") {
      const copy = decodeBase64(row[2]);
      if (row.length !== 3 || !KEY_NAME.test(row[1]) || !copy || refs.base) throw bad("key");
      refs.keys.push([row[1], copy]);
    } else if (row[0] === "+") {
      if (row.length !== 5 || size(row[4]) > LIMITS.packObject) throw bad("pack");
      refs.add.push([pack(row), size(row[4])]);
    } else if (row[0] === "-") {
      if (!refs.base || row.length !== 4) throw bad("removal");
      refs.remove.push(pack(row));
    } else {
      if (!isHash(row[1]) || row.length !== 3) throw bad("index");
      refs.indexes.push([row[1], size(row[2])]);
    }
  }
  const ascend = (rows) => rows.every((row, at) => at === 0 || sortKey(rows[at - 1]) < sortKey(row));
  const differ = (rows) => new Set(rows.map(([name]) => name)).size === rows.length;
  if (!ascend(refs.add.map(([name]) => name)) || !ascend(refs.remove)) throw bad("order of packs");
  if (!differ(refs.keys) || !differ(refs.indexes)) throw bad("a line twice");
  return refs;
}

/** `p` before `m`, then by epoch as a number, then by hash. */
function sortKey(pack) {
  const [kind, epoch, hash] = pack.split("/");
  return `${kind === "p" ? 0 : 1}${epoch.slice(1).padStart(10, "0")}${hash}`;
}

/** Follows the bases of one refs attachment: `{ packs: Map(pack → stored bytes), keys, indexes, device }`. */
export function resolveRefs(store, hash) {
  const layers = [];
  for (let next = hash; next !== null;) {
    if (layers.length > LIMITS.refsDepth) throw new Finding("refs-malformed", attachmentName(hash), "the chain of bases is too deep");
    const object = attachmentName(next);
    const refs = parseRefs(store.readHashed(object, next, LIMITS.refs), store.repoId, object);
    const above = layers.at(-1);
    if (above && (above.depth !== refs.depth + 1 || above.device !== refs.device)) throw new Finding("refs-malformed", object, "depth or device of a base");
    layers.push(refs);
    next = refs.base;
  }
  const packs = new Map();
  for (const layer of [...layers].reverse()) {
    for (const pack of layer.remove) {
      if (!packs.delete(pack)) throw new Finding("refs-malformed", attachmentName(hash), "removes a pack its base does not have");
    }
    for (const [pack, bytes] of layer.add) {
      if (packs.has(pack)) throw new Finding("refs-malformed", attachmentName(hash), "adds a pack its base has");
      packs.set(pack, bytes);
    }
  }
  return { packs, keys: layers.flatMap((layer) => layer.keys), indexes: layers[0].indexes, device: layers[0].device };
}
