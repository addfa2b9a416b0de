// Mercurius with its own loaders and JIT from the first request on.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { Query, PORT, SDL, casesOf, listingsOf, officersOf, subjectsOf } from './data.mjs'

// Their cache would write every row's key as JSON; statements hold distinct keys as it is.
const loader = (load) => ({ loader: load, opts: { cache: false } })
const paged = (load) => loader((queries) =>
  load(queries.map(({ obj, params }) => ({ code: obj.code, first: params.first ?? 20 }))))

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema: SDL,
  resolvers: { Query },
  loaders: {
    Counterparty: { cases: paged(casesOf), listings: paged(listingsOf) },
    CaseRecord: {
      subject: loader((queries) => subjectsOf(queries.map(({ obj }) => obj.subjectCode))),
      officers: loader((queries) =>
        officersOf(queries.map(({ obj }) => obj.officerCertificates ?? [])))
    }
  },
  jit: 1,
  graphiql: false
})
await app.listen({ host: '127.0.0.1', port: PORT })
