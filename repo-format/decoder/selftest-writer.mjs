// Builds a tiny repository straight from FORMAT.md, for the selftest only: never a writer of real backups (no
// random placement, no durability). `defect` names one rule to break while everything around it stays signed.
import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { blake3 } from "@noble/hashes/blake3.js";
import { Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption";

const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const TIME = "2026-11-21T20:44:07Z";
const inv = (number) => String(1e12 - number).padStart(12, "0");
const u16 = (n) => { const b = Buffer.alloc(2); b.writeUInt16LE(n); return b; };
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(n); return b; };
const u64 = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b; };
const base32 = (bytes) => {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return bits.match(/.{1,5}/g).map((five) => "abcdefghijklmnopqrstuvwxyz234567"[parseInt(five.padEnd(5, "0"), 2)]).join("");
};

export const zstd = (bytes, level = 3) => execFileSync("zstd", ["-q", "-c", `-${level}`, `--stream-size=${bytes.length}`],
  { input: bytes, maxBuffer: 1 << 28 });

function padme(length) {
  const e = Math.floor(Math.log2(length));
  const step = 2 ** (e - (Math.floor(Math.log2(e)) + 1));
  return Math.ceil(length / step) * step;
}
const skippable = (magic, content) => Buffer.concat([u32(magic), u32(content.length), content]);
function paddingFor(length, floor) {
  let target = Math.max(floor, padme(length));
  if (target !== length && target - length < 8) target = padme(target + 8);
  return target === length ? Buffer.alloc(0) : skippable(0x184d2a5e, Buffer.alloc(target - length - 8));
}

export function filter1(content) {
  const words = content.length >> 1;
  const out = Buffer.from(content);
  let before = 0;
  for (let i = 0; i < words; i += 1) {
    const word = content.readUInt16LE(2 * i);
    const d = (word - before) & 0xffff;
    const z = ((d << 1) ^ (d & 0x8000 ? 0xffff : 0)) & 0xffff;
    out[i] = z & 0xff;
    out[words + i] = z >> 8;
    before = word;
  }
  return out;
}

class Signer {
  constructor(name) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url");
    this.id = createHash("sha256").update(name).update(Buffer.from([10, 1])).update(raw).digest().subarray(0, 4);
    Object.assign(this, { name, privateKey, vkey: `${name}+${this.id.toString("hex")}+${Buffer.concat([Buffer.from([1]), raw]).toString("base64")}` });
  }
  line(text) { return `— ${this.name} ${Buffer.concat([this.id, sign(null, Buffer.from(text), this.privateKey)]).toString("base64")}\n`; }
}
const signed = (text, ...keys) => Buffer.from(`${text}\n${keys.map((key) => key.line(text)).join("")}`);

export class Writer {
  constructor(folder, defect = "") {
    this.defect = defect;
    this.repoId = base32(randomBytes(16));
    this.root = path.join(folder, this.repoId);
    this.device = randomBytes(8).toString("hex");
    for (const role of ["owner", "admin"]) this[role] = new Signer(`scelle/${this.repoId}/${role}`);
    this.signer = new Signer(`scelle/${this.repoId}/${this.device}`);
    this.secret = randomBytes(32);
    this.sequence = 0;
    this.prev = "-";
    this.objects = {};
  }

  put(name, bytes, kind) {
    const file = path.join(this.root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, bytes);
    (this.objects[kind] ??= []).push(name);
    return name;
  }
  async seal(bytes, ...identities) {
    const encrypter = new Encrypter();
    for (const identity of identities) encrypter.addRecipient(await identityToRecipient(identity));
    return Buffer.from(await encrypter.encrypt(bytes));
  }
  subkey(purpose) { return blake3(this.secret, { context: Buffer.from(`scelle 2026-11 ${purpose}`) }); }
  check() { return Buffer.from(blake3(Buffer.concat([this.secret, u16(0)]), { context: Buffer.from("scelle 2026-11 dedup secret check") })); }
  id(bytes) { return Buffer.from(blake3(bytes, { key: this.subkey("chunk id") })); }

