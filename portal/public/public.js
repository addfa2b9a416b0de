/** The public page: lists what /public/publications gives, and nothing else. */

import { WORDS } from "./words.js";

const form = document.getElementById("ask");
const found = document.getElementById("found");
const more = document.getElementById("more");
const state = document.getElementById("state");
const codes = new Map();
let next = null;
let turn = 0;

/** Make an element that says both languages, Chinese first. */
function said([zh, en], name = "span") {
  const made = document.createElement(name);
  made.append(zh);
  const small = document.createElement("span");
  small.className = "en";
  small.lang = "en";
  small.textContent = en;
  made.append(small);
  return made;
}

for (const place of document.querySelectorAll("[data-say]")) {
  place.replaceChildren(...said(WORDS[place.dataset.say]).childNodes);
}

function coded(list, value) {
  if (!value) return null;
  const label = codes.get(list)?.get(value);
  return label ? said(label) : document.createTextNode(value);
}

function day(moment) {
  return moment ? moment.slice(0, 10) : null;
}

function row(list, word, value) {
  if (value === null || value === undefined || value === "") return;
  const dd = document.createElement("dd");
  dd.append(value);
  list.append(said(WORDS[word], "dt"), dd);
}

function kinds(one) {
  if (!one.penaltyKinds?.length) return null;
  const made = document.createElement("span");
  one.penaltyKinds.forEach((kind, place) => {
    if (place) made.append("、");
    made.append(coded("PenaltyKind", kind));
  });
  return made;
}

function valid(one) {
  if (!one.validFrom) return null;
  return `${one.validFrom} — ${one.validTo ?? WORDS.longTerm.join(" ")}`;
}

function shown(one) {
  const made = document.createElement("article");
  const head = document.createElement("h2");
  head.textContent = [one.documentNo, one.documentTitle].filter(Boolean).join("　");
  made.append(head);
  const word = { CORRECTING: "correcting", WITHDRAWN: "withdrawn" }[one.standing];
  if (word) {
    const note = said(WORDS[word], "p");
    note.className = "note";
    made.append(note);
  }
  const list = document.createElement("dl");
  row(list, "agency", one.subjectName ?? one.subjectCode);
  row(list, "target", one.counterpartyName);
  row(list, "targetCode", one.counterpartyCode);
  row(list, "category", coded("ActType", one.actType));
  row(list, "subject", one.title);
  row(list, "kinds", kinds(one));
  row(list, "fine", one.fine);
  row(list, "confiscated", one.confiscated);
  row(list, "certificate", one.certificateName);
  row(list, "valid", valid(one));
  row(list, "conclusion", one.result);
  row(list, "basis", one.legalBasis);
  row(list, "because", one.undoneBecause);
  row(list, "decided", one.decidedOn);
  row(list, "shown", day(one.shownAt));
  row(list, "until", one.downOn);
  made.append(list);
  return made;
}

async function ask(after) {
  const mine = ++turn;
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value.trim()) asked.set(name, value.trim());
  }
  if (after) asked.set("after", after);
  state.textContent = "";
  let body;
  let fine = false;
  try {
    const answer = await fetch(`publications?${asked}`);
    body = await answer.json();
    fine = answer.ok;
  } catch {
    body = {};
  }
  // Who has asked again meanwhile is told of that alone.
  if (mine !== turn) return;
  if (!fine) {
    state.textContent = body.errors?.[0]?.message ?? WORDS.failed.join(" ");
    return;
  }
  if (!after) found.replaceChildren();
  found.append(...body.publications.map(shown));
  next = body.next;
  more.hidden = next === null;
  if (!found.childElementCount) state.replaceChildren(...said(WORDS.none).childNodes);
}

async function words() {
  try {
    const body = await (await fetch("words")).json();
    for (const list of body.data?.codeLists ?? []) {
      codes.set(list.name, new Map(list.values.map((one) => [one.value, [one.zh, one.en]])));
    }
  } catch {
    // Codes are shown as they are then.
  }
  const choices = [["", WORDS.all], ...(codes.get("ActType") ?? [])];
  for (const [value, label] of choices) {
    if (value === "UNRECOGNISED") continue;
    const option = document.createElement("option");
    option.value = value;
    option.textContent = label.join(" ");
    form.elements.act.append(option);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(null);
});
more.addEventListener("click", () => ask(next));

await words();
await ask(null);
