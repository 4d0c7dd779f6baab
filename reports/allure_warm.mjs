// Allure's command line as it is, in a process that has loaded Allure's modules before it is told what to do.
//
//     node allure_warm.mjs node_modules/allure/cli.js
//
// and then, on stdin, one line: {"cwd": "...", "arguments": ["generate", ...]}. To load the modules takes about as long
// as to make a page; podwire starts this while silent flows wait for their time-out. If stdin ends, nobody wants a page.

import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const cli = realpathSync(process.argv[2]);
const resolve = createRequire(cli).resolve;

async function load(locate) {
  try {
    await import(pathToFileURL(locate()));
  } catch {
    // An Allure whose files lie elsewhere loads them when it runs: later, but all the same.
  }
}

await load(() => resolve("./dist/commands/index.js"));
await load(() => resolve("@allurereport/plugin-awesome"));

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  process.chdir(order.cwd);
  process.argv.splice(1, Infinity, cli, ...order.arguments);
  await import(pathToFileURL(cli));
  break;
}
