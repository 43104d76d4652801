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
