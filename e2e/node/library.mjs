// The secure-file library: the API `TaskAgentApi` of azure-devops-node-api.

import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { main } from "./client.mjs";

const help = `node library.mjs OPERATION
  list [--pattern P | --name N… | --id ID…] [--tickets] [--action NUMBER]
  query CONDITION [--pattern P]
  upload NAME FILE [--authorize]
  get ID [--tickets]
  rename ID NAME
  update ID JSON
  update-several JSON
  delete ID
  download ID TICKET FILE`;

const options = {
  pattern: { type: "string" },
  name: { type: "string", multiple: true },
  id: { type: "string", multiple: true },
  tickets: { type: "boolean" },
  action: { type: "string" },
  authorize: { type: "boolean" },
};

const operations = {
  async list({ connection, project, options }) {
    const api = await connection.getTaskAgentApi();
    const { tickets, action } = options;
    if (options.name) return api.getSecureFilesByNames(project, options.name, tickets, action);
    if (options.id) return api.getSecureFilesByIds(project, options.id, tickets, action);
    return api.getSecureFiles(project, options.pattern, tickets, action);
  },
  async query({ connection, project, options }, condition) {
    const api = await connection.getTaskAgentApi();
    return api.querySecureFilesByProperties(condition, project, options.pattern);
  },
  async upload({ connection, project, options }, name, file) {
    const api = await connection.getTaskAgentApi();
    return api.uploadSecureFile({}, createReadStream(file), project, name, options.authorize);
  },
  async get({ connection, project, options }, id) {
    const api = await connection.getTaskAgentApi();
    return api.getSecureFile(project, id, options.tickets);
  },
  async rename({ connection, project }, id, name) {
    const api = await connection.getTaskAgentApi();
    return api.updateSecureFile({ id, name }, project, id);
  },
  async update({ connection, project }, id, json) {
    const api = await connection.getTaskAgentApi();
    return api.updateSecureFile(JSON.parse(json), project, id);
  },
  async "update-several"({ connection, project }, json) {
    const api = await connection.getTaskAgentApi();
    return api.updateSecureFiles(JSON.parse(json), project);
  },
  async delete({ connection, project }, id) {
    const api = await connection.getTaskAgentApi();
    return api.deleteSecureFile(project, id);
  },
  async download({ connection, project }, id, ticket, file) {
    const api = await connection.getTaskAgentApi();
    const response = await api.downloadSecureFile(project, id, ticket, false);
    // The client hands over whatever came; an error's body would end up as the file.
    if (response.statusCode !== 200) {
      response.resume();
      throw Object.assign(new Error(response.statusMessage), { statusCode: response.statusCode });
    }
    await pipeline(response, createWriteStream(file, { mode: 0o600 }));
    return { type: response.headers["content-type"] };
  },
};

await main({ help, options, numbers: ["action"], operations });
