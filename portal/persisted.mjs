/** Asks ASK_URL with ASK_TOKEN by Apollo Client's automatic persisted queries; prints each request. */

import { createHash } from "node:crypto";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

const { ASK_URL: uri, ASK_TOKEN: token } = process.env;
const QUERY = gql`query Greeting { hello }`;

const fetchAndTell = async (address, options) => {
  const answer = await fetch(address, {
    ...options,
    headers: { ...options.headers, authorization: `Bearer ${token}` },
  });
  const sent = decodeURIComponent(`${address} ${options.body ?? ""}`);
  const what = sent.includes("Greeting {") ? "text" : "hash";
  console.log(`${options.method} ${what} ${answer.status}`);
  return answer;
};

const ask = async (useGETForHashedQueries) => {
  const persisted = new PersistedQueryLink({
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    useGETForHashedQueries,
  });
  const link = ApolloLink.from([persisted, new HttpLink({ uri, fetch: fetchAndTell })]);
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  const { data } = await client.query({ query: QUERY, fetchPolicy: "network-only" });
  console.log(data.hello);
};

await ask(false);
await ask(false);
await ask(true);
