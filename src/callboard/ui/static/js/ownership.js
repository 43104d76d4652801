// Lists in which much is chosen at once: one box chooses all.

document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  const boxes = (of) => [...document.querySelectorAll(`[data-row] input[type=checkbox][name="${of}"]`)];
  if (name) {
    for (const box of boxes(name)) box.checked = event.target.checked;
    return;
  }
  for (const all of document.querySelectorAll("[data-all]")) all.checked = boxes(all.dataset.all).every((box) => box.checked);
});
