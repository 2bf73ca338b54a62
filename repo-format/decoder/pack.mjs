// The plaintext of packs, roots and index segments (§3, §6, §7): zstd frames, padding, trailer, filters.
// Works on bytes in memory; knows no store and no keys.
import { decompress } from "fzstd";
import { Finding, LIMITS, onLadder } from "./bytes.mjs";

const ZSTD_MAGIC = 0xfd2fb528;
const PADDING_MAGIC = 0x184d2a5e;
const TRAILER_MAGIC = 0x184d2a5d;
export const PACK_FLOOR = 65536;
export const ROOT_FLOOR = 4096;

/** Reads a frame's header and walks its blocks without decompressing: `{ end, contentBytes }`. Throws Error. */
export function measureFrame(bytes, start) {
  const need = (position) => { if (position > bytes.length) throw new Error("frame cut short"); };
  let at = start;
  need(at + 6);
  if (bytes.readUInt32LE(at) !== ZSTD_MAGIC) throw new Error("not a zstd frame");
  const descriptor = bytes[at + 4];
  at += 5;
  const isSingle = (descriptor >> 5) & 1;
  const sizeFlag = descriptor >> 6;
  if (descriptor & 0x08) throw new Error("reserved bit in the frame header");
  if (descriptor & 0x03) throw new Error("frame with a dictionary");
  let window = 0;
  if (!isSingle) {
    window = 2 ** (10 + (bytes[at] >> 3)) * (1 + (bytes[at] & 7) / 8);
    at += 1;
  }
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][sizeFlag];
  if (sizeBytes === 0) throw new Error("frame without content size");
  need(at + sizeBytes);
  const contentBytes = sizeBytes === 1 ? bytes[at] : sizeBytes === 2 ? bytes.readUInt16LE(at) + 256
    : sizeBytes === 4 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at));
  if ((isSingle ? contentBytes : window) > LIMITS.window) throw new Error("zstd window");
  at += sizeBytes;
  for (let isLast = false; !isLast;) {
    need(at + 3);
    const block = bytes.readUIntLE(at, 3);
    isLast = (block & 1) === 1;
    const type = (block >> 1) & 3;
    if (type === 3) throw new Error("reserved block type");
    at += 3 + (type === 1 ? 1 : block >> 3);
  }
  at += descriptor & 0x04 ? 4 : 0;
  need(at);
  return { end: at, contentBytes };
}

function inflate(frame, contentBytes) {
  const out = Buffer.alloc(contentBytes);
  const got = decompress(frame, out);
  if (got.length !== contentBytes) throw new Error("content size");
  return out;
}

/** `start`…`end` is nothing, or one padding frame of zeros. Throws Error. */
function checkPadding(bytes, start, end) {
  if (start === end) return;
  if (end - start < 8 || bytes.readUInt32LE(start) !== PADDING_MAGIC || bytes.readUInt32LE(start + 4) !== end - start - 8) {
    throw new Error("padding");
  }
  for (let at = start + 8; at < end; at += 1) if (bytes[at] !== 0) throw new Error("padding is not zero");
}

/** The content of a root's plaintext: one frame, then padding. */
export function rootContent(plain, object) {
  try {
    const { end, contentBytes } = measureFrame(plain, 0);
    if (contentBytes > LIMITS.rootPlain) throw new Error("root too large");
    checkPadding(plain, end, plain.length);
    if (!onLadder(plain.length, ROOT_FLOOR)) throw new Error("length off the padding ladder");
    return inflate(plain.subarray(0, end), contentBytes);
  } catch (error) {
    throw new Finding("root-malformed", object, error.message);
  }
}

/** Undoes a frame filter (§6.2). */
export function unfilter(filter, content, object) {
  if (filter === 0) return content;
  if (filter !== 1) throw new Finding("unknown-filter", object, `filter ${filter}`);
  const out = Buffer.from(content);
  const words = content.length >> 1;
  let word = 0;
  for (let i = 0; i < words; i += 1) {
    const z = content[i] | (content[words + i] << 8);
    word = (word + ((z >> 1) ^ (z & 1 ? 0xffff : 0))) & 0xffff;
    out[2 * i] = word & 0xff;
    out[2 * i + 1] = word >> 8;
  }
  return out;
}

