// A run as it goes. The event stream says that something happened; what it looks like is asked of the page itself, so that there is one
// drawing of it. Where the stream cannot be had, the page is asked every other second.

const run = document.getElementById("run");
const AFTER_MS = 200;
const ASK_MS = 2000;

let source;
let timer;
let asking = false;
let again = false;
let held = new Set(); // steps that somebody opened or closed

function put(from) {
  for (const part of from.querySelectorAll("[data-live]")) {
    const here = run.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    if (!here || here.innerHTML === part.innerHTML) continue;
    if (here.dataset.live === "told") {
      if (here.textContent !== part.textContent) here.textContent = part.textContent; // one announcement for each step
      continue;
    }
    if (here.dataset.live === "actions" && here.contains(document.activeElement) && run.dataset.running === (from.dataset.running || "")) continue;
    const had = here.contains(document.activeElement);
    here.replaceChildren(...part.childNodes);
    if (had) document.getElementById("content").focus();
  }
  for (const step of from.querySelectorAll("[data-step]")) {
    const here = run.querySelector(`details[data-step="${CSS.escape(step.dataset.step)}"]`);
    if (here && !held.has(here) && here.open !== (step.dataset.open === "yes")) {
      here.dataset.moved = "yes";
      here.open = step.dataset.open === "yes";
    }
  }
  for (const list of from.querySelectorAll("[data-add]")) {
    const into = run.querySelector(`[data-into="${CSS.escape(list.dataset.add)}"]`);
    if (!into || !list.children.length) continue;
    const atEnd = into.scrollTop + into.clientHeight >= into.scrollHeight - 30;
    into.append(...list.children);
    if (atEnd) into.scrollTop = into.scrollHeight;
  }
}

async function ask() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const answer = await fetch(`${run.dataset.liveFrom}?after=${run.dataset.last}`, { headers: { accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-run]");
      if (page) {
        put(page);
        run.dataset.last = Math.max(Number(run.dataset.last), Number(page.dataset.last));
        run.dataset.running = page.dataset.running;
        if (!page.dataset.running) end();
      }
    } else if (answer.status === 404 || answer.status === 401) end();
  } catch {
    // the next question tells
  } finally {
    asking = false;
    if (again) {
      again = false;
      soon();
    }
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(ask, AFTER_MS);
}

let clock;
let poll;

function end() {
  source?.close();
  clearInterval(poll);
  clearInterval(clock);
}

function follow() {
  source = new EventSource(`${run.dataset.stream}?after=${run.dataset.last}`);
  for (const type of ["log", "completion", "cancelled", "recovered"]) source.addEventListener(type, soon);
  source.addEventListener("completion", () => source.close());
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) poll ??= setInterval(ask, ASK_MS);
  });
}

/** Lengths of what runs tick, in whole seconds: the page's own words come with the next answer. */
function tick() {
  for (const one of run.querySelectorAll("[data-since]")) {
    if (!one.dataset.since) continue;
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(one.dataset.since)) / 1000));
    if (seconds >= 10 && seconds < 60) one.textContent = one.textContent.replace(/\d+([.,]\d)?/, String(seconds));
  }
}

if (run) {
  for (const step of run.querySelectorAll("details[data-step]")) {
    step.addEventListener("toggle", () => {
      if (step.dataset.moved) delete step.dataset.moved;
      else held.add(step);
      const log = step.querySelector(".log");
      if (step.open && log) log.scrollTop = log.scrollHeight;
    });
    if (step.open) {
      const log = step.querySelector(".log");
      if (log) log.scrollTop = log.scrollHeight;
      step.dataset.moved = "yes"; // the browser tells of those that began open, too
    }
  }
  if (run.dataset.running) {
    follow();
    clock = setInterval(tick, 1000);
    poll = undefined;
    soon();
  }
}
