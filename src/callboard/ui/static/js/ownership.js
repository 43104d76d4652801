// Lists in which much is chosen at once: x chooses the current row, one box chooses all.

document.addEventListener("keydown", (event) => {
  if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog")) return;
  const box = document.querySelector("[data-row][data-current] input[type=checkbox]") ?? event.target.closest?.("[data-row]")?.querySelector("input[type=checkbox]");
  if (!box) return;
  event.preventDefault();
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  const boxes = (of) => [...document.querySelectorAll(`[data-row] input[type=checkbox][name="${of}"]`)];
  if (name) {
    for (const box of boxes(name)) box.checked = event.target.checked;
    return;
  }
  for (const all of document.querySelectorAll("[data-all]")) all.checked = boxes(all.dataset.all).every((box) => box.checked);
});
