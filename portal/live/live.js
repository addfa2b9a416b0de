/** The live page: takes the token, reads the stream, shows what comes. */

import { ask } from "./ask.js";
import { show as show_hour } from "./chart.js";
import { Refused, watch } from "./stream.js";
import * as view from "./view.js";
import { WORDS, learn, plain, say, words } from "./words.js";

const TOKEN = "zhitong.live.token";
const LANGUAGE = "zhitong.live.language";
const LANGUAGES = ["both", "zh", "en"];
const QUIET = 8_000;
const CLOCKS = `query ($duty: String!, $states: [ClockState!]!) {
  clocks(first: 20, where: { dutyTitleZh: { eq: $duty }, state: { in: $states } },
    orderBy: { by: dueOn, direction: ASC }) {
    nodes {
      state dueOn dueCertainty endedOn subjectCode movedFrom movedBecauseZh movedBecauseEn
      decision { documentNo subjectName }
    }
    totalCount { count }
  }
}`;
const $ = (id) => document.getElementById(id);

const shown = { now: null, standing: null, late_seconds: 60 };
let watching = null;
let heard = 0;

function state(name) {
  heard = Date.now();
  if ($("state").dataset.state !== name) {
    $("state").dataset.state = name;
    $("state").replaceChildren(say(words(name)));
  }
}

function tell(name, { at, answer }) {
  view.set_clock(at);
  if (name === "hello") {
    shown.late_seconds = answer.lateSeconds;
    $("viewer").textContent = `${answer.unit} ${answer.person}`;
    $("board").hidden = false;
    return;
  }
  if (name === "words") {
    learn(answer.data?.codeLists);
    return;
  }
  shown[name] = answer;
  draw(name);
}

function draw(name) {
  const { now, standing, late_seconds } = shown;
  view.tiles(shown);
  view.withheld([now, standing]);
  if (name === "now") {
    show_hour(now.minutes);
    view.decisions(now.data);
    view.receivers(now.data?.receivers, late_seconds);
    view.sources(now.data?.sources);
  } else {
    view.clocks(standing.data);
    view.findings(standing.data);
    view.attention(standing.data);
  }
}

/** What waits grows old without any news of it. */
function age() {
  const { now, late_seconds } = shown;
  if (now !== null) {
    view.tiles(shown);
    view.receivers(now.data?.receivers, late_seconds);
  }
  view.tick();
}

/** Ask which clocks a count is of; of two clicks the later one is answered. */
let asked = 0;

async function drill({ named, duty, states }) {
  const mine = ++asked;
  const token = sessionStorage.getItem(TOKEN);
  let told = [null, null];
  try {
    const data = await ask(token, CLOCKS, { duty, states: states.split(" ") });
    told = [data.clocks];
  } catch ({ cause }) {
    told = [null, cause?.zh ? [cause.zh, cause.en] : words("cannotAsk")];
  }
  if (mine === asked) {
    view.drilled(named, ...told);
  }
}

function drill_on(event) {
  const pressed = event.target.closest("button");
  if (pressed?.dataset.states) {
    drill(pressed.dataset);
  } else if (pressed && "close" in pressed.dataset) {
    asked += 1;
    view.drilled(null);
  }
}

function enter(problem = null) {
  asked += 1;
  view.drilled(null);
  sessionStorage.removeItem(TOKEN);
  watching?.abort();
  watching = null;
  state("off");
  $("viewer").textContent = "";
  $("board").hidden = true;
  $("leave").hidden = true;
  $("enter").hidden = false;
  $("refusal").replaceChildren(
    problem ? say([problem.extensions.zh, problem.extensions.en]) : "",
  );
  $("token").value = "";
  $("token").focus();
}

async function open(token) {
  sessionStorage.setItem(TOKEN, token);
  $("enter").hidden = true;
  $("leave").hidden = false;
  watching = new AbortController();
  const { signal } = watching;
  try {
    await watch(token, signal, tell, (name) => signal.aborted || state(name));
  } catch (error) {
    if (!(error instanceof Refused)) {
      throw error;
    }
    enter(error.problem);
  }
}

/** Take the token of `#token=…`, and leave it in no address. */
function from_fragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (location.hash) {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return token;
}

function speak(language) {
  document.body.className = language;
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
  localStorage.setItem(LANGUAGE, language);
}

function start() {
  for (const place of document.querySelectorAll("[data-say]")) {
    place.replaceChildren(say(WORDS[place.dataset.say]));
  }
  speak(LANGUAGES.find((name) => name === localStorage.getItem(LANGUAGE)) ?? "both");
  $("language").addEventListener("click", () => {
    const next = LANGUAGES.indexOf(document.body.className) + 1;
    speak(LANGUAGES[next % LANGUAGES.length]);
  });
  $("language").title = plain(["双语、中文、英文", "both, Chinese, English"]);
  $("leave").addEventListener("click", () => enter());
  $("clocks").addEventListener("click", drill_on);
  $("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    open($("token").value.trim());
  });
  addEventListener("hashchange", () => {
    const token = from_fragment();
    if (token) {
      watching?.abort();
      open(token);
    }
  });
  setInterval(() => {
    age();
    if ($("state").dataset.state === "live" && Date.now() - heard > QUIET) {
      $("state").dataset.state = "slow";
      $("state").replaceChildren(say(words("slow")));
    }
  }, 1_000);
  const token = from_fragment() ?? sessionStorage.getItem(TOKEN);
  if (token) {
    open(token);
  } else {
    enter();
  }
}

start();
