/** What the page says, Chinese first; what codes mean comes from the graph. */

export const WORDS = {
  title: ["执通 · 决定与推送实时页面", "Decisions and deliveries, live"],
  leave: ["退出", "Leave"],
  enter: ["打开实时页面", "Open the live page"],
  enterHint: [
    "请粘贴令牌（演示环境：zhitong token supervisor）。令牌只存于本标签页，页面显示的内容由共享规则决定。",
    "Paste a token (in the demo: zhitong token supervisor). It stays in this tab; policy decides what is shown.",
  ],
  token: ["令牌", "Token"],
  open: ["打开", "Open"],
  hour: ["近一小时每分钟登记", "Recorded by minute, last hour"],
  asTable: ["以表格查看", "As a table"],
  noChart: [
    "图表组件尚未安装，请在代码目录执行 make explorer（需要 npm）；数字和表格不受影响。",
    "The chart is not installed: run make explorer in the repository (needs npm). Numbers and tables are complete.",
  ],
  receivers: ["接收方", "Receivers"],
  latest: ["最新决定", "Latest decisions"],
  attention: ["需要处理", "Needs attention"],
  clocks: ["时限", "Clocks"],
  dueFirst: ["最先到期的", "Due first"],
  duty: ["职责", "Duty"],
  lateNow: ["逾期", "Late"],
  soon: ["将到期", "Soon"],
  running: ["未到期", "Running"],
  doneInTime: ["按期", "In time"],
  doneLate: ["曾逾期", "Was late"],
  provisional: ["暂定", "provisional"],
  tooFew: ["数量较小，不显示", "Too few to be told"],
  listOf: ["查看是哪些", "See which"],
  close: ["收起", "Close"],
  ofAll: ["列出最先到期的 {n} 件", "The {n} that are due first"],
  cannotAsk: ["没有得到答复，请稍后再试", "No answer; try again later"],
  movedFrom: ["原为 {n}", "was {n}"],
  noClocks: ["还没有时限", "No clock runs yet"],
  findings: ["核验发现（近 24 小时）", "Findings, last 24 hours"],
  sources: ["来源系统", "Sources"],

  lastHour: ["近一小时登记", "Recorded, last hour"],
  today: ["今日登记", "Recorded today"],
  waiting: ["待发送", "Waiting to be sent"],
  oldest: ["最早一件已等", "Oldest has waited"],
  late: ["逾时未入库", "Late"],
  rejected: ["接收方拒收", "Rejected"],
  lateAfter: ["超过 {n} 秒", "after {n} s"],
  ofDay: ["近 24 小时", "last 24 h"],
  nothing: ["无", "none"],

  time: ["时间", "Time"],
  change: ["性质", "Change"],
  act: ["类别", "Act"],
  document: ["文书号", "Document"],
  subject: ["执法主体", "Subject"],
  party: ["当事人", "Party"],

  noDecisions: ["还没有经平台登记的决定", "No decision has been recorded yet"],
  nothingWrong: ["没有逾时或拒收的推送", "Nothing is late or rejected"],
  hidden: ["按共享规则，本用户看不到这一部分", "Policy does not show this part to this user"],
  partial: ["部分", "partial"],
  missing: ["缺少来源：{n}", "missing: {n}"],

  active: ["正常", "active"],
  suspended: ["暂停推送", "suspended"],
  overdue: ["待发送超时", "overdue"],
  unrelayed: ["无中继", "no relay"],
  pressing: ["积压", "pressing"],
  since: ["自", "since"],
  noRelay: [
    "没有中继在运行，决定照常登记，但不会发出：请执行 zhitong relay。",
    "No relay runs: decisions are recorded, and nothing is sent. Run zhitong relay.",
  ],
  parked: ["停滞案件", "Parked"],
  corrections: ["其中更正、撤销 {n} 件", "corrections among it: {n}"],
  work: ["待办", "Work"],
  workLate: ["其中逾期", "Late"],
  lastSent: ["最近发送", "Last sent"],
  lastReceipt: ["最近回执", "Last receipt"],

  ready: ["正常", "ready"],
  drift: ["部分缺失", "drift"],
  away: ["离线", "away"],

  withheld: ["未显示或脱敏的内容：{n} 项", "Withheld or masked: {n}"],
  wrong: ["未能取得的内容：{n} 项", "Could not be had: {n}"],

  connecting: ["正在连接", "connecting"],
  live: ["实时", "live"],
  slow: ["等待数据", "waiting"],
  lost: ["连接中断，正在重连", "lost, reconnecting"],
  off: ["未连接", "not connected"],
  tooMany: ["页面过多，等待空位", "too many pages, waiting"],

  PENDING: ["待发送", "pending"],
  UNDELIVERED: ["未送达", "undelivered"],
  SUSPENDED: ["暂停", "suspended"],
  PARKED: ["停滞", "parked"],
  SENT: ["已发送", "sent"],
  HELD: ["已入库", "held"],
  REJECTED: ["拒收", "rejected"],
  WAITING: ["等前版", "waiting"],
  BEFORE_PLATFORM: ["此前已推送", "before"],
};

/** Codes as the graph explains them: list → value → [zh, en]. */
const codes = new Map();

export function learn(lists) {
  for (const { name, values } of lists ?? []) {
    codes.set(name, new Map(values.map(({ value, zh, en }) => [value, [zh, en]])));
  }
}

export function meaning(list, value) {
  return codes.get(list)?.get(value) ?? [value, value];
}

/** Give both texts of *name*, {n} filled in. */
export function words(name, n) {
  return WORDS[name].map((text) => text.replace("{n}", n));
}

/** Make an element that says a pair in whichever language is shown. */
export function say([zh, en], tag = "span") {
  const said = document.createElement(tag);
  for (const [language, text] of [["zh", zh], ["en", en]]) {
    const part = document.createElement("span");
    part.className = language;
    part.lang = language === "zh" ? "zh-CN" : "en";
    part.textContent = text;
    said.append(part);
  }
  return said;
}

/** Give a pair as one text, for titles and labels. */
export function plain([zh, en]) {
  return zh === en ? zh : `${zh} ${en}`;
}
