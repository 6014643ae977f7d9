// Uploading: files that are chosen or dropped become rows, each with its own name, progress and result.
//
// It knows no address and no rule about names, sizes or rights: they stand in attributes of `[data-uploader]`, or the
// server is asked. Every text goes in as text.
"use strict";
(() => {
  const AT_ONCE = 2;
  const ASKED_AT_ONCE = 20;
  const dialog = document.getElementById("dialog");
  const part = (name, root) => root.querySelector(`[data-${name}]`);
  const meta = () => document.querySelector("meta[name=form-token]");
  const files = (count) => (count === 1 ? "1 file" : `${count} files`);
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const number = (value) => Number(value).toLocaleString("en");
  // What would not be seen, or turn the text around, is written out.
  const visible = (text) =>
    text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `<U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}>`);
  const size = (bytes) => {
    if (bytes < 1024) return `${bytes} B`;
    return bytes < 1048576 ? `${Math.floor(bytes / 102.4) / 10} KB` : `${Math.floor(bytes / 104857.6) / 10} MB`;
  };
  // Dropped on a page before the dialog is there.
  let dropped = [];
  let current = null;

  // A refusal: what to say, and whether signing in again is the way.
  class Refused extends Error {
    constructor(text, signIn = false) {
      super(text);
      this.signIn = signIn;
    }
  }

  const begin = (root) => {
    const { url, check, page, signIn, limit, limitText } = root.dataset;
    const list = part("rows", root);
    const option = part("option", root);
    const start = part("start", root);
    const rows = [];
    let timer = 0;
    let added = 0;

    const say = (text) => {
      part("status", root).textContent = text;
    };

    const problem = (row) => {
      if (row.folder) return "This is a folder. Choose the files in it.";
      if (row.file.size > Number(limit)) {
        return `The file has ${number(row.file.size)} bytes. A secure file has at most ${number(limit)} (${limitText}).`;
      }
      if (row.told) return row.told;
      const before = rows.indexOf(row);
      const same = rows.some((other, at) => other.key === row.key && other !== row && (at < before || other.state === "done"));
      return row.key && same ? "Another of these files has this name. Names ignore case. Change one of them." : "";
    };
    const ready = () => rows.filter((row) => row.state === "new" && row.looked && !problem(row));
    const busy = () => rows.filter((row) => row.state === "waiting" || row.state === "sending");

    const tell = (row, text, kind = "") => {
      const says = part("says", row.item);
      says.className = `small ${kind}`;
      says.textContent = text;
    };

    const show = () => {
      for (const row of rows) {
        const wrong = row.state === "new" ? problem(row) : "";
        row.name.readOnly = row.state !== "new" && row.state !== "failed";
        row.name.setAttribute("aria-invalid", String(wrong !== ""));
        if (row.state === "new") {
          const empty = row.file.size === 0 ? "The file is empty. Upload it only if that is what you want." : "";
          tell(row, wrong || empty, wrong ? "is-bad" : "is-warn");
        }
        part("remove", row.item).hidden = row.state === "sending" || row.state === "waiting" || row.state === "done";
        part("cancel", row.item).hidden = !(row.state === "waiting" || (row.state === "sending" && !row.sent));
        part("again", row.item).hidden = row.state !== "failed";
        // Its place is kept from the start on, so that nothing moves.
        part("slot", row.item).hidden = row.state === "new";
        row.progress.hidden = row.state !== "sending" && row.state !== "waiting";
      }
      const count = ready().length;
      start.textContent = count ? `Upload ${files(count)}` : "Upload";
      start.setAttribute("aria-disabled", String(count === 0));
      if (option) option.hidden = rows.length === 0;
      root.toggleAttribute("data-busy", busy().length > 0);
    };

    const sum = () => {
      const of = (state) => rows.filter((row) => row.state === state).length;
      const done = of("done");
      const tried = done + of("failed") + busy().length;
      if (busy().length) return `Uploading. ${done} of ${files(tried)} stored.`;
      if (tried) return done === tried ? `${files(done)} stored in the Library.` : `${done} of ${files(tried)} stored. The others say why not.`;
      const wrong = rows.filter((row) => row.state === "new" && problem(row)).length;
      if (!rows.length) return "";
      return wrong ? `${files(ready().length)} ready, ${wrong} with a problem.` : `${files(rows.length)} ready.`;
    };

    // The server looks at the names, so that whatever it would refuse is told before anything is sent.
    const look = async () => {
      const open = rows.filter((row) => row.state === "new" && !row.looked);
      for (let at = 0; at < open.length; at += ASKED_AT_ONCE) {
        const some = open.slice(at, at + ASKED_AT_ONCE).map((row) => [row, row.name.value]);
        const query = new URLSearchParams(some.map(([, name]) => ["name", name]));
        const answer = await fetch(`${check}?${query}`).then((response) => (response.ok ? response.json() : null)).catch(() => null);
        some.forEach(([row, name], number) => {
          if (row.name.value !== name) return;
          // Who could not be asked is asked again by the upload.
          row.looked = true;
          row.key = answer?.names[number]?.key ?? "";
          row.told = answer?.names[number]?.problem ?? "";
        });
      }
      show();
      if (!busy().length) say(sum());
    };
    const lookSoon = (row) => {
      Object.assign(row, { state: "new", looked: false, told: "", key: "" });
      clearTimeout(timer);
      timer = setTimeout(look, 250);
      show();
    };

    const add = (file, folder) => {
      const item = part("row", root).content.firstElementChild.cloneNode(true);
      const [name, progress] = [part("name", item), item.querySelector("progress")];
      const row = { file, folder, item, name, progress, state: "new", looked: false, told: "", key: "", xhr: null, sent: false };
      const shown = visible(file.name);
      name.value = file.name;
      part("label", item).textContent = `Name in the Library of ${shown}`;
      part("size", item).textContent = folder ? "" : size(file.size);
      progress.setAttribute("aria-label", `Progress of ${shown}`);
      for (const button of item.querySelectorAll("button")) button.setAttribute("aria-label", `${button.textContent} ${shown}`);
      const says = part("says", item);
      says.id = `upload-says-${(added += 1)}`;
      name.setAttribute("aria-describedby", says.id);
      name.addEventListener("input", () => lookSoon(row));
      part("remove", item).addEventListener("click", () => {
        rows.splice(rows.indexOf(row), 1);
        item.remove();
        show();
        say(sum());
        (list.querySelector("[data-name]") ?? root.querySelector("input[type=file]")).focus();
      });
      part("cancel", item).addEventListener("click", () => cancel(row));
      part("again", item).addEventListener("click", () => {
        row.state = "waiting";
        row.name.focus();
        pump();
      });
      rows.push(row);
      list.append(item);
    };

    const addAll = (chosen) => {
      for (const { file, folder } of chosen) add(file, folder);
      show();
      look();
    };

    const fail = (row, text) => {
      row.state = "failed";
      tell(row, text, "is-bad");
    };

    const cancel = (row) => {
      fail(row, "Cancelled. Nothing was stored.");
      row.name.focus();
      row.xhr?.abort();
      pump();
      say(sum());
    };

    // After signing in again in another window, the page's token is another one.
    const renew = async () => {
      const answer = await fetch(page).catch(() => null);
      if (answer?.headers.get("coffer-page") !== "dialog") throw new Refused("You are not signed in yet.", true);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("meta[name=form-token]");
      meta().content = fresh.content;
    };

    const post = (row, bytes) =>
      new Promise((resolve, reject) => {
        const xhr = new XMLHttpRequest();
        row.xhr = xhr;
        row.sent = false;
        const query = new URLSearchParams({ name: row.name.value, authorizePipelines: String(part("open", root)?.checked ?? false) });
        xhr.open("POST", `${url}?${query}`);
        xhr.setRequestHeader("content-type", "application/octet-stream");
        xhr.setRequestHeader("x-coffer-form-token", meta().content);
        xhr.upload.onprogress = (event) => {
          if (event.total) row.progress.value = event.loaded / event.total;
        };
        xhr.upload.onload = () => {
          row.sent = true;
          row.progress.removeAttribute("value");
          tell(row, "Sent. The server is storing it.");
          show();
        };
        xhr.onload = () => resolve(xhr);
        xhr.onabort = () => reject(new Refused("Cancelled. Nothing was stored."));
        xhr.onerror = () =>
          reject(new Refused("The connection broke before the server answered. Try again: if the file arrived after all, its name is taken now."));
        xhr.send(bytes);
      });

    // What is no JSON is not of this server.
    const read = (xhr) => {
      try {
        return JSON.parse(xhr.responseText);
      } catch {
        return null;
      }
    };

    // The server's own words, where it has some.
    const refusal = (xhr, answer) => {
      const { code, hints = [] } = answer?.customProperties ?? {};
      const later = Number(xhr.getResponseHeader("retry-after"));
      const again = xhr.status === 429 || xhr.status === 503 ? ` Try again in ${later || "a few"} seconds.` : "";
      if (answer?.message) {
        const signIn = code === "session.missing" || code === "form.stale" || code === "sign_in.not_fresh";
        const back = signIn ? " Sign in again, and then try again here." : again;
        return new Refused([answer.message, ...hints].join(" ") + back, signIn);
      }
      if (xhr.status === 413) {
        return new Refused("Something between this browser and the server takes no file of this size. Who runs the server can change that.");
      }
      return new Refused(`The server answered ${xhr.status}, and nothing more.${again || " Try again in a moment."}`);
    };

    const arrived = (row, answer, digest) => {
      row.state = "done";
      const link = document.createElement("a");
      link.href = answer.page;
      link.textContent = "Show the file";
      const same = digest && answer.sha256 === digest;
      if (digest && answer.sha256 && !same) {
        tell(row, "Stored, but what arrived is not what was chosen. Delete the file, and upload it again. ", "is-bad");
      } else {
        tell(row, same ? "Stored. What arrived is what was chosen. " : "Stored. ", "is-good");
      }
      part("says", row.item).append(link);
      if (answer.sha256) {
        const line = part("digest", row.item);
        line.hidden = false;
        line.querySelector("code").textContent = `${answer.sha256.slice(0, 16)}…`;
        part("copy-text", line).addEventListener("click", () => {
          navigator.clipboard.writeText(answer.sha256).then(
            () => say("Copied."),
            () => say("The browser does not let this page copy."),
          );
        });
      }
      document.dispatchEvent(new CustomEvent("coffer:changed"));
    };

    const send = async (row) => {
      row.state = "sending";
      row.progress.value = 0;
      tell(row, "Sending.");
      show();
      try {
        if (row.stale) await renew();
        row.stale = false;
        const bytes = await row.file.arrayBuffer().catch(() => {
          throw new Refused("The file could not be read. It may have been changed or moved: remove it here, and choose it again.");
        });
        const digest = crypto.subtle ? hex(await crypto.subtle.digest("SHA-256", bytes)) : "";
        if (row.state !== "sending") return;
        let xhr = await post(row, bytes);
        let answer = read(xhr);
        if (answer?.customProperties?.code === "form.stale") {
          // Signed in again in another window.
          await renew();
          xhr = await post(row, bytes);
          answer = read(xhr);
        }
        if (xhr.status !== 201 || !answer) throw refusal(xhr, answer);
        arrived(row, answer, digest);
      } catch (error) {
        if (row.state !== "sending") return;
        fail(row, error instanceof Refused ? error.message : "Something went wrong in this page. Load it again.");
        row.stale = error.signIn === true;
        if (row.stale) {
          const link = document.createElement("a");
          Object.assign(link, { href: signIn, target: "_blank", rel: "noopener", textContent: "Sign in (opens a new window)" });
          part("says", row.item).append(" ", link);
        }
      } finally {
        row.xhr = null;
        pump();
        say(sum());
      }
    };

    const pump = () => {
      const sending = () => rows.filter((row) => row.state === "sending").length;
      for (const row of rows) if (row.state === "waiting" && sending() < AT_ONCE) send(row);
      show();
    };

    start.addEventListener("click", () => {
      const go = ready();
      for (const row of go) {
        row.state = "waiting";
        tell(row, "Waiting.");
      }
      pump();
      if (go.length) say(sum());
    });
    const input = root.querySelector("input[type=file]");
    input.addEventListener("change", () => {
      addAll(Array.from(input.files, (file) => ({ file, folder: false })));
      input.value = "";
    });

    root.hidden = false;
    part("plain", root.parentElement).hidden = true;
    show();
    const end = () => rows.forEach((row) => row.xhr?.abort());
    const wait = () => say("Files are on their way. Wait for them, or cancel them, and close then.");
    return { root, addAll, end, wait };
  };

  const find = (root) => {
    const uploader = part("uploader", root);
    if (!uploader || current?.root === uploader) return;
    current = begin(uploader);
    if (dropped.length) current.addAll(dropped);
    dropped = [];
  };
  find(document);
  document.addEventListener("htmx:afterSwap", (event) => find(event.detail.target));
  dialog.addEventListener("close", () => {
    current?.end();
    current = null;
    dropped = [];
  });

  // Whoever closes while files are on their way is told so, and stays.
  const isBusy = () => current?.root.isConnected && current.root.hasAttribute("data-busy");
  document.addEventListener(
    "click",
    (event) => {
      if (!isBusy() || !event.target.closest("[data-close], dialog .close")) return;
      event.preventDefault();
      event.stopPropagation();
      current.wait();
    },
    true,
  );
  dialog.addEventListener("cancel", () => isBusy() && current.wait());
  window.addEventListener("beforeunload", (event) => isBusy() && event.preventDefault());

  // Files are dropped anywhere: into the dialog where it is open, else it opens with them.
  const link = () => document.querySelector("a[data-upload]");
  const takes = () => current?.root.isConnected || (!dialog.open && link());
  const hint = document.querySelector("[data-drop-hint]");
  if (hint) hint.hidden = false;
  const mark = (over) => document.documentElement.toggleAttribute("data-dropping", Boolean(over));
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    // Not taken either way: the browser would leave the page and show the file.
    event.preventDefault();
    event.dataTransfer.dropEffect = takes() ? "copy" : "none";
    mark(takes());
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    if (!takes()) return;
    const items = Array.from(event.dataTransfer.items).filter((item) => item.kind === "file");
    const taken = items.map((item) => ({ file: item.getAsFile(), folder: item.webkitGetAsEntry?.()?.isDirectory === true }));
    const whole = taken.filter(({ file }) => file);
    if (current?.root.isConnected) {
      current.addAll(whole);
      return;
    }
    dropped = whole;
    link().click();
  });
})();
