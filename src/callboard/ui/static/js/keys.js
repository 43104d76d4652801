// Keys. What there is to press is said by the page: an element with data-keys="s" or "g c" is followed, pressed or focused by
// them; inside a row (data-row) it counts for the row that is current. Rows of lists (data-list) are walked by j and k.
// Single keys can be switched off (/settings/preferences); what was chosen is asked once for each visit and person.

const KNOWN = "callboard.keys";
const API = "/api/ui/v1/preferences";
const PATIENCE_MS = 1200;
const me = document.body?.dataset.me;
let isOn = true; // until it is known otherwise, which the first page of a visit takes a moment for
let pressed = ""; // "g", while its second key may follow
let since = 0;

export function isTyping(event) {
  const at = event.target;
  return at instanceof HTMLElement && (at.isContentEditable || at.matches("input:not([type=checkbox], [type=radio]), textarea, select"));
}

async function learn() {
  if (!me) return;
  const shown = document.querySelector('[data-preference="shortcuts"]')?.dataset.on; // the page of preferences knows best
  let known = shown ?? null;
  try {
    const [who, what] = (sessionStorage.getItem(KNOWN) || "").split(" ");
    if (known === null && who === me) known = what;
  } catch { /* storage may be forbidden: then each page asks */ }
  if (known === null) {
    try {
      const answer = await fetch(API, { headers: { accept: "application/json" } });
      known = answer.ok ? String((await answer.json()).shortcuts !== false) : "true";
    } catch {
      known = "true";
    }
  }
  isOn = known !== "false";
  try {
    sessionStorage.setItem(KNOWN, `${me} ${known}`);
  } catch { /* as above */ }
}
learn();

// ---- rows ----------------------------------------------------------------------------------------------------------------

const rows = () => [...document.querySelectorAll("[data-list] [data-row]")].filter((row) => row.offsetParent !== null);
const currentRow = () => document.querySelector("[data-row][data-current]");

function show(row) {
  for (const other of document.querySelectorAll("[data-row][data-current]")) delete other.dataset.current;
  row.dataset.current = "";
  row.querySelector("a, summary")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(currentRow());
  show(all[at < 0 ? 0 : Math.max(0, Math.min(at + by, all.length - 1))]);
  return true;
}

document.addEventListener("focusin", (event) => {
  if (event.target.closest?.("dialog")) return; // the row is still there when it closes
  const row = event.target.closest?.("[data-row]");
  for (const other of document.querySelectorAll("[data-row][data-current]")) if (other !== row) delete other.dataset.current;
  if (row?.closest("[data-list]")) row.dataset.current = "";
});

// ---- what keys do --------------------------------------------------------------------------------------------------------

function search() {
  const box = document.querySelector(".list-filter .input, .hero .input") ?? document.getElementById("top-search");
  if (!box) return false;
  box.focus();
  box.select();
  return true;
}

function openRow() {
  const link = currentRow()?.querySelector("a, summary");
  link?.click();
  return Boolean(link);
}

function chooseRow() {
  const box = currentRow()?.querySelector("input[type=checkbox]");
  box?.click();
  return Boolean(box);
}

const does = {
  "/": search,
  "?": showList,
  j: () => step(1),
  k: () => step(-1),
  o: openRow,
  x: chooseRow,
};

function press(keys) {
  const chosen = `[data-keys="${CSS.escape(keys)}"]`;
  const found = currentRow()?.querySelector(chosen) ?? [...document.querySelectorAll(chosen)].find((one) => !one.closest("[data-row]"));
  if (!found) return false;
  if (found.matches("input:not([type=checkbox]), textarea, select")) found.focus();
  else found.click();
  return true;
}

/** The list behind "?": of all keys those that work here, and what the page has besides. */
function showList() {
  const dialog = document.getElementById("shortcuts");
  if (!dialog) return false;
  const list = dialog.querySelector(".keys");
  for (const added of list.querySelectorAll("[data-added]")) added.remove();
  for (const line of list.querySelectorAll("[data-when]")) line.hidden = !document.querySelector(line.dataset.when);
  const told = new Set([...list.querySelectorAll("[data-for]")].map((line) => line.dataset.for));
  for (const one of document.querySelectorAll("[data-keys][data-keys-title]")) {
    if (told.has(one.dataset.keys)) continue;
    told.add(one.dataset.keys);
    const line = document.createElement("div");
    line.dataset.added = "";
    const title = document.createElement("dt");
    title.textContent = one.dataset.keysTitle;
    const keys = document.createElement("dd");
    for (const key of one.dataset.keys.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      keys.append(cap, " ");
    }
    line.append(title, keys);
    list.append(line);
  }
  dialog.showModal();
  return true;
}
document.addEventListener("callboard:shortcuts", showList);

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("callboard:palette"));
    return;
  }
  // in the search box of a list Down leads into the rows
  if (event.key === "ArrowDown" && event.target.matches?.(".list-filter .input")) {
    const [first] = rows();
    if (first) {
      event.preventDefault();
      show(first);
    }
    return;
  }
  if (!isOn || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const begun = pressed && event.timeStamp - since < PATIENCE_MS ? pressed : "";
  pressed = "";
  if (begun) {
    if (press(`${begun} ${event.key}`)) event.preventDefault();
    return;
  }
  if (event.key === "g") {
    pressed = "g";
    since = event.timeStamp;
  } else if (event.key.length === 1 && (does[event.key] ?? (() => press(event.key)))()) event.preventDefault();
});
