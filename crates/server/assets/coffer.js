// What the pages do beyond links and forms: dialogs, messages, copying, times, uploads.
//
// Every page works as a plain page. A dialog is a page too: a link with `data-dialog` shows that page's content in the
// one <dialog>. This file must not know what a page is about.
"use strict";
(() => {
  const dialog = document.getElementById("dialog");
  const sheet = document.getElementById("dialog-page");
  let opener = null;
  let changed = false;
  let unsaved = false;

  // The kind of page that the server says it answered with: page, dialog, problem, signin.
  const kindOf = (xhr) => xhr.getResponseHeader("coffer-page");

  const noticeOf = (element) =>
    element && dialog.open && dialog.contains(element)
      ? document.getElementById("dialog-notice")
      : document.getElementById("notice");

  // Text only, whatever it holds.
  const say = (notice, text, role) => {
    const line = document.createElement("p");
    line.className = role === "alert" ? "message bad" : "message good";
    line.setAttribute("role", role);
    line.textContent = text;
    notice.replaceChildren(line);
  };

  // What was chosen and not saved is dropped at the second word only.
  const mayClose = () => {
    if (!unsaved || !sheet.querySelector("[data-draft]")) return true;
    unsaved = false;
    say(document.getElementById("dialog-notice"), "Nothing of this is saved yet. Save the changes, or close once more to drop them.", "alert");
    dialog.scrollTo(0, 0);
    return false;
  };

  sheet.addEventListener("input", (event) => {
    if (event.target.closest("[data-draft]")) unsaved = true;
  });

  const open = (link) => {
    opener = link;
    changed = unsaved = false;
    document.getElementById("dialog-notice").replaceChildren();
    sheet.replaceChildren();
    sheet.setAttribute("aria-busy", "true");
    if (!dialog.open) dialog.showModal();
    htmx.ajax("GET", link.href, { source: sheet, target: "#dialog-page", select: "#page > *", swap: "innerHTML" });
  };

  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const link = sheet.contains(event.target) ? null : event.target.closest("a[data-dialog]");
    if (link && plain && window.htmx) {
      event.preventDefault();
      open(link);
      return;
    }
    if (event.target.closest("[data-close]") && dialog.open) {
      event.preventDefault();
      if (mayClose()) dialog.close();
      return;
    }
    if (event.target === dialog && !dialog.querySelector("[data-busy]")) {
      if (mayClose()) dialog.close();
      return;
    }
    const copy = event.target.closest("button[data-copy]");
    if (copy) {
      const text = document.getElementById(copy.dataset.copy).textContent;
      navigator.clipboard.writeText(text).then(
        () => say(noticeOf(copy), "Copied.", "status"),
        () => say(noticeOf(copy), "The browser does not let this page copy. Select the text and copy it.", "alert"),
      );
    }
  });

  // Escape must not end what is on its way.
  dialog.addEventListener("cancel", (event) => {
    if (dialog.querySelector("[data-busy]") || !mayClose()) event.preventDefault();
  });

  dialog.querySelector("form[method=dialog]").addEventListener("submit", (event) => {
    if (!mayClose()) event.preventDefault();
  });

  dialog.addEventListener("close", () => {
    sheet.replaceChildren();
    if (changed) {
      location.reload();
      return;
    }
    if (opener && opener.isConnected) opener.focus();
  });

  // A part of a dialog did something by itself.
  document.addEventListener("coffer:changed", () => {
    changed = true;
  });

  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector("meta[name=form-token]");
    if (event.detail.verb !== "get" && token) event.detail.headers["x-coffer-form-token"] = token.content;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const kind = kindOf(xhr);
    if (kind === "signin") {
      // The session is over. The page itself leads to the form and back.
      event.detail.shouldSwap = false;
      location.reload();
      return;
    }
    if (kind === "problem") {
      event.detail.target = noticeOf(requestConfig.elt);
      event.detail.selectOverride = "#problem";
      event.detail.swapOverride = "innerHTML";
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      sheet.removeAttribute("aria-busy");
      return;
    }
    // A page that says no to what was typed is a page like any other.
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    if (sheet.contains(event.detail.target)) {
      sheet.removeAttribute("aria-busy");
      // A draft is nothing changed, until the server says that it was done.
      const done = new URL(xhr.responseURL).searchParams.has("done");
      const wrote = requestConfig.verb !== "get";
      const draft = requestConfig.elt.closest("[data-draft]") !== null;
      if (wrote && (done || !draft)) changed = true;
      unsaved = wrote && draft && !done;
      if (kind !== "dialog") {
        // What was done leads on to another page.
        event.detail.shouldSwap = false;
        location.assign(xhr.responseURL);
        return;
      }
      document.getElementById("dialog-notice").replaceChildren();
    } else if (!event.detail.target.closest("#live")) {
      document.getElementById("notice").replaceChildren();
    }
  });

  // No answer at all.
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      say(noticeOf(event.detail.elt), "The server does not answer. Nothing more is known. Look at the page again in a moment.", "alert");
    });
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    if (!event.detail.target) return;
    if (event.detail.target === sheet) {
      const heading = sheet.querySelector("h1");
      if (heading) {
        heading.id = "dialog-title";
        const first = sheet.querySelector("[autofocus]");
        if (!first) heading.tabIndex = -1;
        (first || heading).focus();
      }
    }
    const problem = event.detail.target.querySelector?.(":scope > #problem, :scope > [role=alert]");
    if (problem && noticeOf(problem) === event.detail.target) event.detail.target.scrollIntoView({ block: "nearest" });
  });

  // Times in the reader's own clock; the exact one stays in the title.
  const near = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const improve = (root) => {
    if (navigator.clipboard) {
      for (const copy of root.querySelectorAll("button[data-copy][hidden]")) copy.hidden = false;
    }
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = time.dateTime;
      time.textContent = near.format(at);
    }
  };
  improve(document);
  // Each element that came in, also in place of another.
  document.addEventListener("htmx:load", (event) => improve(event.detail.elt));

  // What goes on: asked for again until it is over, ever more seldom while nothing changes, and not while nobody looks.
  // Only a change of the state is said aloud. The page moves along with a log only for who reads its end.
  const live = document.getElementById("live");
  if (live) {
    const parts = ["#run-top", "#run-steps"];
    const atEnd = (page) => page.scrollHeight - page.scrollTop - page.clientHeight < 48;
    let wait = 1000;
    let timer = 0;
    let said = live.querySelector("[data-says]").dataset.says;
    const ask = async (url) => {
      const answer = await fetch(url, { headers: { "x-requested-with": "live" }, signal: AbortSignal.timeout(30000) });
      const kind = answer.headers.get("coffer-page");
      if (kind === "signin") location.reload();
      if (answer.status !== 204 && (!answer.ok || kind === "signin")) throw new Error(kind);
      return answer.status === 204 ? "" : answer.text();
    };
    const put = (target, text, how, select) => {
      htmx.swap(target, text, { swapStyle: how, swapDelay: 0, settleDelay: 0 }, { select });
      improve(target);
    };
    const lines = async () => {
      const log = document.getElementById("log");
      if (!log || log.dataset.grows === undefined) return false;
      const last = log.lastElementChild;
      const text = await ask(log.dataset.more + "&from=" + (last ? Number(last.id.slice(1)) + 1 : 1));
      if (!text) return false;
      const page = document.documentElement;
      const moves = atEnd(page);
      document.getElementById("log-empty")?.remove();
      put(log, text, "beforeend");
      if (moves) page.scrollTop = page.scrollHeight;
      return true;
    };
    // The log of the next step, for who chose none and does not read above.
    const follow = (text) => {
      const step = text.match(/ id="log" data-step="([0-9a-f-]+)"/)?.[1];
      const log = document.getElementById("log");
      if (!step || step === log?.dataset.step || (log && !atEnd(document.documentElement))) return;
      put(document.getElementById("run-output"), text, "innerHTML", "#run-output > *");
    };
    const look = async () => {
      try {
        const mark = live.querySelector("[data-mark]").dataset.mark;
        const text = await ask(live.dataset.live + "&mark=" + mark);
        let news = false;
        if (text && !dialog.open) {
          news = true;
          for (const part of parts) put(live.querySelector(part), text, "innerHTML", part + " > *");
          follow(text);
          const says = live.querySelector("[data-says]").dataset.says;
          if (says !== said) document.getElementById("live-says").textContent = said = says;
        }
        while (await lines()) news = true;
        wait = news ? 1000 : Math.min(wait * 1.5, 15000);
      } catch {
        wait = Math.min(wait * 2, 60000);
      }
      later();
    };
    const later = () => {
      clearTimeout(timer);
      if (!document.hidden && !live.querySelector("[data-over]")) timer = setTimeout(look, wait);
    };
    document.addEventListener("visibilitychange", () => {
      wait = 1000;
      later();
    });
    later();
  }

  // A message of what was just done is not told again when the page is loaded again.
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    history.replaceState(history.state, "", here);
  }
})();
