// A supergraph file behind Apollo's gateway, handing on who asks and why: gateway.mjs FILE PORT
import { readFileSync } from 'node:fs';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

const [file, port] = process.argv.slice(2);
const HANDED_ON = ['authorization', 'zhitong-purpose', 'zhitong-basis', 'zhitong-cause'];

class HandingOn extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    for (const name of HANDED_ON) {
      const value = context.headers?.[name];
      if (value) request.http.headers.set(name, value);
    }
  }
}

const gateway = new ApolloGateway({
  supergraphSdl: readFileSync(file, 'utf8'),
  buildService: ({ url }) => new HandingOn({ url }),
});
const server = new ApolloServer({ gateway, introspection: true });
const { url } = await startStandaloneServer(server, {
  listen: { host: '127.0.0.1', port: Number(port) },
  context: async ({ req }) => ({ headers: req.headers }),
});
console.log(`ready ${url}`);
