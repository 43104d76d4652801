// Fields that name entities (data-refs: their kinds, empty for any). Matches come from the server as one types, so every entity can be
// reached; a ref can be typed all the same. A field of many (data-refs-many: the id of its text, a ref a line) holds them as chips.

const WAIT_MS = 120;
const LIMIT = 20;
let count = 0;

const sprite = () => document.querySelector("svg.icon use").getAttribute("href").split("#")[0];

function node(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite()}#${name}`);
  svg.append(use);
  return svg;
}

class Picker {
  constructor(input) {
    this.input = input;
    this.asked = 0;
    this.active = -1;
    this.list = node("ul", "refs-list");
    this.list.id = `refs-list-${++count}`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", input.getAttribute("aria-label") ?? input.labels?.[0]?.textContent.trim() ?? "");
    this.list.hidden = true;
    const place = node("span", "refs");
    input.replaceWith(place);
    place.append(input, this.list);
    input.removeAttribute("list");
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", this.list.id]]) input.setAttribute(name, value);
    input.addEventListener("input", () => this.ask());
    input.addEventListener("click", () => { if (this.list.hidden) this.ask(0); });
    input.addEventListener("keydown", (event) => this.pressed(event));
    input.addEventListener("blur", () => this.close()); // what is typed and not added goes with the form
    // the field keeps the focus while an option is pressed
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.pick(event.target.closest("[role=option]")));
    if (input.dataset.refsMany) this.hold(document.getElementById(input.dataset.refsMany));
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  async ask(wait = WAIT_MS) {
    const mine = ++this.asked;
    await new Promise((done) => setTimeout(done, wait));
    if (mine !== this.asked) return;
    const words = this.input.value.trim().split(/[:/]/).pop();
    try {
      const query = new URLSearchParams({ q: words, kinds: this.input.dataset.refs, limit: LIMIT });
      const answer = await fetch(`/api/catalog/v1/find?${query}`, { headers: { accept: "application/json" } });
      if (mine !== this.asked || document.activeElement !== this.input) return;
      if (!answer.ok) return this.close();
      const { items } = await answer.json();
      if (mine === this.asked) this.show(items.filter((item) => !this.held().includes(item.hint)), Boolean(words));
    } catch {
      this.close(); // a ref can be typed
    }
  }

  show(items, typed) {
    this.list.replaceChildren(...items.map((item, number) => {
      const mark = node("span", `kind kind-s hue-${item.hue}`, icon(item.icon));
      const row = node("li", "refs-option", mark, node("span", "refs-title", item.title), node("span", "refs-ref", item.hint));
      row.id = `${this.list.id}-${number}`;
      row.setAttribute("role", "option");
      row.dataset.ref = item.hint;
      return row;
    }));
    if (!items.length) this.list.append(node("li", "refs-none", this.input.dataset.none));
    else if (items.length >= LIMIT) this.list.append(node("li", "refs-none", this.input.dataset.more));
    for (const row of this.list.querySelectorAll(".refs-none")) row.setAttribute("role", "presentation");
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.choose(typed && items.length ? 0 : -1);
  }

  close() {
    this.asked++;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.choose(-1);
  }

  choose(number) {
    const all = this.options;
    this.active = number;
    all.forEach((row, n) => row.setAttribute("aria-selected", String(n === number)));
    if (!all[number]) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", all[number].id);
    all[number].scrollIntoView({ block: "nearest" });
  }

  pressed(event) {
    const { key } = event;
    const isOpen = !this.list.hidden;
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Backspace" && !this.input.value && this.text) return this.drop(this.held().at(-1));
    if (key === "ArrowDown" || key === "ArrowUp") {
      if (!isOpen) this.ask(0);
      else if (this.options.length) this.choose((this.active + (key === "ArrowDown" ? 1 : -1) + this.options.length) % this.options.length);
    } else if (key === "Escape" && isOpen) {
      event.stopPropagation();
      this.close();
    } else if (key === "Enter" && isOpen && this.active >= 0) this.pick(this.options[this.active]);
    else if (key === "Enter" && this.text && this.input.value.trim()) this.add();
    else return;
    event.preventDefault();
  }

  pick(row) {
    if (!row) return;
    this.input.value = row.dataset.ref;
    this.close();
    this.add();
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // ---- many ------------------------------------------------------------------------------------------------------------

  held() {
    return this.text ? this.text.value.split("\n").map((line) => line.trim()).filter(Boolean) : [];
  }

  /** The text goes out of sight; label, id and what describes it are the field's from now on. */
  hold(text) {
    if (!text) return;
    this.text = text;
    this.chips = node("ul", "refs-chips");
    this.chips.setAttribute("aria-label", this.input.getAttribute("aria-label"));
    this.input.parentElement.before(this.chips);
    const id = text.id;
    document.getElementById(`${id}-help`)?.toggleAttribute("hidden", document.getElementById(`${id}-help`).hasAttribute("data-plain"));
    for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) {
      if (text.hasAttribute(name)) this.input.setAttribute(name, text.getAttribute(name));
    }
    text.removeAttribute("id");
    text.hidden = true;
    this.input.id = id;
    this.input.removeAttribute("aria-label");
    this.draw();
  }

  draw() {
    this.chips.replaceChildren(...this.held().map((ref) => {
      const remove = node("button", "refs-drop", icon("close"));
      remove.type = "button";
      remove.setAttribute("aria-label", this.input.dataset.drop.replace("{ref}", ref));
      remove.addEventListener("click", () => { this.drop(ref); this.input.focus(); });
      return node("li", "refs-chip", node("span", "", ref), remove);
    }));
    this.chips.hidden = !this.chips.childElementCount;
  }

  add() {
    const said = this.input.value.trim();
    if (!this.text || !said) return;
    this.text.value = [...new Set([...this.held(), said])].join("\n");
    this.input.value = "";
    this.draw();
  }

  drop(ref) {
    this.text.value = this.held().filter((one) => one !== ref).join("\n");
    this.draw();
  }
}

for (const input of document.querySelectorAll("input[data-refs]")) new Picker(input);
