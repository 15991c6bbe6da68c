// Calls by the bot, the newest first.

import { timeWithSeconds } from "./dates.js";
import { html, repeat } from "./lit.js";
import { ui, update } from "./ui.js";
import { parts } from "./world.js";

const SERVICES = { all: "all", rds: "RDS", slack: "Slack" };

export function callList() {
  const shown = [...parts]
    .filter(([name]) => name.startsWith(ui.calls === "all" ? "call:" : `call:${ui.calls}:`))
    .sort(([, a], [, b]) => b.at - a.at);
  return html`<section class="calls"><h2 id="calls">Calls by the bot</h2>
    <fieldset class="choices"><legend>Show</legend>
      ${Object.entries(SERVICES).map(([one, words]) => html`<label><input type="radio" name="calls" value=${one}
        .checked=${ui.calls === one} @change=${() => update({ calls: one })}> ${words}</label>`)}
    </fieldset>
    <ul aria-labelledby="calls" tabindex="0">${repeat(shown, ([name]) => name, ([, call]) => row(call))}</ul>
  </section>`;
}

function row({ service, at, method, path, status, code, milliseconds }) {
  const isGood = status !== null && status < 400 && !code;
  return html`<li class=${isGood ? "" : "amiss"}>
    <time>${timeWithSeconds(at)}</time>
    <span class="status">${status ?? "no response"}</span>
    <span class="path"><span class="service">${service}</span> ${method} ${path} ${code}</span>
    <span class="took">${milliseconds} ms</span></li>`;
}
