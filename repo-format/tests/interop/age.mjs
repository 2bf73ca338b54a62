// The independent age implementation of tests/interop_npm.rs.
// Reads one job from stdin: {do, key, file (base64)?}; writes one answer to stdout: base64 bytes or text.
import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";

let input = "";
for await (const part of process.stdin) input += part;
const job = JSON.parse(input);
const file = Buffer.from(job.file ?? "", "base64");
const base64 = (bytes) => Buffer.from(bytes).toString("base64");

const jobs = {
  async recipient() {
    return identityToRecipient(job.key);
  },
  async encrypt() {
    const encrypter = new Encrypter();
    encrypter.addRecipient(job.key);
    return base64(await encrypter.encrypt(file));
  },
  async decrypt() {
    const decrypter = new Decrypter();
    decrypter.addIdentity(job.key);
    return base64(await decrypter.decrypt(file));
  },
  async decryptPhrase() {
    const decrypter = new Decrypter();
    decrypter.addPassphrase(job.key);
    return base64(await decrypter.decrypt(file));
  },
};
process.stdout.write(await jobs[job.do]());
