// Where the keyboard focus goes when something opens or closes.

const hasKeyboard = () => matchMedia("(hover: hover)").matches; // a phone would show its keyboard

/** Focus the message box of a pane, once it is drawn. */
export const writeIn = (pane) =>
  requestAnimationFrame(() => hasKeyboard() && document.querySelector(`.${pane} textarea`)?.focus());

/** Focus the first of these that can be focused, once the focused element is gone. */
export const goBack = (...elements) =>
  requestAnimationFrame(() => {
    for (const element of elements) {
      if (document.activeElement !== document.body) return;
      element()?.focus();
    }
  });
