// GraphQL Yoga with graphql-jit and DataLoader, as its documentation puts them together.
import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import DataLoader from 'dataloader'
import { createSchema, createYoga } from 'graphql-yoga'
import { Query, PORT, SDL, casesOf, listingsOf, officersOf, subjectsOf } from './data.mjs'

const byPage = { cacheKeyFn: ({ code, first }) => `${first} ${code}` }
const byList = { cacheKeyFn: (list) => list.join() }

const yoga = createYoga({
  schema: createSchema({
    typeDefs: SDL,
    resolvers: {
      Query,
      Counterparty: {
        cases: ({ code }, { first = 20 }, { cases }) => cases.load({ code, first }),
        listings: ({ code }, { first = 20 }, { listings }) => listings.load({ code, first })
      },
      CaseRecord: {
        subject: ({ subjectCode }, _, { subjects }) => subjectCode ? subjects.load(subjectCode) : null,
        officers: ({ officerCertificates }, _, { officers }) => officers.load(officerCertificates ?? [])
      }
    }
  }),
  context: () => ({
    cases: new DataLoader(casesOf, byPage),
    listings: new DataLoader(listingsOf, byPage),
    subjects: new DataLoader(subjectsOf),
    officers: new DataLoader(officersOf, byList)
  }),
  plugins: [useGraphQlJit()],
  graphiql: false,
  landingPage: false,
  logging: false
})
createServer(yoga).listen(PORT, '127.0.0.1')
