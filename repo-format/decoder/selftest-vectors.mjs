// Runs the frozen vectors of `testdata/vectors` that this reader has a parser for: it must take what the other
// implementation takes and refuse what that refuses. Which kind of error it was is each reader's own matter.
import fs from "node:fs";
import path from "node:path";
import { Finding, padme } from "./bytes.mjs";
import { parseHunk, parseLevel2, parseNode, parseRoot } from "./manifest.mjs";
import { PACK_FLOOR, Trailer, checkIndex, frameContent, rootContent, unfilter } from "./pack.mjs";
import { Keyring } from "./seal.mjs";

const fromHex = (text) => Buffer.concat(text.split("\n").map((line) => {
  const [byte, times] = line.split("*");
  return times ? Buffer.alloc(Number(times), parseInt(byte, 16)) : Buffer.from(line, "hex");
}));
const pad = (plain, floor) => Buffer.concat([plain, Buffer.alloc(Math.max(floor, padme(plain.length)) - plain.length)]);

/** A pack around a trailer: its frames are zeros, of which `Trailer.parse` reads none. */
function checkTrailer(table) {
  const stored = table.length < 32 ? 0 : Array.from({ length: Math.min(table.readUInt32LE(16), 4096) }, (_, row) =>
    (24 + 16 * row + 4 <= table.length ? table.readUInt32LE(24 + 16 * row) : 0)).reduce((sum, n) => sum + n, 0);
  if (stored > 33 << 20) throw new Finding("trailer-malformed", "-", "frames over the pack");
  const bare = stored + table.length;
  let target = Math.max(PACK_FLOOR, padme(bare));
  if (target !== bare && target - bare < 8) target = padme(target + 8);
  const padding = Buffer.alloc(target - bare);
  if (padding.length > 0) padding.writeUInt32LE(0x184d2a5e, 0);
  if (padding.length > 0) padding.writeUInt32LE(padding.length - 8, 4);
  Trailer.parse(Buffer.concat([Buffer.alloc(stored), padding, table]), table[10] === 1 ? "m" : "p", "-");
}

function checkPack(plain, isManifest) {
  const keyring = new Keyring();
  keyring.add(0, Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString("hex"), null, "-");
  const trailer = Trailer.parse(plain, isManifest ? "m" : "p", "-");
  for (const frame of trailer.frames()) {
    const content = frameContent(plain, frame, "-");
    let at = 0;
    for (let chunk = frame.firstChunk; chunk < frame.firstChunk + frame.chunks; chunk += 1) {
      const bytes = content.subarray(at, at + trailer.chunkBytes(chunk));
      if (!keyring.matches(0, bytes, trailer.chunkId(chunk))) throw new Finding("id-mismatch", "-");
      at += bytes.length;
    }
  }
}

function checkFilter(text) {
  const field = (key) => new RegExp(`^${key} (.*)$`, "m").exec(text)[1].replace("-", "");
  const plain = unfilter(Number(field("filter")), Buffer.from(field("filtered"), "hex"), "-");
  if (plain.toString("hex") !== field("plain")) throw new Finding("filter", "-");
}

function checkLadder(text) {
  for (const line of text.split("\n").filter(Boolean)) {
    const [word, length, ...rest] = line.split(" ");
    const numbers = rest.map(Number);
    let target = word === "padme" ? padme(Number(length)) : padme(Math.max(Number(length), numbers[0]));
    if (word === "padding" && target !== Number(length) && target - length < 8) target = padme(target + 8);
    if ((word === "padme" ? target : target - length) !== numbers.at(-1)) throw new Finding("padme", "-", line);
  }
}

const READERS = {
  trailer: (body) => checkTrailer(fromHex(body)),
  pack: (body, name) => checkPack(fromHex(body), name === "manifest.txt"),
  index: (body) => checkIndex(fromHex(body), "-"),
  "chunk-list": (body) => parseNode(fromHex(body), "-"),
  "padded-frame": (body) => {
    // The ladder apart: these vectors are about the frame and what follows.
    const plain = fromHex(body);
    try {
      rootContent(plain, "-");
    } catch (error) {
      if (!/ladder/.test(error.message)) throw error;
    }
  },
  hunk: (body) => parseHunk(Buffer.from(body), "-"),
  level2: (body) => parseLevel2(Buffer.from(body), "-"),
  root: (body) => parseRoot(Buffer.from(body), "-"),
  filter: (body) => checkFilter(body),
  padme: (body) => checkLadder(body),
};

export function checkVectors(folder, check) {
  for (const [kind, read] of Object.entries(READERS)) {
    const names = fs.readdirSync(path.join(folder, kind));
    check(`vectors of ${kind}`, names.length > 0);
    for (const name of names) {
      const text = fs.readFileSync(path.join(folder, kind, name), "utf8");
      const at = text.indexOf("\n\n");
      const expected = text.slice("expect: ".length, at);
      let found = "ok";
      try {
        read(text.slice(at + 2), name);
      } catch (error) {
        found = error instanceof Finding ? error.kind : `stopped: ${error.stack}`;
      }
      const agrees = expected.startsWith("ok") ? found === "ok" : found !== "ok" && !found.startsWith("stopped");
      check(`vector ${kind}/${name}`, agrees, `expected ${expected}, found ${found}`);
    }
  }
}
