// The text of an entity: its lines are numbered, and judged as one types. Without this the Check button does the same.

const text = document.querySelector(".yaml-text");
const state = document.getElementById("findings");
const WAIT_MS = 350;

let lines;
let judged = text?.value;
let timer;
let asked = 0;
let saving = false;
let bad = new Set([...document.querySelectorAll(".editing-findings [data-line]")].map((at) => Number(at.dataset.line)));

function drawLines() {
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
  bad = new Set(findings.map((found) => found.line).filter(Boolean));
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

// Leaving with something typed asks first.
const form = document.querySelector("form#form");
const typed = () => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrf_token"));
const began = form && typed();
form?.addEventListener("submit", () => { saving = true; });
addEventListener("pageshow", () => { saving = false; });
addEventListener("beforeunload", (event) => { if (form && !saving && typed() !== began) event.preventDefault(); });
