// The message box, with suggestions for slash commands.

import { failure } from "./failures.js";
import { html, live, nothing, ref } from "./lit.js";
import { toEnd } from "./log.js";
import { boxOf, notice } from "./notices.js";
import { offerList, offersFor } from "./offers.js";
import { ui, update } from "./ui.js";
import { act, app } from "./world.js";

let chosen = 0; // the index of the selected suggestion
let unwanted = null; // the draft for which Escape closed the suggestions

/** A message box; `thread` is the ts of the thread it replies to. Each person has their own drafts. */
export function composer(channel, { thread = null, label }) {
  const box = boxOf(channel.id, thread);
  const place = `${ui.who}-${box}`;
  const draft = ui.drafts[place] ?? "";
  if (draft !== unwanted) unwanted = null;
  const offersOf = (text) => (thread || text === unwanted ? [] : offersFor(text));
  const offers = offersOf(draft);
  chosen = Math.min(chosen, Math.max(0, offers.length - 1));
  const type = (text) => update({ drafts: { ...ui.drafts, [place]: text }, notice: null });
  const send = () => submit(channel, { place, box, thread });
  // By what is typed, since a key may come before that is drawn.
  const keys = (event) => onKey(event, offersOf(event.target.value), { type, box, send });
  const listId = `offers-${place}`;
  return html`<form class="composer" @submit=${(event) => (event.preventDefault(), send())}>
    ${offers.length ? offerList(offers, chosen, { id: listId, type, box }) : nothing}
    ${hint(draft, thread)}
    <textarea rows="1" maxlength="12000" aria-label=${label} placeholder=${label} .value=${live(draft)}
      aria-autocomplete="list" aria-controls=${offers.length ? listId : nothing}
      aria-activedescendant=${offers.length ? `${listId}-${chosen}` : nothing}
      @input=${({ target }) => (type(target.value), grow(target))} @keydown=${keys} ${ref(grow)}></textarea>
    <button type="submit" class="send" aria-label="Send" ?disabled=${!draft.trim()}>➤</button>
  </form>
  ${notice(box)}`;
}

/** The usage hint, until something follows the command. */
function hint(draft, thread) {
  const { command, hint: words } = app();
  if (thread || draft.trim() !== command || draft === command) return nothing;
  return html`<p class="hint"><code>${command}</code> ${words}</p>`;
}

function onKey(event, offers, { type, box, send }) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (offers.length && step) {
    chosen = (chosen + step + offers.length) % offers.length;
    event.preventDefault();
    update({});
  } else if (offers.length && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey) {
    const isWhole = event.key === "Enter" && event.target.value === offers[chosen].title;
    event.preventDefault();
    if (isWhole) send();
    else offers[chosen].then({ type, box });
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  } else if (event.key === "Escape" && offers.length) {
    event.stopPropagation();
    unwanted = event.target.value;
    update({});
  }
}

async function submit(channel, { place, box, thread }) {
  const text = (ui.drafts[place] ?? "").trim();
  if (!text) return;
  update({ drafts: { ...ui.drafts, [place]: "" }, notice: null });
  toEnd(thread ? "thread" : "channel"); // where the answer will appear
  const { error } = await act({ act: "say", channel: channel.id, text, thread });
  if (!error) return;
  const drafts = ui.drafts[place] ? ui.drafts : { ...ui.drafts, [place]: text };
  update({ notice: { box, said: failure(error, text.split(/\s/)[0]) }, drafts });
}

function grow(element) {
  if (!element) return;
  requestAnimationFrame(() => {
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 160)}px`;
  });
}
