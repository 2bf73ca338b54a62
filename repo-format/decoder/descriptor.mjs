// Descriptors (§5) and FORMAT.txt (§2): grammar, and who may sign which revision.
import { Finding, LIMITS, decimal, decodeUtf8, isHash, isTime } from "./bytes.mjs";
import { parseVkey, signers, splitNote } from "./note.mjs";
import { inverse, numberFromInverse } from "./store.mjs";

const KNOWN_FEATURES = new Set();

/** Stops at features this reader does not know (§2). */
export function requireKnown(features, object) {
  for (const word of features === "-" ? [] : features.split(" ")) {
    if (!KNOWN_FEATURES.has(word)) throw new Finding("unknown-feature", object, JSON.stringify(word));
  }
}

export function readFormat(store) {
  const text = decodeUtf8(store.read("FORMAT.txt", LIMITS.note));
  const lines = (text ?? "").split("\n");
  const value = (index, word) => {
    if (!lines[index]?.startsWith(`${word} `)) throw new Finding("format-malformed", "FORMAT.txt");
    return lines[index].slice(word.length + 1);
  };
  if (lines[0] !== "scelle repository") throw new Finding("format-malformed", "FORMAT.txt");
  const version = value(1, "version");
  if (version !== "1") throw new Finding("unknown-version", "FORMAT.txt", JSON.stringify(version));
  const format = { repository: value(2, "repository"), required: value(3, "required"), optional: value(4, "optional") };
  if (format.repository !== store.repoId) throw new Finding("format-malformed", "FORMAT.txt", "another repository");
  requireKnown(format.required, "FORMAT.txt");
  return format;
}

/** Parses the text of one descriptor; the rules between revisions are in `loadDescriptors`. */
export function parseDescriptor(text, repoId, object) {
  const bad = (detail) => new Finding("descriptor-malformed", object, detail);
  const lines = text.split("\n").slice(0, -1);
  let at = 0;
  const take = (word) => {
    const line = lines[at];
    if (line === undefined || !(line === word || line.startsWith(`${word} `))) throw bad(`expected ${word}`);
    at += 1;
    return line.slice(word.length + 1);
  };
  const takeMany = (word, least) => {
    const rows = [];
    while (lines[at]?.startsWith(`${word} `)) rows.push(take(word));
    if (rows.length < least) throw bad(`expected ${word}`);
    return rows;
  };
  const number = (value, word) => decimal(value) ?? (() => { throw bad(word); })();
  const key = (vkey, role) => {
    const parsed = parseVkey(vkey);
    if (!parsed || parsed.name !== `scelle/${repoId}/${role}`) throw bad(`${role.length === 16 ? "device" : role} key`);
    return parsed;
  };
  take("scelle/descriptor/1");
  if (take("repository") !== repoId) throw bad("another repository");
  const descriptor = { object, revision: number(take("revision"), "revision"), time: take("time"), prev: take("prev") };
  if (!isTime(descriptor.time) || !(descriptor.prev === "-" || isHash(descriptor.prev))) throw bad("time or prev");
  descriptor.required = take("required");
  descriptor.optional = take("optional");
  requireKnown(descriptor.required, object);
  descriptor.owners = takeMany("owner", 1).map((vkey) => key(vkey, "owner"));
  descriptor.threshold = number(take("threshold"), "threshold");
  if (descriptor.threshold < 1 || descriptor.threshold > descriptor.owners.length) throw bad("threshold");
  descriptor.succession = take("succession");
  const admin = take("admin");
  descriptor.admin = admin === "-" ? null : key(admin, "admin");
  descriptor.recipients = takeMany("recipient", 1).map((row) => {
    const parts = /^(\S+) (recovery|everyday|escrow) ([0-9a-f]{64})$/.exec(row);
    if (!parts) throw bad("recipient");
    return { row, kind: parts[2], hash: parts[3] };
  });
  descriptor.epochs = new Map(takeMany("epoch", 1).map((row) => {
    const parts = /^(\d+) ([0-9a-f]{64}) (provisional|confirmed)$/.exec(row);
    if (!parts) throw bad("epoch");
    return [number(parts[1], "epoch"), { hash: parts[2], state: parts[3] }];
  }));
  descriptor.devices = new Map(takeMany("device", 1).map((row) => {
    const parts = /^([0-9a-f]{16}) (\S+) (enrolled|revoked) (\d+) ([0-9a-f]{64})$/.exec(row);
    if (!parts) throw bad("device");
    const [, device, vkey, state, generation, check] = parts;
    return [device, { device, key: key(vkey, device), state, generation: number(generation, "generation"), check }];
  }));
  const policy = /^keep-daily (\d+) keep-weekly (\d+) keep-monthly (\d+) keep-yearly (\d+)$/.exec(take("policy"));
  if (!policy) throw bad("policy");
  descriptor.policy = policy.slice(1).map(Number);
  descriptor.extensions = lines.slice(at);
  if (!descriptor.extensions.every((line) => line.startsWith("x-"))) throw bad("unknown line");
  if ((descriptor.revision === 1) !== (descriptor.prev === "-")) throw bad("prev");
  if (!descriptor.recipients.some((row) => row.kind === "recovery")) throw bad("no recovery recipient");
  return descriptor;
}

