// The drop zone: what is dropped or chosen is sent at once. The field itself lies over the zone and takes the drop.

const form = document.querySelector("form.drop");
const file = form?.querySelector("input[type=file]");

function refuse(text) {
  form.querySelector(".field-error").textContent = text;
  form.classList.remove("is-sending");
  file.value = "";
}

file?.addEventListener("change", () => {
  if (!file.files.length) return;
  // Told here already: a server that refuses a large file in the middle of it can only break the connection.
  if (file.files[0].size > Number(form.dataset.maxBytes)) {
    refuse(form.dataset.tooLarge);
    return;
  }
  form.querySelector(".field-error").textContent = "";
  form.classList.add("is-sending");
  form.querySelector(".drop-wait").hidden = false;
  form.requestSubmit();
});

for (const name of ["dragenter", "dragover"]) form?.addEventListener(name, () => form.classList.add("is-over"));
for (const name of ["dragleave", "drop"]) form?.addEventListener(name, () => form.classList.remove("is-over"));

// Back from the next page: the browser may show this one as it was left.
addEventListener("pageshow", () => {
  form?.classList.remove("is-sending");
  const wait = form?.querySelector(".drop-wait");
  if (wait) wait.hidden = true;
});
