/** A clip from the microphone: as many seconds as the model wants, at the rate that the device has. */

/** Records; `heard` is called with the samples so far. Ends with the clip. */
export async function record(seconds, heard) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("this browser gives pages no microphone, or not on this address: open the page on 127.0.0.1 or by https");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } }).catch((error) => {
    throw new Error(error.name === "NotAllowedError" ? "the microphone was refused: allow it for this page" : `there is no microphone to listen to (${error.message})`);
  });
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule(new URL("tap.js", import.meta.url));
    await context.resume();
    return await listen(context, context.createMediaStreamSource(stream), seconds, heard);
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    await context.close();
  }
}

function listen(context, source, seconds, heard) {
  const { sampleRate } = context;
  const samples = new Float32Array(Math.ceil(seconds * sampleRate));
  const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
  source.connect(tap);
  let at = 0;
  return new Promise((done) => {
    tap.port.onmessage = ({ data }) => {
      samples.set(data.subarray(0, samples.length - at), at);
      at = Math.min(at + data.length, samples.length);
      heard(samples.subarray(0, at));
      if (at < samples.length) return;
      source.disconnect();
      done({ samples, sampleRate });
    };
  });
}
