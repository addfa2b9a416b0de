// Three composers, each with rules of its own: compose.mjs OUT name=url ...
// Each subgraph is asked for its schema; Apollo's supergraph is written to OUT.
import { writeFileSync } from 'node:fs';
import { parse } from 'graphql';
import { composeServices as apollo } from '@apollo/composition';
import { composeServices as guild } from '@theguild/federation-composition';
import { federateSubgraphs, ROUTER_COMPATIBILITY_VERSION_ONE } from '@wundergraph/composition';

const [out, ...named] = process.argv.slice(2);
const services = await Promise.all(named.map(async (one) => {
  const [name, url] = [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)];
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  return { name, url, typeDefs: parse((await answer.json()).data._service.sdl) };
}));
const COMPOSERS = {
  '@apollo/composition': () => apollo(services),
  '@theguild/federation-composition': () => guild(services),
  '@wundergraph/composition': () => {
    const subgraphs = services.map(({ name, url, typeDefs }) => ({ name, url, definitions: typeDefs }));
    const made = federateSubgraphs({ subgraphs, version: ROUTER_COMPATIBILITY_VERSION_ONE });
    return made.success ? { supergraphSdl: made.federatedGraphAST } : made;
  },
};
const verdicts = Object.entries(COMPOSERS).map(([name, compose]) => {
  const { supergraphSdl, errors = [] } = compose();
  if (supergraphSdl && name === '@apollo/composition') writeFileSync(out, supergraphSdl);
  return { name, accepted: Boolean(supergraphSdl), errors: errors.map((error) => error.message) };
});
console.log(JSON.stringify(verdicts));
