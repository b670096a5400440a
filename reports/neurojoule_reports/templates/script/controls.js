// Controls, and what is shown in the address. Runs last.

// Controls and state.
function segment(home, options, key) {
  home.replaceChildren(...options.map(([value, label, disabled]) => {
    const button = html("button", { type: "button", "aria-pressed": String(state[key] === value), "data-value": value }, label);
    button.disabled = Boolean(disabled);
    button.addEventListener("click", () => {
      set({ [key]: value });
      [...home.children].find((b) => b.dataset.value === value)?.focus();
    });
    return button;
  }));
}
function fill(select, options, value) {
  select.replaceChildren(...options.map(([v, label]) => {
    const option = html("option", { value: v }, label);
    option.selected = v === value;
    return option;
  }));
}
function controls() {
  fill($("setting"), data.settings.map((s) => [s, short(s, 80)]), state.setting);
  segment($("phase"), [["train", "Training"], ["infer", "Inference"]], "phase");
  segment($("axis"), data.axes.map((a) => [a.name, a.label, !column(a, state.phase)]), "axis");
  fill($("grid"), data.grids.map(([code, name, g]) => [code, `${name}, ${Math.round(g)} g/kWh`]), state.grid);
  $("showseeds").checked = state.seeds === "1";
  $("showseeds").disabled = !seeds.length;
  const tasks = [...new Set(data.tasks.map((t) => t.task))];
  fill($("task"), [["", "all"], ...tasks.map((t) => [t, short(t, 60)])], state.task);
  if ($("find").value !== state.q) $("find").value = state.q;
  $("theme").textContent = dark() ? "Light" : "Dark";
  const families = [...new Set(arms.filter((a) => a.setting === state.setting).map((a) => familyKey(a.family)))].sort();
  const off = hidden();
  $("legend").replaceChildren(...families.map((family) => {
    const button = html("button", { type: "button", "aria-pressed": String(!off.has(family)) }, swatch(family), family);
    button.addEventListener("click", () => {
      const next = hidden();
      if (!next.delete(family)) next.add(family);
      set({ off: [...next].sort().join(",") });
      [...$("legend").children].find((b) => b.textContent === family)?.focus();
    });
    return button;
  }));
}
function set(change) {
  Object.assign(state, change);
  if (!column(axes.get(state.axis), state.phase)) state.axis = "energy";
  const parts = Object.keys(defaults).filter((key) => state[key] !== defaults[key])
    .map((key) => `${key}=${encodeURIComponent(state[key])}`);
  history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
  show();
}
function fromHash() {
  Object.assign(state, defaults);
  for (const part of location.hash.slice(1).split("&")) {
    const at = part.indexOf("=");
    const key = part.slice(0, at);
    if (!(key in defaults)) continue;
    try { state[key] = decodeURIComponent(part.slice(at + 1)); } catch { /* a broken escape: keep the default */ }
  }
  if (!data.settings.includes(state.setting)) state.setting = defaults.setting;
  if (!axes.has(state.axis)) state.axis = defaults.axis;
  if (!["train", "infer"].includes(state.phase)) state.phase = defaults.phase;
  if (!grids.has(state.grid)) state.grid = defaults.grid;
  if (!column(axes.get(state.axis), state.phase)) state.axis = "energy";
}
function show() {
  document.documentElement.dataset.theme = state.theme;
  for (const node of document.querySelectorAll("[data-setting]")) node.hidden = node.dataset.setting !== state.setting;
  untip();
  controls();
  figures();
  table();
}

$("bar").hidden = !arms.length;
$("setting").addEventListener("change", (e) => set({ setting: e.target.value }));
$("grid").addEventListener("change", (e) => set({ grid: e.target.value }));
$("task").addEventListener("change", (e) => set({ task: e.target.value }));
$("showseeds").addEventListener("change", (e) => set({ seeds: e.target.checked ? "1" : "0" }));
$("find").addEventListener("input", (e) => set({ q: e.target.value }));
$("theme").addEventListener("click", () => set({ theme: dark() ? "light" : "dark" }));
$("csv").addEventListener("click", () => copy(csv()));
$("latex").addEventListener("click", () => copy(latex()));
// A link to a figure must not push the state out of the address.
for (const link of document.querySelectorAll("a[data-figure]")) {
  link.addEventListener("click", (event) => goTo(event, link.hash.slice(1)));
}
addEventListener("hashchange", () => { fromHash(); show(); });
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; untip(); figures(); } });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
fromHash();
show();
