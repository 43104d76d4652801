// The bell: how many are unread, as it changes; what is urgent as a toast. On its own page the list follows, and rows have keys.

import { isTyping } from "./keys.js";

const bell = document.querySelector("[data-bell]");
const API = "/api/notifications";
let socket = null;
let stream = null;
let failures = 0;
let retry = 0;

function show(unread) {
  if (!bell) return;
  const count = bell.querySelector(".bell-count");
  count.textContent = unread > 99 ? "99+" : String(unread);
  count.hidden = !unread;
  bell.dataset.unread = String(unread);
}

async function refresh() {
  try {
    const answer = await fetch(`${API}/status`, { headers: { accept: "application/json" } });
    if (answer.ok) show((await answer.json()).unread);
  } catch { /* the next signal, or the next look at the page, tries again */ }
}

async function announce(id) {
  const answer = await fetch(`${API}/notifications/${encodeURIComponent(id)}`);
  if (!answer.ok) return;
  const { payload } = await answer.json();
  if (payload.severity !== "high" && payload.severity !== "critical") return;
  const place = document.querySelector(".toasts");
  if (!place) return;
  const note = document.createElement("a");
  note.className = `toast toast-${payload.severity}`;
  note.href = `/notifications/${encodeURIComponent(id)}`;
  note.textContent = payload.title;
  place.append(note);
  setTimeout(() => note.remove(), payload.severity === "critical" ? 20000 : 8000);
}

function hear(text) {
  const { channel, message } = JSON.parse(text);
  if (channel !== "notifications") return;
  refresh();
  reload();
  if (message.action === "new_notification") announce(message.notification_id);
}

// A socket while the page is looked at; where there is none to be had, server-sent events.
function connect() {
  if (socket || stream || document.hidden) return;
  clearTimeout(retry);
  if (failures >= 2) {
    stream = new EventSource("/api/signals/v1/stream?channel=notifications");
    stream.onmessage = (event) => hear(event.data);
    return;
  }
  let opened = false;
  try {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/signals`);
  } catch {
    failures = 2;
    connect();
    return;
  }
  socket.onopen = () => {
    opened = true;
    failures = 0;
    socket.send(JSON.stringify({ action: "subscribe", channel: "notifications" }));
  };
  socket.onmessage = (event) => hear(event.data);
  socket.onclose = () => {
    socket = null;
    if (!opened) failures += 1;
    retry = setTimeout(connect, 3000 + Math.random() * 4000);
  };
}

function disconnect() {
  clearTimeout(retry);
  if (socket) {
    socket.onclose = null;
    socket.close();
    socket = null;
  }
  stream?.close();
  stream = null;
}

if (bell) {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else {
      refresh();
      connect();
    }
  });
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => {
    if (event.persisted) refresh();
    connect();
  });
}

// ---- the list -------------------------------------------------------------------------------------------------------

const list = () => document.querySelector("[data-notifications]");
const rows = () => [...document.querySelectorAll("[data-notifications] [data-row]")];

function swap(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[data-notifications]");
  const old = list();
  if (!fresh || !old) return;
  const at = rows().findIndex((row) => "current" in row.dataset);
  const ticked = new Set([...old.querySelectorAll("input[name=ids]:checked")].map((box) => box.value));
  old.replaceWith(document.adoptNode(fresh));
  for (const box of fresh.querySelectorAll("input[name=ids]")) box.checked = ticked.has(box.value);
  const now = rows();
  if (at >= 0 && now.length) {
    const row = now[Math.min(at, now.length - 1)];
    row.dataset.current = "";
    row.querySelector("a, input")?.focus({ preventScroll: true });
  }
}

async function reload() {
  if (!list()) return;
  const answer = await fetch(location.href);
  if (answer.ok) swap(await answer.text());
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches?.("form[data-mark]")) return;
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data) });
  if (answer.ok) swap(await answer.text());
  else location.reload();
  refresh();
});

document.addEventListener("keydown", (event) => {
  if (!list() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (isTyping(event) && !event.target.matches("input[type=checkbox]")) return;
  const row = document.querySelector("[data-notifications] [data-row][data-current]") ?? event.target.closest?.("[data-row]");
  if (!row) return;
  if (event.key === "e" || event.key === "s") {
    event.preventDefault();
    row.dataset.current = "";
    row.querySelector(event.key === "e" ? "[data-read]" : "[data-save]")?.click();
  }
});
