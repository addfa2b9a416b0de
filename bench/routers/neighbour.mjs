// A neighbour's graph: the shifts of officers, who are ours, by their certificates' numbers.
import { buildSchema, graphql } from 'graphql';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const [, , file, port] = process.argv;
const sdl = readFileSync(file, 'utf8');
const schema = buildSchema(`${sdl.replace(/extend schema[^)]*\)/, '')}
  directive @key(fields: String!) on OBJECT
  scalar _Any
  union _Entity = Officer | Shift
  type _Service { sdl: String! }
  extend type Query { _service: _Service! _entities(representations: [_Any!]!): [_Entity]! }`);
const SHIFTS = [
  { __typename: 'Shift', id: '1', day: '2026-11-20', officer: { __typename: 'Officer', certificateNo: 'Officer-001' } },
  { __typename: 'Shift', id: '2', day: '2026-11-21', officer: { __typename: 'Officer', certificateNo: 'Officer-002' } },
  { __typename: 'Shift', id: '3', day: '2026-11-22', officer: { __typename: 'Officer', certificateNo: 'Officer-001' } },
];
const rootValue = {
  shifts: SHIFTS,
  _service: { sdl },
  _entities: ({ representations }) => representations.map((one) => one.__typename === 'Shift'
    ? SHIFTS.find((shift) => shift.id === one.id) ?? null
    : { ...one, shifts: SHIFTS.filter((shift) => shift.officer.certificateNo === one.certificateNo) }),
};
createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', async () => {
    const { query, variables, operationName } = JSON.parse(body);
    const answer = await graphql({ schema, source: query, rootValue, variableValues: variables, operationName });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