/** The table at the end of a pack: which frames, which chunks, where. Kept small, so that many can be held. */
export class Trailer {
  /** `plain` is the whole plaintext of a pack. Every rule of §6.1 is checked. */
  static parse(plain, kind, object) {
    const bad = (detail) => new Finding("trailer-malformed", object, detail);
    const end = plain.length;
    if (end > LIMITS.packPlain) throw new Finding("object-too-large", object);
    if (!onLadder(end, PACK_FLOOR)) throw bad("length off the padding ladder");
    if (plain.toString("latin1", end - 4) !== "SCTR") throw bad("magic");
    const length = plain.readUInt32LE(end - 8);
    const start = end - 8 - length;
    if (length < 16 || start < 8) throw bad("length");
    if (plain.readUInt32LE(start - 8) !== TRAILER_MAGIC || plain.readUInt32LE(start - 4) !== length + 8) throw bad("frame around it");
    const table = plain.subarray(start, start + length);
    if (table.readUInt16LE(0) !== 1) throw bad("version");
    if (table[2] !== { p: 0, m: 1 }[kind]) throw bad("kind");
    if (table[3] !== 0 || table.readUInt16LE(6) !== 0) throw bad("reserved");
    const frameCount = table.readUInt32LE(8);
    const chunkCount = table.readUInt32LE(12);
    if (chunkCount < 1 || chunkCount > LIMITS.packChunks || frameCount < 1 || frameCount > chunkCount) throw bad("counts");
    if (length !== 16 + 16 * frameCount + 36 * chunkCount) throw bad("length");
    const trailer = new Trailer(Buffer.from(table), frameCount, chunkCount, start - 8);
    const finish = trailer.#checkRows(bad);
    try {
      checkPadding(plain, finish, start - 8);
    } catch (error) {
      throw bad(error.message);
    }
    return trailer;
  }

  constructor(table, frameCount, chunkCount, framesEnd) {
    Object.assign(this, { table, frameCount, chunkCount, framesEnd });
    this.generation = table.readUInt16LE(4);
  }

