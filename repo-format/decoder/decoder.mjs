// A second reader of the Scellé repository format, written from FORMAT.md alone: it shares no line with the agent.
//   node decoder.mjs verify  --store DIR --kit FILE [--owner VKEY] [--repository ID]
//   node decoder.mjs restore --store DIR --kit FILE --to DIR [--snapshot N] [--device DEV] [--owner VKEY]
// Exit codes: 0 fine · 2 usage · 10 no repository · 12 wrong kit · 13 damaged or tampered.
// stderr: one line for each finding, `<kind> <object name>: <detail>`; never the name of a file that was backed up.
// Not read: the kit's owner shares, everyday phrases (age scrypt), buckets. Not restored: see restore.mjs.
import fs from "node:fs";
import { parseArgs } from "node:util";
import { Finding, Report, Stop, decimal } from "./bytes.mjs";
import { parseVkey } from "./note.mjs";
import { Repository } from "./repository.mjs";
import { choose, restore } from "./restore.mjs";
import { readKit } from "./seal.mjs";
import { Store } from "./store.mjs";
import { verify } from "./verify.mjs";

const USAGE = "usage: decoder.mjs verify|restore --store DIR --kit FILE [--owner VKEY] [--repository ID] "
  + "[--to DIR] [--snapshot N] [--device DEV]";

function readArguments() {
  try {
    const options = Object.fromEntries(["store", "kit", "owner", "repository", "to", "snapshot", "device"]
      .map((name) => [name, { type: "string" }]));
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [command] = positionals;
    const isWhole = positionals.length === 1 && values.store && values.kit && (command === "verify" || (command === "restore" && values.to));
    if (isWhole && (values.snapshot === undefined || decimal(values.snapshot) !== null)) return { command, ...values };
  } catch { /* said below */ }
  throw new Stop(2, USAGE);
}

async function main(report) {
  const options = readArguments();
  const pinned = options.owner ? parseVkey(options.owner) : null;
  if (options.owner && !pinned) throw new Stop(2, "--owner is not a verifier key");
  const store = Store.find(options.store, options.repository);
  let kitBytes;
  try {
    kitBytes = fs.readFileSync(options.kit);
  } catch {
    throw new Stop(2, "the kit file cannot be read");
  }
  const repository = await Repository.open(store, await readKit(kitBytes), pinned, report);
  if (options.command === "verify") return verify(repository);
  const note = choose(repository, options.device, options.snapshot && decimal(options.snapshot));
  return restore(repository, note, options.to);
}

const report = new Report();
try {
  await main(report);
  process.exitCode = report.exitCode;
} catch (error) {
  if (error instanceof Finding) {
    report.add(error);
    process.exitCode = 13;
  } else if (error instanceof Stop) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    // A system error's message would hold a path: its code alone is said.
    process.stderr.write(`internal-error ${error.code ?? error.stack}\n`);
    process.exitCode = 1;
  }
}
