// What the scripts of azure-devops-node-api share: the connection, the command line, the answer. They drive the client,
// unmodified, the way a person's script would, and print one JSON object per operation; what the server refuses is an
// answer too. A `get` of what is not there is `ok` with the result null: so this client takes a 404.
//
// Environment: COFFER_URL (with the organization), COFFER_TOKEN, COFFER_PROJECT, and COFFER_CLIENT: the package, by the
// name that package.json gives it.
// Exit code: 0 the server answered, 1 it could not be asked, 2 the command line is wrong.

import { parseArgs } from "node:util";

function fail(code, message) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function commandLine(help, options) {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return fail(2, `${error.message}\n${help}`);
  }
}

/// Runs the operation that the command line names. `operations` maps a name to a function of the connection, the
/// project and the options, then one parameter for each word after the name. Options in `numbers` are read as such.
export async function main({ help, options = {}, numbers = [], operations }) {
  const { values, positionals } = commandLine(help, options);
  const [operation, ...words] = positionals;
  const run = Object.hasOwn(operations, operation ?? "") ? operations[operation] : undefined;
  if (run === undefined || words.length !== run.length - 1) fail(2, help);
  for (const name of numbers) {
    if (values[name] !== undefined) values[name] = Number(values[name]);
  }
  const {
    COFFER_CLIENT: client,
    COFFER_URL: url,
    COFFER_TOKEN: token,
    COFFER_PROJECT: project,
  } = process.env;
  if (!client || !url || !token || !project) {
    fail(2, "set COFFER_CLIENT, COFFER_URL, COFFER_TOKEN and COFFER_PROJECT");
  }
  const { default: azdev } = await import(client);
  // The handler that node-api chooses by the look of the token: what scripts use most.
  const handler = azdev.getHandlerFromToken(token);
  const connection = new azdev.WebApi(url, handler, { allowRetries: false });
  try {
    const result = (await run({ connection, project, options: values }, ...words)) ?? null;
    process.stdout.write(`${JSON.stringify({ operation, ok: true, result })}\n`);
  } catch (error) {
    const { statusCode, message, result } = error;
    if (statusCode === undefined) fail(1, `${operation}: ${error.stack}`);
    const answer = { operation, ok: false, status: statusCode, message, result: result ?? null };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}
