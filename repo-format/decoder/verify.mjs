// `verify`: every object that the signed notes lead to is read, opened and recomputed. Writes nothing.
import { Finding, LIMITS } from "./bytes.mjs";
import { inOrder, parseHunk, parseLevel2 } from "./manifest.mjs";
import { checkIndex } from "./pack.mjs";
import { open } from "./seal.mjs";
import { attachmentName, packName } from "./store.mjs";

export async function verify(repository) {
  const counts = { descriptors: repository.revisions.size, notes: 0, snapshots: 0, attachments: 0, packs: 0, chunks: 0,
    indexes: 0, hunks: 0, entries: 0 };
  const snapshots = [];
  for (const [device, chain] of repository.chains) {
    counts.notes += chain.length;
    snapshots.push(...repository.snapshots(device));
  }
  const released = new Set(snapshots.filter((note) => note.isForgotten).map((note) => note.object));
  for (const chain of repository.chains.values()) {
    for (const note of chain) counts.attachments += checkAttachments(repository, note, released.has(note.object));
  }
  const kept = snapshots.filter((note) => !note.isForgotten);
  counts.snapshots = kept.length;
  const needed = readRefs(repository, kept);
  repository.checkKeyCopies();
  await repository.readDeviceFiles();
  const whole = kept.filter((note) => note.snapshot.status === "complete");
  for (const note of whole) note.opened = await repository.report.attempt(() => repository.root(note));
  await checkPacks(repository, needed.packs, counts);
  await checkIndexes(repository, needed.indexes, counts);
  const walk = new Walk(repository, counts);
  for (const note of whole) if (note.opened && note.refs) await walk.snapshot(note);
  const said = Object.entries(counts).map(([name, count]) => `${name}=${count}`).join(" ");
  process.stdout.write(`verified ${said} findings=${repository.report.count}\n`);
}

function checkAttachments({ store, report }, note, isReleased) {
  for (const { role, hash, bytes } of note.attachments) {
    const object = attachmentName(hash);
    const size = store.size(object);
    if (size === null && isReleased) continue;
    try {
      if (size !== null && size !== bytes) throw new Finding("object-size", object, "not the size its note says");
      const limit = role === "root" ? LIMITS.rootObject : role === "refs" ? LIMITS.refs : LIMITS.attachment;
      store.readHashed(object, hash, limit);
    } catch (error) {
      report.add(error);
    }
  }
  return note.attachments.length;
}

/** The union of what the snapshots need; a pack with two different sizes is a finding. */
function readRefs(repository, snapshots) {
  const { store, report, heals } = repository;
  const packs = new Map();
  const indexes = new Map();
  const need = (pack, bytes, object) => {
    if (packs.has(pack) && packs.get(pack) !== bytes) report.find("refs-malformed", object, "two sizes for one pack");
    packs.set(pack, bytes);
  };
  const newest = new Map(snapshots.map((note) => [note.device, note]));
  for (const note of snapshots) {
    const object = attachmentName(note.snapshot.refs.hash);
    try {
      const refs = repository.refs(note.snapshot.refs.hash);
      if (refs.device !== note.device) throw new Finding("refs-malformed", object, "refs of another device");
      for (const [pack, bytes] of refs.packs) {
        const heirs = heals.get(pack);
        if (heirs) for (const [heir, heirBytes] of heirs) need(heir, heirBytes, object);
        if (!heirs || store.size(packName(pack)) !== null) need(pack, bytes, object);
      }
      // Older snapshots may name segments that were merged since: only the live ones are needed.
      if (newest.get(note.device) === note) for (const [hash, bytes] of refs.indexes) indexes.set(`${note.device}/${hash}`, bytes);
      note.refs = refs.packs;
    } catch (error) {
      report.add(error);
    }
  }
  return { packs, indexes };
}

async function checkPacks(repository, packs, counts) {
  const { store, report } = repository;
  for (const [key, bytes] of packs) {
    const size = store.size(packName(key));
    if (size !== null && size !== bytes) report.find("object-size", packName(key), "not the size refs say");
    counts.chunks += (await report.attempt(() => repository.verifyPack(key))) ?? 0;
    counts.packs += 1;
  }
}

async function checkIndexes(repository, indexes, counts) {
  const { store, report } = repository;
  const epochs = await repository.allEpochs();
  for (const [name, bytes] of indexes) {
    const object = `i/${name}`;
    await report.attempt(async () => {
      const size = store.size(object);
      if (size !== null && size !== bytes) throw new Finding("object-size", object, "not the size refs say");
      const sealed = store.readHashed(object, name.split("/")[1], LIMITS.index);
      checkIndex(await open(sealed, epochs, object, "index-damaged", 2), object);
    });
    counts.indexes += 1;
  }
}

