// Downloads the files of the input, by the libraries that tasks use, and says where they are.
// It prints paths and sizes, never content. COFFER_CLIENT names another version of the library.
"use strict";

const fs = require("node:fs");
const { createRequire } = require("node:module");

const name = process.env.COFFER_CLIENT ?? "azure-pipelines-tasks-securefiles-common";
const common = require.resolve(`${name}/securefiles-common`);
// The one that the library itself uses: two of them in a process hide the inputs from each other.
const tl = createRequire(common)("azure-pipelines-task-lib/task");
const { SecureFileHelpers } = require(common);

async function run() {
  const helpers = new SecureFileHelpers(8);
  for (const id of tl.getDelimitedInput("secureFile", ",", true)) {
    const file = await helpers.downloadSecureFile(id);
    console.log(`downloaded ${file} (${fs.statSync(file).size} bytes)`);
    tl.setVariable("secureFilePath", file);
  }
  const failure = tl.getInput("stopWith");
  if (failure) {
    throw new Error(failure);
  }
  tl.setResult(tl.TaskResult.Succeeded, "");
}

run().catch((error) => tl.setResult(tl.TaskResult.Failed, error.message));
