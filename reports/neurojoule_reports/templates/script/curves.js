// Learning curves, and what it takes to reach the target.

// Learning curves.
const CLOCKS = { energy: "energy_j", co2e: "energy_j", time: "time_s", operations: "flops" };
const clockAxis = () => axes.get(state.axis in CLOCKS ? state.axis : "energy");
function learning(task, width) {
  const axis = clockAxis(); const name = CLOCKS[axis.name]; const f = scale(axis);
  const groups = [...groupBy(curvePoints, (p) => p.arm).entries()]
    .map(([index, list]) => ({ arm: arms[index], list: list.filter((p) => p[name] > 0).map((p) => ({ x: p[name] * f, y: p.validation })) }))
    .filter(({ arm, list }) => arm.task === task.task && arm.suite === task.suite && arm.drawn && visible(arm) && list.length > 1);
  const title = `Cumulative ${small(axis.label)} of training`;
  if (!groups.length) return { node: html("p", { class: "empty" }, "No learning curve with this figure was recorded in this setting."), groups, axis };
  const all = groups.flatMap((g) => g.list);
  const { root, X, Y, box, drawLevels } = plot(width, {
    xLow: Math.min(...all.map((p) => p.x)), xHigh: Math.max(...all.map((p) => p.x)),
    values: all.map((p) => p.y), task, axis, title,
    words: `Learning curves on ${task.task}: ${metricWords(task)} on the validation split against ${small(title)}, `
      + `medians over seeds of ${groups.length} models. What each needs to reach the target is in the table below.`,
  });
  const sign = task.higher ? 1 : -1;
  const ends = [];
  for (const group of groupBy(groups, (g) => g.arm.model).values()) {
    const best = [...group].sort((a, b) => sign * (b.list.at(-1).y - a.list.at(-1).y))[0];
    for (const { arm, list } of group) {
      root.append(svg("polyline", {
        class: arm === best.arm ? "curve" : "curve faint", stroke: colour(arm.family), "data-arm": arm.arm,
        points: list.map((p) => `${X(p.x)},${Y(p.y)}`).join(" "),
      }));
    }
    const end = { ...best.list.at(-1), arm: best.arm };
    root.append(svg("path", { class: "median", d: marker(best.arm.family, 4), fill: colour(best.arm.family), transform: `translate(${X(end.x)} ${Y(end.y)})` }));
    ends.push([end]);
  }
  drawLevels(ends.flat());
  const labels = svg("g");
  placeLabels(labels, ends, ends.flat(), X, Y, box);
  root.append(labels);
  return { node: root, groups, axis };
}
function toTarget(task) {
  const here = arms.filter((a) => a.task === task.task && a.suite === task.suite && a.drawn && visible(a) && a.tried);
  const co2 = scale(axes.get("co2e"));
  const missed = (a, v) => (a.reached * 2 <= a.tried ? "not by most" : v);
  const body = html("tbody");
  for (const a of [...here].sort((u, v) => (u.target_energy_j ?? Infinity) - (v.target_energy_j ?? Infinity))) {
    body.append(html("tr", {}, html("th", { scope: "row" }, html("bdi", {}, a.arm)),
      ...[`${a.reached} of ${a.tried}`, missed(a, si(a.target_energy_j, "J")),
        missed(a, si(a.target_energy_j === null ? null : a.target_energy_j * co2, "g")),
        missed(a, si(a.target_time_s, "s")), missed(a, si(a.target_flops, "FLOP"))]
        .map((text) => html("td", { class: "n" }, text))));
  }
  return tableOf(["Arm", "Reached", "Energy", "CO\u2082e", "Time", "Operations"], body,
    `To the target of ${quality(task.target, task.metric)}`, `What ${task.task} takes to its target`);
}
function tableOf(heads, body, summary, label) {
  const head = html("tr", {}, ...heads.map((text, i) => html("th", i ? { scope: "col", class: "n" } : { scope: "col" }, text)));
  return html("details", {}, html("summary", {}, summary),
    html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
      html("table", {}, html("thead", {}, head), body)));
}
function groupBy(list, key) {
  const groups = new Map();
  for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
