/** What is on a receiver's topics, and whether it holds: docs/streams.md, signing.md, reconciliation.md. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { hashed, isObject, isSealed, token } from "./keys.mjs";

const TYPES = { RECORDED: "cn.zhitong.decision.recorded.v1", CORRECTED: "cn.zhitong.decision.corrected.v1", WITHDRAWN: "cn.zhitong.decision.withdrawn.v1" };
const ABSENT = "cn.zhitong.decision.absent.v1";
const ANNOTATED = "cn.zhitong.decision.annotated.v1";
const HAPPENED = ["REPAIRED", "REPAIR_REVOKED", "OBJECTED", "OBJECTION_UPHELD", "OBJECTION_REJECTED", "UNLISTED", "ERASED"];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const ROOT = /^[0-9a-f]{64}$/;
const PART = 1000;

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
export const partitionOf = (key, partitions) => Number((BigInt(`0x${key}`) % 64n) % BigInt(partitions));

/** RFC 9562, version 5. */
export function uuid5(namespace, name) {
  const hash = hashed("sha1", Buffer.from(namespace.replaceAll("-", ""), "hex"), name);
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Read what came for `receiver`: an event, a notice that stands in its place, or an annotation, which tells what
 *  happened to a decision and is no version of it. Throws, with the place alone. */
export function readEvent(value, receiver) {
  const said = parsed(value);
  const due = (holds, place) => {
    if (!holds) throw new Error(place);
  };
  due(isObject(said), "JSON");
  due(said.specversion === "1.0", "specversion");
  due(said.datacontenttype === "application/json", "datacontenttype");
  due(said.receiver === receiver, "receiver");
  due(UUID.test(said.subject ?? ""), "subject");
  due(Number.isInteger(said.decisionversion) && said.decisionversion >= 1 && said.decisionversion < 2 ** 31, "decisionversion");
  due(/^[0-9a-f]{16}$/.test(said.partitionkey ?? ""), "partitionkey");
  due(typeof said.followshistory === "boolean", "followshistory");
  due(typeof said.source === "string" && said.source !== "", "source");
  due(TIME.test(said.time ?? "") && !Number.isNaN(Date.parse(said.time)), "time");
  due(isObject(said.data), "data");
  if (said.type === ANNOTATED) return annotation(said, value, due);
  const notice = said.type === ABSENT;
  const change = notice ? said.data.change : Object.keys(TYPES).find((each) => TYPES[each] === said.type);
  due(Object.hasOwn(TYPES, change), "type");
  // An id that is not made of these would slip past the check for what came twice.
  due(said.id === uuid5(said.subject, `${said.decisionversion}/${change}`), "id");
  const found = {
    id: said.id, decision: said.subject, version: said.decisionversion, change, key: said.partitionkey,
    followsHistory: said.followshistory, digest: sha256(value),
  };
  const members = Object.keys(said.data).sort().join();
  if (notice) {
    due(members === "change,payload_hash,why", "data");
    due(["ERASED", "UNSENDABLE"].includes(said.data.why), "why");
    due(ROOT.test(said.data.payload_hash), "payload_hash");
    return { ...found, kind: "notice", why: said.data.why };
  }
  const { table, row } = said.data;
  due(members === "row,table" && typeof table === "string" && table !== "" && isObject(row), "data");
  due(typeof said.dataschema === "string" && said.dataschema !== "", "dataschema");
  due(["string", "undefined"].includes(typeof said.statement), "statement");
  return { ...found, kind: "event", table, row, schema: said.dataschema, statement: said.statement ?? "" };
}

function annotation(said, value, due) {
  const { happened, cause, expected } = said.data;
  due(HAPPENED.includes(happened), "happened");
  due(UUID.test(cause ?? ""), "cause");
  due(typeof expected === "string" && expected !== "", "expected");
  due(said.id === uuid5(said.subject, `${happened}/${cause}`), "id");
  due(typeof said.dataschema === "string" && said.dataschema !== "", "dataschema");
  return {
    kind: "annotation", id: said.id, decision: said.subject, version: said.decisionversion, change: "ANNOTATED", key: said.partitionkey,
    followsHistory: said.followshistory, digest: sha256(value), schema: said.dataschema, happened, cause, expected, row: said.data,
  };
}

function parsed(value) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value));
  } catch {
    throw new Error("JSON");
  }
}

/** The structure of rows, by the JSON Schemas that the platform publishes. */
export class Schemas {
  constructor(folder) {
    // x-acceptance and the like are the platform's own words; formats are not used.
    this.ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".json")).sort()) {
      const document = JSON.parse(readFileSync(join(folder, name), "utf8"));
      // That no other column comes binds who writes: who reads ignores one more.
      delete document.additionalProperties;
      this.ajv.addSchema(document);
    }
  }

  /** Name the columns that are not so; `schema` where it is not known. */
  faults({ schema, row }) {
    const validate = this.ajv.getSchema(schema);
    if (!validate) return ["schema"];
    validate(row);
    const column = ({ instancePath, keyword, params }) =>
      instancePath ? instancePath.split("/")[1] : keyword === "required" ? params.missingProperty : "row";
    return [...new Set((validate.errors ?? []).map(column))].sort();
  }
}

