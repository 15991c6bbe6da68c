// Where the keyboard is, when something opens or closes.

const hasKeyboard = () => matchMedia("(hover: hover)").matches; // on a phone it would come up

/** Let the one who types go on in the box of a pane, once it is drawn. */
export const writeIn = (pane) =>
  requestAnimationFrame(() => hasKeyboard() && document.querySelector(`.${pane} textarea`)?.focus());

/** Go to the first of these that can be gone to, once what had the focus is gone. */
export const goBack = (...elements) =>
  requestAnimationFrame(() => {
    for (const element of elements) {
      if (document.activeElement !== document.body) return;
      element()?.focus();
    }
  });
