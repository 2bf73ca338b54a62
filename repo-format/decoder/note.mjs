// C2SP signed notes (§5.1): the split into text and signatures, verifier keys, Ed25519. Knows no grammar of texts.
import { createPublicKey, verify } from "node:crypto";
import { Finding, LIMITS, decodeBase64, decodeUtf8, sha256, sha256Hex } from "./bytes.mjs";

const ED25519 = 1;

/** `<name>+<key id, 8 hex>+<b64(0x01 ‖ public key)>`. Gives null when malformed. */
export function parseVkey(vkey) {
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey ?? "");
  const blob = parts && decodeBase64(parts[3]);
  if (!blob || blob.length !== 33 || blob[0] !== ED25519) return null;
  if (keyId(parts[1], blob.subarray(1)) !== parts[2]) return null;
  const x = blob.subarray(1).toString("base64url");
  return { vkey, name: parts[1], id: parts[2], key: createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } }) };
}

/** First four bytes of SHA-256(name ‖ LF ‖ type ‖ public key), in hex. */
export const keyId = (name, publicKey) =>
  sha256(name, Buffer.from([0x0a, ED25519]), publicKey).subarray(0, 4).toString("hex");

/** Splits a note; `text` keeps its last line feed, which is signed and hashed with it. */
export function splitNote(bytes, object) {
  const malformed = (detail) => new Finding("note-malformed", object, detail);
  if (bytes.length > LIMITS.note) throw new Finding("object-too-large", object);
  const whole = decodeUtf8(bytes);
  if (whole === null || /[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(whole)) throw malformed("not plain UTF-8 text");
  const cut = whole.lastIndexOf("\n\n");
  if (cut < 0 || !whole.endsWith("\n")) throw malformed("no signatures");
  const text = whole.slice(0, cut + 1);
  const lines = whole.slice(cut + 2, -1).split("\n");
  if (lines.length > LIMITS.signatures) throw malformed("too many signatures");
  const signatures = lines.map((line) => {
    const parts = /^— ([^+\s]+) ([A-Za-z0-9+/=]+)$/.exec(line);
    const blob = parts && decodeBase64(parts[2]);
    if (!blob || blob.length < 5) throw malformed("signature line");
    return { name: parts[1], id: blob.subarray(0, 4).toString("hex"), signature: blob.subarray(4) };
  });
  return { text, textHash: sha256Hex(text), signatures };
}

/**
 * The keys of `keys` that validly signed. Lines of other keys are passed over; a bad signature of a known key
 * makes the whole note invalid.
 */
export function signers(note, keys, object, kind) {
  const found = new Map();
  for (const line of note.signatures) {
    const key = keys.find((known) => known.name === line.name && known.id === line.id);
    if (!key) continue;
    if (line.signature.length !== 64 || !verify(null, Buffer.from(note.text), key.key, line.signature)) {
      throw new Finding(kind, object, "invalid signature of a known key");
    }
    found.set(key.vkey, key);
  }
  return [...found.values()];
}
