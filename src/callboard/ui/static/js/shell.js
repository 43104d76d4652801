// Theme, rail, copy buttons, menus and toasts. Keys are in keys.js.

const root = document.documentElement;

function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch { /* storage may be forbidden: the choice lasts for this page */ }
}

/** Whoever is signed in has it in every browser; others by the cookie alone. */
function keepTheme(theme) {
  const csrf = document.querySelector("input[name=csrf_token]")?.value;
  const shown = document.getElementById(`theme-${theme}`); // the page of preferences says the same
  if (shown) shown.checked = true;
  if (!("keepsTheme" in document.body.dataset) || !csrf) return;
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  fetch("/api/ui/v1/preferences", { method: "PUT", headers, body: JSON.stringify({ theme }) }).catch(() => { /* the cookie holds it here */ });
}

function toggleTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  // Back to what the system says is back to following it.
  if (next === system) delete root.dataset.theme;
  else root.dataset.theme = next;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  keepTheme(next === system ? "" : next);
  document.cookie = `callboard_theme=${next === system ? "" : next}; Path=/; SameSite=Lax; Max-Age=${next === system ? 0 : 31536000}${secure}`;
}

function toggleRail(button) {
  const narrow = root.dataset.rail !== "narrow";
  if (narrow) root.dataset.rail = "narrow";
  else delete root.dataset.rail;
  button.setAttribute("aria-pressed", String(narrow));
  remember("callboard.rail", narrow ? "narrow" : null);
}

export function toast(text) {
  const place = document.querySelector(".toasts");
  if (!place || !text) return;
  const note = document.createElement("div");
  note.className = "toast";
  note.textContent = text;
  place.append(note);
  setTimeout(() => note.remove(), 3500);
}

async function copy(button) {
  const text = button.dataset.copy ?? button.closest(".code")?.querySelector("pre")?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard on plain http beyond loopback: a selection can still be copied by hand.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.dataset.done = "";
  toast(document.querySelector(".toasts")?.dataset.copied);
  setTimeout(() => delete button.dataset.done, 1500);
}

const does = {
  theme: toggleTheme,
  rail: toggleRail,
  shortcuts: () => document.dispatchEvent(new CustomEvent("callboard:shortcuts")),
  palette: () => document.dispatchEvent(new CustomEvent("callboard:palette")),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do], .copy");
  if (button?.classList.contains("copy")) copy(button);
  else if (button && does[button.dataset.do]) {
    event.preventDefault();
    does[button.dataset.do](button);
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.target instanceof HTMLDialogElement) event.target.close(); // a click on the backdrop
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  if (event.target.matches?.(".top .input, .list-filter .input, .hero .input")) event.target.blur();
});

document.querySelector('[data-do="rail"]')?.setAttribute("aria-pressed", String(root.dataset.rail === "narrow"));

// A request of htmx that found nobody: the page stays as it is, and says so.
document.addEventListener("htmx:error", () => toast(document.querySelector(".toasts")?.dataset.offline));
