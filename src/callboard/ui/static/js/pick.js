// Rows of a list are chosen by their boxes (keys.js has x press them); with Shift all from the one chosen last.

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
  if (event.key !== "X" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog, [contenteditable=true]")) return;
  const box = document.querySelector("[data-row][data-current] .col-pick input");
  if (!box) return;
  event.preventDefault();
  box.checked = !box.checked;
  choose(box, true);
});
document.addEventListener("htmx:after:swap", count);
addEventListener("pageshow", count);
count();