  async start() {
    [this.kit, this.epoch, this.index] = await Promise.all([0, 1, 2].map(() => generateHybridIdentity()));
    const recipients = await Promise.all([this.kit, this.epoch].map((identity) => identityToRecipient(identity)));
    const required = this.defect === "unknown-feature" ? "time-travel" : "-";
    this.put("FORMAT.txt", `scelle repository\nversion 1\nrepository ${this.repoId}\nrequired ${required}\noptional -\n\nBy hand: age -d | zstd -dc\n`, "format");
    const descriptor = (revision, prev, state, extra = "", daily = 7) => `scelle/descriptor/1\nrepository ${this.repoId}\nrevision ${revision}\n`
      + `time ${TIME}\nprev ${prev}\nrequired -\noptional -\nowner ${this.owner.vkey}\nthreshold 1\nsuccession 30 nobody\n`
      + `admin ${this.admin.vkey}\nrecipient kit recovery ${sha(recipients[0])}\nepoch 0 ${sha(recipients[1])} ${state}\n`
      + `device ${this.device} ${this.signer.vkey} enrolled 0 ${this.check().toString("hex")}\n`
      + `policy keep-daily ${daily} keep-weekly 4 keep-monthly 12 keep-yearly 10\n${extra}`;
    const remark = "x-remark lines of x- mean nothing to version 1\n";
    const first = descriptor(1, "-", "provisional", remark);
    this.put(`desc/${inv(1)}`, signed(first, this.defect.startsWith("provisional") ? this.signer : this.owner), "descriptor");
    const isOwners = this.defect === "x-line-by-owner";
    const second = descriptor(2, sha(first), "confirmed", this.defect.startsWith("x-line") ? "" : remark, this.defect === "admin-rights" ? 6 : 8);
    // A repository whose owner has not signed yet has one revision only.
    const isFirst = this.defect === "provisional";
    this.newest = `desc/${inv(isFirst ? 1 : 2)}`;
    this.descriptorLine = isFirst ? `1 ${sha(first)}` : `2 ${sha(second)}`;
    if (!isFirst) this.put(this.newest, signed(second, this.defect === "descriptor-signature" ? this.signer : isOwners ? this.owner : this.admin), "descriptor");
    const epochText = `# scelle epoch 1\n# repository ${this.repoId}\n# epoch 0\n${this.defect === "epoch-key-forged" ? this.index : this.epoch}\n`;
    this.epochFile = this.put("keys/e0/00000001.age", await this.seal(epochText, this.kit), "epochKey");
    const deviceText = JSON.stringify({ scelle: "device/1", repository: this.repoId, device: this.device, generation: 0,
      dedup_secret: (this.defect === "secret-mismatch" ? randomBytes(32) : this.secret).toString("hex"), index_identity: this.index });
    this.put(`keys/d${this.device}.age`, await this.seal(deviceText, this.epoch), "deviceKey");
  }

  /** `frames`: [{ chunks: [Buffer], filter }]. Gives the pack's table row and one location maker for each chunk. */
  async pack(kind, frames) {
    const stored = [];
    const rows = [];
    const chunkRows = [];
    const places = [];
    let offset = 0;
    for (const { chunks, filter = 0 } of frames) {
      const plain = Buffer.concat(chunks);
      const frame = zstd(filter === 1 ? filter1(plain) : plain);
      const saidFilter = this.defect === "unknown-filter" && filter === 1 ? 9 : filter;
      rows.push(u32(frame.length), u32(plain.length), u16(chunks.length), Buffer.from([saidFilter, 0]), u32(0));
      let within = 0;
      for (const chunk of chunks) {
        const id = this.id(this.defect === "id-mismatch" && kind === "p" ? Buffer.concat([chunk, Buffer.from("x")]) : chunk);
        const reported = this.defect === "trailer-sum" && within === 0 && kind === "p" ? chunk.length + 1 : chunk.length;
        chunkRows.push(id, u32(reported));
        places.push([id.toString("hex"), offset, frame.length, within, chunk.length, saidFilter]);
        within += chunk.length;
      }
      stored.push(frame);
      offset += frame.length;
    }
    const header = Buffer.concat([u16(1), Buffer.from([kind === "p" ? 0 : 1, 0]), u16(0), u16(0), u32(frames.length), u32(places.length)]);
    const table = Buffer.concat([header, ...rows, ...chunkRows]);
    const magic = this.defect === "trailer-magic" && kind === "p" ? "SCTX" : "SCTR";
    const trailer = skippable(0x184d2a5d, Buffer.concat([table, u32(table.length), Buffer.from(magic)]));
    const padding = this.defect === "off-ladder" && kind === "p" ? skippable(0x184d2a5e, Buffer.alloc(70001))
      : paddingFor(offset + trailer.length, 65536);
    if (this.defect === "padding-content" && kind === "p") padding[100] = 1;
    const sealed = await this.seal(Buffer.concat([...stored, padding, trailer]), ...(this.defect === "two-recipients" && kind === "p" ? [this.epoch, this.kit] : [this.epoch]));
    const hash = sha(sealed);
    this.put(`${kind}/e0/${hash.slice(0, 2)}/${hash}`, sealed, kind === "p" ? "dataPack" : "manifestPack");
    const at = (chunk, row = 0) => {
      const [id, frameOffset, frameBytes, within, bytes, filter] = places[chunk];
      return [id, row, frameOffset, frameBytes, within, bytes, ...(filter ? [filter] : [])];
    };
    return { key: `e0/${hash}`, hash, kind, bytes: sealed.length, at };
  }

