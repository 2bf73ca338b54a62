// One repository opened for reading: descriptor, ledgers, key material, and chunks of packs through a cache.
// Findings go to the report; what cannot be read at all is thrown.
import { ByteCache, Finding, LIMITS, MIB, Stop } from "./bytes.mjs";
import { loadDescriptors, readFormat } from "./descriptor.mjs";
import { loadChain, resolveRefs } from "./ledger.mjs";
import { parseRoot, parseNode } from "./manifest.mjs";
import { Trailer, frameContent, rootContent } from "./pack.mjs";
import { Keyring, open, openDeviceFile, openEpoch } from "./seal.mjs";
import { attachmentName, packName } from "./store.mjs";

const PACK_CACHE_BYTES = 256 * MIB;
const FRAME_CACHE_BYTES = 64 * MIB;
const OPEN_TRAILERS = 64;
const HEIRS = 64;

export class Repository {
  #epochs = new Map();
  #keyCopies = new Map();
  #plain = new ByteCache(PACK_CACHE_BYTES);
  #contents = new ByteCache(FRAME_CACHE_BYTES);
  #trailers = new Map();
  #unfolded = [];
  keyring = new Keyring();
  heals = new Map();
  #forgets = [];

  constructor(store, kit, report) {
    Object.assign(this, { store, kit, report });
  }

  /** Reads everything that is signed, and checks that the kit belongs to this repository. */
  static async open(store, kit, pinned, report) {
    const repository = new Repository(store, kit, report);
    const format = await report.attempt(() => readFormat(store));
    const { newest, revisions, ownerSigned } = loadDescriptors(store, pinned, kit.map((identity) => identity.hash), report);
    Object.assign(repository, { descriptor: newest, revisions });
    if (format && (format.required !== newest.required || format.optional !== newest.optional)) {
      report.find("format-differs", "FORMAT.txt", "features differ from the descriptor's");
    }
    repository.#checkKit();
    if (!pinned) report.notice("owner-unpinned", "the owner key was taken from the descriptor itself; give --owner to pin it");
    if (!ownerSigned) report.notice("owner-not-signed", "provisional: no descriptor is signed by the owner yet, only by the first device");
    repository.#readLedgers();
    return repository;
  }

