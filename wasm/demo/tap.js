/** Hands the first channel of what comes in to the page. */

registerProcessor(
  "tap",
  class extends AudioWorkletProcessor {
    process([[channel]]) {
      if (channel) this.port.postMessage(channel.slice());
      return true;
    }
  },
);
