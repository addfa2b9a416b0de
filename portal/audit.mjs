/** Asks the GraphQL-over-HTTP auditor about AUDIT_URL with AUDIT_TOKEN; prints what failed. */

import { auditServer } from "graphql-http";

const { AUDIT_URL: url, AUDIT_TOKEN: token } = process.env;

const results = await auditServer({
  url,
  fetchFn: (address, options = {}) =>
    fetch(address, {
      ...options,
      headers: { ...options.headers, authorization: `Bearer ${token}` },
    }),
});

for (const { id, name, status, reason } of results) {
  if (status !== "ok") {
    console.log(`${id} ${status}: ${name}: ${reason}`);
  }
}
const passed = results.filter(({ status }) => status === "ok").length;
console.log(`${passed} of ${results.length}`);
