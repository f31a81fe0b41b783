// The camera on the back of the phone, seen in the page as long as a screen wants it.
import { hold } from "./shot.js";

const WANTED = { facingMode: { ideal: "environment" }, width: { ideal: 4096 }, height: { ideal: 3072 } };
const READY = 2;

// Shows the camera in a video element. onChange hears {isLive, problem: null | "none" | "denied" |
// "busy" | "insecure"}; it goes dark with the page and comes back with it.
export function liveCamera(video, { onChange }) {
  let stream = null;
  let isOver = false;
  let starting = null;

  function open() {
    starting = starting || begin().finally(() => { starting = null; });
    return starting;
  }

  async function begin() {
    close();
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw Object.assign(new Error("no camera here"), { name: globalThis.isSecureContext ? "NotFoundError" : "SecurityError" });
      const found = await navigator.mediaDevices.getUserMedia({ video: WANTED, audio: false });
      if (isOver) return found.getTracks().forEach((track) => track.stop());
      stream = found;
      stream.getVideoTracks()[0].addEventListener("ended", gone);
      video.srcObject = stream;
      await video.play();
      onChange({ isLive: true, problem: null, width: video.videoWidth, height: video.videoHeight });
    } catch (error) {
      if (!isOver) onChange({ isLive: false, problem: problemOf(error) });
    }
  }

  function close() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
  }

  function gone() {
    if (!isOver && document.visibilityState === "visible") open();
  }

  function seen() {
    if (document.visibilityState === "visible" && !stream?.active) open();
  }

  const resized = () => { if (stream) onChange({ isLive: true, problem: null, width: video.videoWidth, height: video.videoHeight }); };
  document.addEventListener("visibilitychange", seen);
  video.addEventListener("resize", resized);
  open();
  return {
    open,
    get isLive() { return Boolean(stream?.active) && video.readyState >= READY && video.videoWidth > 0; },
    // The picture that is seen now, held in a canvas.
    frame: () => hold(video, video.videoWidth, video.videoHeight),
    photograph: () => fullPhotograph(stream),
    stop() {
      isOver = true;
      document.removeEventListener("visibilitychange", seen);
      video.removeEventListener("resize", resized);
      close();
    },
  };
}

// A photograph with all the pixels of the sensor, null where the browser takes none.
async function fullPhotograph(stream) {
  const track = stream?.getVideoTracks()[0];
  if (!track || !("ImageCapture" in globalThis)) return null;
  try {
    return await new ImageCapture(track).takePhoto();
  } catch {
    return null;
  }
}

function problemOf(error) {
  const known = { NotAllowedError: "denied", SecurityError: "insecure", NotReadableError: "busy", AbortError: "busy" };
  return known[error.name] || "none";
}
