/**
 * One view at a time. The words of each are in page.html, a section per view; what leads from one to the next is here. The server says in
 * `data-view` which is the first.
 */

const frame = document.querySelector('#frame');
const video = document.querySelector('video');
const canvas = document.querySelector('canvas');
const progress = document.querySelector('progress');

const framed = ['camera', 'still', 'sending'];

/** What the browser calls a camera that cannot be had; any other name is one that does not answer. */
const refusals = { NotAllowedError: 'denied', SecurityError: 'denied', NotFoundError: 'absent' };

/** What the server answers to a photograph; anything else, and no answer, is a failure that may be tried again. */
const answers = { 204: 'done', 404: 'unknown', 409: 'used', 410: 'expired', 422: 'face' };

function show(view) {
  document.body.dataset.view = view;
  for (const section of document.querySelectorAll('section')) section.hidden = section.id !== view;
  frame.hidden = !framed.includes(view);
  // The button that was pressed is gone: a keyboard and a screen reader go on from here.
  const heading = document.querySelector(`#${view} h1`);
  heading.tabIndex = -1;
  heading.focus();
}

async function open() {
  // Without https, and not on the device itself, browsers have no camera to offer.
  if (!navigator.mediaDevices) return show('absent');
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user', height: { ideal: 960 } } });
    for (const track of stream.getTracks()) track.onended = () => show('absent');
    video.srcObject = stream;
    await video.play();
    show('camera');
  } catch (error) {
    close();
    show(refusals[error.name] ?? 'busy');
  }
}

function close() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

/** Takes what the frame shows: the middle of the camera's picture, in the frame's proportions. */
function photograph() {
  const { videoWidth, videoHeight } = video;
  const scale = Math.min(videoWidth / canvas.width, videoHeight / canvas.height);
  const [width, height] = [canvas.width * scale, canvas.height * scale];
  const [left, top] = [(videoWidth - width) / 2, (videoHeight - height) / 2];
  canvas.getContext('2d').drawImage(video, left, top, width, height, 0, 0, canvas.width, canvas.height);
  close();
  show('still');
}

async function send() {
  progress.value = 0;
  show('sending');
  const image = canvas.toDataURL('image/png').split(',')[1];
  show(answers[await post(`${location.pathname}/face`, { image })] ?? 'failed');
}

/** Posts JSON and gives the status of the answer, 0 without one. Not by `fetch`, which does not tell how far it is. */
function post(url, body) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.setRequestHeader('content-type', 'application/json');
    request.timeout = 60_000;
    request.upload.onprogress = ({ loaded, total }) => {
      progress.value = loaded / total;
    };
    request.onloadend = () => resolve(request.status);
    request.send(JSON.stringify(body));
  });
}

const actions = { open, photograph, send };

for (const button of document.querySelectorAll('button')) {
  button.addEventListener('click', async () => {
    button.disabled = true;
    await actions[button.dataset.action]();
    button.disabled = false;
  });
}

show(document.body.dataset.view);
