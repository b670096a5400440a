// What the page holds, and what is shown of it; numbers have the rules of neurojoule/quantities.py.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const arms = rows(data.arms);
const seeds = rows(data.seeds);
const curvePoints = rows(data.curves);
const axes = new Map(data.axes.map((a) => [a.name, a]));
const styles = new Map(data.styles.map((s) => [s.family, s]));
const grids = new Map(data.grids.map(([code, name, g, year]) => [code, { code, name, g, year }]));

// Energy, or where no run has a valid one, the first figure that there is.
function firstAxis() {
  const here = arms.filter((arm) => arm.setting === data.settings[0] && arm.quality !== null);
  return data.axes.find((a) => a.train && here.some((arm) => arm[a.train] > 0))?.name ?? "energy";
}
const defaults = {
  setting: data.settings[0] ?? "", phase: "train", axis: firstAxis(), grid: data.grid,
  seeds: "1", off: "", q: "", task: "", sort: "", theme: "",
};
const state = { ...defaults };

// Numbers, with the rules of neurojoule/quantities.py.
const PREFIXES = ["a", "f", "p", "n", "\u00b5", "m", "", "k", "M", "G", "T", "P"];
function digits(value, figures = 3) {
  if (value === 0) return "0";
  let magnitude = Math.floor(Math.log10(Math.abs(value)));
  const rounded = Number(value.toPrecision(figures));
  magnitude = Math.floor(Math.log10(Math.abs(rounded)) + 1e-12);
  return rounded.toFixed(Math.max(0, figures - 1 - magnitude)).replace("-", "\u2212");
}
function si(value, unit) {
  if (value === null || value === undefined) return "\u2013";
  if (value === 0) return `0 ${unit}`.trim();
  if (Number.isInteger(value) && Math.abs(value) < 1000) {
    return `${value} ${unit}`.replace("-", "\u2212").trim();
  }
  const rounded = Number(value.toPrecision(3));
  const exponent = Math.min(15, Math.max(-18,
    Math.floor((Math.log10(Math.abs(rounded)) + 1e-12) / 3) * 3));
  return `${digits(rounded / 10 ** exponent)} ${PREFIXES[exponent / 3 + 6]}${unit}`.trim();
}
// A value on an axis: a share is a percentage, all else has a prefix.
function say(axis, value) {
  return axis.unit === "%" ? `${Number((100 * value).toPrecision(3))} %` : si(value, axis.unit);
}
function quality(value, metric) {
  if (value === null || value === undefined) return "\u2013";
  return metric === "accuracy" ? `${(100 * value).toFixed(1)} %` : digits(value);
}

// Data.
function rows(columns) {
  const names = Object.keys(columns);
  const count = names.length ? columns[names[0]].length : 0;
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}
const style = (family) => styles.get(family) ?? styles.get("other");
const dark = () => state.theme === "dark"
  || (state.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
const colour = (family) => (dark() ? style(family).dark : style(family).colour);
const textColour = (family) => (dark() ? style(family).dark : style(family).text);
const column = (axis, phase) => (phase === "train" ? axis.train : axis.infer);
const scale = (axis) => (axis.name === "co2e" ? grids.get(state.grid).g / 3.6e6 : 1);
const hidden = () => new Set(state.off ? state.off.split(",") : []);
const familyKey = (family) => (styles.has(family) ? family : "other");
const visible = (arm) => arm.setting === state.setting && !hidden().has(familyKey(arm.family));

function points(task) {
  const axis = axes.get(state.axis);
  const name = column(axis, state.phase);
  const k = scale(axis);
  if (!name) return [];
  return arms
    .map((arm, index) => ({ arm, index }))
    .filter(({ arm }) => arm.task === task.task && arm.suite === task.suite && arm.drawn && visible(arm)
      && arm[name] > 0 && arm.quality !== null)
    .map(({ arm, index }) => ({
      arm, index,
      x: arm[name] * k, xLow: arm[`${name}_low`] * k, xHigh: arm[`${name}_high`] * k,
      y: arm.quality, yLow: arm.quality_low, yHigh: arm.quality_high,
    }));
}
// What is imitated stands beside its imitations and competes with none.
const competing = (list) => list.filter((p) => !p.arm.teacher);
function paretoFront(list, higher) {
  const sign = higher ? 1 : -1;
  const sorted = competing(list).sort((a, b) => a.x - b.x || sign * (b.y - a.y));
  let best = -Infinity;
  return sorted.filter((p) => (sign * p.y > best ? ((best = sign * p.y), true) : false));
}
