/**
 * Subscribes with the public clients: graphql-ws over WS_URL, graphql-sse over SSE_URL.
 *
 * Says "ready" when both have their first answer, then one line for each later one, and
 * why the WebSocket was closed. QUERY is what they subscribe to, TOKEN by whom.
 */

import { createClient as sse } from "graphql-sse";
import { createClient as ws } from "graphql-ws";
import WebSocket from "ws";

const { WS_URL, SSE_URL, TOKEN, QUERY: query } = process.env;
const authorization = `Bearer ${TOKEN}`;
const say = (word) => console.log(JSON.stringify(word));

let waiting = 2;
const sink = (by) => {
  let first = true;
  return {
    next: (answer) => {
      if (!first) say({ by, answer });
      else if (--waiting === 0) say("ready");
      first = false;
    },
    error: (error) => say({ by, error: error.code ?? String(error) }),
    complete: () => say({ by, complete: true }),
  };
};

const sockets = ws({
  url: WS_URL,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
  retryAttempts: 0,
  on: { closed: ({ code, reason }) => say({ closed: code, reason }) },
});
const streams = sse({ url: SSE_URL, headers: { authorization }, retryAttempts: 0 });

sockets.subscribe({ query }, sink("graphql-ws"));
streams.subscribe({ query }, sink("graphql-sse"));
