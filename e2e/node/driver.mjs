// Drives azure-devops-node-api for a story: a call as a line of JSON in, its result as a line of JSON out. The first line
// out names the package and its version.
//
// A call names an API, one of its methods and the arguments, as a script would write them:
//
//   {"client": "TaskAgent", "method": "getSecureFiles", "arguments": ["Main", null, true]}
//
// Without a client it is a method of the connection. `null` is an argument that is left out, `{"$file": PATH}` a stream.
// What a client streams is counted and digested, never printed. This file asserts nothing and knows no route: that is
// what stories and clients are for.
//
// Environment: COFFER_URL (with the organization), COFFER_TOKEN, and COFFER_CLIENT: the package, by the name that
// package.json gives it.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const { COFFER_CLIENT: client, COFFER_URL: url, COFFER_TOKEN: token } = process.env;
const require = createRequire(import.meta.url);
const azdev = require(client);
// The handler that the client chooses by the look of the token: what scripts use most.
const handler = azdev.getHandlerFromToken(token);
const connection = new azdev.WebApi(url, handler, { allowRetries: false });

function argument(value) {
  if (value === null) return undefined;
  return value.$file === undefined ? value : createReadStream(value.$file);
}

async function plain(value) {
  if (!(value instanceof Readable)) return value ?? null;
  const hash = createHash("sha256");
  let length = 0;
  for await (const piece of value) {
    hash.update(piece);
    length += piece.length;
  }
  const { statusCode: status, headers } = value;
  return { status, headers, length, sha256: hash.digest("hex") };
}

async function run({ client, method, arguments: given }) {
  const api = client === "" ? connection : await connection[`get${client}Api`]();
  return plain(await api[method](...given.map(argument)));
}

function print(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const { name: packageName, version } = require(`${client}/package.json`);
print({ package: packageName, version });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    print({ ok: true, result: await run(JSON.parse(line)) });
  } catch (error) {
    // The client's own words are what a story asks for.
    const { statusCode: status, message, result } = error;
    print({ ok: false, error: error.name, message, key: result?.typeKey ?? null, status: status ?? null });
  }
}
