// The text of an entity: judged as one types, in an editor that is fetched once the page stands. Without script the Check button does
// the same; without the editor the lines of the plain text are numbered.

const text = document.querySelector(".yaml-text");
const state = document.getElementById("findings");
const WAIT_MS = 350;

let lines;
let editor;
let told = [];
let judged = text?.value;
let timer;
let asked = 0;
let saving = false;
let bad = new Set([...document.querySelectorAll(".editing-findings [data-line]")].map((at) => Number(at.dataset.line)));

function drawLines() {
  if (editor) return;
  const count = text.value.split("\n").length;
  if (lines.childElementCount !== count || lines.dataset.bad !== [...bad].join()) {
    lines.dataset.bad = [...bad].join();
    lines.replaceChildren(
      ...Array.from({ length: count }, (_, n) => {
        const line = document.createElement("b");
        line.textContent = n + 1;
        if (bad.has(n + 1)) line.className = "is-bad";
        return line;
      }),
    );
  }
  lines.scrollTop = text.scrollTop;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const sprite = document.querySelector("svg.icon use").getAttribute("href").split("#")[0];
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

function element(name, content, className = "") {
  const made = document.createElement(name);
  made.append(...[content].flat());
  if (className) made.className = className;
  return made;
}

function finding(found) {
  const item = document.createElement("li");
  if (found.line) {
    const place = element("a", state.dataset.at.replace("{line}", found.line).replace("{column}", found.column ?? 1), "finding-place t-num");
    place.href = "#text";
    place.dataset.line = found.line;
    place.dataset.column = found.column ?? 1;
    item.append(place);
  }
  const words = document.createElement("span");
  if (found.field) words.append(element("code", found.field), " ");
  words.append(found.message);
  if (found.fix) words.append(" ", element("span", found.fix, "t-second"));
  item.append(words);
  return item;
}

function show(kind, words, findings = []) {
  const title = state.querySelector(".editing-state");
  title.className = `editing-state${kind ? ` is-${kind}` : ""}`;
  title.replaceChildren(...(kind ? [icon(kind)] : []), element("span", words, kind ? "" : "t-quiet"));
  state.querySelector(".editing-findings").replaceChildren(...findings.map(finding));
  told = findings;
  bad = new Set(findings.map((found) => found.line).filter(Boolean));
  editor?.mark(findings);
  text.setAttribute("aria-invalid", String(findings.length > 0));
  drawLines();
}

async function judge() {
  const mine = ++asked;
  judged = text.value;
  try {
    const answer = await fetch("/api/editing/v1/judge", {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": text.form.elements.csrf_token.value },
      body: JSON.stringify({ text: judged, entityRef: text.form.dataset.ref || undefined }),
    });
    if (mine !== asked) return;
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      show(answer.status === 413 ? "bad" : "", answer.status === 413 ? problem.detail : state.dataset.offline);
      return;
    }
    const { findings } = await answer.json();
    if (mine !== asked) return;
    if (!findings.length) show("ok", state.dataset.good);
    else show("bad", findings.length === 1 ? state.dataset.badOne : state.dataset.badOther.replace("7", findings.length), findings);
  } catch {
    if (mine === asked) show("", state.dataset.offline);
  }
}

function goTo(line, column) {
  if (editor) return editor.goTo(line, column);
  const before = text.value.split("\n").slice(0, line - 1);
  const at = before.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  text.focus();
  text.setSelectionRange(at, at);
  text.scrollTop = Math.max(0, (line - 4) * 20);
}

if (text) {
  lines = element("div", "", "yaml-lines");
  lines.setAttribute("aria-hidden", "true");
  text.before(lines);
  drawLines();
  text.addEventListener("scroll", () => { lines.scrollTop = text.scrollTop; });
  text.addEventListener("input", () => {
    drawLines();
    clearTimeout(timer);
    timer = setTimeout(() => { if (text.value !== judged) judge(); }, WAIT_MS);
  });
  state.addEventListener("click", (event) => {
    const place = event.target.closest("[data-line]");
    if (!place) return;
    event.preventDefault();
    goTo(Number(place.dataset.line), Number(place.dataset.column));
  });
}

// ---- the editor ------------------------------------------------------------------------------------------------------

/** What the page told of the text before any script ran. */
function findingsOfPage() {
  return [...document.querySelectorAll(".editing-findings li")].flatMap((item) => {
    const place = item.querySelector("[data-line]");
    const message = item.lastElementChild.textContent.replace(/\s+/g, " ").trim();
    return place ? [{ line: Number(place.dataset.line), column: Number(place.dataset.column), message }] : [];
  });
}

async function ask(path, parameters, otherwise) {
  try {
    const answer = await fetch(`/api/editing/v1/${path}?${new URLSearchParams(parameters)}`, { headers: { accept: "application/json" } });
    return answer.ok ? await answer.json() : otherwise;
  } catch {
    return otherwise; // nothing is suggested
  }
}

const asking = new Map();
const known = {
  fields(kind, apiVersion) {
    const key = `${kind} ${apiVersion}`;
    if (!asking.has(key)) asking.set(key, ask("fields", { kind, apiVersion }, { fields: [] }));
    return asking.get(key);
  },
  refs: (words, kinds) => ask("refs", { q: words, kinds: kinds.join() }, { items: [] }),
};

async function fetchEditor() {
  const held = document.activeElement === text ? text.selectionStart : null;
  const { mount } = await import(text.dataset.editor);
  const words = { label: text.labels[0].textContent, required: text.dataset.required };
  editor = mount(text, { nonce: document.querySelector("script[nonce]").nonce, words, known, describedBy: text.getAttribute("aria-describedby") });
  lines.remove();
  text.closest(".yaml").classList.add("has-editor");
  document.getElementById("text-keys").hidden = false;
  editor.mark(told.length ? told : findingsOfPage());
  if (held !== null) {
    const before = text.value.slice(0, held).split("\n");
    editor.goTo(before.length, before.at(-1).length + 1);
  }
}

if (text?.dataset.editor) {
  const soon = () => (window.requestIdleCallback ?? setTimeout)(() => fetchEditor().catch(() => {}));
  if (document.readyState === "complete") soon();
  else addEventListener("load", soon, { once: true });
}

// Leaving with something typed asks first.
const form = document.querySelector("form#form");
const typed = () => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrf_token"));
const began = form && typed();
form?.addEventListener("submit", () => { saving = true; });
addEventListener("pageshow", () => { saving = false; });
addEventListener("beforeunload", (event) => { if (form && !saving && typed() !== began) event.preventDefault(); });
