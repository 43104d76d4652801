// The reader of documentation: where one is in the contents, copying code, and diagrams and formulas on pages that have them.
// Without it everything is there to read.

const article = document.querySelector(".docs-article");

// ---- navigation and contents ---------------------------------------------------------------------------------------------

/** The page that is open stands in view, whatever the length of the navigation. */
function showCurrent() {
  const nav = document.querySelector(".docs-nav");
  const current = nav?.querySelector("[aria-current]");
  if (!nav || !current || nav.scrollHeight <= nav.clientHeight) return;
  nav.scrollTop += current.getBoundingClientRect().top - nav.getBoundingClientRect().top - nav.clientHeight / 3;
}

/** Marks the section that is being read. */
function follow() {
  const toc = document.querySelector(".docs-toc");
  if (!toc) return;
  const links = [...toc.querySelectorAll("a")];
  const heads = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  let asked = false;
  const mark = () => {
    asked = false;
    const line = innerHeight * 0.25;
    let at = heads.findLastIndex((head) => head && head.getBoundingClientRect().top <= line);
    if (scrollY + innerHeight >= document.documentElement.scrollHeight - 4) {
      const seen = heads.findLastIndex((head) => head && head.getBoundingClientRect().top < innerHeight);
      at = Math.max(at, seen);
    }
    links.forEach((link, n) => (n === at ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
    if (at >= 0 && toc.scrollHeight > toc.clientHeight) links[at].scrollIntoView({ block: "nearest" });
  };
  const ask = () => {
    if (!asked) requestAnimationFrame(mark);
    asked = true;
  };
  addEventListener("scroll", ask, { passive: true });
  addEventListener("resize", ask);
  mark();
}

/** What an address names may be folded away, or in a tab that is not open. */
function reveal() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target || !article?.contains(target)) return;
  let opened = false;
  for (let at = target; at && at !== article; at = at.parentElement) {
    if (at.localName === "details" && !at.open) opened = at.open = true;
    if (at.classList.contains("tabbed-block")) {
      const input = at.closest(".tabbed-set").querySelectorAll(":scope > input")[[...at.parentElement.children].indexOf(at)];
      if (input && !input.checked) opened = input.checked = true;
    }
  }
  if (opened) target.scrollIntoView();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && location.hash === "#docs-nav") location.hash = "#content";
});
// The sheet of pages on a phone goes when one leaves it for a section of the same page, too.
document.querySelector(".docs-search .input")?.addEventListener("keydown", (event) => event.key === "Escape" && event.target.blur());

// ---- the article ---------------------------------------------------------------------------------------------------------

function copyButton(words, sprite) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.setAttribute("aria-label", words);
  button.title = words;
  for (const [name, icon] of [["todo", "copy"], ["done", "check"]]) {
    const place = document.createElement("span");
    place.className = name;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon icon-s");
    svg.setAttribute("aria-hidden", "true");
    svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "use")).setAttribute("href", `${sprite}#${icon}`);
    place.append(svg);
    button.append(place);
  }
  return button;
}

/** Each block of code gets a button; shell.js does the copying. */
function addCopying() {
  for (const pre of article.querySelectorAll("pre:not(.mermaid):not(.docs-diagram pre)")) {
    if (pre.closest(".linenos") || !pre.textContent.trim()) continue;
    const box = document.createElement("div");
    box.className = "docs-code";
    pre.replaceWith(box);
    const button = copyButton(article.dataset.copy, article.dataset.sprite);
    button.addEventListener("click", () => (button.dataset.copy = pre.textContent.replace(/\n$/, "")));
    box.append(pre, button);
  }
}

/** What does not scroll need not be reached by Tab. */
function leaveOut() {
  for (const box of document.querySelectorAll('.docs-article pre[tabindex="0"], .docs-scroll[tabindex="0"]')) {
    const isWide = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    if (!isWide && box.offsetParent) box.removeAttribute("tabindex");
  }
}

/** Paper shows all tabs, each under its name. */
function nameTabs() {
  for (const set of article.querySelectorAll(".tabbed-set")) {
    const names = [...set.querySelectorAll(":scope > .tabbed-labels > label")].map((label) => label.textContent.trim());
    set.querySelectorAll(":scope > .tabbed-content > .tabbed-block").forEach((block, n) => (block.dataset.title = names[n] ?? ""));
  }
}

