/** Has the parser of AsyncAPI read the document named first; prints each finding, then how many. */

import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));

for (const { severity, code, path, message } of diagnostics) {
  console.log(`${severity} ${code} ${path.join(".")}: ${message}`);
}
const count = (of) => of?.all().length ?? 0;
console.log(
  `${diagnostics.length} findings, ${count(document?.channels())} channels, ` +
    `${count(document?.messages())} messages, ${count(document?.operations())} operations`,
);
