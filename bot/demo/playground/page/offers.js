// What Slack offers after a slash: the app's command and its shortcut.

import { failure } from "./failures.js";
import { html } from "./lit.js";
import { update } from "./ui.js";
import { act, app } from "./world.js";

/** The command and the shortcut that match what is typed so far. */
export function offersFor(draft) {
  if (!/^\/\S*$/.test(draft)) return [];
  const { command, description, hint: words, shortcut, name } = app();
  const wanted = draft.slice(1).toLowerCase();
  const offers = [];
  if (command.slice(1).startsWith(wanted)) {
    offers.push({ title: command, words: `${description} ${words}`, then: ({ type }) => type(`${command} `) });
  }
  if (shortcut.toLowerCase().includes(wanted)) {
    offers.push({ title: shortcut, words: `Shortcut from ${name}`, then: startShortcut });
  }
  return offers;
}

async function startShortcut({ type, box }) {
  type("");
  const { error } = await act({ act: "shortcut" });
  update({ notice: { box, said: failure(error, app().shortcut) } });
}

/** The list of offers; `chosen` is the one selected by keyboard. */
export function offerList(offers, chosen, { id, type, box }) {
  return html`<ul class="offers" role="listbox" id=${id} aria-label="Commands and shortcuts">
    ${offers.map((offer, n) => html`<li role="option" id="${id}-${n}" aria-selected=${n === chosen}
      @mousedown=${(event) => (event.preventDefault(), offer.then({ type, box }))}>
      <strong>${offer.title}</strong> <span>${offer.words}</span></li>`)}
  </ul>`;
}
