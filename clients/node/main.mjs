/** A receiver's consumer in Node: reads a topic from its beginning, verifies every signature, prints a line of JSON for
 *  each record, and answers with signed receipts where `--answer` names their topic. The same words and lines as the
 *  consumers in Python and Java. Exit code: 0 everything holds, 1 something does not, 2 it could not be read.
 *
 *  An example: what it has seen it keeps in memory, so it commits no offsets and begins anew each time. A receiver keeps
 *  event, effect and receipt due in one transaction of its own database, and commits offsets after it. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Consumer, ListOffsetTimestamps, Producer } from "@platformatic/kafka";
import { publicKeys, ReceiverKeys, written } from "./keys.mjs";
import { compared, opened, partitionOf, readEvent, readStatement, Schemas, sha256, uuid5, vouched } from "./reading.mjs";

const text = (value) => ({ type: "string", default: value });
const { values: given } = parseArgs({
  options: {
    bootstrap: text(), protocol: text("SASL_SSL"), mechanism: text("SCRAM-SHA-512"), user: text(""), "password-file": text(), ca: text(),
    tenant: text(), topic: text(), statements: text(""), group: text(), keys: text(), bureaus: text(), platform: text(), schemas: text(),
    answer: text(""), follow: { type: "boolean", default: false },
  },
});

const keys = await ReceiverKeys.load(given.keys);
const bureaus = publicKeys(given.bureaus, { owned: true });
const platform = publicKeys(given.platform, { owned: false });
const schemas = given.schemas ? new Schemas(given.schemas) : null;
const way = {
  clientId: "zhitong-consumer-example",
  bootstrapBrokers: given.bootstrap.split(","),
  ...(given.protocol.startsWith("SASL") && {
    sasl: { mechanism: given.mechanism, username: given.user, password: () => readFileSync(given["password-file"], "utf8").trim() },
  }),
  ...(given.protocol.endsWith("SSL") && { tls: given.ca ? { ca: readFileSync(given.ca) } : {} }),
};

let good = true;
function say(holds, line) {
  good &&= holds;
  process.stdout.write(`${written(line)}\n`);
}

// --- what is seen -------------------------------------------------------------------------------------------------

const answers = new Map(); // by event id: what it was answered, when, why
const seen = new Map(); // by decision: the last version
const waiting = new Map(); // by decision: events whose predecessor is missing, by version
const held = new Map(); // by partition: event ids by offset
const reached = new Map(); // by partition: before which offset all has come
const due = []; // receipts
const stated = new Map(); // by where they begin: statements whose end has not come; the last of a place counts

async function take({ topic, partition, offset, value }) {
  if (topic === given.statements) return takeStatement(partition, offset, value);
  reached.set(partition, offset + 1);
  let event;
  try {
    event = readEvent(value, keys.receiver);
  } catch {
    return say(false, { kind: "unreadable", partition, offset });
  }
  if (!held.has(partition)) held.set(partition, new Map());
  held.get(partition).set(offset, event.id);
  const faults = await judge(event);
  const { kind, id, decision, version, change, digest } = event;
  const said = { kind, id, decision, version, change, digest, answer: answers.get(id).answer };
  if (kind === "notice") return say(true, { ...said, why: event.why });
  if (kind === "annotation") {
    const { happened, cause, expected } = event;
    return say(faults.length === 0, { ...said, happened, cause, expected, faults });
  }
  const bureau = vouched(event, bureaus);
  say(["NONE", "HOLDS"].includes(bureau) && faults.length === 0, { ...said, table: event.table, bureau, faults });
}

/** Versions in their order, each event once; gives the columns that are at fault. */
async function judge(event) {
  const known = answers.get(event.id);
  if (known) {
    due.push([event, known]);
    return [];
  }
  if (event.kind === "annotation") {
    const wrong = schemas ? schemas.faults(event) : [];
    answer(event, wrong.length ? "REJECTED" : "HELD", wrong.map((column) => `${column}: structure`)); // here a receiver keeps it beside the decision
    return wrong;
  }
  const last = seen.get(event.decision) ?? 0;
  if (event.version <= last) return answer(event, "REJECTED", [`已收到第 ${last} 版 version ${last} was received before this one`]);
  if (event.version !== last + 1 && !(last === 0 && event.followsHistory)) {
    if (!waiting.has(event.decision)) waiting.set(event.decision, new Map());
    waiting.get(event.decision).set(event.version, event);
    return answer(event, "WAITING", [`等待第 ${last + 1} 版 waits for version ${last + 1}`]);
  }
  seen.set(event.decision, event.version);
  const faults = event.kind === "notice" ? [] : await weigh(event);
  if (event.kind === "notice") answer(event, "REJECTED", [`version ${event.version} ${event.change} is absent: ${event.why}`]);
  else if (faults.length) answer(event, "REJECTED", faults.map((column) => `${column}: structure`));
  else answer(event, "HELD", []); // here a receiver writes the row into its own tables
  await release(event.decision);
  return faults;
}

