/** Has the CloudEvents reader read Kafka values, base64 one a line on standard input; prints them as JSON. */

import { deepStrictEqual } from "node:assert";
import { createInterface } from "node:readline/promises";
import { HTTP, Kafka } from "cloudevents";

for await (const line of createInterface({ input: process.stdin })) {
  const value = Buffer.from(line, "base64").toString("utf8");
  const headers = { "content-type": "application/cloudevents+json" };
  // The Kafka binding takes the attribute partitionkey from the record's key.
  const event = Kafka.toEvent({ headers, value, key: JSON.parse(value).partitionkey });
  event.validate();
  const said = JSON.stringify(event);
  deepStrictEqual(JSON.parse(said), JSON.parse(JSON.stringify(HTTP.toEvent({ headers, body: value }))));
  console.log(said);
}
