/** The answers as they stand on the page; all of it is text, never markup. */

import { meaning, plain, say, words } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const ZONE = { hour12: false, timeZone: "Asia/Shanghai" };
const TIME = new Intl.DateTimeFormat("zh-CN", { ...ZONE, timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("zh-CN", {
  ...ZONE,
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});
const A_DAY = 86_400_000;
// The platform counts what waits so far; one more says that there are more.
const COUNTED = 10_000;
/** Deliveries that are named; how many there are stands above. */
const MOST = 4;

/** The gateway's clock less ours: ages must not depend on this machine's clock. */
let skew = 0;

export function set_clock(at) {
  skew = Date.parse(at) - Date.now();
}

export function now() {
  return Date.now() + skew;
}

function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) {
    made.className = className;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function moment(text) {
  const at = Date.parse(text);
  const made = make("time", "", (now() - at < A_DAY ? TIME : DAY).format(at));
  made.dateTime = text;
  return made;
}

function age(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1_000;
  if (seconds < 1) {
    const text = Math.round(seconds * 1_000);
    return [`${text} 毫秒`, `${text} ms`];
  }
  if (seconds < 100) {
    const text = seconds < 10 ? seconds.toFixed(1) : Math.round(seconds);
    return [`${text} 秒`, `${text} s`];
  }
  if (seconds < 6_000) {
    return [`${Math.round(seconds / 60)} 分钟`, `${Math.round(seconds / 60)} min`];
  }
  if (seconds < 172_800) {
    return [`${Math.round(seconds / 3_600)} 小时`, `${Math.round(seconds / 3_600)} h`];
  }
  return [`${Math.round(seconds / 86_400)} 天`, `${Math.round(seconds / 86_400)} d`];
}

/** A count that grows with time; live.js calls tick() every second. */
function waited(since) {
  const made = make("span", "waited", say(whole(since)));
  made.dataset.since = since;
  return made;
}

/** An age in whole seconds: what still waits is looked at once a second. */
function whole(since) {
  const seconds = Math.max(0, Math.round((now() - Date.parse(since)) / 1_000));
  return seconds < 100 ? [`${seconds} 秒`, `${seconds} s`] : age(seconds * 1_000);
}

export function tick() {
  for (const each of document.querySelectorAll(".waited")) {
    each.replaceChildren(say(whole(each.dataset.since)));
  }
  $("#clock").textContent = TIME.format(now());
}

function badge(kind, text, title = "") {
  const made = make("span", `badge ${kind}`, say(text));
  if (title) {
    made.title = title;
  }
  return made;
}

function marks(missing) {
  return missing?.length
    ? badge("warn", words("partial"), plain(words("missing", missing.join("、"))))
    : null;
}

// --- tiles -------------------------------------------------------------------

function tile(name, value, { tone = "", below = null, mark = null } = {}) {
  const shown = value === null ? make("span", "none", "–") : value;
  return make(
    "li",
    `tile ${tone}`,
    say(words(name), "h3"),
    make("p", "figure", shown, mark),
    below === null ? null : make("p", "below", below),
  );
}

function counted(name, connection, options = {}) {
  const total = connection?.totalCount;
  return tile(name, total ? String(total.count) : null, {
    ...options,
    tone: total?.count ? options.tone : "",
    mark: marks(total?.missing),
  });
}

/** What has not left and what was not answered, counted together. */
function late(data) {
  const parts = [data?.unsent?.totalCount, data?.unanswered?.totalCount];
  if (!parts.every((part) => part)) {
    return null;
  }
  const [{ count: unsent, missing }, { count: unanswered }] = parts;
  return { totalCount: { count: unsent + unanswered, missing } };
}

export function tiles({ now: moving, standing, late_seconds }) {
  const receivers = moving?.data?.receivers?.nodes;
  const hour = moving?.minutes.counts ?? [];
  const known = hour.some((count) => count !== null);
  const waiting = receivers?.reduce((sum, { waiting: n }) => sum + Math.min(n, COUNTED), 0);
  const uncounted = receivers?.some(({ waiting: n }) => n > COUNTED);
  const oldest = receivers
    ?.map(({ oldestAt }) => oldestAt)
    .filter((at) => at !== null)
    .sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  $("#tiles").replaceChildren(
    tile("lastHour", known ? String(hour.reduce((sum, n) => sum + (n ?? 0), 0)) : null),
    counted("today", moving?.data?.today),
    tile("waiting", waiting === undefined ? null : `${waiting}${uncounted ? "+" : ""}`, {
      tone: waiting ? "busy" : "",
    }),
    tile(
      "oldest",
      receivers === undefined ? null : oldest ? waited(oldest) : say(words("nothing")),
      { tone: oldest && now() - Date.parse(oldest) > late_seconds * 1_000 ? "bad" : "" },
    ),
    counted("late", late(standing?.data), {
      tone: "bad",
      below: say(words("lateAfter", late_seconds)),
    }),
    counted("rejected", standing?.data?.rejected, { tone: "bad", below: say(words("ofDay")) }),
  );
}

// --- receivers, sources, findings --------------------------------------------

function pair(name, value) {
  return make("div", "", say(words(name), "dt"), make("dd", "", value));
}

/** Seconds the oldest event has waited; nothing waits, or policy hides it: none. */
function behind({ oldestAt }) {
  return oldestAt ? (now() - Date.parse(oldestAt)) / 1_000 : 0;
}

/** Whether too much waits for a receiver; policy may not say. */
function presses({ pressure }) {
  return (pressure ?? "NONE") !== "NONE";
}

/** A count that ends at one more than COUNTED; policy may hide it. */
function upTo(count) {
  return count > COUNTED ? `${COUNTED}+` : String(count ?? "–");
}

/** Since when, and why, a receiver is suspended, and what is held up that harms longest. */
function heldBack(each) {
  const since = each.suspendedAt ? [say(words("since")), " ", moment(each.suspendedAt), " "] : [];
  const many = each.correctionsWaiting;
  const corrections = many ? [" · ", say(words("corrections", upTo(many)))] : [];
  return make("p", "because", ...since, each.suspendedBecause ?? "", ...corrections);
}

/** Which stage, and since when. */
function pressing(each) {
  const since = each.pressureSince ? [" · ", say(words("since")), " ", moment(each.pressureSince)] : [];
  return make("p", "because", say(meaning("Pressure", each.pressure)), ...since);
}

/** How a receiver is: an event that should have left long ago is not well. */
function standing(each, late_seconds) {
  if (each.status === "SUSPENDED") {
    return badge("warn", words("suspended"), each.suspendedBecause ?? "");
  }
  if (each.relays === 0) {
    return badge("bad", words("unrelayed"));
  }
  if (presses(each)) {
    const tone = each.pressure === "UNDELIVERED" ? "bad" : "warn";
    return badge(tone, words("pressing"), plain(meaning("Pressure", each.pressure)));
  }
  return behind(each) > late_seconds
    ? badge("bad", words("overdue"), plain(words("lateAfter", late_seconds)))
    : badge("good", words("active"));
}

function receiver(each, late_seconds) {
  const suspended = each.status === "SUSPENDED";
  const oldest = behind(each);
  const gauge = make("meter", "");
  Object.assign(gauge, {
    max: late_seconds,
    low: late_seconds / 4,
    high: late_seconds / 2,
    optimum: 0,
    value: Math.min(oldest, late_seconds),
  });
  gauge.setAttribute("aria-label", plain(words("oldest")));
  return make(
    "article",
    suspended ? "receiver suspended" : "receiver",
    make("h3", "", say([each.titleZh ?? each.name, each.titleEn ?? each.name]), standing(each, late_seconds)),
    suspended ? heldBack(each) : null,
    presses(each) ? pressing(each) : null,
    make(
      "dl",
      "",
      pair("waiting", upTo(each.waiting)),
      pair("oldest", each.oldestAt ? waited(each.oldestAt) : say(words("nothing"))),
      pair("parked", String(each.parked ?? "–")),
      pair("work", upTo(each.workOpen)),
      pair("workLate", upTo(each.workLate)),
      pair("lastSent", each.lastSentAt ? moment(each.lastSentAt) : "–"),
      pair("lastReceipt", each.lastReceiptAt ? moment(each.lastReceiptAt) : "–"),
    ),
    gauge,
  );
}

function hidden() {
  return make("p", "note", say(words("hidden")));
}

export function receivers(connection, late_seconds) {
  const nodes = connection?.nodes;
  const none = nodes?.some(({ relays }) => relays === 0);
  if ($("#receivers .alarm").hidden !== !none) {
    $("#receivers .alarm").hidden = !none; // said aloud once, not at every look
  }
  $("#receivers .list").replaceChildren(
    ...(nodes ? nodes.map((each) => receiver(each, late_seconds)) : [hidden()]),
  );
}

const STATES = { ready: "good", drift: "warn", away: "bad" };

export function sources(list) {
  $("#sources .list").replaceChildren(
    ...(list ?? []).map(({ name, titleZh, titleEn, state }) =>
      make(
        "li",
        "",
        make("span", `dot ${STATES[state] ?? "bad"}`),
        say([titleZh ?? name, titleEn ?? name]),
        state === "ready" ? null : badge(STATES[state] ?? "bad", words(state)),
      ),
    ),
  );
}

const SEVERITIES = [
  ["breaches", "BREACH", "bad"],
  ["doubts", "DOUBT", "warn"],
  ["unverified", "UNVERIFIED", "plain"],
];

export function findings(data) {
  const totals = SEVERITIES.map(([name]) => data?.[name]?.totalCount);
  const most = Math.max(1, ...totals.map((total) => total?.count ?? 0));
  const known = totals.some((total) => total);
  $("#findings .list").replaceChildren(
    ...(known ? SEVERITIES : []).map(([, code, tone], place) => {
      const bar = make("span", `bar ${tone}`);
      bar.style.width = `${(100 * (totals[place]?.count ?? 0)) / most}%`;
      return make(
        "li",
        "",
        say(meaning("Severity", code)),
        make("span", "track", bar),
        make("b", "", String(totals[place]?.count ?? "–"), marks(totals[place]?.missing)),
      );
    }),
  );
  $("#findings .note").replaceChildren(known ? "" : hidden());
}

/** How clocks stand: what is late, due soon or still runs; of what has ended, in time or not. */
const CLOCKS = [
  ["lateNow", ["LATE"], "bad"],
  ["soon", ["SOON"], "warn"],
  ["running", ["RUNNING"], "plain"],
  ["doneInTime", ["DONE", "LAPSED"], "good"],
  ["doneLate", ["DONE_LATE", "LAPSED_LATE"], "plain"],
];
const CLOCK_TONES = { LATE: "bad", SOON: "warn", RUNNING: "plain", DONE: "good", LAPSED: "good" };

/** A count that says which they are when it is pressed; live.js asks for them. */
function which(named, states, tone, count) {
  const made = make("button", `badge ${tone}`, String(count));
  made.type = "button";
  made.title = plain(words("listOf"));
  // The graph is asked by the Chinese one; both are shown.
  made.dataset.duty = named[0];
  made.dataset.named = plain(named);
  made.dataset.states = states.join(" ");
  return made;
}

function clock(each, because) {
  return make(
    "li",
    "",
    badge(CLOCK_TONES[each.state] ?? "plain", meaning("ClockState", each.state)),
    make("b", "what", each.decision?.documentNo ?? ""),
    make("time", "", each.dueOn),
    each.dueCertainty === "PROVISIONAL" ? badge("warn", words("provisional")) : null,
    make("p", "because", ...because),
  );
}

/** What stands behind one count: *found*, or why it was refused; null hides it. */
export function drilled(duty, found, refused = null) {
  const place = $("#clocks .drilled");
  place.hidden = duty === null;
  const close = make("button", "", say(words("close")));
  close.type = "button";
  close.dataset.close = "";
  $("#clocks .drilled h3").replaceChildren(duty ?? "", " ", close);
  const nodes = found?.nodes ?? [];
  $("#clocks .drilled .list").replaceChildren(
    ...nodes.map((each) =>
      clock(each, [
        each.decision?.subjectName ?? each.subjectCode ?? "",
        each.endedOn ? ` → ${each.endedOn}` : "",
        each.movedFrom
          ? badge("plain", words("movedFrom", each.movedFrom), plain([each.movedBecauseZh, each.movedBecauseEn]))
          : "",
      ]),
    ),
  );
  const more = found && (found.totalCount?.count ?? 0) > nodes.length;
  $("#clocks .drilled .note").replaceChildren(
    refused ? say(refused) : more ? say(words("ofAll", nodes.length)) : "",
  );
}

export function clocks(data) {
  const groups = data?.clocks?.groups;
  const due = data?.due?.nodes ?? [];
  const title = ({ dutyTitleZh, dutyTitleEn }) => [dutyTitleZh ?? "–", dutyTitleEn ?? "–"];
  const duties = [...new Map((groups ?? []).map((each) => [plain(title(each)), title(each)])).entries()];
  // Null where a count, or one it would give away, is too small to be told this viewer.
  const many = (duty, states) =>
    groups
      .filter((each) => plain(title(each)) === duty && states.includes(each.state))
      .reduce((sum, { count }) => (sum === null || count === null ? null : sum + count), 0);
  const known = duties.length > 0;
  $("#clocks thead").replaceChildren(
    ...(known ? [make("tr", "", say(words("duty"), "th"), ...CLOCKS.map(([name]) => say(words(name), "th")))] : []),
  );
  $("#clocks tbody").replaceChildren(
    ...duties.map(([duty, named]) =>
      make(
        "tr",
        "",
        make("td", "", say(named)),
        ...CLOCKS.map(([, states, tone]) => {
          const count = many(duty, states);
          if (count === null) {
            return make("td", "count", badge("plain", ["–", "–"], plain(words("tooFew"))));
          }
          return make("td", "count", count ? which(named, states, tone, count) : "0");
        }),
      ),
    ),
  );
  $("#clocks details").hidden = due.length === 0;
  $("#clocks details .list").replaceChildren(
    ...due.map((each) => clock(each, [say(title(each)), " ", each.decision?.subjectName ?? ""])),
  );
  $("#clocks > .note").replaceChildren(groups ? (known ? "" : say(words("noClocks"))) : hidden());
}

/** A reason as a receiver writes it, 中文 / English; or in one language alone. */
function halves(reason) {
  const parts = reason.split(" / ");
  return parts.length === 2 ? parts : [reason, reason];
}

export function attention(data) {
  const kinds = ["unsent", "rejected", "unanswered"].map((name) => data?.[name]?.nodes ?? []);
  // In turns, so that many of one kind do not hide the other.
  const nodes = Array.from({ length: MOST }, (_, place) => kinds.map((kind) => kind[place]))
    .flat()
    .filter((each) => each);
  $("#attention .list").replaceChildren(
    ...nodes.slice(0, MOST).map((each) => {
      const because = each.reasons?.length
        ? each.reasons.map(halves)
        : [meaning("DeliveryStatus", each.status)];
      const made = make(
        "li",
        "",
        badge(TONES[each.status], words(each.status)),
        make("b", "what", each.decision?.documentNo ?? ""),
        each.status === "REJECTED" ? null : waited(each.queuedAt),
        make("p", "because", make("span", "to", title(each.receiver)), ...because.map((text) => say(text))),
      );
      made.title = because.map(plain).join("；");
      return made;
    }),
  );
  const empty = data?.unsent && data?.rejected ? say(words("nothingWrong")) : hidden();
  $("#attention .note").replaceChildren(nodes.length ? "" : empty);
}

// --- decisions ---------------------------------------------------------------

const TONES = {
  PENDING: "busy",
  UNDELIVERED: "bad",
  SUSPENDED: "warn",
  PARKED: "bad",
  SENT: "busy",
  HELD: "good",
  REJECTED: "bad",
  WAITING: "busy",
  BEFORE_PLATFORM: "plain",
};
const CHANGES = { RECORDED: "plain", CORRECTED: "warn", WITHDRAWN: "bad" };
let titles = new Map();
let seen = null;

/** A receiver's name without what explains it. */
function title(name) {
  const [zh, en] = titles.get(name) ?? [name, name];
  return say([zh.split("（")[0], en.split(" (")[0]]);
}

/** The delivery that counts at each receiver: that of the newest version. */
function newest(deliveries) {
  const found = new Map();
  for (const each of deliveries ?? []) {
    if ((found.get(each.receiver)?.version ?? 0) < each.version) {
      found.set(each.receiver, each);
    }
  }
  return found;
}

function delivered(each) {
  if (each === undefined) {
    return make("td", "delivery", make("span", "none", "—"));
  }
  const told = plain(meaning("DeliveryStatus", each.status));
  const reasons = each.reasons?.length ? `${told}：${each.reasons.join("；")}` : told;
  const took = Date.parse(each.heldSince) - Date.parse(each.queuedAt);
  return make(
    "td",
    "delivery",
    badge(TONES[each.status] ?? "plain", words(each.status), reasons),
    took >= 0 ? make("span", "took", say(age(took))) : null,
  );
}

function row(each, names) {
  const made = make(
    "tr",
    seen?.has(`${each.id} ${each.version}`) === false ? "new" : "",
    make("td", "when", moment(each.changedAt)),
    make(
      "td",
      "change",
      badge(CHANGES[each.change] ?? "plain", meaning("Change", each.change), each.changeReason ?? ""),
    ),
    make("td", "act", say(meaning("ActType", each.actType))),
    make("td", "document", make("b", "", each.documentNo ?? "–")),
    make("td", "subject", each.subjectName ?? each.subjectCode ?? "–"),
    make("td", "party", each.counterpartyName ?? "–"),
  );
  for (const cell of made.querySelectorAll(".subject, .party")) {
    cell.title = cell.textContent; // it may be cut short
  }
  const deliveries = newest(each.deliveries?.nodes);
  for (const name of names) {
    const cell = delivered(deliveries.get(name));
    cell.dataset.receiver = (titles.get(name) ?? [name])[0];
    made.append(cell);
  }
  if (each.change === "WITHDRAWN") {
    made.classList.add("withdrawn");
  }
  return made;
}

export function decisions(data) {
  const nodes = data?.decisions?.nodes;
  titles = new Map(
    (data?.receivers?.nodes ?? []).map(({ name, titleZh, titleEn }) => [
      name,
      [titleZh ?? name, titleEn ?? name],
    ]),
  );
  const named = (nodes ?? []).flatMap(({ deliveries }) =>
    (deliveries?.nodes ?? []).map(({ receiver: name }) => name),
  );
  const names = [...new Set([...titles.keys(), ...named])].sort();
  const columns = ["time", "change", "act", "document", "subject", "party"];
  const head = make(
    "tr",
    "",
    ...columns.map((name) => make("th", "", say(words(name)))),
    ...names.map((name) => make("th", "to", title(name))),
  );
  for (const cell of head.cells) {
    cell.scope = "col";
  }
  $("#decisions thead").replaceChildren(nodes ? head : "");
  $("#decisions tbody").replaceChildren(...(nodes ?? []).map((each) => row(each, names)));
  $("#latest h2 .badge")?.remove();
  const mark = marks(data?.decisions?.missing);
  if (mark) {
    $("#latest h2").append(mark);
  }
  const empty = nodes ? say(words("noDecisions")) : hidden();
  $("#latest .note").replaceChildren(nodes?.length ? "" : empty);
  seen = new Set((nodes ?? []).map(({ id, version }) => `${id} ${version}`));
}

// --- what is not shown -------------------------------------------------------

/** List what policy withheld and what went wrong, of all *answers*. */
export function withheld(answers) {
  const known = answers.filter((answer) => answer);
  const access = new Map();
  for (const entry of known.flatMap(({ extensions }) => extensions?.access ?? [])) {
    access.set(`${entry.type}.${entry.field} ${entry.rule}`, entry);
  }
  const gaps = known.flatMap(({ extensions }) => extensions?.sources ?? []);
  const errors = known.flatMap((answer) => answer.errors ?? []);
  // To list by a field that policy hides is refused as a whole: no fault of anything.
  const wrong = errors.filter(({ extensions }) => extensions.code !== "FIELD_HIDDEN").length + gaps.length;
  const items = [
    ...errors.map(({ path, extensions: { code, zh, en } }) =>
      make(
        "li",
        "",
        badge(code === "FIELD_HIDDEN" ? "plain" : "bad", [code, code]),
        path ? make("code", "", path.join(".")) : null,
        say([zh, en]),
      ),
    ),
    ...gaps.map(({ type, code, title: name, detail }) =>
      make("li", "", badge("warn", [code, code]), say([name.zh, name.en]), ` ${type} `, say([detail.zh, detail.en])),
    ),
    ...[...access.values()].map(({ type, field, reason, source, remedy }) =>
      make(
        "li",
        "",
        make("code", "", `${type}.${field}`),
        say([reason.zh, reason.en]),
        remedy ? make("span", "remedy", say([remedy.zh, remedy.en])) : null,
        source ? make("cite", "", source) : null,
      ),
    ),
  ];
  const kept = items.length - wrong;
  $("#withheld").hidden = items.length === 0;
  $("#withheld").classList.toggle("wrong", wrong > 0);
  $("#withheld summary").replaceChildren(
    ...[
      wrong ? say(words("wrong", wrong)) : null,
      kept ? say(words("withheld", kept)) : null,
    ].filter((part) => part !== null),
  );
  $("#withheld .list").replaceChildren(...items);
}
