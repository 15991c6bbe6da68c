// The region behind the bot: its instances, its calls and the switches.

import { callList } from "./calls.js";
import { ago, duration, timeWithSeconds } from "./dates.js";
import { html, nothing, repeat } from "./lit.js";
import { ui, update } from "./ui.js";
import { act, all, app, now, parts } from "./world.js";

const ANSWERS = {
  well: "normally",
  slowly: "slowly: four seconds per call",
  outage: "503: outage",
  throttled: "429: too many calls",
  keys_refused: "401: bot's keys rejected",
};
const NEXT_CREATE = {
  goes_well: "goes well",
  fails: "ends as FAILED",
  refused: "is refused",
  answer_lost: "is carried out, but its response is lost",
  vanishes: "disappears while it runs",
  takes_long: "takes 45 minutes",
};
const MOODS = { ACTIVE: "good", COMPLETED: "good", "BACKING UP": "busy", BUILDING: "busy" };
const SIZES = ["KB", "MB", "GB", "TB"];

const turn = (change) => act({ act: "switch", ...change });
const control = (label, change, disabled = false) => html`<button type="button" class="button"
  ?disabled=${disabled} @click=${() => act(change)}>${label}</button>`;

export function cloudPane() {
  return html`<aside class="cloud" aria-label="Cloud and bot">
    ${ui.guide ? guide() : nothing}
    ${clockSwitch()} ${botSwitch()} ${regionSwitches()}
    <section><h2>RDS instances</h2>
      ${repeat(all("instance"), (instance) => instance.id, instanceRow)}</section>
    ${callList()}
  </aside>`;
}

function guide() {
  const hide = () => {
    localStorage.setItem("guide", "off");
    update({ guide: false });
  };
  return html`<section class="guide"><h2>Four things to try</h2>
    <ol>${app().to_try.map((what) => html`<li>${what}</li>`)}</ol>
    <button type="button" class="plain" @click=${hide}>Hide</button></section>`;
}

function clockSwitch() {
  const { speed, speeds } = parts.get("clock");
  return html`<section><h2>Time</h2>
    <p class="clock">${timeWithSeconds(now())}</p>
    <fieldset class="choices"><legend>Speed</legend>
      ${speeds.map((one) => html`<label><input type="radio" name="speed" value=${one} .checked=${one === speed}
        @change=${() => turn({ speed: one })}> ${one}×</label>`)}
    </fieldset></section>`;
}

function botSwitch() {
  const { pid, is_connected, last_end } = parts.get("bot");
  const state = pid
    ? is_connected ? "is running" : "is starting"
    : `isn't running: ${last_end || "it hasn't started yet"}`;
  const turned = (bot) => ({ act: "switch", bot });
  return html`<section class="bot"><h2>The bot</h2>
    <p role="status"><span class="lamp ${pid ? (is_connected ? "good" : "soon") : "bad"}" aria-hidden="true"></span>
      It ${state}${pid ? html` <small>(process ${pid})</small>` : nothing}.</p>
    <div class="actions">${control("Kill", turned("kill"), !pid)} ${control("Start", turned("start"), pid)}
      ${control("Restart", turned("restart"), !pid)}</div></section>`;
}

function regionSwitches() {
  const { answers, next_create } = parts.get("cloud");
  return html`<section><h2>RDS</h2>
    ${choice("RDS responds", ANSWERS, answers, (value) => turn({ answers: value }))}
    ${choice("The next create", NEXT_CREATE, next_create, (value) => turn({ next_create: value }))}</section>`;
}

const choice = (label, words, value, then) => html`<label class="choice">${label}
  <select class=${Object.keys(words)[0] === value ? "" : "amiss"} @change=${(event) => then(event.target.value)}>
    ${Object.entries(words).map(([one, said]) => html`<option value=${one} .selected=${one === value}>${said}</option>`)}
  </select></label>`;

function instanceRow(instance) {
  const running = instance.backups.find((backup) => backup.status === "BUILDING");
  return html`<details class="instance" data-name=${instance.name}>
    <summary><span class="name">${instance.name}</span>
      <span class="status ${MOODS[instance.status] ?? "amiss"}">${instance.status}</span>
      <small>${instance.engine} · ${instance.type}</small>
      ${running ? progress(running) : nothing}</summary>
    ${instance.automated ? automated(instance) : nothing}
    ${instance.backups.length
      ? html`<ul class="backups">${instance.backups.map(backupRow)}</ul>`
      : html`<p class="none">No backups.</p>`}
  </details>`;
}

/** What someone can do to its automated backups and log backups in the RDS console. */
function automated({ id, automated: { is_on, fails_tonight, takes_logs } }) {
  const change = (what) => ({ act: "change", instance: id, what });
  return html`<div class="actions">
    ${is_on
      ? control("Switch automated backups off", change("automated_off"))
      : control("Switch automated backups on", change("automated_on"))}
    ${fails_tonight
      ? control("Let tonight's automated backup succeed", change("succeed_tonight"))
      : control("Let tonight's automated backup fail", change("fail_tonight"), !is_on)}
    ${takes_logs
      ? control("Stop log backups", change("stop_logs"), !is_on)
      : control("Resume log backups", change("resume_logs"), !is_on)}
  </div>`;
}

function progress({ name, began, takes }) {
  const share = Math.min(1, (now() - began) / takes);
  return html`<progress max="1" value=${share} aria-label="Backup ${name}">${Math.round(share * 100)} %</progress>`;
}

function backupRow({ id, name, type, status, began, ended, size_kb }) {
  const took = ended ? `${duration(ended - began)}, ${ago(now() - began)}` : `since ${duration(now() - began)}`;
  return html`<li><span class="name">${name}</span>
    <span class="status ${MOODS[status] ?? "amiss"}">${status}</span>
    <small>${type}${size_kb ? ` · ${size(size_kb)}` : ""} · ${took}</small>
    ${type === "manual" && ended && status !== "DELETING"
      ? html`<div class="actions">${control("Delete outside the bot", { act: "delete", backup: id })}</div>`
      : nothing}</li>`;
}

function size(kilobytes) {
  let [amount, unit] = [kilobytes, 0];
  for (; amount >= 1024 && unit < SIZES.length - 1; unit += 1) amount /= 1024;
  return `${amount.toFixed(1)} ${SIZES[unit]}`;
}
