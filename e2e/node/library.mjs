// Drives the secure-file library with azure-devops-node-api, unmodified, the way a person's script
// would. Prints one JSON object per operation; what the server refuses is an answer too.
// A `get` of what is not there is `ok` with the result null: so this client takes a 404.
//
// Environment: COFFER_URL (with the organization), COFFER_TOKEN, COFFER_PROJECT.
// Exit code: 0 the server answered, 1 it could not be asked, 2 the command line is wrong.

import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import azdev from "azure-devops-node-api";

const HELP = `node library.mjs OPERATION
  list [--pattern P | --name N… | --id ID…] [--tickets] [--action NUMBER]
  upload NAME FILE [--authorize]
  get ID [--tickets]
  rename ID NAME
  delete ID
  download ID TICKET FILE
  authorize ID [--definition NUMBER]`;

const operations = {
  async list({ api, project, options }) {
    const { tickets, action } = options;
    if (options.name) return api.getSecureFilesByNames(project, options.name, tickets, action);
    if (options.id) return api.getSecureFilesByIds(project, options.id, tickets, action);
    return api.getSecureFiles(project, options.pattern, tickets, action);
  },
  async upload({ api, project, options }, name, file) {
    return api.uploadSecureFile({}, createReadStream(file), project, name, options.authorize);
  },
  async get({ api, project, options }, id) {
    return api.getSecureFile(project, id, options.tickets);
  },
  async rename({ api, project }, id, name) {
    return api.updateSecureFile({ id, name }, project, id);
  },
  async delete({ api, project }, id) {
    return api.deleteSecureFile(project, id);
  },
  async download({ api, project }, id, ticket, file) {
    const response = await api.downloadSecureFile(project, id, ticket, false);
    // The client hands over whatever came; an error's body would end up as the file.
    if (response.statusCode !== 200) {
      response.resume();
      throw Object.assign(new Error(response.statusMessage), { statusCode: response.statusCode });
    }
    await pipeline(response, createWriteStream(file, { mode: 0o600 }));
    return { type: response.headers["content-type"] };
  },
  async authorize({ connection, project, options }, id) {
    const build = await connection.getBuildApi();
    const resources = [{ type: "securefile", id, authorized: true }];
    return options.definition === undefined
      ? build.authorizeProjectResources(resources, project)
      : build.authorizeDefinitionResources(resources, project, options.definition);
  },
};

function fail(code, message) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function commandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        pattern: { type: "string" },
        name: { type: "string", multiple: true },
        id: { type: "string", multiple: true },
        tickets: { type: "boolean" },
        action: { type: "string" },
        authorize: { type: "boolean" },
        definition: { type: "string" },
      },
    });
  } catch (error) {
    return fail(2, `${error.message}\n${HELP}`);
  }
}

const { values: options, positionals } = commandLine();
const [operation, ...values] = positionals;
const run = Object.hasOwn(operations, operation ?? "") ? operations[operation] : undefined;
if (run === undefined || values.length !== run.length - 1) fail(2, HELP);
for (const number of ["action", "definition"]) {
  if (options[number] !== undefined) options[number] = Number(options[number]);
}

const { COFFER_URL: url, COFFER_TOKEN: token, COFFER_PROJECT: project } = process.env;
if (!url || !token || !project) fail(2, "set COFFER_URL, COFFER_TOKEN and COFFER_PROJECT");

// The handler that node-api chooses by the look of the token: what scripts use most.
const connection = new azdev.WebApi(url, azdev.getHandlerFromToken(token), { allowRetries: false });
try {
  const api = await connection.getTaskAgentApi();
  const result = (await run({ api, connection, project, options }, ...values)) ?? null;
  process.stdout.write(`${JSON.stringify({ operation, ok: true, result })}\n`);
} catch (error) {
  const { statusCode, message, result } = error;
  if (statusCode === undefined) fail(1, `${operation}: ${message}`);
  const answer = { operation, ok: false, status: statusCode, message, result: result ?? null };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
