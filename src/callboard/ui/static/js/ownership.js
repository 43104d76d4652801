// Lists in which much is chosen at once: one box chooses all.

const boxes = (of) => [...document.querySelectorAll(`[data-row] input[type=checkbox][name="${of}"]`)];

function tell() {
  for (const all of document.querySelectorAll("[data-all]")) {
    const rows = boxes(all.dataset.all);
    all.checked = rows.length > 0 && rows.every((box) => box.checked);
  }
}

document.addEventListener("change", (event) => {
  const name = event.target.dataset?.all;
  for (const box of name ? boxes(name) : []) box.checked = event.target.checked;
  tell();
});
tell();
