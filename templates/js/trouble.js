'use strict';

/** What is in the way of the live view: the camera, in its place on the wall; the server, in a quiet line over the picture. */
faceattr.trouble = (() => {
  const { camera, live, wording } = faceattr;
  const { say } = wording;
  const element = Object.fromEntries(
    ['live-frame', 'live-trouble', 'live-trouble-title', 'live-trouble-help', 'live-trouble-again', 'live-retry', 'live-server', 'live-server-words', 'live-reload']
      .map((id) => [id, document.getElementById(id)]),
  );

  /**
   * @param {faceattr.CameraState} state
   * @param {faceattr.CameraFailure | ''} failure
   */
  function showCamera(state, failure) {
    element['live-frame'].dataset.camera = state;
    element['live-trouble'].dataset.state = state;
    element['live-trouble'].hidden = state === 'running' || state === 'off';
    const { title, help } = failure ? faceattr.devices.explain(failure) : { title: say('live.starting'), help: say('live.startingHelp') };
    element['live-trouble-title'].textContent = title;
    element['live-trouble-help'].textContent = help;
    element['live-trouble-again'].hidden = element['live-retry'].hidden = state !== 'failed' || failure === 'insecure';
  }

  /** @param {{code: string} | null} problem */
  function showServer(problem) {
    element['live-server'].hidden = problem === null;
    if (problem === null) return;
    const isDoor = problem.code === 'unauthorized';
    const { title } = wording.problem(problem.code);
    element['live-server-words'].textContent = say(isDoor ? 'live.signIn' : 'live.goesOn', { title });
    element['live-reload'].hidden = !isDoor;
  }

  element['live-retry'].addEventListener('click', () => camera.retry());
  element['live-reload'].addEventListener('click', () => {
    faceattr.visitors.handOver();
    location.reload();
  });
  camera.onState(showCamera);
  live.onServer(showServer);

  return {};
})();
