// Hive's gateway hands on who asks and why.
import { defineConfig } from '@graphql-hive/gateway';
const HANDED_ON = ['authorization', 'zhitong-purpose', 'zhitong-basis', 'zhitong-cause'];
export const gatewayConfig = defineConfig({
  propagateHeaders: {
    fromClientToSubgraphs: ({ request }) => Object.fromEntries(
      HANDED_ON.map((name) => [name, request.headers.get(name)]).filter(([, value]) => value)),
  },
});
