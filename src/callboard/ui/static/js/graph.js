// A drawing of relations that one can move about in: pan, zoom, drag, look at neighbours, fold, filter, all by keyboard, too.
// The server has drawn everything already; without this file it scrolls and its links work.

const graph = document.querySelector("[data-graph]");
const frame = graph?.querySelector("[data-graph-frame]");
const svg = frame?.querySelector("svg");
const WIDTH = 176;
const HEIGHT = 44;

if (svg) start();
if (graph) suggest();

function start() {
  const all = svg.querySelector(".graph-all");
  const size = { w: svg.viewBox.baseVal.width, h: svg.viewBox.baseVal.height };
  const viewBox = svg.getAttribute("viewBox");
  const form = graph.querySelector(".graph-form");
  const status = graph.querySelector("[data-graph-status]");
  const nodes = new Map();
  const view = { x: 0, y: 0, k: 1 };
  const folded = new Set();
  let near = null;

  for (const el of svg.querySelectorAll(".graph-node")) {
    const [x, y] = el.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
    nodes.set(el.dataset.ref, { el, ref: el.dataset.ref, x, y, edges: [], isEnd: el.classList.contains("is-end"), isOff: false });
  }
  const drawn = [...nodes.values()];
  const edges = [...svg.querySelectorAll(".graph-edge")].map((el) => {
    const edge = { el, source: drawn[el.dataset.s], target: drawn[el.dataset.t], type: el.closest("[data-type]").dataset.type, name: null };
    edge.source.edges.push(edge);
    edge.target.edges.push(edge);
    return edge;
  });
  for (const name of svg.querySelectorAll(".edge-name")) edges[Number(name.dataset.edge)].name = name;
  const root = [...nodes.values()].find((node) => node.el.hasAttribute("aria-current")) ?? nodes.values().next().value;

  // ---- the window ------------------------------------------------------------------------------------------------------

  frame.classList.add("is-live");
  if (size.h + 80 < frame.clientHeight) frame.style.height = `${Math.max(size.h + 80, 240)}px`;
  svg.removeAttribute("viewBox");
  let isAsked = false;
  function apply() {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      all.setAttribute("transform", `translate(${view.x.toFixed(1)} ${view.y.toFixed(1)}) scale(${view.k.toFixed(4)})`);
    });
  }

  const room = () => ({ w: frame.clientWidth, h: frame.clientHeight });
  function fit() {
    const { w, h } = room();
    view.k = Math.min(w / size.w, h / size.h, 1);
    view.x = (w - size.w * view.k) / 2;
    view.y = (h - size.h * view.k) / 2;
    apply();
  }
  /** ``node`` in the middle, as far as that leaves no room empty at an edge. */
  function centre(node, k) {
    const { w, h } = room();
    const along = (space, full, at) => (full <= space ? (space - full) / 2 : Math.min(0, Math.max(space - full, space / 2 - at)));
    view.k = k;
    view.x = along(w, size.w * k, (node.x + WIDTH / 2) * k);
    view.y = along(h, size.h * k, (node.y + HEIGHT / 2) * k);
    apply();
  }
  function zoom(factor, x = room().w / 2, y = room().h / 2) {
    const k = Math.min(3, Math.max(0.05, view.k * factor));
    view.x = x - ((x - view.x) * k) / view.k;
    view.y = y - ((y - view.y) * k) / view.k;
    view.k = k;
    apply();
  }
  function reveal(node) {
    const { w, h } = room();
    const left = view.x + node.x * view.k;
    const top = view.y + node.y * view.k;
    const right = left + WIDTH * view.k;
    const bottom = top + HEIGHT * view.k;
    if (left < 12) view.x += 12 - left;
    else if (right > w - 12) view.x -= right - w + 12;
    if (top < 12) view.y += 12 - top;
    else if (bottom > h - 12) view.y -= bottom - h + 12;
    apply();
  }
  // What fits is shown whole; of what does not, the surroundings of the centre at a size that can be read.
  fit();
  if (view.k < 0.7) centre(root, 0.85);

  const spot = (event) => {
    const rect = frame.getBoundingClientRect();
    return { x: event.clientX - rect.left, y: event.clientY - rect.top };
  };
  frame.addEventListener("scroll", () => frame.scrollTo(0, 0)); // browsers scroll to what gets the focus
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page keeps its wheel
    event.preventDefault();
    const { x, y } = spot(event);
    zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.01), x, y);
  }, { passive: false });
  const does = { in: () => zoom(1.3), out: () => zoom(1 / 1.3), fit };
  graph.addEventListener("click", (event) => does[event.target.closest("[data-graph-do]")?.dataset.graphDo]?.());

  // ---- fingers and mouse -------------------------------------------------------------------------------------------------

  const pointers = new Map();
  let held = null;
  let hasMoved = false;
  frame.addEventListener("dragstart", (event) => event.preventDefault());
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, spot(event));
    if (pointers.size === 1) {
      hasMoved = false;
      held = nodes.get(event.target.closest(".graph-node")?.dataset.ref) ?? null;
    } else held = null;
  });
  frame.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = spot(event);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    if (!hasMoved && Math.hypot(dx, dy) < 4) return;
    if (!hasMoved) {
      hasMoved = true;
      frame.setPointerCapture(event.pointerId);
      frame.classList.add("is-moving");
    }
    if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const factor = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      zoom(factor, (now.x + other.x) / 2, (now.y + other.y) / 2);
      view.x += dx / 2;
      view.y += dy / 2;
      apply();
    } else if (held) drag(held, dx / view.k, dy / view.k);
    else {
      view.x += dx;
      view.y += dy;
      apply();
    }
    pointers.set(event.pointerId, now);
  });
  const release = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) frame.classList.remove("is-moving");
  };
  frame.addEventListener("pointerup", release);
  frame.addEventListener("pointercancel", release);
  frame.addEventListener("pointerleave", release);
  frame.addEventListener("click", (event) => {
    if (!hasMoved) return;
    hasMoved = false; // the end of a drag opens nothing
    event.preventDefault();
    event.stopPropagation();
  }, true);

  function drag(node, dx, dy) {
    node.x += dx;
    node.y += dy;
    node.el.setAttribute("transform", `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`);
    for (const edge of node.edges) bend(edge);
  }
  /** An edge whose end was moved: a curve from side to side, its name in the middle. */
  function bend(edge) {
    const [x1, y1] = [edge.source.x + WIDTH, edge.source.y + HEIGHT / 2];
    const [x2, y2] = [edge.target.x, edge.target.y + HEIGHT / 2];
    const reach = Math.max(40, Math.abs(x2 - x1) / 2);
    const path = `M${x1} ${y1}C${x1 + reach} ${y1} ${x2 - reach} ${y2} ${x2} ${y2}`;
    for (const line of edge.el.matches("path") ? [edge.el] : edge.el.querySelectorAll("path")) line.setAttribute("d", path);
    if (!edge.name) return;
    edge.name.setAttribute("x", (x1 + x2) / 2);
    edge.name.setAttribute("y", (y1 + y2) / 2 - 5);
    edge.name.setAttribute("text-anchor", "middle");
  }

  // ---- neighbours ----------------------------------------------------------------------------------------------------------

  function light(node) {
    if (near === node) return;
    for (const el of svg.querySelectorAll(".is-near")) el.classList.remove("is-near");
    near = node;
    svg.classList.toggle("has-focus", Boolean(node));
    if (!node) return;
    node.el.classList.add("is-near");
    for (const edge of node.edges) {
      edge.el.classList.add("is-near");
      edge.name?.classList.add("is-near");
      edge.source.el.classList.add("is-near");
      edge.target.el.classList.add("is-near");
    }
  }
  const focusedNode = () => nodes.get(document.activeElement?.closest?.(".graph-node")?.dataset.ref) ?? null;
  svg.addEventListener("pointerover", (event) => {
    if (!pointers.size) light(nodes.get(event.target.closest(".graph-node")?.dataset.ref) ?? focusedNode());
  });
  svg.addEventListener("pointerleave", () => light(focusedNode()));
  svg.addEventListener("focusin", (event) => {
    const node = nodes.get(event.target.closest(".graph-node")?.dataset.ref);
    if (!node) return;
    choose(node);
    if (node.el.matches(":focus-visible")) {
      light(node);
      reveal(node);
    }
  });
  svg.addEventListener("focusout", () => light(null));

  // ---- keyboard ------------------------------------------------------------------------------------------------------------

  // One stop for Tab, wherever one was last; arrows go on from there.
  let chosen = root;
  for (const node of nodes.values()) node.el.setAttribute("tabindex", node === root ? "0" : "-1");
  root.el.setAttribute("aria-describedby", "graph-keys");
  function choose(node) {
    chosen.el.setAttribute("tabindex", "-1");
    node.el.setAttribute("tabindex", "0");
    chosen = node;
  }
  const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function beside(from, [wx, wy]) {
    let best = null;
    let least = Infinity;
    for (const node of nodes.values()) {
      const [dx, dy] = [node.x - from.x, node.y - from.y];
      const along = dx * wx + dy * wy;
      if (node === from || node.isOff || along < 1) continue;
      // sideways, what is joined by an edge comes before what merely stands there
      const isJoined = from.edges.some((edge) => edge.source === node || edge.target === node);
      const cost = along + Math.abs(wx ? dy : dx) * 2 + (wx && !isJoined ? 400 : 0);
      if (cost < least) [best, least] = [node, cost];
    }
    return best;
  }
  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const node = focusedNode();
    if (WAYS[event.key] && node) beside(node, WAYS[event.key])?.el.focus({ preventScroll: true });
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") fit();
    else if (event.key === "o" && node) location.assign(pageOf(node.ref));
    else if (event.key === "f" && node) fold(node);
    else if (event.key === "Escape" && near) light(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  function pageOf(ref) {
    const [, kind, namespace, name] = ref.match(/^([^:]*):([^/]*)\/(.*)$/);
    return `/catalog/${[namespace, kind, name].map(encodeURIComponent).join("/")}`;
  }

  // ---- folding and filtering -------------------------------------------------------------------------------------------------

  function fold(node) {
    if (node.isEnd) return;
    const before = count();
    if (folded.delete(node.ref)) node.el.classList.remove("is-folding");
    else {
      folded.add(node.ref);
      node.el.classList.add("is-folding");
    }
    show();
    const hidden = before - count();
    if (hidden > 0) tell(status.dataset.folded, { title: node.el.querySelector(".graph-title").textContent, n: hidden });
  }
  const count = () => [...nodes.values()].filter((node) => !node.isOff).length;
  /** Shown is what can be reached from an end by edges of ticked types without going on from a folded entity. */
  function show() {
    const off = new Set([...form.querySelectorAll("[name=relation][data-drawn]")].filter((box) => !box.checked).map((box) => box.value));
    const reached = new Set([...nodes.values()].filter((node) => node.isEnd));
    const level = [...reached];
    while (level.length) {
      const node = level.pop();
      if (folded.has(node.ref)) continue;
      for (const edge of node.edges) {
        const other = edge.source === node ? edge.target : edge.source;
        if (off.has(edge.type) || reached.has(other)) continue;
        reached.add(other);
        level.push(other);
      }
    }
    for (const node of nodes.values()) {
      node.isOff = !reached.has(node);
      node.el.classList.toggle("is-off", node.isOff);
    }
    for (const edge of edges) {
      const isOff = off.has(edge.type) || edge.source.isOff || edge.target.isOff;
      edge.el.classList.toggle("is-off", isOff);
      edge.name?.classList.toggle("is-off", isOff);
    }
    const shown = count();
    if (shown < nodes.size) tell(status.dataset.shown, { n: shown, all: nodes.size });
    else status.textContent = "";
  }
  function tell(text, values) {
    status.textContent = text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-drawn]")) {
      show();
      const wanted = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      history.replaceState(history.state, "", `${form.getAttribute("action")}?${wanted}`);
    } else if (event.target.matches("select, [type=checkbox]")) form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true; // keep addresses short
  });
  addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
  });

  addEventListener("beforeprint", () => {
    svg.setAttribute("viewBox", viewBox);
    all.removeAttribute("transform");
  });
  addEventListener("afterprint", () => {
    svg.removeAttribute("viewBox");
    apply();
  });
}

/** Refs for the fields that take one, as one types. */
function suggest() {
  const list = graph.querySelector("datalist");
  let asked = 0;
  graph.addEventListener("input", async (event) => {
    if (event.target.getAttribute("list") !== list?.id) return;
    const words = event.target.value.trim().split(/[:/]/).pop();
    const mine = ++asked;
    await new Promise((done) => setTimeout(done, 120));
    if (mine !== asked || !words) return;
    try {
      const answer = await fetch(`/api/catalog/v1/find?q=${encodeURIComponent(words)}`, { headers: { accept: "application/json" } });
      if (!answer.ok || mine !== asked) return;
      list.replaceChildren(...(await answer.json()).items.map((item) => {
        const option = document.createElement("option");
        option.value = item.hint;
        option.label = item.title;
        return option;
      }));
    } catch { /* the field takes a ref all the same */ }
  });
}
