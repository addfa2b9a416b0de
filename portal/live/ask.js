/** One question to the graph, as its viewer: what a click wants to know. */

/** Give the answer's data; what was refused is thrown as its error, with both texts. */
export async function ask(token, query, variables) {
  const response = await fetch("../graphql", {
    method: "POST",
    credentials: "omit",
    cache: "no-store",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors?.length) {
    throw new Error(errors[0].message, { cause: errors[0].extensions ?? {} });
  }
  return data;
}
