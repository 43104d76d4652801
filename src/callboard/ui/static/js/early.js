// Runs before the first paint, so that theme and rail do not jump. Kept tiny; all else is in modules.
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  try {
    // The server wrote it by the same cookie; a page out of the browser's memory may be older than the choice.
    var theme = /(?:^|; )callboard_theme=(light|dark)(?:;|$)/.exec(document.cookie);
    if (theme) root.dataset.theme = theme[1];
    else delete root.dataset.theme;
    if (localStorage.getItem("callboard.rail") === "narrow") root.dataset.rail = "narrow";
  } catch (e) { /* storage may be forbidden: the defaults hold */ }
})();
