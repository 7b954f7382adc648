// What Gradio's components do not do: strokes on a picture, colours, dropped files, keys, going to a place in the clip,
// and playing it.
(() => {
  "use strict";
  const one = (selector) => document.querySelector(selector);
  const DRAWN = { "#picture": "gesture", "#reference": "shown" }; // picture -> the hidden field that takes its strokes
  const BOX = 2, SCRIBBLE = 3, ERASER = 4; // places in the list of tools
  const STEP = 3; // pixels of the frame between two points of a stroke
  let stroke = null, playing = null;

  function tell(id, value) {
    const field = one(`#${id} textarea, #${id} input`);
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const tool = () => [...document.querySelectorAll("#tool input")].findIndex((input) => input.checked);

  // The picture lies in the middle of its box, as large as it fits.
  function place(image, event) {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    const left = box.left + (box.width - image.naturalWidth * scale) / 2;
    const top = box.top + (box.height - image.naturalHeight * scale) / 2;
    const inside = (value, size) => Math.max(0, Math.min(size - 1, Math.floor(value / scale)));
    return [inside(event.clientX - left, image.naturalWidth), inside(event.clientY - top, image.naturalHeight)];
  }

  function canvasOver(image) {
    const box = image.getBoundingClientRect();
    const canvas = document.createElement("canvas");
    canvas.width = box.width;
    canvas.height = box.height;
    canvas.style.cssText = `position:fixed;pointer-events:none;z-index:50;left:${box.left}px;top:${box.top}px`;
    document.body.append(canvas);
    return canvas;
  }

  function draw(event) {
    const pen = stroke.canvas.getContext("2d"), box = stroke.canvas.getBoundingClientRect();
    stroke.path.push([event.clientX - box.left, event.clientY - box.top]);
    const [[x0, y0]] = stroke.path, [x1, y1] = stroke.path.at(-1);
    pen.clearRect(0, 0, box.width, box.height);
    pen.beginPath();
    if (stroke.tool === BOX) pen.rect(x0, y0, x1 - x0, y1 - y0);
    else for (const point of stroke.path) pen.lineTo(...point);
    for (const [color, width] of [["white", 5], [stroke.tool === ERASER ? "rgb(235,40,40)" : "rgb(37,99,235)", 2.5]]) {
      pen.strokeStyle = color;
      pen.lineWidth = width;
      pen.stroke();
    }
  }

  function end() {
    stroke?.canvas?.remove();
    stroke = null;
  }

  document.addEventListener("pointerdown", (event) => {
    const image = event.target.closest?.("#picture img, #reference img");
    if (playing && !event.target.closest?.("#play")) {
      pause();
      if (image) return event.preventDefault(); // what moves is not prompted: where it stands still is seen first
    }
    if (!image || event.button !== 0) return goTo(event);
    event.preventDefault();
    const onReference = Boolean(image.closest("#reference"));
    const chosen = onReference ? BOX : tool();
    const canvas = chosen >= BOX ? canvasOver(image) : null;
    stroke = { image, tool: chosen, field: DRAWN[onReference ? "#reference" : "#picture"], canvas, path: [] };
    stroke.points = [place(image, event)];
    if (canvas) draw(event);
  });

  document.addEventListener("pointermove", (event) => {
    if (!stroke?.canvas) return;
    const point = place(stroke.image, event), last = stroke.points.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= STEP) stroke.points.push(point);
    draw(event);
  });

  document.addEventListener("pointerup", () => {
    if (!stroke) return;
    tell(stroke.field, JSON.stringify({ points: stroke.points, at: Date.now() }));
    end();
  });
  document.addEventListener("pointercancel", end);
  document.addEventListener("dragstart", (event) => event.target.closest?.("#picture") && event.preventDefault());

  // A file dropped on the page goes where the button for its kind would put it.
  const brings = (event) => event.dataTransfer.types.includes("Files") && !event.target.closest?.("#reference");
  document.addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    pause();
    const button = event.dataTransfer.files[0].name.endsWith(".seem") ? "reopen" : "upload";
    const field = one(`button#${button}`).previousElementSibling;
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  const slider = () => one("#frame input[type=range]");

  function show(frame) {
    const bar = slider();
    bar.value = Math.max(Number(bar.min), Math.min(Number(bar.max), frame));
    bar.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const stay = () => slider().dispatchEvent(new Event("pointerup", { bubbles: true })); // prompts may follow

  function setFrame(frame) {
    show(frame);
    stay();
  }

  // By the clock, but for frames whose turn is over before the picture of the one before has come.
  function play() {
    const words = one("#reel textarea, #reel input").value;
    if (!words) return;
    const { first, last, fps } = JSON.parse(words), now = Number(slider().value);
    if (last === first) return;
    const from = first <= now && now < last ? now : first;
    const before = from === now ? null : one("#picture img").getAttribute("src"); // the picture that another follows
    playing = { from, last, fps, at: from, before, since: null };
    if (before) show(from);
    one("#play").textContent = "Pause";
    requestAnimationFrame(step);
  }

  function step(now) {
    if (!playing) return;
    requestAnimationFrame(step);
    const image = one("#picture img"), source = image.getAttribute("src");
    if (source === playing.before || !image.complete) return;
    if (playing.at === playing.last) return pause();
    playing.since ??= now;
    const due = Math.min(playing.last, playing.from + Math.floor(((now - playing.since) / 1000) * playing.fps));
    if (due <= playing.at) return;
    Object.assign(playing, { at: due, before: source });
    show(due);
  }

  function pause() {
    if (!playing) return;
    playing = null;
    one("#play").textContent = "Play";
    stay();
  }

  const playOrPause = () => (playing ? pause() : play());

  function goTo(event) {
    const bar = event.target.closest?.("#strip img, #timeline svg");
    if (!bar) return;
    const box = bar.getBoundingClientRect(), last = Number(slider().max);
    setFrame(Math.floor(((event.clientX - box.left) / box.width) * (last + 1)));
  }

  const press = (id) => one(`button#${id}, #${id} button`)?.click();
  const choose = (number) => document.querySelectorAll("#tool input")[number]?.click();
  const move = (by) => setFrame(Number(slider().value) + by);
  const KEYS = {
    "+": () => choose(0), "=": () => choose(0), "-": () => choose(1),
    b: () => choose(BOX), s: () => choose(SCRIBBLE), e: () => choose(ERASER),
    n: () => press("another"), h: () => press("hide"), Delete: () => press("delete"),
    u: () => press("undo"), r: () => press("redo"), t: () => press("track"), Escape: () => press("stop"), p: playOrPause,
    ArrowLeft: (event) => move(event.shiftKey ? -10 : -1), ArrowRight: (event) => move(event.shiftKey ? 10 : 1),
    Home: () => setFrame(0), End: () => move(Infinity),
  };

  const NOT_TYPED = "[type=radio], [type=range], [type=checkbox], [type=color]";
  const WITH_CTRL = { z: "u", y: "r", "shift z": "r" };

  document.addEventListener("click", (event) => event.target.closest?.("#play") && playOrPause());
  document.addEventListener("change", (event) => {
    if (event.target.closest?.("#color")) tell("picked", JSON.stringify({ color: event.target.value, at: Date.now() }));
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.matches(`textarea, [contenteditable], input:not(${NOT_TYPED})`)) return;
    if (event.key === "Escape" && stroke) return end();
    const plain = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const held = event.ctrlKey || event.metaKey;
    const act = KEYS[held ? WITH_CTRL[(event.shiftKey ? "shift " : "") + plain] : plain];
    if (!act || event.altKey) return;
    event.preventDefault();
    if (act !== playOrPause) pause();
    act(event);
  }, true);
})();
