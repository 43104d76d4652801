// Rows by keyboard: j and k move, Enter opens. The row that is current keeps its place when htmx swaps the list.

const rows = () => [...document.querySelectorAll("[data-list] [data-row]")];

function show(row) {
  for (const other of document.querySelectorAll("[data-row][data-current]")) delete other.dataset.current;
  row.dataset.current = "";
  row.querySelector("a, summary")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
  if (event.key !== "j" && event.key !== "k") return;
  const all = rows();
  if (!all.length) return;
  event.preventDefault();
  const at = all.findIndex((row) => "current" in row.dataset);
  const next = event.key === "j" ? Math.min(at + 1, all.length - 1) : Math.max(at - 1, 0);
  show(all[next]);
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("[data-row]");
  for (const other of document.querySelectorAll("[data-row][data-current]")) if (other !== row) delete other.dataset.current;
});

// In the search box of a list, Down and Enter with results lead into the rows.
document.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && event.target.matches?.(".list-filter .input")) {
    const [first] = rows();
    if (first) {
      event.preventDefault();
      show(first);
    }
  }
});

// Rows are chosen by their boxes, or with x; with Shift all from the one chosen last.
let last = null;
const boxes = () => [...document.querySelectorAll("[data-list] [data-row] .col-pick input")];

function choose(box, range) {
  const all = boxes();
  const from = range && last && all.includes(last) ? all.indexOf(last) : all.indexOf(box);
  const [low, high] = [from, all.indexOf(box)].sort((a, b) => a - b);
  for (const one of all.slice(low, high + 1)) one.checked = box.checked;
  last = box;
  count();
}

function count() {
  const button = document.querySelector("[data-chosen]");
  if (!button) return;
  const n = boxes().filter((box) => box.checked).length;
  button.hidden = n === 0;
  button.querySelector(".count-badge").textContent = n;
}

document.addEventListener("click", (event) => {
  if (event.target.matches?.(".col-pick input")) choose(event.target, event.shiftKey);
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog, [contenteditable=true]")) return;
  const row = document.querySelector("[data-row][data-current]") ?? event.target.closest?.("[data-row]");
  const box = row?.querySelector(".col-pick input");
  if (!box) return;
  event.preventDefault();
  box.checked = !box.checked;
  choose(box, event.shiftKey);
});
document.addEventListener("htmx:after:swap", count);
addEventListener("pageshow", count);
count();