  #checkKit() {
    const mine = this.kit.map((identity) => identity.hash);
    const named = this.descriptor.recipients.filter((recipient) => mine.includes(recipient.hash));
    if (named.length === 0) throw new Stop(12, "wrong kit: the descriptor does not name its recipient");
    this.isRecoveryKit = named.some((recipient) => recipient.kind === "recovery");
    if (!this.isRecoveryKit) this.report.notice("not-recovery", `the kit is a recipient of kind ${named[0].kind}`);
  }

  #readLedgers() {
    const keys = new Map();
    for (const descriptor of this.revisions.values()) {
      for (const [device, row] of descriptor.devices) keys.set(device, row.key);
    }
    this.chains = new Map();
    for (const device of this.store.list("c")) {
      if (!/^[0-9a-f]{16}$/.test(device)) {
        this.report.find("name-malformed", "c");
        continue;
      }
      const revoking = [...this.revisions.values()].find((row) => row.devices.get(device)?.state === "revoked");
      // A note written after the revocation is not the device's.
      const isRevoked = (note) => revoking !== undefined && (note.descriptor.revision >= revoking.revision || note.time > revoking.time);
      const chain = loadChain(this.store, device, keys.get(device), isRevoked, this.report);
      this.chains.set(device, chain);
      for (const note of chain) this.#takeNote(note);
    }
  }

  #takeNote(note) {
    const { revision, hash } = note.descriptor;
    const known = this.revisions.get(revision);
    if (revision > this.descriptor.revision) {
      this.report.find("descriptor-rollback", note.object, "the note has seen a newer descriptor");
    } else if (!known || known.textHash !== hash) {
      this.report.find("descriptor-rollback", note.object, "the note has seen another text of that revision");
    }
    for (const snapshot of note.forgets ?? []) this.#forgets.push([snapshot, note]);
    if (note.heal) this.heals.set(note.heal.replaces, [...(this.heals.get(note.heal.replaces) ?? []), ...note.heal.by]);
  }

  /** Snapshot notes of a device, oldest first, those that were forgotten marked. */
  snapshots(device) {
    return (this.chains.get(device) ?? []).filter((note) => note.kind === "snapshot")
      .map((note) => ({ ...note, isForgotten: this.#isForgotten(device, note) }));
  }

  /** A `forget` releases what is older than itself (§10). */
  #isForgotten(device, note) {
    return this.#forgets.some(([snapshot, by]) => snapshot === `${device} ${note.snapshot.number}`
      && (by.device === device ? by.sequence > note.sequence : by.time > note.time));
  }

  refs(hash) {
    const refs = resolveRefs(this.store, hash);
    for (const [name, copy] of refs.keys) this.#keyCopies.set(name, copy);
    return refs;
  }

  /** Compares the copies of keys and descriptors that full refs carry with the objects (objects never change). */
  checkKeyCopies() {
    for (const [name, copy] of this.#keyCopies) {
      const size = this.store.size(name);
      if (size === null) this.report.find("object-missing", name);
      else if (size !== copy.length || !this.store.read(name, LIMITS.note).equals(copy)) this.report.find("key-differs", name, "not the bytes a signed note commits to");
    }
  }

  /** The identity of an epoch: the newest file that opens, else the copies in refs. */
  async epoch(number) {
    if (this.#epochs.has(number)) return this.#epochs.get(number);
    const folder = `keys/e${number}`;
    const expected = this.descriptor.epochs.get(number)?.hash;
    if (!expected) throw new Finding("epoch-unknown", folder, "no descriptor names this epoch");
    const sources = this.store.list(folder).filter((name) => /^\d{8}\.age$/.test(name)).reverse()
      .map((name) => [`${folder}/${name}`, () => this.store.read(`${folder}/${name}`, LIMITS.keyFile)]);
    for (const [name, copy] of this.#keyCopies) if (name.startsWith(`${folder}/`)) sources.push([name, () => copy]);
    if (this.store.list(folder).length === 0) this.report.find("object-missing", folder, "no identity of this epoch");
    let identity;
    for (const [name, read] of sources) {
      const opened = await this.report.attempt(() => openEpoch(read(), this.kit, this.store.repoId, number, expected, name));
      identity ??= opened;
    }
    this.#epochs.set(number, identity);
    if (!identity) throw new Finding("epoch-unopened", folder, "no identity file of this epoch opens with the kit");
    return identity;
  }

  /** Opens every epoch the descriptor names; gives those that open. */
  async allEpochs() {
    const opened = [];
    for (const number of this.descriptor.epochs.keys()) {
      const identity = await this.report.attempt(() => this.epoch(number));
      if (identity) opened.push(identity);
    }
    return opened;
  }

  #commitment(device, generation) {
    for (const descriptor of [...this.revisions.values()].reverse()) {
      const row = descriptor.devices.get(device);
      if (row?.generation === generation) return row.check;
    }
    return null;
  }

  /** Dedup secrets of every device file, for packs older than the roots at hand. */
  async readDeviceFiles() {
    const epochs = await this.allEpochs();
    for (const device of this.descriptor.devices.keys()) {
      const object = `keys/d${device}.age`;
      await this.report.attempt(async () => {
        const bytes = this.store.read(object, LIMITS.keyFile);
        const file = await openDeviceFile(bytes, epochs, this.store.repoId, device, object);
        for (const [generation, secret] of [[file.generation, file.secret], ...file.older]) {
          this.keyring.add(generation, secret, this.#commitment(device, generation), object);
        }
      });
    }
  }

  /** Opens the root of a snapshot note and checks that it is that snapshot's. */
  async root(note) {
    const { root: attached, epoch, number, set } = note.snapshot;
    const object = attachmentName(attached.hash);
    const sealed = this.store.readHashed(object, attached.hash, LIMITS.rootObject);
    const plain = await open(sealed, [await this.epoch(epoch)], object, "root-damaged", 1);
    const root = parseRoot(rootContent(plain, object), object);
    const belongs = root.repository === this.store.repoId && root.device === note.device && root.snapshot === number
      && root.set === set && root.generation === note.generation;
    if (!belongs) throw new Finding("root-malformed", object, "the root of another snapshot");
    for (const [generation, secret] of [[root.generation, root.secret], ...root.olderSecrets]) {
      this.keyring.add(generation, secret, this.#commitment(note.device, generation), object);
    }
    return root;
  }

  /** Opens a pack: its plaintext and trailer. Nothing of it is trusted before its chunk ids are recomputed. */
  async pack(key) {
    const held = this.#plain.get(key);
    if (held) return held;
    const object = packName(key);
    const [kind, epoch, hash] = key.split("/");
    const sealed = this.store.readHashed(object, hash, LIMITS.packObject);
    const plain = await open(sealed, [await this.epoch(Number(epoch.slice(1)))], object, "pack-damaged", 1);
    const pack = { key, object, plain, trailer: Trailer.parse(plain, kind, object) };
    this.#plain.set(key, pack, plain.length);
    return pack;
  }

  /** The trailer alone, kept after the pack has left the cache. */
  async trailer(key) {
    let trailer = this.#trailers.get(key);
    if (!trailer) {
      trailer = (await this.pack(key)).trailer;
      this.#trailers.set(key, trailer);
    }
    if (this.#unfolded.at(-1) !== trailer) this.#unfolded.push(trailer);
    if (this.#unfolded.length > OPEN_TRAILERS) {
      const oldest = this.#unfolded.shift();
      if (!this.#unfolded.includes(oldest)) oldest.forget();
    }
    return trailer;
  }

  /** Decompresses every frame of a pack and recomputes every chunk id; gives the number of chunks. */
  async verifyPack(key) {
    const { plain, trailer, object } = await this.pack(key);
    if (!this.keyring.has(trailer.generation)) throw new Finding("secret-missing", object, `no dedup secret of generation ${trailer.generation}`);
    for (const frame of trailer.frames()) {
      const content = frameContent(plain, frame, object);
      let offset = 0;
      for (let chunk = frame.firstChunk; chunk < frame.firstChunk + frame.chunks; chunk += 1) {
        const bytes = content.subarray(offset, offset + trailer.chunkBytes(chunk));
        if (!this.keyring.matches(trailer.generation, bytes, trailer.chunkId(chunk))) throw new Finding("id-mismatch", object, `chunk ${chunk}`);
        offset += bytes.length;
      }
    }
    return trailer.chunkCount;
  }

  /** Packs that `heal` notes put in the place of one, followed from note to note, each once. */
  heirs(pack) {
    const found = new Set();
    const open = [pack];
    while (open.length > 0 && found.size < HEIRS) {
      for (const [heir] of this.heals.get(open.shift()) ?? []) {
        if (heir !== pack && !found.has(heir)) open.push(heir);
        if (heir !== pack) found.add(heir);
      }
    }
    return found;
  }

  /** The plain bytes of the chunk at a location, its id recomputed; where the pack fails, its heirs are asked. */
  async chunk(location) {
    try {
      return await this.#chunkIn(location.pack, (trailer) => trailer.at(location) ?? trailer.byId(location.id), location);
    } catch (error) {
      if (!(error instanceof Finding)) throw error;
      for (const heir of this.heirs(location.pack)) {
        const bytes = await this.#chunkIn(heir, (trailer) => trailer.byId(location.id), location).catch(() => null);
        if (bytes) return bytes;
      }
      throw error;
    }
  }

  async #chunkIn(key, find, location) {
    const pack = await this.pack(key);
    const place = find(pack.trailer);
    if (!place || place.bytes !== location.bytes) throw new Finding("location-mismatch", pack.object, "no such chunk where the manifest says");
    const frameKey = `${key}#${place.frame.index}`;
    let frame = this.#contents.get(frameKey);
    if (!frame) {
      frame = { content: frameContent(pack.plain, place.frame, pack.object), checked: new Set() };
      this.#contents.set(frameKey, frame, frame.content.length);
    }
    const bytes = frame.content.subarray(place.offset, place.offset + place.bytes);
    if (!frame.checked.has(place.offset)) {
      // The id that counts is the manifest's, which a signed note commits to; not the trailer's.
      if (!this.keyring.matches(pack.trailer.generation, bytes, Buffer.from(location.id, "hex"))) throw new Finding("id-mismatch", pack.object);
      frame.checked.add(place.offset);
    } else if (pack.trailer.chunkId(place.chunk).toString("hex") !== location.id) {
      throw new Finding("id-mismatch", pack.object);
    }
    return bytes;
  }

  /** Data chunks of a file's content in order, chunk lists of any level followed. */
  async *dataChunks(content) {
    if (content.slice) yield content.slice.at;
    else if (content.chunks) yield* content.chunks;
    else for (const node of content.nodes) yield* this.#below(node, content.level, null);
  }
  async *#below(location, level, covered) {
    const object = packName(location.pack);
    const node = parseNode(await this.chunk(location), object);
    const sum = node.rows.reduce((total, row) => total + row.covered, 0);
    if (node.level !== level || (covered !== null && sum !== covered)) throw new Finding("manifest-malformed", object, "chunk-list node: level or covered");
    for (const row of node.rows) {
      if (level === 0) yield row;
      else yield* this.#below(row, level - 1, row.covered);
    }
  }
  /** Packs of the nodes of a chunk list, for checking that refs name them. */
  async *nodePacks(content) {
    if (!content.nodes) return;
    let row = content.nodes;
    for (let level = content.level; level >= 0; level -= 1) {
      const below = [];
      for (const location of row) {
        yield location;
        if (level > 0) below.push(...parseNode(await this.chunk(location), packName(location.pack)).rows);
      }
      row = below;
    }
  }
}

