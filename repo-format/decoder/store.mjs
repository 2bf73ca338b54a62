// A folder store (§1): object names are relative paths below <dir>/<repo-id>/. Read only. Names given to this
// module are built from checked parts; it never follows a symbolic link to an object.
import fs from "node:fs";
import path from "node:path";
import { Finding, Stop, sha256Hex } from "./bytes.mjs";

export const REPO_ID = /^[a-z2-7]{26}$/;

export class Store {
  constructor(root, repoId) {
    this.root = root;
    this.repoId = repoId;
  }

  /** Finds the repository in `dir`; more than one needs `wanted`. */
  static find(dir, wanted) {
    let names;
    try {
      names = fs.readdirSync(dir);
    } catch {
      throw new Stop(10, "no repository: the store folder cannot be read");
    }
    const ids = names.filter((name) => REPO_ID.test(name) && (!wanted || wanted === name)
      && ["FORMAT.txt", "desc", "c"].some((part) => fs.existsSync(path.join(dir, name, part))));
    if (ids.length === 0) throw new Stop(10, "no repository in the store");
    if (ids.length > 1) throw new Stop(2, `several repositories, choose one with --repository: ${ids.join(" ")}`);
    return new Store(path.join(dir, ids[0]), ids[0]);
  }

  #path(name) { return path.join(this.root, ...name.split("/")); }

  /** Names directly below `prefix`, in byte order; an absent folder is empty. */
  list(prefix) {
    try {
      return fs.readdirSync(this.#path(prefix)).sort();
    } catch {
      return [];
    }
  }

  /** Size in bytes, or null when the object is not there. */
  size(name) {
    const stat = fs.lstatSync(this.#path(name), { throwIfNoEntry: false });
    return stat?.isFile() ? stat.size : null;
  }

  read(name, limitBytes) {
    const size = this.size(name);
    if (size === null) throw new Finding("object-missing", name);
    if (size > limitBytes) throw new Finding("object-too-large", name);
    try {
      return fs.readFileSync(this.#path(name));
    } catch {
      throw new Finding("object-unreadable", name);
    }
  }

  /** Reads an object whose name carries the hash of its bytes. */
  readHashed(name, hash, limitBytes) {
    const bytes = this.read(name, limitBytes);
    if (sha256Hex(bytes) !== hash) throw new Finding("object-hash", name, "the bytes do not hash to the name");
    return bytes;
  }
}

export const packName = (key) => {
  const [kind, epoch, hash] = key.split("/");
  return `${kind}/${epoch}/${hash.slice(0, 2)}/${hash}`;
};
export const attachmentName = (hash) => `a/${hash.slice(0, 2)}/${hash}`;
/** <inv12>: 10¹² minus the number. Gives null when it is not one. */
export function numberFromInverse(text) {
  if (!/^\d{12}$/.test(text)) return null;
  const number = 1e12 - Number(text);
  return number >= 1 ? number : null;
}
export const inverse = (number) => String(1e12 - number).padStart(12, "0");
