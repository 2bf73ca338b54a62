// Small pieces every other module needs: hashes, encodings, the padding ladder, limits (§13), and the two
// kinds of error. Knows nothing of objects or stores.
import { createHash } from "node:crypto";

export const KIB = 1024;
export const MIB = 1024 * 1024;

/** §13, in bytes unless the name says otherwise. */
export const LIMITS = {
  ageHeader: 64 * KIB, ageStanzas: 20,
  packObject: 33 * MIB, packPlain: 32 * MIB, packChunks: 4096, frameContent: 4 * MIB, window: 8 * MIB,
  hunkEntries: 1024, rootPlain: 64 * MIB, rootObject: 65 * MIB, index: 1024 * MIB,
  note: MIB, refs: 64 * MIB, attachment: 16 * MIB, keyFile: 64 * KIB, nodePlain: 4 * MIB, nodeRows: 2048,
  path: 32768, pathComponents: 1024, component: 1024,
  xattrValue: 64 * KIB, xattrs: 256, xattrTotal: 256 * KIB, nodeLevels: 4, refsDepth: 32, signatures: 16,
};

/** Something wrong with what is stored. `kind` is a fixed word; `object` an object name, never a file name. */
export class Finding extends Error {
  constructor(kind, object = "-", detail = "") {
    super(detail);
    this.kind = kind;
    this.object = object;
  }
}

/** The program cannot go on, for a reason that is not damage. */
export class Stop extends Error {
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Collects findings, one line each on stderr, and says what the exit code is. */
export class Report {
  #seen = new Set();
  add(finding) {
    if (!(finding instanceof Finding)) throw finding;
    const line = `${finding.kind} ${finding.object}${finding.message ? `: ${finding.message}` : ""}`;
    if (this.#seen.has(line)) return;
    this.#seen.add(line);
    process.stderr.write(`${line}\n`);
  }
  find(kind, object, detail) { this.add(new Finding(kind, object, detail)); }
  /** What the reader has to be told although nothing is wrong. */
  notice(word, text) { process.stdout.write(`notice ${word}: ${text}\n`); }
  get count() { return this.#seen.size; }
  get exitCode() { return this.count === 0 ? 0 : 13; }
  /** Runs `work`; a finding is reported and gives undefined. */
  async attempt(work) {
    try {
      return await work();
    } catch (error) {
      this.add(error);
      return undefined;
    }
  }
}

export const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
export const sha256Hex = (bytes) => sha256(bytes).toString("hex");
export const isHash = (text) => typeof text === "string" && /^[0-9a-f]{64}$/.test(text);

/** Strict: no other spelling of the same bytes is taken. Gives null when malformed. */
export function decodeBase64(text) {
  if (typeof text !== "string") return null;
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Gives null when the bytes are not UTF-8. */
export function decodeUtf8(bytes) {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** A decimal number as written in notes: no sign, no leading zero. Gives null when it is something else. */
export function decimal(text) {
  if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

export const isTime = (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text);
/** Signed canonical decimal as a BigInt; null when it is something else. */
export const signedDecimal = (text) => (typeof text === "string" && /^(0|-?[1-9]\d{0,18})$/.test(text) ? BigInt(text) : null);
export const isWord = (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text ?? "");
export const isCount = (value) => Number.isSafeInteger(value) && value >= 0;

/** The rung of the Padmé ladder at or above `length` (§3). */
export function padme(length) {
  if (length < 2) return length;
  const e = Math.floor(Math.log2(length));
  const s = Math.floor(Math.log2(e)) + 1;
  const step = 2 ** Math.max(e - s, 0);
  return Math.ceil(length / step) * step;
}
export const onLadder = (length, floor) => length >= floor && padme(length) === length;

/** Least-recently-used values bounded by a sum of bytes. */
export class ByteCache {
  #held = new Map();
  #bytes = 0;
  constructor(limitBytes) { this.limitBytes = limitBytes; }
  get(key) {
    const slot = this.#held.get(key);
    if (!slot) return undefined;
    this.#held.delete(key);
    this.#held.set(key, slot);
    return slot.value;
  }
  set(key, value, bytes) {
    this.#held.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, slot] of this.#held) {
      if (this.#bytes <= this.limitBytes || oldest === key) break;
      this.#held.delete(oldest);
      this.#bytes -= slot.bytes;
    }
  }
}