// ---- diagrams and formulas -----------------------------------------------------------------------------------------------

const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

async function drawDiagrams(places) {
  const { prepare, draw } = await import(article.dataset.diagrams);
  const nonce = document.querySelector("script[nonce]")?.nonce;
  prepare(isDark());
  for (const place of places) {
    const { picture, source } = place;
    picture.querySelector(".docs-diagram-failed")?.remove();
    try {
      const { address, width, height } = await draw(source, nonce);
      const image = picture.querySelector("img") ?? picture.insertBefore(new Image(), picture.firstChild);
      Object.assign(image, { className: "docs-picture", src: address, width: Math.ceil(width), height: Math.ceil(height) });
      image.toggleAttribute("data-dark", isDark()); // on paper it is turned round
      image.alt = /^\s*accTitle\s*:\s*(.+)$/m.exec(source)?.[1] ?? article.dataset.diagram;
    } catch (error) {
      const told = document.createElement("p");
      told.className = "docs-diagram-failed";
      told.textContent = article.dataset.failed.replace("{reason}", String(error.message || error).split("\n")[0]);
      picture.prepend(told);
      picture.querySelector("details").open = true;
    }
  }
}

async function diagrams() {
  const places = [...article.querySelectorAll(".mermaid")].map((written) => {
    const picture = document.createElement("figure");
    picture.className = "docs-diagram";
    const details = document.createElement("details");
    details.append(document.createElement("summary"), written.cloneNode(true));
    details.firstChild.textContent = article.dataset.source;
    details.lastChild.classList.remove("mermaid");
    picture.append(details);
    written.replaceWith(picture);
    return { picture, source: written.textContent };
  });
  const again = () => drawDiagrams(places);
  await again();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

async function formulas() {
  const { set } = await import(article.dataset.math);
  for (const place of article.querySelectorAll(".arithmatex")) {
    const wrong = set(place);
    if (wrong) place.title = wrong;
  }
}

// ---- what was searched for ------------------------------------------------------------------------------------------------

const SOUGHT = "docs-sought";
const MAX_MARKS = 500;

/** From a result to its page: the words that it was found by go along, in this tab only. */
function passWords() {
  document.querySelector(".docs-hits")?.addEventListener("click", (event) => {
    const hit = event.target.closest("li");
    if (!event.target.closest("a")) return;
    const words = [...new Set([...hit.querySelectorAll("mark")].map((mark) => mark.textContent.trim().toLowerCase()))].filter(Boolean);
    try {
      sessionStorage.setItem(SOUGHT, JSON.stringify({ path: new URL(event.target.closest("a").href).pathname, words: words.slice(0, 10) }));
    } catch { /* without storage nothing is marked */ }
  });
}

/** Marks them where one arrives, without touching the page; Escape takes the marks away. */
function markSought() {
  if (!window.Highlight || !CSS.highlights) return;
  let sought;
  try {
    sought = JSON.parse(sessionStorage.getItem(SOUGHT) ?? "null");
    sessionStorage.removeItem(SOUGHT);
  } catch { return; }
  if (!sought?.words?.length || sought.path !== location.pathname) return;
  const escaped = sought.words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${escaped.join("|")})(?![\\p{L}\\p{N}])`, "giu");
  const ranges = [];
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode() && ranges.length < MAX_MARKS) {
    for (const found of texts.currentNode.data.matchAll(pattern)) {
      const range = new Range();
      range.setStart(texts.currentNode, found.index);
      range.setEnd(texts.currentNode, found.index + found[0].length);
      ranges.push(range);
    }
  }
  CSS.highlights.set(SOUGHT, new Highlight(...ranges));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") CSS.highlights.delete(SOUGHT);
  });
}

showCurrent();
follow();
passWords();
reveal();
addEventListener("hashchange", reveal);
if (article) {
  addCopying();
  nameTabs();
  leaveOut();
  markSought();
  if (article.dataset.diagrams) diagrams().catch(() => { /* the source is there to read */ });
  if (article.dataset.math) formulas().catch(() => { /* likewise */ });
}
