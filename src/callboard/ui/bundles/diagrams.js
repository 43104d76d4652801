// Mermaid diagrams as pictures. Bundled by callboard.ui.build_assets, in parts that are loaded as diagrams need them.
// A picture is an image of its own, so that nothing in it runs or reaches the page, and the page's content policy stays as strict.

import mermaid from "mermaid";

/** Markup in labels but for what sets words; it is shown as text. Stereotypes (<<interface>>) are mermaid's own. */
const MARKUP = /(?<!<)<(?!\/?(?:br|b|i|em|strong|u|s|sub|sup|small|code)\b)(?=[a-z/!?])/gi;
let count = 0;

/**
 * Mermaid measures its words in the page and cleans what it made by parsing it. The page's policy wants a nonce on style elements, and
 * styles set otherwise than by attribute; what is parsed has them set aside, and gets them back at the end.
 */
function withinPolicy(nonce, work) {
  const { createElement, createElementNS } = document;
  const { setAttribute } = Element.prototype;
  const { parseFromString } = DOMParser.prototype;
  const kept = [];
  const marked = (element) => {
    if (nonce && element.localName === "style") element.nonce = nonce;
    return element;
  };
  const aside = (text) =>
    text.replace(/<style[\s\S]*?<\/style>/g, (sheet) => `<desc class="kept-sheet">${kept.push(sheet) - 1}</desc>`).replace(/(\s)style="/g, '$1data-style="');
  document.createElement = (...given) => marked(createElement.apply(document, given));
  document.createElementNS = (...given) => marked(createElementNS.apply(document, given));
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style" && this.style) this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
  DOMParser.prototype.parseFromString = function (text, type) {
    return parseFromString.call(this, aside(String(text)), type);
  };
  const back = (text) =>
    text.replace(/<desc class="kept-sheet">(\d+)<\/desc>/g, (_, n) => kept[n] ?? "").replace(/(\s)data-style="/g, '$1style="');
  return work(back).finally(() => {
    delete document.createElement;
    delete document.createElementNS;
    Element.prototype.setAttribute = setAttribute;
    DOMParser.prototype.parseFromString = parseFromString;
  });
}

export function prepare(isDark) {
  mermaid.initialize({
    startOnLoad: false, layout: "dagre", securityLevel: "strict", theme: isDark ? "dark" : "neutral", htmlLabels: false,
    flowchart: { htmlLabels: false }, fontFamily: "system-ui, sans-serif", suppressErrorRendering: true, maxTextSize: 50_000, maxEdges: 500,
  });
}

/** The diagram as an SVG picture: { address, width, height }. Rejects with mermaid's words when the source is none. */
export async function draw(source, nonce) {
  const plain = source.replace(MARKUP, "#lt;");
  const made = await withinPolicy(nonce, async (back) => back((await mermaid.render(`diagram-${count++}`, plain)).svg));
  const head = /^\s*<svg[^>]*>/.exec(made)?.[0];
  if (!head) throw new Error("The diagram is no picture.");
  const [, , width, height] = (/viewBox="([^"]*)"/.exec(head)?.[1] || "0 0 600 400").split(/[ ,]+/).map(Number);
  const root = head.replace(/\s(width|height|style)="[^"]*"/g, "").replace(/^\s*<svg/, `<svg width="${width}" height="${height}"`);
  const text = (root + made.slice(head.length)).replace(/<br\s*>/g, "<br/>").replaceAll("&nbsp;", "&#160;");
  return { address: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`, width, height };
}
