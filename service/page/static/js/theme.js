// Light, dark, or as the system has it; remembered where the browser allows that.

const ORDER = ["auto", "light", "dark"];
const WORDS = { auto: "as the system", light: "light", dark: "dark" };
const GLYPHS = { auto: "◐", light: "○", dark: "●" };

/** Let `button` go round the themes. `changed` is called after each change, the system's own included. */
export function themeSwitch(button, changed = () => {}) {
  const root = document.documentElement;
  const show = () => {
    const theme = root.dataset.theme ?? "auto";
    button.querySelector("[data-glyph]").textContent = GLYPHS[theme];
    button.querySelector("[data-word]").textContent = WORDS[theme];
  };
  button.addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(root.dataset.theme ?? "auto") + 1) % ORDER.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    remember(next);
    show();
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  show();
}

function remember(theme) {
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // It lasts until the page is left, then.
  }
}