/** Open the ID numbers of a row; gives them by column, and the columns that cannot be opened. */
export async function opened({ row, change }, keys) {
  const [numbers, faults] = [{}, []];
  for (const [column, value] of Object.entries(row).filter(([, each]) => isSealed(each))) {
    try {
      numbers[column] = await keys.unseal(value);
    } catch {
      // A number more or less must not keep in public what is withdrawn.
      if (change !== "WITHDRAWN") faults.push(column);
    }
  }
  return { numbers, faults };
}

const SAID = ["actType", "at", "change", "content", "decidedOn", "decisionId", "documentNo", "form", "subjectCode"];
const names = (said) => Object.keys(said).sort().join();

/** What the bureau's statement is worth to whom it came alone. */
export function vouched(event, bureaus) {
  if (!event.statement) return "NONE";
  const found = event.statement.length <= 8192 ? token(event.statement) : null;
  if (!found?.canonical || found.signature.length !== 64) return "MALFORMED";
  const { header, payload } = found;
  const formed =
    names(header) === "alg,kid,typ" && header.typ === "zhitong-decision+jwt" && ["ES256", "SM2-SM3"].includes(header.alg) &&
    /^[0-9a-f]{16}$/.test(header.kid) && names(payload) === SAID.join() && payload.form === "zhitong-decision/1" &&
    Object.values(payload).every((each) => typeof each === "string");
  if (!formed) return "MALFORMED";
  const key = bureaus.find(({ id, owner }) => id === header.kid && owner === payload.subjectCode);
  if (!key) return "KEY_UNKNOWN";
  if (key.algorithm !== header.alg || !key.verify(found.signed, found.signature)) return "INVALID";
  return payload.decisionId === event.decision && payload.change === event.change ? "HOLDS" : "DIFFERS";
}

const WINDOW = ["at", "foreign", "from", "hash", "partition", "parts", "receiver", "records", "root", "statement", "to", "topic"];

/** Whether the platform has signed a statement for `receiver`, and what it says of which stretch. */
export function readStatement(value, receiver, platform) {
  let said;
  try {
    said = parsed(value);
  } catch {
    return { signature: "MALFORMED" };
  }
  const found = token(said?.data?.jws);
  if (!found || names(found.header) !== "alg,kid,typ") return { signature: "MALFORMED" };
  const { header, payload } = found;
  if (header.alg !== "ES256" || header.typ !== "zhitong-reconciliation+jws") return { signature: "MALFORMED" };
  const key = platform.find(({ id }) => id === header.kid);
  if (!key) return { signature: "KEY_UNKNOWN" };
  if (key.algorithm !== "ES256" || !key.verify(found.signed, found.signature)) return { signature: "INVALID" };
  const counts = [payload.from, payload.to, payload.partition, payload.records, ...(payload.foreign ?? [])];
  const formed =
    names(payload) === WINDOW.join() && payload.hash === "sha256" && counts.every((each) => Number.isInteger(each) && each >= 0) &&
    payload.from <= payload.to && payload.parts.length === Math.ceil((payload.to - payload.from) / PART) &&
    [payload.root, ...payload.parts].every((each) => ROOT.test(each));
  if (!formed) return { signature: "MALFORMED" };
  const same = said.type === "cn.zhitong.reconciliation.v1" && said.subject === payload.statement && said.receiver === receiver;
  return same && payload.receiver === receiver ? { signature: "HOLDS", window: payload } : { signature: "DIFFERS" };
}

/** The root of RFC 6962 over event ids, in hexadecimal. */
export function root(ids) {
  const over = (leaves) => {
    if (leaves.length === 1) return leaves[0];
    const cut = 2 ** Math.floor(Math.log2(leaves.length - 1));
    return hashed("sha256", Buffer.from([1]), over(leaves.slice(0, cut)), over(leaves.slice(cut)));
  };
  const leaves = ids.map((id) => hashed("sha256", Buffer.from([0]), id));
  return (leaves.length ? over(leaves) : hashed("sha256")).toString("hex");
}

/** Hold what was stated against what is `held` of that partition, ids by offset. */
export function compared({ from, to, records, root: stated, foreign }, held, seen) {
  const there = [...held].filter(([offset]) => offset >= from && offset < to).sort(([a], [b]) => a - b);
  const ours = there.filter(([offset]) => !foreign.includes(offset)).map(([, id]) => id);
  const agrees = ours.length === records && root(ours) === stated;
  const agreement = seen < to ? "BEHIND" : agrees ? "AGREES" : "DIFFERS";
  return { agreement, strangers: there.filter(([offset]) => foreign.includes(offset)) };
}
