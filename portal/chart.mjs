/** Draws a chart as SVG: {width, height, option} as JSON on standard input. */

import * as echarts from "echarts";
import { text } from "node:stream/consumers";

const { width, height, option } = JSON.parse(await text(process.stdin));
const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
chart.setOption({ animation: false, ...option });
process.stdout.write(chart.renderToSVGString());
chart.dispose();
