// The table of all arms, sorted, filtered, copied.

// The table.
const k = (name) => (arm) => (arm[name] === null ? null : arm[name] * scale(axes.get("co2e")));
const get = (name) => (arm) => arm[name];
const columns = [
  { key: "arm", label: "Arm", value: get("arm") },
  { key: "task", label: "Task", value: get("task") },
  { key: "runs", label: "Runs", value: (a) => a.ok, show: (a) => (a.ok === a.runs ? `${a.ok}` : `${a.ok} of ${a.runs}`), n: 1 },
  { key: "quality", label: "Quality", value: get("quality"), show: (a) => quality(a.quality, metricOf(a)), n: 1 },
  { key: "parameters", label: "Parameters", value: get("parameters"), unit: "", n: 1 },
  { key: "train_energy_j", label: "Training energy", short: "energy", value: get("train_energy_j"), unit: "J", n: 1 },
  { key: "train_co2e_g", label: "Training CO\u2082e", short: "CO\u2082e", value: k("train_energy_j"), unit: "g", n: 1 },
  { key: "train_time_s", label: "Training time", short: "time", value: get("train_time_s"), unit: "s", n: 1 },
  { key: "train_flops", label: "Training operations", short: "operations", value: get("train_flops"), unit: "FLOP", n: 1 },
  { key: "train_ram_j", label: "Training RAM energy", short: "RAM energy", value: get("train_ram_j"), unit: "J", n: 1 },
  { key: "infer_energy_j", label: "Inference energy", short: "energy", value: get("infer_energy_j"), unit: "J", n: 1 },
  { key: "infer_time_s", label: "Inference time", short: "time", value: get("infer_time_s"), unit: "s", n: 1 },
  { key: "infer_flops", label: "Inference operations", short: "operations", value: get("infer_flops"), unit: "FLOP", n: 1 },
  { key: "grade", label: "Energy is", value: get("grade"), show: (a) => a.grade ?? "not known" },
];
const metrics = new Map(data.tasks.map((t) => [`${t.suite}\n${t.task}`, t.metric]));
const metricOf = (arm) => metrics.get(`${arm.suite}\n${arm.task}`);
const cell = (c, arm) => (c.show ? c.show(arm) : c.unit === undefined ? c.value(arm) : si(c.value(arm), c.unit));

function tableRows() {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const list = arms.filter((arm) => visible(arm) && (!state.task || arm.task === state.task)
    && words.every((w) => `${arm.arm} ${arm.task} ${arm.suite} ${arm.family}`.toLowerCase().includes(w)));
  const [key, direction] = state.sort ? state.sort.split("-") : ["", ""];
  const by = columns.find((c) => c.key === key);
  if (!by) return list;
  const sign = direction === "down" ? -1 : 1;
  return list.sort((a, b) => {
    const u = by.value(a); const v = by.value(b);
    if (u === null || v === null) return (u === null) - (v === null);
    return sign * (typeof u === "number" ? u - v : String(u).localeCompare(String(v)));
  });
}
function table() {
  const [key, direction] = state.sort ? state.sort.split("-") : ["", ""];
  const head = html("tr");
  const over = html("tr");
  for (const [label, span] of [["", 5], ["Training", 5], ["Inference", 3], ["", 1]]) {
    over.append(label ? html("th", { scope: "colgroup", colspan: span }, label) : html("td", { colspan: span }));
  }
  for (const c of columns) {
    const sorted = c.key !== key ? "none" : direction === "down" ? "descending" : "ascending";
    const button = html("button", { type: "button", "aria-label": c.label }, c.short ?? c.label);
    button.addEventListener("click", () => {
      const next = c.key === key && direction === (c.n ? "down" : "up") ? (c.n ? "up" : "down") : (c.n ? "down" : "up");
      set({ sort: `${c.key}-${next}` });
      [...$("table").querySelectorAll("th button")].find((b) => b.getAttribute("aria-label") === c.label)?.focus();
    });
    head.append(html("th", c.n ? { scope: "col", class: "n", "aria-sort": sorted } : { scope: "col", "aria-sort": sorted }, button));
  }
  const body = html("tbody");
  for (const arm of tableRows()) {
    const row = html("tr", {}, html("th", { scope: "row" }, swatch(arm.family), html("bdi", {}, arm.arm)));
    for (const c of columns.slice(1)) row.append(html("td", c.n ? { class: "n" } : {}, html("bdi", {}, `${cell(c, arm) ?? "\u2013"}`)));
    body.append(row);
  }
  $("table").replaceChildren(html("thead", {}, over, head), body);
}
function csv() {
  const quote = (v) => (v === null || v === undefined ? "" : /[",\r\n]/.test(v) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
  const names = columns.map((c) => (c.key === "runs" ? "ok" : c.key));
  return [["setting", ...names].join(","),
    ...tableRows().map((arm) => [arm.setting, ...columns.map((c) => c.value(arm))].map(quote).join(","))].join("\n") + "\n";
}
function latex() {
  const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\u00b5": "\\textmu{}", "\u2013": "--", "\u2212": "$-$", "\u2082": "$_2$" };
  const escape = (v) => String(v).replace(/[\\~^&%$#_{}\u00b5\u2013\u2212\u2082]/g, (c) => special[c] ?? `\\${c}`);
  const lines = tableRows().map((arm) => `  ${columns.map((c) => escape(cell(c, arm) ?? "\u2013")).join(" & ")} \\\\`);
  return ["% needs booktabs and textcomp", `\\begin{tabular}{${columns.map((c) => (c.n ? "r" : "l")).join("")}}`, "  \\toprule",
    `  ${columns.map((c) => escape(c.label)).join(" & ")} \\\\`, "  \\midrule", ...lines, "  \\bottomrule", "\\end{tabular}", ""].join("\n");
}
async function copy(text) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page opened from a file may not use the clipboard interface: select and copy instead.
    const area = html("textarea"); area.value = text;
    document.body.append(area); area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  $("copied").textContent = done ? "Copied." : "Your browser did not allow copying.";
  setTimeout(() => { $("copied").textContent = ""; }, 4000);
}
