// Stars without leaving the page, and things put in order by dragging. Both work by plain forms without this file.

document.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (event.target.id !== "stars" || !button?.matches("[data-star]")) return;
  event.preventDefault();
  const form = event.target;
  const star = button.getAttribute("aria-pressed") !== "true";
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, [star ? "star" : "unstar"]: button.value });
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
  } catch {
    form.submit(); // the page then says what is wrong
    return;
  }
  for (const one of document.querySelectorAll("[data-star]")) {
    if (one.value !== button.value) continue;
    one.setAttribute("aria-pressed", String(star));
    one.name = star ? "unstar" : "star";
    one.title = star ? one.dataset.drop : one.dataset.add;
  }
});

let held = null;

function hold(node, event) {
  held = node;
  node.classList.add("is-held");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", node.dataset.id);
}

/** Put what is held before or after the one under the pointer, or at the end of an empty place. */
function place(over, group, y) {
  if (!held) return;
  if (over && over !== held) {
    const box = over.getBoundingClientRect();
    over.parentElement.insertBefore(held, y < box.top + box.height / 2 ? over : over.nextElementSibling);
  } else if (!over && group && !group.querySelector("[data-id]")) group.append(held);
}

function movable(root, itemsOf, dropped) {
  for (const item of itemsOf()) item.draggable = true;
  root.addEventListener("dragstart", (event) => {
    const item = event.target.closest?.("[data-id]");
    if (item) hold(item, event);
  });
  root.addEventListener("dragover", (event) => {
    if (!held) return;
    event.preventDefault();
    place(event.target.closest("[data-id]"), event.target.closest("[data-column], [data-arrange]"), event.clientY);
  });
  root.addEventListener("drop", (event) => event.preventDefault());
  root.addEventListener("dragend", () => {
    held?.classList.remove("is-held");
    held = null;
    dropped();
  });
}

for (const list of document.querySelectorAll("[data-arrange]")) movable(list, () => [...list.children], () => {});

const form = document.querySelector("[data-arrange-home]");
if (form) {
  const columns = [...document.querySelectorAll("[data-column]")];
  const keep = async () => {
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, top: "", main: "", side: "" });
    for (const column of columns) body.set(column.dataset.column, [...column.querySelectorAll(":scope > [data-id]")].map((one) => one.dataset.id).join(","));
    try {
      const answer = await fetch(form.action, { method: "POST", body });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      location.reload(); // what is kept is what is shown
    }
  };
  movable(document.querySelector("main"), () => columns.flatMap((column) => [...column.children]), keep);
}