  #checkRows(bad) {
    let offset = 0;
    let chunk = 0;
    for (const frame of this.frames()) {
      if (frame.reserved !== 0) throw bad("reserved");
      if (frame.chunks < 1 || chunk + frame.chunks > this.chunkCount) throw bad("chunks of a frame");
      if (frame.plainBytes > LIMITS.frameContent) throw bad("frame content");
      let sum = 0;
      for (let i = 0; i < frame.chunks; i += 1) {
        if (this.chunkBytes(chunk + i) < 1) throw bad("a chunk of no bytes");
        sum += this.chunkBytes(chunk + i);
      }
      if (frame.filter > 1) throw new Finding("unknown-filter", "-", `filter ${frame.filter}`);
      if (sum !== frame.plainBytes) throw bad("chunks do not add up to their frame");
      offset += frame.storedBytes;
      chunk += frame.chunks;
      if (offset > this.framesEnd) throw bad("frames overlap the trailer");
    }
    if (chunk !== this.chunkCount) throw bad("chunks without a frame");
    return offset;
  }

  /** Frames in order, each with its offset and the row of its first chunk. */
  *frames() {
    let offset = 0;
    let firstChunk = 0;
    for (let index = 0; index < this.frameCount; index += 1) {
      const row = this.table.subarray(16 + 16 * index, 32 + 16 * index);
      const frame = { index, offset, firstChunk, storedBytes: row.readUInt32LE(0), plainBytes: row.readUInt32LE(4),
        chunks: row.readUInt16LE(8), filter: row[10], reserved: row[11] | row.readUInt32LE(12) };
      yield frame;
      offset += frame.storedBytes;
      firstChunk += frame.chunks;
    }
  }
  #row(chunk) { return 16 + 16 * this.frameCount + 36 * chunk; }
  chunkId(chunk) { return this.table.subarray(this.#row(chunk), this.#row(chunk) + 32); }
  chunkBytes(chunk) { return this.table.readUInt32LE(this.#row(chunk) + 32); }

  /** Offset → frame and `frame/offset` → chunk, made when first asked for. */
  #index() {
    if (this.places) return this.places;
    this.places = { frames: new Map(), chunks: new Map(), ids: new Map() };
    for (const frame of this.frames()) {
      this.places.frames.set(frame.offset, frame);
      let offset = 0;
      for (let chunk = frame.firstChunk; chunk < frame.firstChunk + frame.chunks; chunk += 1) {
        const place = { frame, chunk, offset, bytes: this.chunkBytes(chunk) };
        this.places.chunks.set(`${frame.index}/${offset}`, place);
        this.places.ids.set(this.chunkId(chunk).toString("hex"), place);
        offset += place.bytes;
      }
    }
    return this.places;
  }
  /** Drops what `#index` made, to keep many trailers in memory. */
  forget() { this.places = undefined; }

  /** The chunk a location names, or null when the trailer says otherwise. */
  at(location) {
    const { frames, chunks } = this.#index();
    const frame = frames.get(location.frameOffset);
    const place = frame && chunks.get(`${frame.index}/${location.offset}`);
    const agrees = place && frame.storedBytes === location.frameBytes && frame.filter === location.filter
      && place.bytes === location.bytes && this.chunkId(place.chunk).toString("hex") === location.id;
    return agrees ? place : null;
  }
  byId(id) { return this.#index().ids.get(id) ?? null; }
}

/** The content of one frame of a pack, its filter undone. */
export function frameContent(plain, frame, object) {
  const stored = plain.subarray(frame.offset, frame.offset + frame.storedBytes);
  let content;
  try {
    const { end, contentBytes } = measureFrame(stored, 0);
    if (end !== stored.length || contentBytes !== frame.plainBytes) throw new Error("size of a frame");
    content = inflate(stored, contentBytes);
  } catch (error) {
    throw new Finding("frame-malformed", object, error.message);
  }
  return unfilter(frame.filter, content, object);
}

/** Checks the shape and the order of an index segment's plaintext (§7); gives the packs it names. */
export function checkIndex(plain, object) {
  const bad = (detail) => new Finding("index-malformed", object, detail);
  if (plain.length > LIMITS.index || !onLadder(plain.length, ROOT_FLOOR)) throw bad("length off the padding ladder");
  if (plain.toString("latin1", 0, 4) !== "SCIX" || plain.readUInt16LE(4) !== 1) throw bad("header");
  const entries = plain.readUInt32LE(8);
  const packs = plain.readUInt32LE(12);
  const entriesAt = 64 + 48 * packs;
  const end = entriesAt + 56 * entries;
  if (end > plain.length || plain.subarray(16, 64).some((byte) => byte !== 0)) throw bad("header");
  for (let at = end; at < plain.length; at += 1) if (plain[at] !== 0) throw bad("padding is not zero");
  const named = [];
  for (let row = 0; row < packs; row += 1) {
    const at = 64 + 48 * row;
    if (plain.readUInt32LE(at + 44) !== 0) throw bad("pack row");
    named.push(`p/e${plain.readUInt32LE(at + 40)}/${plain.toString("hex", at, at + 32)}`);
  }
  for (let row = 0; row < entries; row += 1) {
    const at = entriesAt + 56 * row;
    const [frameOffset, frameBytes, offset, bytes] = [36, 40, 44, 48].map((field) => plain.readUInt32LE(at + field));
    const fits = bytes >= 1 && offset + bytes <= LIMITS.frameContent && frameOffset + frameBytes <= LIMITS.packPlain;
    if (!fits || plain.readUInt32LE(at + 32) >= packs || plain[at + 52] > 1 || plain.readUIntLE(at + 53, 3) !== 0) throw bad("entry");
    if (row > 0 && plain.compare(plain, at - 56, at - 24, at, at + 32) <= 0) throw bad("order");
  }
  return named;
}
