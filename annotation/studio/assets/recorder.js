// The recorder inside the labeling page: speak, be heard, listen, and hand the recording's id to
// Label Studio's text box `recording`. Sound goes to the server while it is spoken; the browser
// keeps all of it until the server has it (recorder_upload.js), so that neither side's failure
// loses what was said.
"use strict";

const settings = JSON.parse(document.getElementById("settings").textContent);
const part = (id) => document.getElementById(id);
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const CHUNK_MS = 1000;
const BITS_PER_S = 32000;
const SILENT_DBFS = -60; // the server draws the same line
const SILENT_FOR_S = 4; // then the person is told, while still speaking
const MAX_S = 1750; // the server takes half an hour
const MARGIN_S = 0.5; // what a browser records is a little shorter than its clock says

// ---- what is shown ----

function say(id, text) {
  if (part(id).textContent !== text) part(id).textContent = text;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function isEnough(seconds) {
  return seconds >= settings.minSeconds + MARGIN_S;
}

function showTime(seconds) {
  say("time", isEnough(seconds) ? clock(seconds) : `${clock(seconds)} of ${clock(settings.minSeconds)}`);
  part("length").max = settings.minSeconds;
  part("length").value = Math.min(seconds, settings.minSeconds);
}

function showLevel(dbfs) {
  const bounded = Math.max(SILENT_DBFS, Math.min(0, dbfs));
  part("level").firstElementChild.style.width = `${100 * (1 - bounded / SILENT_DBFS)}%`;
  part("level").setAttribute("aria-valuenow", bounded.toFixed(0));
  part("level").setAttribute("aria-valuetext", `${bounded.toFixed(0)} decibels`);
}

// ---- Label Studio's side of the page ----

// Another page may not be looked into; then the recorder was opened by itself.
function studio() {
  try {
    return window.parent === window ? null : (window.parent.Htx?.annotationStore ?? null);
  } catch {
    return null;
  }
}

function box() {
  return studio()?.selected?.names?.get("recording") ?? null;
}

function inAnnotation() {
  return box()?.selectedValues()[0] ?? "";
}

function writeAnnotation(id) {
  const target = box();
  if (!target || target.isReadOnly()) return false;
  for (const old of [...target.regions]) target.remove(old);
  if (id) target.addText(id);
  return true;
}

async function waitForStudio() {
  for (let tries = 0; tries < 100 && !box(); tries += 1) await pause(0.1);
  return box() !== null;
}

function followStudio() {
  const outside = studio() ? window.parent.document.documentElement : null;
  const scheme = () => {
    const named = outside?.getAttribute("data-color-scheme");
    const dark = named ? named === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.classList.toggle("dark", dark);
  };
  scheme();
  if (!outside) return;
  new MutationObserver(scheme).observe(outside, { attributeFilter: ["data-color-scheme"] });
  const frame = window.frameElement;
  const fit = () => { frame.style.height = `${document.body.scrollHeight}px`; };
  new ResizeObserver(fit).observe(document.body);
}

// ---- the microphone ----

const MICROPHONE = {
  NotAllowedError: "The microphone is blocked. Allow it for this site in the browser's address bar, then press Record again.",
  NotFoundError: "No microphone was found. Connect one, then press Record again.",
  NotReadableError: "Another program holds the microphone. Close it, then press Record again.",
};

async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Refused("The browser gives no microphone to this address. Open Label Studio through https:// and try again.");
  }
  if (!window.MediaRecorder) throw new Refused("This browser cannot record. Use a current Firefox, Chrome, Edge or Safari.");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true },
    });
  } catch (error) {
    throw new Refused(MICROPHONE[error.name] ?? `The microphone cannot be used: ${error.message}.`);
  }
}

// How loud it is: now, and over the whole recording.
class Meter {
  constructor(stream) {
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
    this.energy = 0;
    this.count = 0;
    this.heardAt = performance.now();
  }

  read() {
    if (this.context.state !== "running") return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, x) => sum + x * x, 0) / this.samples.length;
    this.energy += power;
    this.count += 1;
    const dbfs = 10 * Math.log10(power + 1e-12);
    if (dbfs >= SILENT_DBFS) this.heardAt = performance.now();
    return dbfs;
  }

  get quietS() {
    return (performance.now() - this.heardAt) / 1000;
  }

  get isSilent() {
    return this.count > 0 && 10 * Math.log10(this.energy / this.count + 1e-12) < SILENT_DBFS;
  }

  close() {
    this.context.close();
  }
}

// ---- one recording, from the first word to the id in the annotation ----

let take = null; // what is being recorded
let good = ""; // the last recording that can be used

async function record() {
  part("record").disabled = true;
  say("problem", "");
  try {
    const stream = await openMicrophone();
    begin(stream);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say("problem", error.message);
  }
  part("record").disabled = false;
}

