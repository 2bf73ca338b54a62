// Sealed objects (§3) and the keys that open them (§4): age files, the kit, epoch identities, dedup secrets.
import { Decrypter, identityToRecipient } from "age-encryption";
import { blake3 } from "@noble/hashes/blake3.js";
import { Finding, LIMITS, Stop, decodeUtf8, sha256Hex } from "./bytes.mjs";

const IDENTITY = /^AGE-SECRET-KEY-PQ-1[0-9A-Z]+$/;
const identityLines = (text) => text.split(/\r?\n/).map((line) => line.trim()).filter((line) => IDENTITY.test(line));

/** An age identity with the SHA-256 of its recipient string. */
async function identityFrom(secret) {
  return { secret, hash: sha256Hex(await identityToRecipient(secret)) };
}

/** Every post-quantum identity of a kit file; the owner's share groups beside them are not read. */
export async function readKit(bytes) {
  const identities = [];
  for (const line of identityLines(decodeUtf8(bytes) ?? "")) {
    try {
      identities.push(await identityFrom(line));
    } catch {
      throw new Stop(12, "wrong kit: its identity line is damaged");
    }
  }
  if (identities.length === 0) throw new Stop(12, "wrong kit: no AGE-SECRET-KEY-PQ-1 line");
  return identities;
}

/** Checks the stanzas before anything is opened: 1 to 20, all of the one kind, in at most 64 KiB. */
function checkHeader(bytes, recipients) {
  const head = bytes.subarray(0, LIMITS.ageHeader).toString("latin1");
  const end = head.indexOf("\n--- ");
  if (!head.startsWith("age-encryption.org/v1\n") || end < 0) throw new Error("not an age file");
  const stanzas = head.slice(0, end).split("\n").filter((line) => line.startsWith("-> "));
  if (stanzas.length === 0 || stanzas.length > LIMITS.ageStanzas) throw new Error("number of stanzas");
  if (stanzas.some((line) => !line.startsWith("-> mlkem768x25519 "))) throw new Error("a stanza of another kind");
  if (recipients && stanzas.length !== recipients) throw new Error("number of recipients");
}

/** Opens one sealed object; any failure is a finding of `kind`. `recipients`: how many there must be, if known. */
export async function open(bytes, identities, object, kind, recipients) {
  try {
    checkHeader(bytes, recipients);
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity.secret);
    const plain = await decrypter.decrypt(bytes);
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
  } catch (error) {
    throw new Finding(kind, object, error.message);
  }
}

/** Opens `keys/e<k>/<rev8>.age` and checks it against the descriptor's hash (§4.3). */
export async function openEpoch(bytes, kit, repoId, epoch, expectedHash, object) {
  const text = decodeUtf8(await open(bytes, kit, object, "epoch-key-damaged")) ?? "";
  const lines = text.split("\n");
  const secrets = identityLines(text);
  const said = ["# scelle epoch 1", `# repository ${repoId}`, `# epoch ${epoch}`].every((line) => lines.includes(line));
  if (!said || secrets.length !== 1) throw new Finding("epoch-key-malformed", object);
  const identity = await identityFrom(secrets[0]).catch(() => null);
  if (!identity) throw new Finding("epoch-key-malformed", object);
  if (identity.hash !== expectedHash) throw new Finding("epoch-key-forged", object, "not the recipient the descriptor names");
  return identity;
}

/** Opens `keys/d<dev>.age`: `{ generation, secret }` (§4.4). */
export async function openDeviceFile(bytes, epochs, repoId, device, object) {
  const plain = await open(bytes, epochs, object, "device-key-damaged");
  let file;
  try {
    file = JSON.parse(decodeUtf8(plain));
  } catch {
    throw new Finding("device-key-malformed", object);
  }
  const wellFormed = file?.scelle === "device/1" && file.repository === repoId && file.device === device
    && Number.isInteger(file.generation) && /^[0-9a-f]{64}$/.test(file.dedup_secret ?? "");
  if (!wellFormed) throw new Finding("device-key-malformed", object);
  return { generation: file.generation, secret: file.dedup_secret, older: Array.isArray(file.older_secrets) ? file.older_secrets : [] };
}

// A plain Uint8Array, not a Buffer: noble wipes the copy it takes by `slice`, which for a Buffer is the key itself.
const subkey = (secretHex, purpose, ...more) =>
  blake3(Buffer.concat([Buffer.from(secretHex, "hex"), ...more]), { context: Buffer.from(`scelle 2026-11 ${purpose}`) });
/** The K check of §4.2: a commitment to the secret and its generation. */
export const secretCheck = (secretHex, generation) =>
  Buffer.from(subkey(secretHex, "dedup secret check", Buffer.from([generation & 0xff, generation >> 8])));

/** The dedup secrets met so far, by generation; recomputes chunk ids (§6.3). */
export class Keyring {
  #byGeneration = new Map();
  /** `check` is the commitment of the descriptor, or null when it speaks of another generation. */
  add(generation, secretHex, check, object) {
    if (check !== null && secretCheck(secretHex, generation).toString("hex") !== check) {
      throw new Finding("secret-mismatch", object, "not the dedup secret the descriptor commits to");
    }
    const held = this.#byGeneration.get(generation) ?? new Map();
    this.#byGeneration.set(generation, held);
    if (!held.has(secretHex)) held.set(secretHex, subkey(secretHex, "chunk id"));
  }
  /** Whether `bytes` have the chunk id `id` under a secret of this generation. */
  matches(generation, bytes, id) {
    for (const key of this.#byGeneration.get(generation)?.values() ?? []) {
      if (Buffer.compare(blake3(bytes, { key }), id) === 0) return true;
    }
    return false;
  }
  has(generation) { return this.#byGeneration.has(generation); }
}
