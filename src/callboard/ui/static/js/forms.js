// Forms of templates: pickers ask for suggestions as one types, and what is being typed survives when the fields are drawn anew.
// Everything else works without script.

import { suggestBelow } from "./suggest.js";

const form = document.getElementById("form");

if (form?.dataset.suggestFrom) {
  suggestBelow(form, () => {
    const body = new FormData(form);
    for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
    body.delete("do");
    return { url: form.dataset.suggestFrom, body };
  });
  form.addEventListener("input", ({ target }) => {
    const shown = target.type === "range" && target.parentElement.querySelector("output");
    if (shown) shown.textContent = target.value;
  });

  // A picker that adds to a list does so with Enter; elsewhere Enter goes on, as in any form.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches?.(".form-pick .input")) return;
    const add = event.target.parentElement.querySelector("button[value^='add:']");
    if (!add || !event.target.value.trim()) return;
    event.preventDefault();
    add.click();
  });

  // Files that were chosen stay chosen; they go along only with the whole form.
  const files = new Map();
  let typed = null;
  let pressed = null;
  document.addEventListener("htmx:before:request", (event) => {
    pressed = event.target.matches?.("button") ? event.target.value : null;
  });
  document.addEventListener("htmx:before:swap", () => {
    files.clear();
    for (const input of form.querySelectorAll("input[type=file]")) if (input.files.length) files.set(input.id, input.files);
    const at = document.activeElement;
    typed = at?.closest?.("#form-fields") && at.id ? { id: at.id, value: at.matches("input:not([type=checkbox], [type=radio], [type=file]), textarea") ? at.value : null } : null;
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const [id, chosen] of files) if (document.getElementById(id)) document.getElementById(id).files = chosen;
    const begin = pressed && document.querySelector("#form-fields [autofocus]");
    const at = begin || (typed && document.getElementById(typed.id));
    if (!at) return;
    if (!begin && typed.value !== null && at.value !== typed.value) at.value = typed.value;
    if (document.activeElement !== at) at.focus();
    pressed = null;
  });

  // A form is sent once, however often its button is pressed.
  let sending = false;
  form.addEventListener("submit", (event) => {
    if (sending) event.preventDefault();
    sending = true;
    if (form.querySelector("input[type=file]")) form.enctype = "multipart/form-data";
  });
  addEventListener("pageshow", () => { sending = false; });

  const first = document.querySelector(".form-faults");
  if (first) document.querySelector("#form-fields [autofocus]")?.focus();
}
