// A recording on its way to the server: chunks in their order, tried again until they are there.
// `settings` and `say` are those of recorder.js.
"use strict";

const WAITS_S = [1, 2, 4, 8, 10];
const MAX_RESTARTS = 5;

function pause(seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    const early = () => { clearTimeout(timer); resolve(); };
    if (seconds >= 1) window.addEventListener("online", early, { once: true });
  });
}

async function once(method, path, body) {
  try {
    const answer = await fetch(path, {
      method,
      body,
      headers: { "X-CSRFToken": settings.token, "Content-Type": "application/octet-stream" },
      signal: AbortSignal.timeout(60000),
    });
    if (answer.redirected) return { status: 401, facts: {} }; // to the login page
    const isJson = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
    return { status: answer.status, facts: isJson ? await answer.json() : {} };
  } catch {
    return { status: 0, facts: {} };
  }
}

async function refreshToken() {
  const { status, facts } = await once("GET", "/pixmo/recorder/token");
  if (status === 200 && facts.token) settings.token = facts.token;
}

function hindrance({ status, facts }) {
  if (status === 0) return "The connection is lost. Go on speaking: it is kept here and sent later. Do not close this page.";
  if (status === 401 || (status === 403 && !facts.error)) {
    return "You are logged out. Log in again in another tab; what you say is kept here until then.";
  }
  if (status >= 500 && status !== 507) return "The server does not answer well. What you say is kept here and sent later. Do not close this page.";
  return "";
}

// Ask until there is an answer that another try would not change.
async function call(method, path, body) {
  for (let tries = 0; ; tries += 1) {
    const answer = await once(method, path, body);
    const problem = hindrance(answer);
    say("connection", problem);
    if (!problem) return answer;
    await pause(WAITS_S[Math.min(tries, WAITS_S.length - 1)]);
    if (answer.status === 401 || answer.status === 403) await refreshToken();
  }
}

class Refused extends Error {}

// One recording on its way: chunks in their order, one at a time, all kept until the end.
class Upload {
  constructor() {
    this.chunks = [];
    this.sent = 0;
    this.id = "";
    this.restarts = 0;
    this.wake = () => {};
    this.ended = false;
    this.done = this.run();
    this.done.catch(() => {});
  }

  push(blob) {
    this.chunks.push(blob);
    this.wake();
  }

  end() {
    this.ended = true;
    this.wake();
  }

  async run() {
    for (;;) {
      if (this.sent < this.chunks.length) await this.send();
      else if (this.ended) {
        const facts = await this.finish();
        if (facts) return facts;
      } else await new Promise((resolve) => { this.wake = resolve; });
    }
  }

  async send() {
    if (!this.id) this.id = this.check(await call("POST", `/pixmo/recordings?key=${settings.key}`))?.id ?? "";
    if (!this.id) return;
    const path = `/pixmo/recordings/${this.id}/chunks/${this.sent}`;
    if (this.check(await call("PUT", path, this.chunks[this.sent]))) this.sent += 1;
  }

  async finish() {
    if (!this.chunks.length) throw new Refused("Nothing was recorded. Record again.");
    return this.check(await call("POST", `/pixmo/recordings/${this.id}/finish`));
  }

  // The facts; null when the server has lost or closed the recording: then it is sent anew.
  check({ status, facts }) {
    if (status === 200) return facts;
    const again = (status === 404 || status === 409) && this.id && this.restarts < MAX_RESTARTS;
    if (!again) throw new Refused(`The server refuses this recording: ${facts.message ?? status}.`);
    this.restarts += 1;
    this.id = "";
    this.sent = 0;
    return null;
  }
}
