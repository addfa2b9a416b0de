/** The last hour by minute: bars where ECharts is installed, a table in any case. */

import { plain, words } from "./words.js";

const PER_ROW = 10;
let drawn = null;

const clock = new Intl.DateTimeFormat("zh-CN", {
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
  timeZone: "Asia/Shanghai",
});

function labels({ start, counts }) {
  const first = Date.parse(start);
  return counts.map((_, minute) => clock.format(first + minute * 60_000));
}

function table(minutes) {
  const names = labels(minutes);
  const body = document.createElement("tbody");
  for (let from = 0; from < names.length; from += PER_ROW) {
    const row = body.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = names[from];
    row.append(head);
    for (const count of minutes.counts.slice(from, from + PER_ROW)) {
      row.insertCell().textContent = count ?? "–";
    }
  }
  document.getElementById("hour-table").replaceChildren(body);
}

function option(minutes) {
  const names = labels(minutes);
  const last = names.length - 1;
  return {
    animationDuration: 200,
    animationDurationUpdate: 200,
    grid: { left: 8, right: 12, top: 16, bottom: 4, containLabel: true },
    // A tooltip of HTML brings styles of its own, which this page does not allow.
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" } },
    xAxis: {
      type: "category",
      data: names,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: "#c3cbd8" } },
      axisLabel: { color: "#5b6676", interval: (place) => (last - place) % 10 === 0 },
    },
    yAxis: {
      type: "value",
      minInterval: 1,
      splitLine: { lineStyle: { color: "#e6eaf1" } },
      axisLabel: { color: "#5b6676" },
    },
    series: [
      {
        type: "bar",
        barCategoryGap: "25%",
        itemStyle: { borderRadius: [2, 2, 0, 0] },
        data: minutes.counts.map((value, place) => ({
          value,
          itemStyle: { color: place === last ? "#e08a00" : "#2f6fd0" },
        })),
      },
    ],
  };
}

/** Show *minutes*: {start, counts}, counts null where not known. */
export function show(minutes) {
  const place = document.getElementById("chart");
  const total = minutes.counts.reduce((sum, count) => sum + (count ?? 0), 0);
  place.setAttribute("aria-label", `${plain(words("hour"))}: ${total}`);
  table(minutes);
  if (!window.echarts) {
    if (!place.hidden) {
      place.hidden = true;
      document.getElementById("chart-missing").hidden = false;
      document.querySelector("#hour details").open = true;
    }
    return;
  }
  if (drawn === null) {
    drawn = window.echarts.init(place);
    new ResizeObserver(() => drawn.resize()).observe(place);
  }
  drawn.setOption(option(minutes));
}
