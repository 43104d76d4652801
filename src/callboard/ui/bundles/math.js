// Formulas in TeX as MathML, which browsers set by themselves: no fonts and styles to load. Bundled by callboard.ui.build_assets.

import katex from "katex";

/** Set the formula in place of the element's text, which stays as it was when it is no TeX: then the answer says what is wrong. */
export function set(element) {
  const written = element.textContent.trim();
  const found = /^\\\[([\s\S]*)\\\]$/.exec(written) || /^\\\(([\s\S]*)\\\)$/.exec(written) || /^\$\$([\s\S]*)\$\$$/.exec(written);
  if (!found) return "";
  const displayMode = !written.startsWith("\\(");
  try {
    const place = document.createElement("span");
    katex.render(found[1], place, { displayMode, output: "mathml", throwOnError: true, strict: "ignore", trust: false, maxSize: 20, maxExpand: 500 });
    element.replaceChildren(...place.childNodes);
    element.classList.add("is-set");
    return "";
  } catch (error) {
    return String(error.message || error);
  }
}
