// Drives Debian's Chromium for a story: a line of JSON in, a line of JSON out. The first line out says that it runs.
//
//   {"do": "call", "page": 1, "find": [{"role": "button", "name": "Sign in"}], "method": "click", "arguments": []}
//
// `find` says what a person looks for (`locate`), `method` is Playwright's own and waits by itself; without `find` it is
// one of the page. What else a story may want of a page are the functions of `acts`.
//
// Whatever a page should never do is kept as a complaint, and the story fails for it. This file asserts nothing and knows no
// page of ours: that is for stories.
//
// Environment: COFFER_CHROMIUM, and COFFER_SCREENSHOTS: the folder of this story, if pictures are kept.

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const { COFFER_CHROMIUM: executablePath, COFFER_SCREENSHOTS: screenshots } = process.env;
// A busy machine takes a picture in tens of seconds.
const PATIENCE = 60_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const SIZES = [{ width: 1440, height: 900 }, { width: 768, height: 1024 }, { width: 390, height: 844 }];
const USUAL = { width: 1280, height: 800 };
const SCHEMES = ["light", "dark"];

const browser = await chromium.launch({
  executablePath,
  args: [
    // No name but this machine's leads anywhere, and no address either.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    // Pictures look the same on every machine.
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
  ],
});
const pages = new Map();
let complaints = [];
const heard = new Set();

function complain(entry, text) {
  complaints.push(`${entry.who}, at ${entry.page.url()}: ${text}`);
  for (const listener of heard) listener();
}

// Runs in every document before anything else, past the policy of the page.
function inside() {
  const tell = (text) => console.error(text);
  document.addEventListener("securitypolicyviolation", (event) => {
    tell(`policy: ${event.violatedDirective} was hit by ${event.blockedURI} ${event.sample}`);
  });
  // What hostile text calls when it became script.
  globalThis.canary = (what) => tell(`canary: a script of hostile text ran: ${what}`);
  // What moves after somebody did something is theirs, however long the answer took.
  let [moved, touched] = [0, false];
  for (const doing of ["pointerdown", "keydown", "input", "drop"]) {
    addEventListener(doing, () => { touched = true; }, { capture: true, passive: true });
  }
  new PerformanceObserver((list) => {
    const before = moved;
    const what = [];
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput || touched) continue;
      moved += entry.value;
      what.push(...entry.sources.map(({ node, previousRect: from, currentRect: to }) =>
        `${node?.nodeName} ${node?.className ?? ""} from ${from.x},${from.y} to ${to.x},${to.y}`));
    }
    if (before <= 0.1 && moved > 0.1) tell(`layout: what is on the page moved by itself (${moved.toFixed(3)}): ${what.join("; ")}`);
  }).observe({ type: "layout-shift", buffered: true });
}

function watch(entry) {
  const { page, origins } = entry;
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (message) => {
    const text = message.text();
    // A refusal is an answer like others; `response` below tells the ones that should not be.
    // What a person types on, htmx stops asking for, and says so.
    const usual = ["Failed to load resource", "htmx:sendAbort, ", "htmx:afterRequest, "];
    if (message.type() === "error" && !usual.some((start) => text.startsWith(start))) complain(entry, text);
  });
  page.on("pageerror", (error) => complain(entry, `script failed: ${error.message}`));
  page.on("crash", () => complain(entry, "the page crashed"));
  page.on("dialog", (dialog) => {
    complain(entry, `dialog: ${dialog.type()} ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on("popup", (popup) => complain(entry, `popup: ${popup.url()}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && !origins.has(url.origin)) complain(entry, `foreign: it asks ${url.origin}`);
  });
  page.on("response", (response) => {
    const status = response.status();
    const refusable = ["document", "fetch", "xhr", "eventsource"].includes(response.request().resourceType());
    if (status >= 500 || (status >= 400 && !refusable)) complain(entry, `answer: ${status} from ${response.url()}`);
  });
  page.on("requestfailed", (request) => {
    const text = request.failure()?.errorText ?? "";
    // What a person leaves behind by going elsewhere.
    if (!entry.closing && text !== "net::ERR_ABORTED") complain(entry, `request: ${request.url()} failed with ${text}`);
  });
}

