// Downloads the files of the input, by the libraries that tasks use, and says where they are.
// It prints paths and sizes, never content.
"use strict";

const fs = require("node:fs");
const tl = require("azure-pipelines-task-lib/task");
const { SecureFileHelpers } = require("azure-pipelines-tasks-securefiles-common/securefiles-common");

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
