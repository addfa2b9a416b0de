// What the Node peers share: the statements, the pool, what a loader asks.
import { readFileSync } from 'node:fs'
import pg from 'pg'

const text = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const parts = text('queries.sql').split(/^-- (\w+) --$/m)
const QUERIES = {}
for (let at = 1; at < parts.length; at += 2) QUERIES[parts[at]] = parts[at + 1].trim()

export const SDL = text('graph.graphql')
export const PORT = Number(process.env.PEER_PORT)
const TWICE = 2 // how many rows of one certificate number are shown

export const pool = new pg.Pool({
  connectionString: process.env.PEER_DATABASE,
  max: 8,
  options: '-c search_path=graph'
})

// A named statement is prepared once for each connection.
export const ask = async (name, ...values) =>
  (await pool.query({ name, text: QUERIES[name], values })).rows

const grouped = (rows) => {
  const found = new Map()
  for (const row of rows) {
    const list = found.get(row.of)
    if (list) list.push(row)
    else found.set(row.of, [row])
  }
  return found
}

const distinct = (keys) => [...new Set(keys)]

// Each answers many keys with one statement; pages are {code, first}.
const pages = async (name, keys) => {
  const found = new Map()
  for (const first of distinct(keys.map((key) => key.first))) {
    const codes = distinct(keys.filter((key) => key.first === first).map((key) => key.code))
    found.set(first, grouped(await ask(name, codes, first)))
  }
  return keys.map(({ code, first }) => ({ nodes: found.get(first).get(code) ?? [] }))
}

export const casesOf = (keys) => pages('cases_of', keys)
export const listingsOf = (keys) => pages('listings_of', keys)

export const subjectsOf = async (codes) => {
  const found = grouped(await ask('subjects', distinct(codes.filter(Boolean))))
  return codes.map((code) => found.get(code)?.[0] ?? null)
}

// One list of certificates for each case.
export const officersOf = async (lists) => {
  const found = grouped(await ask('officers', distinct(lists.flat())))
  return lists.map((list) =>
    distinct(list).flatMap((one) => (found.get(one) ?? []).slice(0, TWICE)))
}

export const Query = {
  counterparty: async (_, { code }) => (await ask('counterparty', code))[0] ?? null,
  counterparties: async (_, { where, first = 20 }) =>
    ({ nodes: await ask('listed_counterparties', where.listings.kind.eq, first) }),
  caseRecords: async (_, { first = 20 }) => ({ nodes: await ask('latest_cases', first) }),
  caseStatistics: async (_, { where }) => ({ groups: await ask('statistics', where.filedOn.gte) })
}