function locate(page, parts) {
  let root = page;
  for (const { role, label, text, css, name, exact, has, lacks, nth } of parts) {
    if (role !== undefined) root = root.getByRole(role, name === undefined ? {} : { name, exact });
    else if (label !== undefined) root = root.getByLabel(label, { exact });
    else if (text !== undefined) root = root.getByText(text, { exact });
    else if (css !== undefined) root = root.locator(css);
    if (has !== undefined) root = root.filter({ hasText: has });
    if (lacks !== undefined) root = root.filter({ hasNotText: lacks });
    if (nth !== undefined) root = root.nth(nth);
  }
  return root;
}

const shown = (page, find) => locate(page, find).filter({ visible: true }).first();

function files(list) {
  return list.map(({ name, base64 }) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(base64, "base64") }));
}

// A context of its own: what a page may not do to itself does not reach there, and nothing of the page is changed.
async function isolated(page, expressions) {
  const session = await page.context().newCDPSession(page);
  try {
    const { frameTree } = await session.send("Page.getFrameTree");
    const world = { frameId: frameTree.frame.id, worldName: "stories" };
    const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", world);
    let value;
    for (const expression of expressions) {
      const wanted = { expression, contextId, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await session.send("Runtime.evaluate", wanted);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      value = result.value;
    }
    return value;
  } finally {
    await session.detach();
  }
}

async function add(number, who, context, origins) {
  const entry = { who, page: await context.newPage(), context, origins, closing: false };
  watch(entry);
  pages.set(number, entry);
}

// Playwright's method, by a name like `click` or `keyboard.press`.
function invoke(target, name, given) {
  const path = name.split(".");
  const method = path.pop();
  const owner = path.reduce((from, step) => from[step], target);
  return owner[method](...given);
}

const acts = {
  async open({ page, who, origins, options }) {
    const context = await browser.newContext({ viewport: USUAL, colorScheme: "light", locale: "en-GB", timezoneId: "UTC", ...options });
    await context.addInitScript(inside);
    await add(page, who, context, new Set(origins));
  },
  tab: ({ page, of }) => add(page, pages.get(of).who, pages.get(of).context, pages.get(of).origins),
  allow({ entry, origin }) {
    entry.origins.add(origin);
  },
  async goto({ entry, url }) {
    const response = await entry.page.goto(url).catch((error) => {
      // It is no page: nothing is shown.
      if (error.message.includes("Download is starting")) return null;
      throw error;
    });
    return response?.status() ?? null;
  },
  // An address that leads to a download and to no page: the name that the file would get.
  async download({ entry, url }) {
    const [download] = await Promise.all([entry.page.waitForEvent("download"), entry.page.goto(url).catch(() => {})]);
    return download.suggestedFilename();
  },
  async call({ entry, find, method, arguments: given }) {
    const result = await invoke(find.length ? locate(entry.page, find) : entry.page, method, given);
    // Handles and answers stay here.
    return ["string", "number", "boolean"].includes(typeof result) || Array.isArray(result) ? result : null;
  },
  see: ({ entry, find }) => shown(entry.page, find).waitFor({ state: "visible" }),
  gone: ({ entry, find }) => shown(entry.page, find).waitFor({ state: "detached" }),
  arrive: ({ entry, part }) => entry.page.waitForURL((url) => url.href.includes(part)),
  choose: ({ entry, find, files: list }) => locate(entry.page, find).setInputFiles(files(list)),
  // As the desktop does it: real files, trusted events.
  async drop({ entry, find, files: list }) {
    const folder = mkdtempSync(join(tmpdir(), "drop-"));
    const paths = files(list).map(({ name, buffer }) => {
      const path = join(folder, name);
      writeFileSync(path, buffer);
      return path;
    });
    const target = shown(entry.page, find);
    await target.scrollIntoViewIfNeeded();
    const box = await target.boundingBox();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const session = await entry.context.newCDPSession(entry.page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, x, y, data });
    await session.detach();
  },
  // Kept open: with the session ends what was asked of it.
  async slow({ entry, bytes }) {
    entry.network ??= await entry.context.newCDPSession(entry.page);
    await entry.network.send("Network.enable");
    const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes || -1 };
    await entry.network.send("Network.emulateNetworkConditions", conditions);
  },
  ask: ({ entry, expression }) => entry.page.evaluate(expression),
  // How many bytes a second go out; none: as many as can.
  async slow({ entry, bytes }) {
    entry.slowed ??= await entry.context.newCDPSession(entry.page);
    await entry.slowed.send("Network.enable");
    const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes ?? -1 };
    await entry.slowed.send("Network.emulateNetworkConditions", conditions);
  },
  // Bytes that came for the page and what it loads, headers and all.
  weight: ({ entry }) =>
    entry.page.evaluate(() =>
      [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .reduce((sum, { transferSize }) => sum + transferSize, 0)),
  // In the world of the page, but not lifted over its policy as what the tool itself evaluates would be.
  later: ({ entry, expression }) =>
    entry.page.evaluate((text) => {
      const run = new Function(`return (${text});`);
      return new Promise((resolve, reject) => {
        setTimeout(() => Promise.resolve().then(run).then(resolve, reject), 0);
      });
    }, expression),
  async focused({ entry }) {
    // What follows a colon is inside of it.
    return (await entry.page.locator(":focus").ariaSnapshot()).split("\n")[0].replace(/:$/, "");
  },
  async focuses({ entry, find }) {
    const handle = await locate(entry.page, find).elementHandle();
    return handle.evaluate((element) => element === document.activeElement);
  },
  async accessible({ entry }) {
    const found = [];
    for (const colorScheme of SCHEMES) {
      await entry.page.emulateMedia({ colorScheme });
      // Colours on their way from one scheme to the other are nobody's.
      await isolated(entry.page, ["for (const moving of document.getAnimations()) moving.finish();"]);
      const tags = JSON.stringify(RULES);
      const run = `axe.run(document, { runOnly: ${tags}, resultTypes: ["violations"] }).then(({ violations }) => violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, impact, help, nodes }) => nodes.map(({ target, html, failureSummary }) =>
          id + " (" + impact + "): " + help + "\\n  at " + target.join(" ") + "\\n  " + html.slice(0, 200) + "\\n  " + failureSummary)))`;
      const violations = await isolated(entry.page, [`${AXE};0`, run]);
      found.push(...violations.map((text) => `${colorScheme}: ${text}`));
    }
    await entry.page.emulateMedia({ colorScheme: "light" });
    return found;
  },
  async picture({ entry, name }) {
    const { page } = entry;
    const wide = [];
    for (const size of SIZES) {
      await page.setViewportSize(size);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 0) wide.push(`at a width of ${size.width} the page is ${over} pixels too wide`);
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        await picture(page, `${name}-${size.width}-${colorScheme}`);
      }
    }
    await page.setViewportSize(USUAL);
    await page.emulateMedia({ colorScheme: "light" });
    return wide;
  },
  // Complaints with this text: the story says that they are right. Waits for one.
  async complained({ text }) {
    const matching = () => complaints.filter((complaint) => complaint.includes(text));
    const deadline = Date.now() + PATIENCE;
    while (matching().length === 0 && Date.now() < deadline) {
      await new Promise((resolve) => {
        const done = () => {
          heard.delete(done);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(done, deadline - Date.now());
        heard.add(done);
      });
    }
    const found = matching();
    complaints = complaints.filter((complaint) => !found.includes(complaint));
    return found;
  },
  async forget({ entry, text }) {
    await entry.page.evaluate("0");
    complaints = complaints.filter((complaint) => !complaint.includes(text));
  },
  async frames({ entry }) {
    const inner = entry.page.frames().filter((frame) => frame !== entry.page.mainFrame());
    return Promise.all(inner.map(async (frame) => ({
      url: frame.url(),
      text: await frame.locator("body").innerText({ timeout: 2_000 }).catch(() => ""),
    })));
  },
  // What was said so far is heard before the complaints are counted.
  async end() {
    for (const entry of pages.values()) entry.closing = true;
    for (const entry of pages.values()) await entry.page.evaluate("0").catch(() => {});
    return complaints;
  },
};

async function picture(page, name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true, animations: "disabled" });
}

// What the story was looking at when it could not go on.
async function failed(entry, error) {
  const plain = error.message.replaceAll(/\u001b\[\d+m/g, "");
  if (!entry) return plain;
  const quick = { timeout: 2_000 };
  const seen = await entry.page.locator("body").ariaSnapshot(quick).catch(() => "(nothing)");
  await picture(entry.page, `failed-${entry.who.replaceAll(/\W/g, "_")}`).catch(() => {});
  return `${plain}\n${entry.who} is at ${entry.page.url()} and sees:\n${seen}`;
}

function print(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

print({ ok: true, result: browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const act = JSON.parse(line);
  const entry = pages.get(act.page);
  try {
    print({ ok: true, result: (await acts[act.do]({ ...act, entry })) ?? null });
  } catch (error) {
    print({ ok: false, message: await failed(entry, error) });
  }
}
await browser.close();
