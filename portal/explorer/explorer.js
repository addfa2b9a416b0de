/** Opens GraphiQL on /graphql, with the headers a question needs filled in. */

"use strict";

const HEADERS = `{
  "Authorization": "Bearer ",
  "zhitong-purpose": "criminal-investigation",
  "zhitong-basis": "刑事诉讼法",
  "zhitong-cause": "安公刑立字〔2026〕12号",
  "zhitong-letter": "安公介字〔2026〕88号"
}`;

const QUERY = `# 执通 · Zhitong
#
# 1. 将 zhitong token police 输出的令牌
#    粘贴到下方 Headers 的 Bearer 之后。
#    Run "zhitong token police" and paste the
#    token after "Bearer" in Headers below.
# 2. 点击左下角的刷新按钮，读取数据模型。
#    Press the refresh button (lower left)
#    to read the schema. 公众一类的身份不能读取，
#    但照样可以提问。Tokens of the public may
#    not read it; they may ask all the same.

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

// Queries hold names and numbers of people: they stay in this tab's storage. What
// holds the token, as GraphiQL's history does, is in this page's memory only.
const remembered = new Map();
const storage = {
  get length() {
    return sessionStorage.length;
  },
  getItem: (name) => remembered.get(name) ?? sessionStorage.getItem(name),
  setItem: (name, value) =>
    /bearer/i.test(value)
      ? remembered.set(name, value)
      : sessionStorage.setItem(name, value),
  removeItem: (name) => {
    remembered.delete(name);
    sessionStorage.removeItem(name);
  },
  clear: () => {
    remembered.clear();
    sessionStorage.clear();
  },
};

const explorer = React.createElement(GraphiQL, {
  fetcher: ask,
  storage,
  defaultHeaders: HEADERS,
  defaultQuery: QUERY,
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
  defaultEditorToolsVisibility: "headers",
});

ReactDOM.createRoot(document.getElementById("explorer")).render(explorer);
