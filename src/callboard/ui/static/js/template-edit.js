// The template editor: what the buttons do happens without leaving the page, and the form of the template follows what is typed. Each
// answer is the page itself, of which only the parts that changed are put in place; without script the same buttons load it whole.

import { suggestBelow } from "./suggest.js";

const WAIT_MS = 600;
const form = document.getElementById("edit");
const nonce = document.querySelector("script[nonce]").nonce;

let editor;
let timer;
let asked = 0;
let began;
let leaving = false;

const typed = () => JSON.stringify([...new FormData(form)].filter(([name, value]) => typeof value === "string" && /^file\.|^values$|^expression$/.test(name)));

async function mountEditor() {
  const text = form.querySelector(".yaml-text");
  editor = undefined;
  if (!text || !text.dataset.yaml) return;
  const { mount } = await import(text.dataset.editor);
  const words = { label: text.labels[0].textContent, required: "" };
  const known = { fields: async () => ({ fields: [] }), refs: async () => ({ items: [] }) };
  const held = document.activeElement === text;
  editor = mount(text, { nonce, words, known, describedBy: "edit-problem" });
  text.closest(".yaml").classList.add("has-editor");
  document.getElementById("text").tabIndex = 0; // what scrolls is reached by keyboard, and says so
  if (held) editor.focus();
  mark();
}

function mark() {
  const place = document.querySelector("#edit-problem [data-line]");
  const message = document.getElementById("edit-problem").textContent.trim();
  if (form.elements.at.value === "0") editor?.mark(place ? [{ line: Number(place.dataset.line), column: Number(place.dataset.column), message }] : []);
}

/** Post the form with `button` pressed; `whole` puts the editor itself in place, too. */
async function send(button, whole) {
  const mine = ++asked;
  clearTimeout(timer);
  const body = new FormData(form);
  body.set("do", button);
  body.delete("archive");
  let page;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
    if (mine !== asked) return;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return; // what was typed stays; the next button asks again
  }
  const fresh = page.getElementById("edit");
  if (!fresh) {
    if (!whole) return;
    leaving = true;
    form.requestSubmit(form.querySelector(`[name=do][value="${CSS.escape(button)}"]`));
    return;
  }
  const focused = document.activeElement?.closest("#edit-side, .edit-files") ? [document.activeElement.name, document.activeElement.value, document.activeElement.id] : null;
  for (const id of ["edit-banners", "edit-problem", "edit-result"]) {
    const here = document.getElementById(id);
    const there = page.getElementById(id);
    if (here.innerHTML !== there.innerHTML) here.innerHTML = there.innerHTML;
  }
  if (whole) {
    form.elements.at.value = fresh.elements.at.value;
    form.elements.pane.value = fresh.elements.pane.value;
    for (const part of [".edit-files", ".edit-main", ".edit-side"]) {
      if (part === ".edit-main" && !/^(open|add|remove)/.test(button)) continue;
      form.querySelector(part).replaceWith(fresh.querySelector(part));
    }
    if (/^(open|add|remove)/.test(button)) await mountEditor();
    if (focused) {
      const [name, value, id] = focused;
      const again = (id && document.getElementById(id)) || form.querySelector(`[name="${CSS.escape(name)}"][value="${CSS.escape(value)}"]`);
      again?.focus();
    }
  }
  mark();
}

if (form) {
  began = typed();
  mountEditor().catch(() => {});
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (leaving || !button || "plain" in button.dataset) {
      leaving = button?.value !== "download";
      return;
    }
    event.preventDefault();
    send(button.value, true);
  });
  form.addEventListener("input", (event) => {
    if (event.target.name?.startsWith("file.") && form.elements.pane.value === "form") {
      clearTimeout(timer);
      timer = setTimeout(() => send("form", false), WAIT_MS);
    }
  });
  // The preview's pickers know the template as it is written, and what was put into the fields beside them.
  const result = document.getElementById("edit-result");
  suggestBelow(result, (input) => {
    const body = new FormData();
    for (const name of ["csrf_token", "values", "file.0.text"]) body.set(name, form.elements[name]?.value ?? "");
    const pages = [...result.querySelectorAll(".preview-page")];
    body.set("page", pages.indexOf(input.closest(".preview-page")));
    for (const field of result.querySelectorAll("input[name], select[name], textarea[name]")) {
      if (field.type !== "file" && field.type !== "password" && (field.checked || !/^(checkbox|radio)$/.test(field.type))) body.append(field.name, field.value);
    }
    return { url: form.dataset.suggestFrom, body };
  });
  document.addEventListener("click", (event) => {
    const place = event.target.closest("#edit-problem [data-line]");
    if (!place || form.elements.at.value !== "0" || !editor) return;
    event.preventDefault();
    editor.goTo(Number(place.dataset.line), Number(place.dataset.column));
  });
  addEventListener("pageshow", () => { leaving = false; });
  addEventListener("beforeunload", (event) => { if (!leaving && typed() !== began) event.preventDefault(); });
}
