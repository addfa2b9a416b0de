/** The stream, read with fetch: EventSource cannot send a token. */

const QUIET = 30_000;
const LONGEST_PAUSE = 15_000;

export class Refused extends Error {
  constructor(problem, status) {
    super(problem.message);
    this.problem = problem;
    this.status = status;
  }

  /** Whether the same token may be taken later. */
  get again() {
    return this.problem.extensions.retriable === true;
  }
}

/** Give the events of *body* as {name, told}; comments only show that it lives. */
async function* read(body, heard) {
  const lines = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await lines.read();
    if (done) {
      return;
    }
    heard();
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const fields = new Map(
        frame
          .split("\n")
          .filter((line) => !line.startsWith(":"))
          .map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
      );
      if (fields.has("data")) {
        yield { name: fields.get("event"), told: JSON.parse(fields.get("data")) };
      }
    }
  }
}

async function once(token, signal, heard, tell) {
  const response = await fetch("stream", {
    method: "POST",
    credentials: "omit",
    cache: "no-store",
    headers: { accept: "text/event-stream", authorization: `Bearer ${token}` },
    signal,
  });
  if (!response.ok) {
    const { errors } = await response.json();
    throw new Refused(errors[0], response.status);
  }
  for await (const { name, told } of read(response.body, heard)) {
    if (name === "error") {
      throw new Refused(told.answer.errors[0], 200);
    }
    tell(name, told);
  }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * Read the stream until *signal* aborts or the token is refused, which is thrown.
 * *tell* gets every event, *state* how the connection is.
 */
export async function watch(token, signal, tell, state) {
  let failures = 0;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const leave = () => attempt.abort();
    signal.addEventListener("abort", leave);
    let quiet = setTimeout(leave, QUIET);
    const heard = () => {
      clearTimeout(quiet);
      quiet = setTimeout(leave, QUIET);
      failures = 0;
      state("live");
    };
    state(failures ? "lost" : "connecting");
    try {
      await once(token, attempt.signal, heard, tell);
    } catch (error) {
      if (error instanceof Refused && !error.again) {
        throw error;
      }
      state(error instanceof Refused && error.status === 429 ? "tooMany" : "lost");
    } finally {
      clearTimeout(quiet);
      attempt.abort();
      signal.removeEventListener("abort", leave);
    }
    failures += 1;
    // Not all pages at the same moment after the gateway was away.
    const most = Math.min(1_000 * 2 ** (failures - 1), LONGEST_PAUSE);
    await pause(most * (0.5 + Math.random() / 2));
  }
}
