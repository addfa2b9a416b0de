/** Opens GraphiQL on /graphql, with the headers a question needs filled in. */

"use strict";

const HEADERS = `{
  "Authorization": "Bearer ",
  "zhitong-purpose": "行政执法",
  "zhitong-basis": "",
  "zhitong-cause": ""
}`;

const QUERY = `# 执通 · Zhitong
#
# 1. 在下方 Headers 中,将 zhitong token police 输出的令牌粘贴在 Bearer 之后。
#    Paste the token that \`zhitong token police\` prints after "Bearer" in Headers below.
# 2. 点击左下角的刷新按钮读取数据模型,然后写下查询。
#    Press the refresh button at the lower left to read the schema, then ask.

query First {
  __typename
}
`;

const NO_TOKEN = {
  errors: [
    {
      message:
        "请先在 Headers 中的 Bearer 之后粘贴令牌 / Paste a token after Bearer in Headers first",
    },
  ],
};

/** A browser refuses header values beyond Latin-1; the gateway reads percent-encoding. */
function encoded(headers) {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => [
        name,
        name.toLowerCase().startsWith("zhitong-") ? encodeURIComponent(value) : value,
      ]),
  );
}

function hasToken(headers) {
  return Object.entries(headers).some(
    ([name, value]) =>
      name.toLowerCase() === "authorization" && /^bearer\s+\S/i.test(value),
  );
}

/** Always a POST, so that neither question nor token is ever part of an address. */
async function ask(question, { headers = {} } = {}) {
  if (!hasToken(headers)) {
    return NO_TOKEN;
  }
  const response = await fetch("../graphql", {
    method: "POST",
    credentials: "omit",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...encoded(headers),
    },
    body: JSON.stringify(question),
  });
  return response.json();
}

// A tab's own storage: queries hold names and numbers of people, and headers the
// token, so nothing may outlive the tab.
const explorer = React.createElement(GraphiQL, {
  fetcher: ask,
  storage: window.sessionStorage,
  defaultHeaders: HEADERS,
  defaultQuery: QUERY,
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
  defaultEditorToolsVisibility: "headers",
});

ReactDOM.createRoot(document.getElementById("explorer")).render(explorer);
