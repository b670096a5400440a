// Ladders: quality against a budget of parameters, of operations, or against a share of the data.
function rungs(task, ladder) {
  const end = (arm, suffix) => arm[`${ladder.column}${suffix}`] ?? arm[ladder.column];
  return arms
    .map((arm, index) => ({ arm, index }))
    .filter(({ arm }) => arm.task === task.task && arm.suite === task.suite && visible(arm)
      && arm.ladders.split(" ").includes(ladder.name))
    .map(({ arm, index }) => ({
      arm, index,
      x: arm[ladder.column], xLow: end(arm, "_low"), xHigh: end(arm, "_high"),
      y: arm.quality, yLow: arm.quality_low, yHigh: arm.quality_high,
    }));
}
function ladders(shown) {
  const home = $("ladder-figures");
  home?.replaceChildren();
  for (const task of home ? shown : []) {
    for (const ladder of data.ladders) {
      const list = rungs(task, ladder);
      if (!list.length) continue;
      const figure = html("figure", {}, html("h3", {}, html("bdi", {}, task.task), " ",
        html("small", {}, `${task.suite}, ${small(ladder.label)}`)));
      home.append(figure);
      const axis = ladder.unit === "%" ? { ...ladder, ticks: [...new Set(list.map((p) => p.x))] } : ladder;
      const words = `Ladder on ${task.task}: ${metricWords(task)} against ${small(ladder.label)}, ${list.length} rungs of `
        + `${new Set(list.map((p) => p.arm.model)).size} models. All numbers are in the table below.`;
      const node = picture(task, figure.clientWidth || 480, {
        list, axis, title: ladder.label, words, front: [], line: (arm) => arm.model,
        seedX: (seed, p) => seed[ladder.column] ?? p.x,
      });
      figure.append(node, rungNumbers(task, ladder, list), save(node, `${task.task}-ladder-${ladder.name}`));
    }
  }
  if (home && !home.children.length) home.append(html("p", { class: "empty" }, "There is no ladder in this setting."));
}
function rungNumbers(task, ladder, list) {
  const ofData = ladder.unit === "%";
  const off = (v) => (v === null ? "\u2013" : `${v < 0 ? "\u2212" : "+"}${Math.abs(100 * v).toFixed(1)} %`);
  const body = html("tbody");
  for (const p of [...list].sort((a, b) => a.x - b.x || a.arm.arm.localeCompare(b.arm.arm))) {
    body.append(html("tr", {}, html("th", { scope: "row" }, html("bdi", {}, p.arm.arm)),
      ...[quality(p.y, task.metric), `${quality(p.yLow, task.metric)} \u2013 ${quality(p.yHigh, task.metric)}`,
        say(ladder, p.x), ofData ? si(p.arm.training_samples, "") : off(p.arm.size_deviation), `${p.arm.ok}`]
        .map((text) => html("td", { class: "n" }, text))));
  }
  return tableOf(["Arm", metricWords(task), "interval", ladder.label, ofData ? "Samples" : "Off the budget by", "Runs"],
    body, "The numbers", `Rungs of the ladder of ${small(ladder.label)} on ${task.task}`);
}
