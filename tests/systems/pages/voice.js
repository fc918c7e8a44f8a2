// Notes by voice and pen, and every way a page knows to get them out.
const note = document.querySelector('textarea').value;
const part = (name) => document.querySelector(`[data-spot=${name}]`);
const canvas = document.querySelector('canvas');
const pad = new SignaturePad(canvas);
pad.addEventListener('endStroke', () => tell('stroke', String(pad.toData().length)));
part('keep').onclick = () => canvas.toBlob((picture) => hand('pen', picture));

// As recorders for pages do it: the engine's own recorder where it has an encoder, else plain samples.
const kinds = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4', 'audio/webm', 'video/webm', 'video/mp4'];
const encoded = (stream, mimeType) => {
  const recorder = new MediaRecorder(stream, { mimeType });
  recorder.ondataavailable = (event) => {
    if (!event.data.size) return;
    hand('voice', event.data);
    if (recorder.state === 'recording') recorder.stop();
  };
  recorder.onerror = (event) => tell('recorder', String(event.error));
  recorder.start(200);
};
const sampled = (stream) => {
  const context = new AudioContext();
  const processor = context.createScriptProcessor(4096, 1, 1);
  processor.onaudioprocess = (event) => {
    const samples = event.inputBuffer.getChannelData(0);
    // Until there is sound.
    if (!samples.some((sample) => Math.abs(sample) > 0.01)) return;
    processor.onaudioprocess = null;
    hand('voice', Int16Array.from(samples, (sample) => sample * 32767));
  };
  context.createMediaStreamSource(stream).connect(processor);
  processor.connect(context.destination);
};
part('record').onclick = async () => {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const track = stream.getAudioTracks()[0];
    tell('microphone', `${track.kind} ${track.readyState}`);
    const known = kinds.filter((kind) => MediaRecorder.isTypeSupported(kind));
    tell('recorder', known.join(' ') || 'none');
    if (known.length) encoded(stream, known[0]);
    else sampled(stream);
  } catch (error) {
    tell('microphone', error.name);
  }
};
document.querySelector('input').onchange = (event) => hand('photo', event.target.files[0]);
part('screen').onclick = () =>
  navigator.mediaDevices.getDisplayMedia({ video: true }).then(() => tell('screen', 'shown'), (error) => tell('screen', error.name));
part('copy').onclick = async () => {
  document.querySelector('textarea').select();
  tell('command', String(document.execCommand('copy')));
  tell('written', await navigator.clipboard.writeText(note).then(() => 'done', (error) => error.name));
};
part('data').href = `data:text/plain,${note}`;
part('blob').href = URL.createObjectURL(new Blob([note]));
part('print').onclick = () => print();
