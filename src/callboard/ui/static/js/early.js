// Runs before the first paint, so that theme and rail do not jump. Kept tiny; all else is in modules.
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var theme = localStorage.getItem("callboard.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("callboard.rail") === "narrow") root.dataset.rail = "narrow";
  } catch (e) { /* storage may be forbidden: the defaults hold */ }
})();
