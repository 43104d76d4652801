// Command palette: pages, settings and what this page can do at once; starred, opened lately and saved views from the server;
// whatever search finds (entities, docs, …) as one types.

const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const list = dialog?.querySelector("[role=listbox]");
const RECENT = "callboard.recent";
const KEPT = 6;
const BEHIND_MS = 1500;
let chosen = 0;
let asked = 0;
let found = [];
let behind = ""; // says that the index is still being made
let state = "ready";
let offers = { starred: [], recent: [], views: [] };

/** Starred, opened lately and saved views, asked for each time the palette opens; without them it is as quick as before. */
async function learn() {
  try {
    const answer = await fetch(dialog.dataset.offers, { headers: { accept: "application/json" } });
    if (answer.ok) offers = await answer.json();
    if (dialog.open) draw();
  } catch { /* pages and search are there all the same */ }
}

function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT) || "[]").filter((r) => typeof r?.href === "string" && r.href.startsWith("/"));
  } catch {
    return [];
  }
}

function keep(item) {
  try {
    const rest = recent().filter((r) => r.href !== item.href);
    localStorage.setItem(RECENT, JSON.stringify([item, ...rest].slice(0, KEPT)));
  } catch { /* storage may be forbidden */ }
}

function iconOf(node) {
  return node.querySelector("use")?.getAttribute("href").split("#")[1];
}

function wordsOf(node) {
  const copy = node.cloneNode(true);
  for (const quiet of copy.querySelectorAll(".visually-hidden, kbd")) quiet.remove();
  return (node.dataset.keysTitle || copy.textContent.trim() || node.title).replace(/\s+/g, " ");
}

function asItem(node, hint) {
  return { title: wordsOf(node), href: node.getAttribute("href"), icon: iconOf(node), hint };
}

const pages = () => [...document.querySelectorAll('.rail ul a, [data-palette="pages"]')].map((a) => asItem(a, a.dataset.keys));
const settings = () => [...document.querySelectorAll('[data-palette="settings"]')].map((a) => asItem(a));

/** What can be done on this page: what has a key of its own, and buttons in its head. */
function actions() {
  const found = document.querySelectorAll("main [data-keys]:not([data-row] *), main .thing-actions .button, main .page-head .button");
  return [...new Set(found)].filter((node) => node.offsetParent && !node.disabled && wordsOf(node)).map((node) => ({ ...asItem(node, node.dataset.keys), node }));
}

/** Whether ``words`` are in ``title``, or one slip (a letter too many, too few, another, two swapped) away from a word of it. */
function fits(title, words) {
  const text = title.toLowerCase();
  if (text.includes(words)) return true;
  if (words.length < 4) return false;
  return text.split(/[\s-]+/).some((word) => isNear(word.slice(0, words.length + 1), words) || isNear(word, words));
}

function isNear(a, b) {
  if (Math.abs(a.length - b.length) > 1) return false;
  let from = 0;
  while (from < a.length && a[from] === b[from]) from++;
  let endA = a.length, endB = b.length;
  while (endA > from && endB > from && a[endA - 1] === b[endB - 1]) endA--, endB--;
  const [left, right] = [a.slice(from, endA), b.slice(from, endB)];
  return left.length + right.length <= 2 || (left.length === 2 && left === [...right].reverse().join(""));
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text) node.textContent = text;
  return node;
}

function option(item, number) {
  const row = element("div", "palette-option");
  row.id = `palette-${number}`;
  row.setAttribute("role", "option");
  row.dataset.href = item.href;
  row.item = item;
  const mark = element("span", item.hue === undefined ? "" : `kind kind-s hue-${item.hue}`);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${list.dataset.sprite}#${item.icon || "link"}`);
  svg.append(use);
  mark.append(svg);
  row.append(mark, element("span", "label", item.title));
  if (item.hint) row.append(element("span", "hint", item.hint));
  return row;
}

