/** A consumer written from docs/streams.md alone, with nothing but Node: reads values as Kafka's console consumer
 *  prints them, one a line, and prints as JSON what it holds, the receipts it gives, and what receipts it was given say.
 *  node outside_consumer.mjs PRIVATE_KEYS EVENTS [RECEIPTS] */

import { createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [keyFile, eventFile, receiptFile] = process.argv.slice(2);
const own = JSON.parse(readFileSync(keyFile, "utf8"));
const lines = (file) => (file ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);
const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
const json = (part) => JSON.parse(Buffer.from(part, "base64url"));
const sha256 = (bytes) => createHash("sha256").update(bytes);
const thumbprint = ({ crv, kty, x, y }) => b64(sha256(JSON.stringify({ crv, kty, x, y })).digest());
const keyed = (use, kid) => own.keys.find((key) => key.use === use && (!kid || thumbprint(key) === kid));
const u32 = (number) => Buffer.from([number >>> 24, number >>> 16, number >>> 8, number].map((byte) => byte & 255));

function uuid5(namespace, name) {
  const hash = createHash("sha1").update(Buffer.from(namespace.replaceAll("-", ""), "hex")).update(name).digest();
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function open(jwe) {
  const [header, wrapped, iv, sealed, tag] = jwe.split(".");
  const { alg, enc, kid, epk } = json(header);
  if (alg !== "ECDH-ES+A256KW" || enc !== "A256GCM") throw new Error("not sealed as documented");
  const privateKey = createPrivateKey({ key: keyed("enc", kid), format: "jwk" });
  const secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: epk, format: "jwk" }) });
  const info = Buffer.concat([u32(alg.length), Buffer.from(alg), u32(0), u32(0), u32(256)]);
  const wrapping = sha256(Buffer.concat([u32(1), secret, info])).digest();
  const unwrap = createDecipheriv("id-aes256-wrap", wrapping, Buffer.alloc(8, 0xa6));
  const content = Buffer.concat([unwrap.update(Buffer.from(wrapped, "base64url")), unwrap.final()]);
  const cipher = createDecipheriv("aes-256-gcm", content, Buffer.from(iv, "base64url"));
  cipher.setAAD(Buffer.from(header)).setAuthTag(Buffer.from(tag, "base64url"));
  return Buffer.concat([cipher.update(Buffer.from(sealed, "base64url")), cipher.final()]).toString();
}

function receipt(line, event, answer, reasons) {
  const { receiver, id, partitionkey: key } = event;
  const [jwk, at] = [keyed("sig"), new Date().toISOString()];
  const header = { alg: "ES256", kid: thumbprint(jwk), typ: "zhitong-receipt+jws" };
  const payload_hash = sha256(line).digest("hex");
  const said = { receiver, event_id: id, answer, at, payload_hash, reasons };
  const input = `${b64(JSON.stringify(header))}.${b64(JSON.stringify(said))}`;
  const signature = sign("sha256", input, { key: createPrivateKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" });
  const value = {
    specversion: "1.0", id: uuid5(id, `${receiver}/${answer}`), source: `/zhitong/anze/receivers/${receiver}`,
    type: "cn.zhitong.receipt.v1", subject: id, time: at, datacontenttype: "application/json",
    dataschema: "urn:zhitong:schema:receipt:1", receiver, data: { jws: `${input}.${b64(signature)}` },
  };
  return { key, partition: Number((BigInt(`0x${key}`) % 64n) % 12n), value };
}

function verified(jws) {
  const [header, payload, signature] = jws.split(".");
  const { alg, kid, typ } = json(header);
  const key = createPublicKey({ key: keyed("sig", kid), format: "jwk" });
  const bytes = [Buffer.from(`${header}.${payload}`), Buffer.from(signature, "base64url")];
  const holds = verify("sha256", bytes[0], { key, dsaEncoding: "ieee-p1363" }, bytes[1]);
  if (!holds || alg !== "ES256" || typ !== "zhitong-receipt+jws") throw new Error("the signature does not fit");
  return json(payload);
}

const [seen, answers, held, waiting] = [new Map(), new Map(), new Map(), new Map()];
const given = [];
function take(line, event) {
  const last = seen.get(event.subject) ?? 0;
  const version = event.decisionversion;
  if (version <= last) return ["REJECTED", [`version ${last} was received before this one`]];
  if (version !== last + 1 && !(last === 0 && event.followshistory)) {
    waiting.set(`${event.subject}/${version}`, line);
    return ["WAITING", [`waits for version ${last + 1}`]];
  }
  seen.set(event.subject, version);
  const row = Object.entries(event.data.row).map(([name, text]) => [name, /_ZJHM$/.test(name) ? open(text) : text]);
  held.set(event.subject, { table: event.data.table, version, row: Object.fromEntries(row) });
  return ["HELD", []];
}
for (const line of lines(eventFile)) {
  for (let next = line, came = line; next; next = waiting.get(came)) {
    const event = JSON.parse(next);
    if (next !== line) waiting.delete(came);
    if (next !== line || !answers.has(event.id)) answers.set(event.id, take(next, event));
    given.push(receipt(next, event, ...answers.get(event.id)));
    came = `${event.subject}/${(seen.get(event.subject) ?? 0) + 1}`;
  }
}
const theirs = lines(receiptFile).map((line) => verified(JSON.parse(line).data.jws));
console.log(JSON.stringify({ held: Object.fromEntries(held), given, theirs, hashes: lines(eventFile).map((line) => sha256(line).digest("hex")) }));