/** True when going from `before` to `after` stays within what the admin key may change (§5.3). */
function withinAdminRights(before, after) {
  const same = (pick) => JSON.stringify(pick(before)) === JSON.stringify(pick(after));
  const epochs = before.epochs.size === after.epochs.size && [...before.epochs].every(([number, epoch]) => {
    const now = after.epochs.get(number);
    return now?.hash === epoch.hash && (now.state === epoch.state || now.state === "confirmed");
  });
  const devices = [...before.devices].every(([device, row]) => {
    const now = after.devices.get(device);
    const revived = row.state === "revoked" && now?.state === "enrolled";
    return now && now.key.vkey === row.key.vkey && !revived && now.generation >= row.generation
      && (now.generation > row.generation || now.check === row.check);
  });
  return epochs
    && devices && same((d) => [d.extensions, d.required, d.optional, d.owners.map((o) => o.vkey), d.threshold, d.succession, d.admin?.vkey ?? "-",
      d.recipients.map((r) => r.row)])
    && before.policy.every((keep, index) => after.policy[index] >= keep);
}

/** Who signed `descriptor`: owner, admin or device; a finding when nobody did who may. */
function authority(note, descriptor, before, pinned, recoveryHashes) {
  const object = descriptor.object;
  const refuse = (detail) => new Finding("descriptor-signature", object, detail);
  if (before === null) {
    const first = [...descriptor.devices.values()][0];
    const trusted = pinned ? descriptor.owners.filter((owner) => owner.vkey === pinned.vkey) : descriptor.owners;
    if (trusted.length === 0) throw new Finding("owner-mismatch", object, "the descriptor names another owner");
    const found = signers(note, [...descriptor.owners, first.key], object, "descriptor-signature");
    if (found.some((key) => trusted.includes(key))) return "owner";
    const recovery = descriptor.recipients.filter((row) => row.kind === "recovery");
    const isProvisional = descriptor.devices.size === 1 && descriptor.owners.length === 1 && recovery.length === 1
      && first.state === "enrolled" && recoveryHashes.includes(recovery[0].hash);
    if (isProvisional && found.includes(first.key)) return "device";
    throw refuse("signed neither by the owner nor by the first device");
  }
  const known = [...before.owners, ...(before.admin ? [before.admin] : [])];
  const found = signers(note, known, object, "descriptor-signature");
  if (found.filter((key) => before.owners.includes(key)).length >= before.threshold) return "owner";
  // After a provisional revision nobody trusted has named the admin.
  if (before.admin && before.authority !== "device" && found.includes(before.admin)) {
    if (withinAdminRights(before, descriptor)) return "admin";
    throw refuse("the admin key may not change this");
  }
  throw refuse("not signed by the owners or the admin of the revision before");
}

/**
 * Reads every revision, oldest first, and checks each against the one before; what follows the first invalid one
 * is not believed. `recoveryHashes` are those of the kit at hand.
 * Gives `{ newest, revisions: Map(revision → descriptor), ownerSigned }`.
 */
export function loadDescriptors(store, pinned, recoveryHashes, report) {
  const revisions = new Map();
  let before = null;
  let ownerSigned = false;
  const names = store.list("desc").reverse();
  for (const name of names) {
    const object = `desc/${name}`;
    const revision = numberFromInverse(name);
    try {
      if (revision === null) throw new Finding("name-malformed", object);
      const expected = before ? before.revision + 1 : 1;
      if (revision !== expected) throw new Finding("descriptor-chain-broken", `desc/${inverse(expected)}`, "a revision is missing");
      const note = splitNote(store.read(object, LIMITS.note), object);
      const descriptor = parseDescriptor(note.text, store.repoId, object);
      if (descriptor.revision !== revision) throw new Finding("descriptor-malformed", object, "the name carries another revision");
      descriptor.textHash = note.textHash;
      if (descriptor.prev !== (before?.textHash ?? "-")) throw new Finding("descriptor-chain-broken", object, "prev");
      descriptor.authority = authority(note, descriptor, before, pinned, recoveryHashes);
      ownerSigned ||= descriptor.authority !== "device";
      revisions.set(revision, descriptor);
      before = descriptor;
    } catch (error) {
      report.add(error);
      break;
    }
  }
  if (!before) throw new Finding("descriptor-missing", "desc", "no valid descriptor");
  return { newest: before, revisions, ownerSigned };
}
