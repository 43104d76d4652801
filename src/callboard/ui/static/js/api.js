// Definitions of APIs: rows that fit what is typed, and the row that the address names. Without this file the form asks the server.

const api = document.querySelector("[data-api]");
const field = api?.querySelector("#api-q");
const rows = [...(api?.querySelectorAll("#api-list [data-api-row]") ?? [])];
// a list of several pages is searched by the server alone
if (field && !api.querySelector(".pager")) {
  const told = new Map(rows.map((row) => [row, row.querySelector("summary").textContent.toLowerCase()]));
  const none = api.querySelector("[data-api-none]");
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => told.get(row).includes(word));
      row.classList.toggle("is-out", !fits);
      shown += fits;
    }
    for (const group of api.querySelectorAll("[data-api-group]")) group.classList.toggle("is-out", !group.querySelector(".api-row:not(.is-out)"));
    if (none) none.hidden = shown > 0;
  });
}

function openNamed() {
  const id = decodeURIComponent(location.hash.slice(1));
  const row = id ? document.getElementById(id) : null;
  if (row?.matches("details[data-api-row]")) {
    row.open = true;
    row.scrollIntoView({ block: "start" });
  }
}
if (api) {
  openNamed();
  addEventListener("hashchange", openNamed);
  // an opened row names itself, so that the address can be passed on
  api.addEventListener("toggle", (event) => {
    const row = event.target;
    if (row.matches?.("[data-api-row]") && row.open && row.id !== location.hash.slice(1)) history.replaceState(history.state, "", `#${row.id}`);
  }, true);
}

const list = document.getElementById("api-refs");
let asked = 0;
document.querySelector("input[list=api-refs]")?.addEventListener("input", async (event) => {
  const words = event.target.value.trim().split(/[:/]/).pop();
  const mine = ++asked;
  await new Promise((done) => setTimeout(done, 120));
  if (mine !== asked || !words) return;
  try {
    const answer = await fetch(`/api/catalog/v1/find?q=${encodeURIComponent(words)}`, { headers: { accept: "application/json" } });
    if (!answer.ok || mine !== asked) return;
    const found = (await answer.json()).items.filter((item) => item.hint.startsWith("api:"));
    list.replaceChildren(...found.map((item) => Object.assign(document.createElement("option"), { value: item.hint, label: item.title })));
  } catch { /* the field takes a ref all the same */ }
});