async function weigh(event) {
  const faults = schemas ? schemas.faults(event) : [];
  return faults.length ? faults : (await opened(event, keys)).faults;
}

async function release(decision) {
  const later = waiting.get(decision) ?? new Map();
  for (const version of [...later.keys()].sort((a, b) => a - b)) {
    if (version > seen.get(decision) + 1) return;
    const event = later.get(version);
    later.delete(version);
    answers.delete(event.id);
    await judge(event);
  }
}

function answer(event, word, reasons) {
  const given = { answer: word, reasons, at: new Date().toISOString() };
  answers.set(event.id, given);
  due.push([event, given]);
  return [];
}

// --- what the platform states -----------------------------------------------------------------------------------------

function takeStatement(partition, offset, value) {
  const { signature, window } = readStatement(value, keys.receiver, platform);
  if (!window) return say(false, { kind: "statement", signature, partition, offset });
  stated.set(`${window.topic}/${window.partition}/${window.from}`, window);
}

function weighStatements(last) {
  for (const [begins, window] of stated) {
    const { topic, partition, from, to, records } = window;
    const ours = topic === given.topic;
    const there = (ours && held.get(partition)) || new Map();
    const { agreement, strangers } = compared(window, there, (ours && reached.get(partition)) || 0);
    if (agreement === "BEHIND" && !last) continue;
    stated.delete(begins);
    const said = { kind: "statement", signature: "HOLDS", of: partition, start: from, end: to, records, agreement };
    say(agreement === "AGREES", said);
    for (const [place, id] of strangers) say(false, { kind: "foreign", id, partition, offset: place });
  }
}

// --- receipts -------------------------------------------------------------------------------------------------------------

async function sendReceipts(producer, partitions) {
  const messages = [];
  for (const [event, { answer: word, reasons, at }] of due.splice(0)) {
    const said = { receiver: keys.receiver, event_id: event.id, answer: word, at, payload_hash: event.digest, reasons };
    const jws = await keys.sign("zhitong-receipt+jws", said);
    const value = written({
      specversion: "1.0", id: uuid5(event.id, `${keys.receiver}/${word}`), source: `/zhitong/${given.tenant}/receivers/${keys.receiver}`,
      type: "cn.zhitong.receipt.v1", subject: event.id, time: at, datacontenttype: "application/json",
      dataschema: "urn:zhitong:schema:receipt:1", receiver: keys.receiver, data: { jws },
    });
    const headers = new Map([[Buffer.from("content-type"), Buffer.from("application/cloudevents+json")]]);
    messages.push({ topic: given.answer, partition: partitionOf(event.key, partitions), key: Buffer.from(event.key), value, headers });
  }
  if (messages.length) await producer.send({ messages, acks: -1 });
}

// --- reading --------------------------------------------------------------------------------------------------------------

async function main() {
  const topics = [given.topic, given.statements].filter(Boolean);
  const consumer = new Consumer({ ...way, groupId: given.group, autocommit: false, maxWaitTime: 500 });
  const producer = given.answer ? new Producer({ ...way, autocreateTopics: false }) : null;
  const count = given.answer ? (await consumer.metadata({ topics: [given.answer] })).topics.get(given.answer).partitionsCount : 0;
  const ends = await consumer.listOffsets({ topics, timestamp: ListOffsetTimestamps.LATEST });
  const begins = await consumer.listOffsets({ topics, timestamp: ListOffsetTimestamps.EARLIEST });
  const left = new Set();
  for (const topic of topics) {
    ends.get(topic).forEach((end, partition) => end > begins.get(topic)[partition] && left.add(`${topic}/${partition}`));
  }
  if (left.size || given.follow) {
    const stream = await consumer.consume({ topics, mode: "earliest" });
    for await (const message of stream) {
      const { topic, partition } = message;
      await take({ topic, partition, offset: Number(message.offset), value: message.value });
      if (message.offset + 1n >= ends.get(topic)[partition]) left.delete(`${topic}/${partition}`);
      if (given.follow) weighStatements(false);
      if (producer && (due.length >= 500 || given.follow)) await sendReceipts(producer, count);
      if (!left.size && !given.follow) break;
    }
    await stream.close();
  }
  weighStatements(true);
  if (producer) {
    await sendReceipts(producer, count);
    await producer.close();
  }
  await consumer.close(true);
}

try {
  await main();
  process.exitCode = good ? 0 : 1;
} catch (error) {
  process.stderr.write(`读不了 cannot be read: ${error.message}\n`);
  process.exitCode = 2;
}
