// Mermaid diagrams as pictures. Bundled by callboard.ui.build_assets, in parts that are loaded as diagrams need them.
// A picture is an image of its own, so that nothing in it runs or reaches the page, and the page's content policy stays as strict.

import mermaid from "mermaid";

let count = 0;

/** Mermaid measures its words in the page, with style elements that the page's policy wants a nonce on. */
function withNonce(nonce, work) {
  const { createElement, createElementNS } = document;
  const marked = (element) => {
    if (nonce && element.localName === "style") element.setAttribute("nonce", nonce);
    return element;
  };
  document.createElement = (...given) => marked(createElement.apply(document, given));
  document.createElementNS = (...given) => marked(createElementNS.apply(document, given));
  return work().finally(() => {
    document.createElement = createElement;
    document.createElementNS = createElementNS;
  });
}

export function prepare(isDark) {
  mermaid.initialize({
    startOnLoad: false, layout: "dagre", securityLevel: "strict", theme: isDark ? "dark" : "neutral", htmlLabels: false, flowchart: { htmlLabels: false },
    fontFamily: "system-ui, sans-serif", suppressErrorRendering: true, maxTextSize: 50_000, maxEdges: 500,
  });
}

/** The diagram as an SVG picture: { address, width, height }. Rejects with mermaid's words when the source is none. */
export async function draw(source, nonce) {
  const { svg } = await withNonce(nonce, () => mermaid.render(`diagram-${count++}`, source));
  const parsed = new DOMParser().parseFromString(svg.replace(/<br>/g, "<br/>"), "image/svg+xml");
  const root = parsed.documentElement;
  if (root.localName !== "svg") throw new Error("The diagram is no picture.");
  const [, , width, height] = (root.getAttribute("viewBox") || "0 0 600 400").split(/[ ,]+/).map(Number);
  root.setAttribute("width", width);
  root.setAttribute("height", height);
  root.removeAttribute("style");
  const text = new XMLSerializer().serializeToString(root);
  return { address: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`, width, height };
}
