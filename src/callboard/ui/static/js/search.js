// The search page: results as one types, arrow keys, and what was opened. Without it the form and its links do the same.

const form = document.getElementById("find-form");
const input = document.getElementById("find-q");
const found = document.getElementById("found");
const status = document.getElementById("find-status");
const WAIT_MS = 110;
const SETTLED_MS = 1500;
const BEHIND_MS = 1500;
const MISSED = "callboard.search.missed";
let asking = null; // stops the request before
let waiting = 0;
let settling = 0;
let shown = input.value.trim();

/** What the form says, without what is empty. */
function asked() {
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) said.append(name, value.trim());
  return said;
}

const address = (said) => form.action + (String(said) ? `?${said}` : "");

/** Results of what stands in the box. ``settled``: nobody types any more, so it counts as a search. */
async function ask(settled) {
  clearTimeout(waiting);
  const said = asked();
  asking?.abort();
  const mine = (asking = new AbortController());
  const wire = new URLSearchParams(said);
  if (settled) wire.append("settled", "1");
  found.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`${form.action}/found?${wire}`, { headers: { accept: "text/html", "hx-request": "true" }, signal: mine.signal });
    if (answer.redirected) return location.assign(address(said)); // signed out meanwhile
    if (!answer.ok) throw new Error(String(answer.status));
    const html = await answer.text();
    if (settled && input.value.trim() === shown) return note();
    found.innerHTML = html; // as the server wrote it, escaped
    shown = input.value.trim();
    history.replaceState(history.state, "", address(said));
    note();
  } catch (error) {
    if (error.name !== "AbortError") status.textContent = found.dataset.failed;
  } finally {
    if (asking === mine) found.removeAttribute("aria-busy");
  }
}

/** While the index is behind, results are asked for again; not while somebody types or goes through them. */
function follow() {
  if (!found.querySelector("[data-indexing]")) return;
  setTimeout(() => {
    const isInUse = document.hidden || found.contains(document.activeElement) || input.value.trim() !== shown;
    isInUse ? follow() : ask(false).then(follow);
  }, BEHIND_MS);
}

/** Tell the number of results to those who hear the page; keep what nothing was found for until something is opened. */
function note() {
  const count = found.querySelector("[data-count]")?.dataset.count;
  if (count !== undefined) status.textContent = count;
  try {
    if (found.querySelector(".find-none")) sessionStorage.setItem(MISSED, input.value.trim());
  } catch { /* storage may be forbidden */ }
}

/** An opened result makes it stand before its equals; and what was opened after a search without result is told to whoever mends it. */
function opened(row) {
  const csrf = document.querySelector("input[name=csrf_token]")?.value;
  if (!csrf || !row.dataset.id) return;
  let after = "";
  try {
    after = sessionStorage.getItem(MISSED) || "";
    sessionStorage.removeItem(MISSED);
  } catch { /* as above */ }
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  const body = JSON.stringify({ type: row.dataset.type, id: row.dataset.id, after });
  fetch("/api/search/v1/opened", { method: "POST", headers, body, keepalive: true }).catch(() => { /* it is only counted */ });
}

const rows = () => [...found.querySelectorAll("[data-row]")];

function step(by) {
  const all = rows();
  const at = all.indexOf(document.activeElement.closest?.("[data-row]"));
  if (at < 0 && by < 0) return false;
  const next = all[at + by];
  if (!next && at !== 0) return false;
  const target = next ? next.querySelector("a") : input;
  target.focus({ preventScroll: Boolean(next) });
  next?.scrollIntoView({ block: "nearest" });
  return true;
}

input.addEventListener("input", () => {
  clearTimeout(waiting);
  clearTimeout(settling);
  for (const other of form.elements) if (other.name === "start") other.remove(); // what is asked anew begins anew
  waiting = setTimeout(() => ask(false), WAIT_MS);
  if (input.value.trim()) settling = setTimeout(() => ask(true), SETTLED_MS);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(settling);
  clearTimeout(waiting);
  if (String(asked()) === location.search.slice(1) && input.value.trim() === shown) ask(true);
  else location.assign(address(asked()));
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isInBox = event.target === input;
  const isInRow = found.contains(event.target) && event.target.closest("[data-row]");
  if (event.key === "Escape" && isInRow) {
    input.focus();
    input.select();
  } else if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  else if (!(isInBox || isInRow) || !step(event.key === "ArrowDown" ? 1 : -1)) return;
  event.preventDefault();
});

for (const kind of ["click", "auxclick"]) {
  found.addEventListener(kind, (event) => {
    const row = event.target.closest(".hit-title a")?.closest("[data-row]");
    if (row && event.button < 2) opened(row);
  });
}

note();
follow();
