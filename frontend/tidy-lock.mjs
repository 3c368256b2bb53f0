// Takes what is no part of the lock (funding pages, deprecation notes) out of package-lock.json, so that no
// address stands in it: where packages come from is the installing machine's choice, their hashes are ours.
// Takes the lock's path, by default the front end's own.
import { readFileSync, writeFileSync } from "node:fs";

const path = process.argv[2] ?? new URL("package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const entry of Object.values(lock.packages)) {
  delete entry.funding;
  delete entry.deprecated;
  delete entry.resolved;
}
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