  /** `rows`: [{ at: location, covered }], all in the one pack given. */
  node(level, pack, rows) {
    const column = (write) => Buffer.concat(rows.map((row) => write(row.at)));
    return Buffer.concat([Buffer.from("SCCL"), u16(1), Buffer.from([level, 0]), u32(rows.length), u32(1), u32(0), Buffer.from(pack.hash, "hex"),
      column((at) => Buffer.from(at[0], "hex")), ...[1, 2, 3, 4, 5].map((field) => column((at) => u32(field === 1 ? 0 : at[field]))),
      column((at) => Buffer.from([at[6] ?? 0])), Buffer.concat(rows.map((row) => u64(row.covered)))]);
  }

  attach(bytes, kind) {
    const hash = sha(bytes);
    this.put(`a/${hash.slice(0, 2)}/${hash}`, bytes, kind);
    return { hash, bytes: bytes.length };
  }
  async rootObject(fields) {
    const frame = zstd(Buffer.from(JSON.stringify({ scelle: "root/1", repository: this.repoId, device: this.device, set: "s1", time: TIME,
      os: "unix", roots: [], generation: 0, dedup_secret: this.secret.toString("hex"), problems: [], ...fields })));
    return this.attach(await this.seal(Buffer.concat([frame, paddingFor(frame.length, 4096)]), this.epoch), "root");
  }
  refs(base, packs, indexes) {
    const read = (name) => fs.readFileSync(path.join(this.root, name));
    const keys = base ? [] : [this.epochFile, `keys/d${this.device}.age`, this.newest].map((name) => `key ${name} ${read(name).toString("base64")}\n`);
    const added = packs.map((pack) => `+ ${pack.kind} 0 ${pack.hash} ${pack.bytes}\n`)
      .sort((a, b) => (a[2] === b[2] ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a[2] === "p" ? -1 : 1));
    return this.attach(Buffer.from(`scelle/refs/1\nrepository ${this.repoId}\ndevice ${this.device}\nbase ${base ? `${base.hash} 1` : "-"}\n`
      + keys.join("") + added.join("") + indexes.map((index) => `i ${index.hash} ${index.bytes}\n`).join("")), "refs");
  }
  async indexSegment(pack, chunks) {
    const entries = [];
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      const [id, , frameOffset, frameBytes, offset, bytes, filter = 0] = pack.at(chunk);
      entries.push(Buffer.concat([Buffer.from(id, "hex"), u32(0), u32(frameOffset), u32(frameBytes), u32(offset), u32(bytes), Buffer.from([filter, 0, 0, 0])]));
    }
    entries.sort(Buffer.compare);
    if (this.defect === "index-order") entries.reverse();
    const plain = Buffer.concat([Buffer.from("SCIX"), u16(1), u16(0), u32(chunks), u32(1), Buffer.alloc(48),
      Buffer.from(pack.hash, "hex"), u64(pack.bytes), u32(0), u32(0), ...entries]);
    const sealed = await this.seal(Buffer.concat([plain, Buffer.alloc(Math.max(4096, padme(plain.length)) - plain.length)]), this.epoch, this.index);
    const hash = sha(sealed);
    this.put(`i/${this.device}/${hash}`, sealed, "index");
    return { hash, bytes: sealed.length };
  }
  note(kind, attachments, lines, { again = false, signer = this.signer } = {}) {
    if (!again) {
      this.sequence += 1;
      this.before = this.prev;
    }
    const text = `scelle/note/1\nrepository ${this.repoId}\ndevice ${this.device}\nsequence ${this.sequence}\nkind ${kind}\ntime ${TIME}\n`
      + `clock-offset-ms -12\ninstance ${randomBytes(8).toString("hex")}\nprev ${this.before}\ndescriptor ${this.descriptorLine}\ngeneration 0\n`
      + attachments.map(([role, { hash, bytes }]) => `attach ${role} ${hash} ${bytes}\n`).join("") + lines.map((line) => `${line}\n`).join("");
    const bytes = signed(text, signer);
    this.prev = sha(Buffer.from(text));
    this.put(`c/${this.device}/${inv(this.sequence)}-${sha(bytes)}.note`, bytes, "note");
  }
}