function begin(stream) {
  good = inAnnotation() || good;
  writeAnnotation(""); // nobody submits the old recording while speaking a new one
  const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: BITS_PER_S });
  take = { stream, recorder, upload: new Upload(), meter: new Meter(stream), since: performance.now() };
  recorder.ondataavailable = (event) => { if (event.data.size) take.upload.push(event.data); };
  recorder.onstop = () => settle(take);
  take.timer = setInterval(() => watch(take), 50);
  take.upload.done.catch((error) => { say("problem", error.message); stop(); });
  stream.getAudioTracks()[0].onended = () => { say("problem", "The microphone is gone. What you said is kept."); stop(); };
  part("player").pause();
  part("listen").hidden = true;
  part("record").textContent = "Stop";
  part("record").classList.add("recording");
  say("status", "Recording. Describe the picture.");
  recorder.start(CHUNK_MS);
}

function watch(one) {
  const seconds = (performance.now() - one.since) / 1000;
  showLevel(one.meter.read());
  showTime(seconds);
  if (one.meter.quietS > SILENT_FOR_S) say("problem", "Nothing is heard. Is the right microphone chosen, and is it switched on?");
  else if (part("problem").textContent.startsWith("Nothing is heard.")) say("problem", "");
  say("status", isEnough(seconds) ? "Recording. It is long enough; go on while there is more to say." : "Recording. Describe the picture.");
  if (seconds >= MAX_S) stop();
}

function stop() {
  if (take && take.recorder.state !== "inactive") take.recorder.stop();
}

async function settle(one) {
  clearInterval(one.timer);
  one.stream.getTracks().forEach((track) => track.stop());
  showLevel(SILENT_DBFS);
  part("record").classList.remove("recording");
  part("record").textContent = "Record again";
  part("record").disabled = true;
  const silent = one.meter.isSilent;
  one.meter.close();
  say("problem", silent ? refusal({ refused: "silent" }) : "");
  say("status", "Saving.");
  one.upload.end();
  try {
    conclude(await one.upload.done, silent);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    restore(error.message);
  }
  take = null;
  part("record").disabled = false;
}

function refusal(facts) {
  const least = clock(settings.minSeconds);
  if (facts.refused === "silent") return "Nothing was heard in this recording. Check the microphone and record again.";
  if (facts.refused === "too_short") return `This recording is ${clock(facts.duration_s)} long; at least ${least} is needed. Record again.`;
  if (facts.refused === "too_long") return "This recording is longer than half an hour. Record again.";
  return "This recording cannot be read. Record again.";
}

function conclude(facts, silent) {
  const refused = silent ? { refused: "silent" } : facts;
  if (refused.refused) {
    restore(refusal(refused));
    if (refused.refused === "too_short" && !good) offer(facts.id, false);
    return;
  }
  use(facts.id, `Saved: ${clock(facts.duration_s)}. It is part of your annotation when you submit.`);
}

// The new one is of no use: the one before it stays, where there is one.
function restore(problem) {
  say("problem", problem);
  say("status", "");
  if (good) use(good, "The recording before it stays in your annotation.");
}

function use(id, text) {
  good = id;
  const written = inAnnotation() === id || writeAnnotation(id);
  say("status", written ? text : "Label Studio's page does not take the recording. Load the page again.");
  offer(id, false);
}

function offer(id, usable) {
  part("player").src = `/pixmo/recordings/${id}/sound`;
  part("listen").hidden = false;
  part("use").hidden = !usable;
  part("use").onclick = () => use(id, "This recording is part of your annotation when you submit.");
  part("record").textContent = "Record again";
}

// What was recorded here before, also where the page was closed in mid-recording.
async function resume() {
  const current = inAnnotation();
  if (current) {
    use(current, "This recording is in your annotation.");
    return;
  }
  say("status", "Press Record and describe the picture aloud.");
  const { status, facts } = await call("POST", `/pixmo/recordings/kept?key=${settings.key}`);
  if (status !== 200 || !facts.kept) return;
  const kept = facts.kept;
  const when = new Date(kept.started_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const what = `Your recording of ${when} was kept (${clock(kept.duration_s)}).`;
  const next = kept.refused ? `It is shorter than ${clock(settings.minSeconds)}: listen to it, then record again.` : "Listen to it and use it, or record again.";
  say("status", `${what} ${next}`);
  offer(kept.id, !kept.refused);
}

// Label Studio's own undo and reset may take the recording out again.
function watchAnnotation() {
  if (take || !good || inAnnotation() || part("record").disabled) return;
  say("status", "The recording is not in your annotation any more. Use it, or record again.");
  offer(good, true);
  good = "";
}

async function main() {
  showTime(0);
  if (!(await waitForStudio())) {
    say("status", "");
    say("problem", "This recorder works inside a labeling page of Label Studio only. Load the page again.");
    return;
  }
  followStudio();
  part("record").onclick = () => (take ? stop() : record());
  window.addEventListener("beforeunload", (event) => { if (take) event.preventDefault(); });
  if (box().isReadOnly()) {
    if (inAnnotation()) offer(inAnnotation(), false);
    part("record").hidden = true;
    say("status", "");
    return;
  }
  await resume();
  part("record").disabled = false;
  setInterval(watchAnnotation, 1000);
}

main();