/** Walks the trees of snapshots; a hunk that several snapshots share is read once. */
class Walk {
  #hunks = new Map();

  constructor(repository, counts) {
    Object.assign(this, { repository, counts, report: repository.report });
  }

  async snapshot(note) {
    const object = attachmentName(note.snapshot.root.hash);
    const named = new Set(note.refs.keys());
    const totals = { f: 0, d: 0, l: 0, bytes: 0 };
    let isWhole = true;
    let last = null;
    for (const node of note.opened.level2) {
      const rows = await this.report.attempt(async () => {
        await this.#locate(node.at, named);
        return parseLevel2(await this.repository.chunk(node.at), packName(node.at.pack));
      });
      if (!rows) isWhole = false;
      const sum = { entries: 0, files: 0, bytes: 0 };
      for (const row of rows ?? []) {
        for (const field of Object.keys(sum)) sum[field] += row[field];
        const hunk = await this.report.attempt(() => this.#hunk(row, named));
        if (!hunk) {
          isWhole = false;
          continue;
        }
        for (const field of Object.keys(totals)) totals[field] += hunk.totals[field];
        if (last && hunk.first && !inOrder(last, hunk.first)) this.report.find("manifest-order", object, "hunks");
        last = hunk.last ?? last;
      }
      if (rows && Object.keys(sum).some((field) => sum[field] !== node[field])) this.report.find("manifest-count", object, "level-2 node");
    }
    const said = note.opened.totals;
    const agree = said.files === totals.f && said.directories === totals.d && said.symlinks === totals.l && said.bytes === totals.bytes;
    if (isWhole && !agree) this.report.find("manifest-count", object, "totals");
  }

  /** Checks that a location is what the trailer of its pack says, and that refs name the pack. */
  async #locate(location, named) {
    if (!named.has(location.pack)) throw new Finding("refs-incomplete", packName(location.pack), "the snapshot uses a pack its refs do not name");
    if (this.repository.heals.has(location.pack)) return void await this.repository.chunk(location);
    if (!(await this.repository.trailer(location.pack)).at(location)) throw new Finding("location-mismatch", packName(location.pack));
  }

  async #hunk(row, named) {
    await this.#locate(row.at, named);
    let hunk = this.#hunks.get(row.at.id);
    if (!hunk) {
      hunk = await this.#read(row, named);
      this.#hunks.set(row.at.id, hunk);
    }
    const absent = [...hunk.packs].find((pack) => !named.has(pack));
    if (absent) throw new Finding("refs-incomplete", packName(absent), "the snapshot uses a pack its refs do not name");
    return hunk;
  }

  async #read(row, named) {
    const object = packName(row.at.pack);
    const entries = parseHunk(await this.repository.chunk(row.at), object);
    const hunk = { packs: new Set(), totals: { f: 0, d: 0, l: 0, bytes: 0 }, first: entries[0]?.parts, last: entries.at(-1)?.parts };
    entries.forEach((entry, index) => {
      if (index > 0 && !inOrder(entries[index - 1].parts, entry.parts)) throw new Finding("manifest-order", object, `entry ${index}`);
      hunk.totals[entry.type] += 1;
      hunk.totals.bytes += entry.bytes ?? 0;
    });
    const agree = row.entries === entries.length && row.files === hunk.totals.f && row.bytes === hunk.totals.bytes;
    if (!agree || row.first !== (hunk.first ?? []).join("/")) this.report.find("manifest-count", object, "hunk");
    for (const entry of entries) if (entry.content) await this.#content(entry, hunk, named, object);
    this.counts.hunks += 1;
    this.counts.entries += entries.length;
    return hunk;
  }

  async #content(entry, hunk, named, object) {
    for await (const node of this.repository.nodePacks(entry.content)) {
      hunk.packs.add(node.pack);
      await this.#locate(node, named);
    }
    let bytes = 0;
    for await (const location of this.repository.dataChunks(entry.content)) {
      hunk.packs.add(location.pack);
      await this.#locate(location, named);
      bytes += location.bytes;
    }
    if (!entry.content.slice && bytes !== entry.dataBytes) throw new Finding("manifest-malformed", object, "chunks do not add up to the file");
  }
}