function draw() {
  const words = input.value.trim().toLowerCase();
  const some = (items) => items.filter((item) => fits(item.title, words));
  const starred = words ? [] : offers.starred;
  const lately = offers.recent.length ? offers.recent : recent();
  const known = new Set(starred.map((item) => item.href));
  const groups = [
    [list.dataset.starred, starred],
    [list.dataset.recent, words ? [] : lately.filter((item) => !known.has(item.href)).slice(0, KEPT)],
    ...(words ? byType(found) : []),
    [list.dataset.views, some(offers.views).slice(0, words ? 8 : 4)],
    [list.dataset.actions, some(actions())],
    [list.dataset.pages, some(pages())],
    [list.dataset.settings, some(settings())],
  ];
  list.replaceChildren();
  let number = 0;
  for (const [title, items] of groups) {
    if (!items.length) continue;
    const group = element("div", "");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    const head = element("div", "palette-group", title);
    head.setAttribute("aria-hidden", "true");
    group.append(head, ...items.map((item) => option(item, number++)));
    list.append(group);
  }
  if (words && behind) list.append(element("p", "palette-group", behind));
  else if (!number && state !== "asking") list.append(element("p", "palette-group", state === "failed" ? list.dataset.failed : list.dataset.none));
  if (words) list.append(option(everything(), number++));
  choose(Math.min(chosen, number - 1));
}

/** What was found in groups of a type, the type of the best first. */
function byType(items) {
  const groups = new Map();
  for (const item of items) groups.set(item.group, [...(groups.get(item.group) ?? []), item]);
  return [...groups];
}

/** The page with all results. */
function everything() {
  const words = input.value.trim();
  return { title: list.dataset.everything.replace("{words}", () => words), href: `${dialog.dataset.all}?q=${encodeURIComponent(words)}`, icon: "search", isSearch: true };
}

function options() {
  return [...list.querySelectorAll("[role=option]")];
}

function choose(number) {
  const all = options();
  chosen = Math.max(0, Math.min(number, all.length - 1));
  all.forEach((row, n) => row.setAttribute("aria-selected", String(n === chosen)));
  if (all[chosen]) {
    input.setAttribute("aria-activedescendant", all[chosen].id);
    all[chosen].scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
}

async function ask() {
  const words = input.value.trim();
  const mine = ++asked;
  if (!words) {
    found = [];
    behind = "";
    state = "ready";
    draw();
    return;
  }
  state = "asking";
  await new Promise((done) => setTimeout(done, 90));
  if (mine !== asked) return;
  try {
    const answer = await fetch(`${dialog.dataset.source}?q=${encodeURIComponent(words)}`, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const body = await answer.json();
    if (mine !== asked) return;
    found = body.items;
    behind = body.indexing || "";
    if (behind) again(mine);
    state = "ready";
  } catch {
    if (mine !== asked) return;
    found = [];
    state = "failed";
  }
  chosen = 0;
  draw();
}

/** What is indexed meanwhile is found without another letter, as long as nothing else was asked or chosen. */
function again(mine) {
  setTimeout(() => {
    if (mine === asked && dialog.open && !chosen) ask();
  }, BEHIND_MS);
}

function open() {
  if (!dialog || dialog.open) return;
  input.value = "";
  chosen = 0;
  found = [];
  state = "ready";
  draw();
  dialog.showModal();
  input.focus();
  learn();
}

function go(row, inNewTab) {
  if (!row) return;
  if (row.item.node) {
    dialog.close();
    row.item.node.click();
    return;
  }
  if (!row.item.isSearch) keep({ ...row.item, node: undefined });
  if (inNewTab) window.open(row.dataset.href, "_blank", "noopener");
  else location.assign(row.dataset.href);
}

if (dialog) {
  document.addEventListener("callboard:palette", open);
  input.addEventListener("input", () => {
    chosen = 0;
    draw();
    ask();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") go(options()[chosen], event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]"), event.ctrlKey || event.metaKey));
  list.addEventListener("mousemove", (event) => {
    const row = event.target.closest("[role=option]");
    if (row && row.getAttribute("aria-selected") !== "true") choose(options().indexOf(row));
  });
}

// An entity page that was opened belongs to the recent ones, however one came to it.
const entity = document.querySelector("[data-visited]");
if (entity) keep(JSON.parse(entity.dataset.visited));
