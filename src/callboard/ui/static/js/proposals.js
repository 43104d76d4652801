// Choosing many proposals: all at once, a range with Shift (keys.js has x press the box of a row); how many are chosen is told.

const form = document.querySelector("#bulk");
const all = document.querySelector("#all");
const told = document.querySelector("#chosen");
const boxes = () => [...form.querySelectorAll(".proposal-pick")];
let last = null;

function tell() {
  const count = boxes().filter((box) => box.checked).length;
  all.checked = count > 0 && count === boxes().length;
  all.indeterminate = count > 0 && !all.checked;
  if (count === 0) told.textContent = told.dataset.none;
  else if (count === 1) told.textContent = told.dataset.one;
  else told.textContent = told.dataset.other.replace("7", String(count));
}

if (form && all) {
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    tell();
  });
  form.addEventListener("click", (event) => {
    if (!event.target.matches(".proposal-pick")) return;
    const list = boxes();
    const at = list.indexOf(event.target);
    if (event.shiftKey && last !== null) {
      for (let i = Math.min(at, last); i <= Math.max(at, last); i += 1) list[i].checked = event.target.checked;
    }
    last = at;
  });
  form.addEventListener("change", tell);
  tell(); // back from another page: the browser may have kept what was chosen
}
