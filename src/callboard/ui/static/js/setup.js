// The look as it is chosen, at once. Without this file a button asks the server to show it.

const form = document.querySelector("form[enctype]");
const title = form.querySelector("#title");
const organization = form.querySelector("#organization");
const own = form.querySelector("#own_accent");
const file = form.querySelector("#logo");
const drawn = [...form.querySelectorAll(".look-head > svg, .look-head > img")];

function showTitle() {
  for (const at of form.querySelectorAll("[data-look-title]")) at.textContent = title.value.trim() || organization.value.trim() || at.dataset.fallback;
}

function showAccent() {
  const chosen = form.querySelector("input[name=accent]:checked")?.value ?? "";
  const colour = chosen === "own" ? own.value : chosen;
  const before = document.querySelector("link[data-look]");
  if (!colour) {
    before?.remove();
    return;
  }
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.dataset.look = "";
  sheet.href = `/look/${colour.slice(1)}.css`;
  // the one before goes once this one is there: nothing flickers
  sheet.addEventListener("load", () => before?.remove());
  document.head.append(sheet);
}

function showLogo() {
  const chosen = file.files[0];
  const removed = form.querySelector("input[name=no_logo]")?.checked;
  const marks = [...form.querySelectorAll(".look-head")].map((head) => head.firstElementChild);
  const isTooLarge = chosen?.size > Number(file.dataset.maxBytes);
  file.setCustomValidity(isTooLarge ? file.dataset.tooLarge : "");
  if (isTooLarge) file.reportValidity();
  if (!chosen || isTooLarge) {
    for (const [n, mark] of marks.entries()) mark.replaceWith(removed ? Object.assign(document.createElement("i"), { hidden: true }) : drawn[n]);
    return;
  }
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    for (const mark of marks) mark.replaceWith(Object.assign(document.createElement("img"), { className: "brand-logo", alt: "", src: reader.result }));
  });
  reader.readAsDataURL(chosen);
}

for (const input of [title, organization]) input.addEventListener("input", showTitle);
own.addEventListener("input", () => {
  form.querySelector("#accent-own").checked = true;
  showAccent();
});
file.addEventListener("change", showLogo);
form.addEventListener("change", (event) => {
  if (event.target.name === "accent") showAccent();
  if (event.target.name === "no_logo") showLogo();
});
showTitle();
showAccent();
