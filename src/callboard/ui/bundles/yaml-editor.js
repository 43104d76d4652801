// An editor for YAML over a textarea: CodeMirror 6 with what a catalog needs, and no more. Bundled by callboard.ui.build_assets.
// The textarea stays the form's field: whatever is typed here stands there at once.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--c-ink-3)", fontStyle: "italic" },
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--c-accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--c-ok)" },
  { tag: [tags.keyword, tags.bool, tags.null, tags.number, tags.meta, tags.typeName, tags.labelName], color: "var(--c-warn)" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--c-ink-2)" },
]);

const look = EditorView.theme({
  "&": { color: "var(--c-ink)", backgroundColor: "var(--c-raised)", fontSize: "13px", height: "100%" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { padding: "12px 0", caretColor: "var(--c-ink)" },
  ".cm-line": { padding: "0 12px" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--c-ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection": {
    backgroundColor: "var(--c-accent-tint) !important",
  },
  ".cm-gutters": { backgroundColor: "var(--c-sunken)", color: "var(--c-ink-3)", borderRight: "1px solid var(--c-line)" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { boxShadow: "inset 0 1px var(--c-line), inset 0 -1px var(--c-line)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--c-ink)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--c-hover)", border: "1px solid var(--c-line)", color: "var(--c-ink-2)", padding: "0 6px" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--c-hover)", outline: "1px solid var(--c-line-strong)" },
  ".cm-nonmatchingBracket, &.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--c-bad-tint)" },
  ".cm-selectionMatch": { backgroundColor: "var(--c-hover)" },
  ".cm-searchMatch": { backgroundColor: "var(--c-warn-tint)", outline: "1px solid var(--c-warn)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--c-accent-tint)", outline: "2px solid var(--c-accent)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--c-bad)", textUnderlineOffset: "3px" },
  ".cm-lintPoint-error:after": { borderBottomColor: "var(--c-bad)" },
  ".cm-gutter-lint": { width: "16px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "4px 2px" },
  ".cm-lint-marker-error": { content: "none", width: "12px", height: "12px", borderRadius: "50%", backgroundColor: "var(--c-bad)" },
  ".cm-tooltip": {
    backgroundColor: "var(--c-raised)", color: "var(--c-ink)", border: "1px solid var(--c-line-strong)", borderRadius: "6px", overflow: "hidden",
    fontSize: "13px", maxWidth: "min(440px, 90vw)",
  },
  ".cm-diagnostic": { padding: "6px 10px", fontFamily: "var(--font)" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--c-bad)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", maxHeight: "240px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 10px", lineHeight: "20px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--c-accent-tint)", color: "var(--c-ink)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { color: "var(--c-ink-2)", fontStyle: "normal", marginLeft: "10px" },
  ".cm-tooltip.cm-completionInfo": { padding: "6px 10px", fontFamily: "var(--font)" },
  ".cm-panels": { backgroundColor: "var(--c-sunken)", color: "var(--c-ink)", zIndex: "3" },
  ".cm-panels.cm-panels-top": { borderBottom: "1px solid var(--c-line)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--c-line)" },
  ".cm-panel.cm-search": { padding: "8px 28px 8px 10px", fontFamily: "var(--font)" },
  ".cm-panel.cm-search label": { fontSize: "13px", marginRight: "8px" },
  ".cm-textfield": { backgroundColor: "var(--c-raised)", border: "1px solid var(--c-line-strong)", borderRadius: "4px", color: "var(--c-ink)", fontSize: "13px", padding: "3px 6px" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--c-raised)", border: "1px solid var(--c-line-strong)", borderRadius: "4px", color: "var(--c-ink)", padding: "3px 8px" },
  ".cm-panel button[name=close]": { color: "var(--c-ink-2)", fontSize: "18px", minWidth: "24px", minHeight: "24px" },
  ".cm-panel.cm-panel-lint ul": { maxHeight: "160px" },
  ".cm-panel.cm-panel-lint ul [aria-selected]": { backgroundColor: "var(--c-hover)" },
});

/** A line as {indent, dash, key, value, at}: `at` is where the value begins; null for blank lines and comments. */
function readLine(text) {
  const found = /^(\s*)((?:- +)*)(?:(["']?)([A-Za-z0-9_./-]+)\3:(?:\s+|$))?(.*)$/.exec(text);
  if (!found || /^\s*(#.*)?$/.test(text)) return null;
  const [, space, dashes, , key, value] = found;
  return { indent: space.length + dashes.length, dash: dashes ? space.length : -1, key, value, at: text.length - value.length };
}

/** Names of the mappings and lists around a line, from the top (["spec", "dependsOn"]); null inside a block of text.
 * `left` is where the line's key stands, or its dash when it begins an item: the key of a list may stand as far left as that. */
function pathAbove(state, number, left, isItem) {
  const path = [];
  let limit = left;
  let item = isItem;
  for (let n = number - 1; n >= 1 && (limit > 0 || item); n--) {
    const line = readLine(state.doc.line(n).text);
    if (!line) continue;
    if (line.key && (item ? line.indent <= limit : line.indent < limit)) {
      if (/^[|>]/.test(line.value)) return null;
      if (line.value) continue;
      path.unshift(line.key);
      item = line.dash >= 0;
      limit = item ? line.dash : line.indent;
    } else if (!item && line.dash >= 0 && line.indent === limit) {
      item = true; // the first line of the item that this one belongs to
      limit = line.dash;
    }
  }
  return path;
}

function topValue(state, name) {
  for (let n = 1; n <= state.doc.lines; n++) {
    const line = readLine(state.doc.line(n).text);
    if (line && line.indent === 0 && line.key === name) return line.value.replace(/\s+#.*$/, "").replace(/^(["'])(.*)\1$/, "$2").trim();
  }
  return "";
}

/** What may stand at the cursor. `known.fields(kind, apiVersion)` and `known.refs(words, kinds)` answer with promises. */
function completions(known, words) {
  return async (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    if (/(^|\s)#/.test(before)) return null;
    const space = /^\s*/.exec(before)[0].length;
    const dashes = /^\s*((?:- +)*)/.exec(before)[1];
    const isItem = dashes !== "";
    const written = /^\s*(?:- +)*["']?([A-Za-z0-9_./-]+)["']?:\s+(.*)$/.exec(before);
    const typed = written ? written[2] : before.slice(space + dashes.length);
    if (!context.explicit && !typed) return null;
    const { fields } = await known.fields(topValue(context.state, "kind"), topValue(context.state, "apiVersion"));
    const above = pathAbove(context.state, line.number, space, isItem);
    if (!above) return null;
    const from = context.pos - typed.replace(/^["']/, "").length;
    const parent = above.join(".");
    const find = (path) => fields.find((field) => field.path === path);
    if (written) return valuesOf(find([...above, written[1]].join(".")), known, typed, from);
    const list = isItem ? find(parent) : undefined;
    if (list && list.type === "array" && !fields.some((field) => field.path.startsWith(`${parent}.`))) {
      return valuesOf(list, known, typed, from);
    }
    const there = new Set(siblings(context.state, line.number, space + dashes.length));
    const options = fields
      .filter((field) => (parent ? field.path.startsWith(`${parent}.`) && !field.path.slice(parent.length + 1).includes(".") : !field.path.includes(".")))
      .map((field) => ({ field, name: field.path.split(".").at(-1) }))
      .filter(({ name }) => !there.has(name))
      .map(({ field, name }) => ({
        label: name,
        type: "property",
        detail: field.required ? words.required : "",
        info: field.help || undefined,
        boost: field.required ? 2 : 0,
        apply: field.type === "object" ? `${name}:\n${" ".repeat(space + dashes.length + 2)}` : field.type === "array" ? `${name}:\n${" ".repeat(space + dashes.length + 2)}- ` : `${name}: `,
      }));
    return options.length ? { from, options, validFor: /^[A-Za-z0-9_./-]*$/ } : null;
  };
}

/** Keys that stand beside a line already. */
function siblings(state, number, indent) {
  const found = [];
  if (/^\s*- /.test(state.doc.line(number).text)) return found; // the first of a new item
  for (const step of [-1, 1]) {
    for (let n = number + step; n >= 1 && n <= state.doc.lines; n += step) {
      const line = readLine(state.doc.line(n).text);
      if (!line) continue;
      if (line.indent < indent || (step > 0 && line.dash >= 0 && line.dash < indent)) break;
      if (line.indent === indent && line.key) found.push(line.key);
      if (line.dash >= 0 && line.dash < indent) break;
    }
  }
  return found;
}

async function valuesOf(field, known, typed, from) {
  if (!field) return null;
  if (field.refs) {
    const { items } = await known.refs(typed.replace(/^["']/, ""), field.refs);
    return { from, filter: false, options: items.map((item) => ({ label: item.ref, detail: item.title === item.name ? "" : item.title, type: "constant" })) };
  }
  const choices = field.type === "boolean" ? ["true", "false"] : field.choices;
  return choices?.length ? { from, options: choices.map((label) => ({ label, type: "enum" })), validFor: /^[^\s]*$/ } : null;
}

/**
 * Put an editor in the place of `textarea`, which keeps the text and is hidden.
 * Answers with {mark(findings), goTo(line, column), focus()}. `words` are texts of the page, `known` see `completions`.
 */
export function mount(textarea, { nonce, words, known, describedBy }) {
  const view = new EditorView({
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        EditorView.cspNonce.of(nonce),
        lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }), indentUnit.of("  "),
        autocompletion({ override: [completions(known, words)], icons: false, activateOnTypingDelay: 150 }),
        yaml(), syntaxHighlighting(colours), look,
        // Tab is left alone: it goes on to the next field. Ctrl+] and Ctrl+[ indent.
        keymap.of([{ key: "Ctrl-Enter", run: () => (textarea.form.requestSubmit(), true) }, ...completionKeymap, ...closeBracketsKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...defaultKeymap]),
        EditorState.phrases.of(words.phrases ?? {}),
        EditorView.contentAttributes.of({ "aria-label": words.label, "aria-describedby": describedBy, autocapitalize: "off", spellcheck: "false" }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          textarea.value = update.state.doc.toString();
          textarea.dispatchEvent(new Event("input", { bubbles: true }));
        }),
      ],
    }),
  });
  const { id } = textarea;
  textarea.before(view.dom);
  textarea.hidden = true;
  textarea.id = `${id}-plain`;
  view.contentDOM.id = id; // links to the text lead here
  const at = (line, column) => {
    const found = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
    return Math.min(found.from + Math.max(column - 1, 0), found.to);
  };
  return {
    mark(findings) {
      const marks = findings.map((found) => {
        const from = at(found.line ?? 1, found.column ?? 1);
        const line = view.state.doc.lineAt(from);
        const message = [found.field, found.message, found.fix].filter(Boolean).join("\n");
        return { from, to: Math.max(from, line.from + line.text.trimEnd().length), severity: "error", message };
      });
      view.dispatch(setDiagnostics(view.state, marks));
      view.contentDOM.setAttribute("aria-invalid", String(findings.length > 0));
    },
    goTo(line, column) {
      view.focus();
      view.dispatch({ selection: { anchor: at(line, column) }, effects: EditorView.scrollIntoView(at(line, column), { y: "center" }) });
    },
    focus() {
      view.focus();
    },
  };
}
