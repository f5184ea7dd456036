/* Makes the log of an open task live, and lists quick to move in. Every page works without it. */
"use strict";
(function () {
  const log = document.getElementById("log");

  function line(row) {
    const li = document.createElement("li"), time = document.createElement("time");
    const src = document.createElement("span"), text = document.createElement("span");
    li.dataset.level = row.level;
    time.textContent = new Date(row.t / 1000).toISOString().slice(11, 19);
    src.className = "src"; src.textContent = row.src;
    text.className = "text"; text.textContent = row.text;
    li.append(time, src, text);
    return li;
  }

  function show(answer) {
    const bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    let list = log.querySelector("ol");
    if (!list && answer.lines.length) {
      list = document.createElement("ol");
      log.replaceChildren(list);
    }
    for (const row of answer.lines) list.append(line(row));
    log.dataset.after = answer.log.after;
    if (bottom) log.scrollTop = log.scrollHeight;
    const state = document.getElementById("state"), progress = document.getElementById("progress");
    if (state && state.dataset.state !== answer.log.state) {
      state.dataset.state = answer.log.state;
      state.textContent = answer.log.state;
    }
    if (progress) { progress.max = answer.log.total || 1; progress.value = answer.log.done; }
    const phase = document.getElementById("phase");
    if (phase) phase.textContent = answer.log.phase;
  }

  async function follow() {
    try {
      const url = log.dataset.src + "&after=" + encodeURIComponent(log.dataset.after);
      const reply = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (reply.ok) {
        const answer = await reply.json();
        show(answer);
        if (!answer.log.open && !answer.log.more) { location.reload(); return; }
      }
    } catch (e) { /* the panel restarts: the next turn finds it again */ }
    setTimeout(follow, document.hidden ? 5000 : 700);
  }

  if (log && log.dataset.open === "1") { log.scrollTop = log.scrollHeight; setTimeout(follow, 300); }

  /* "/" goes to the search field, as people expect. */
  document.addEventListener("keydown", function (e) {
    const find = document.querySelector("input[type=search]");
    if (e.key === "/" && find && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      e.preventDefault();
      find.focus();
    }
  });
})();
