// Before anything is painted, so that the page does not flash in the other theme. No module: those wait for the document.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is shut off: the system's theme it is.
}
