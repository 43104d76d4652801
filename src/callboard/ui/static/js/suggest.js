// Pickers ask for suggestions as one types: inputs with data-suggest and a datalist. Shared by the forms of templates and their preview.

const WAIT_MS = 180;

/** Fill the lists of the pickers below `root`. `question()` is `{url, body}` of a POST; the picker and its words are added to the body. */
export function suggestBelow(root, question) {
  const timers = new WeakMap();
  const asked = new WeakMap();

  async function suggest(input) {
    const words = input.value.trim();
    if (asked.get(input) === words) return;
    asked.set(input, words);
    const { url, body } = question(input);
    body.set("suggest", input.dataset.suggest);
    body.set("words", words);
    try {
      const answer = await fetch(url, { method: "POST", body, headers: { accept: "application/json" } });
      if (!answer.ok || asked.get(input) !== words) return;
      const { items } = await answer.json();
      const list = document.getElementById(input.getAttribute("list"));
      list?.replaceChildren(
        ...items.map(({ value, title, note }) => {
          const option = document.createElement("option");
          option.value = value;
          option.textContent = note ? `${title} · ${note}` : title;
          return option;
        }),
      );
    } catch {
      asked.delete(input); // without an answer the suggestions stay as they were
    }
  }

  root.addEventListener("input", ({ target }) => {
    if (!target.dataset?.suggest) return;
    clearTimeout(timers.get(target));
    timers.set(target, setTimeout(() => suggest(target), WAIT_MS));
  });
  root.addEventListener("focusin", ({ target }) => {
    const list = target.dataset?.suggest && document.getElementById(target.getAttribute("list"));
    if (list && !list.childElementCount) suggest(target);
  });
}
