'use strict';

/** Asks for the PIN. Only the server knows it. */
faceattr.pinpad = (() => {
  const { say } = faceattr.wording;
  const PATIENCE_MS = 5000;
  /** @type {() => void} */
  let admit = () => {};

  /** @param {string} id */
  const at = (id) => document.getElementById(id);
  const dialog = () => /** @type {HTMLDialogElement} */ (at('pin'));
  const entry = () => /** @type {HTMLInputElement} */ (at('pin-entry'));

  /** To be called once, where there is a kiosk. */
  function prepare() {
    for (const key of /** @type {NodeListOf<HTMLElement>} */ (dialog().querySelectorAll('[data-digit]'))) {
      key.addEventListener('click', () => type(key.dataset.digit ?? ''));
    }
    at('pin-delete').addEventListener('click', () => (entry().value = entry().value.slice(0, -1)));
    at('pin-enter').addEventListener('click', submit);
    at('pin-cancel').addEventListener('click', () => dialog().close());
    entry().addEventListener('input', () => (entry().value = entry().value.replace(/\D/g, '')));
    entry().addEventListener('keydown', (event) => event.key === 'Enter' && submit());
    dialog().addEventListener('close', () => (entry().value = ''));
  }

  /** @param {() => void} then called when the PIN was right */
  function open(then) {
    admit = then;
    complain('');
    entry().value = '';
    dialog().showModal();
    entry().focus();
  }

  /** @param {string} digit */
  function type(digit) {
    complain('');
    if (entry().value.length < entry().maxLength) entry().value += digit;
  }

  async function submit() {
    const pin = entry().value;
    if (!pin) return;
    entry().value = '';
    let status = 0;
    let wait = 0;
    try {
      const response = await fetch('kiosk/pin', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ pin }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      status = response.status;
      wait = Number(response.headers.get('Retry-After')) || 1;
    } catch {
      // No status says it all.
    }
    if (!dialog().open) return;
    if (status === 204 || status === 404) {
      dialog().close();
      admit();
    } else if (status === 429) complain(say('kiosk.pin.wait', { n: wait }));
    else complain(say(status === 403 ? 'kiosk.pin.wrong' : 'kiosk.pin.unreachable'));
  }

  /** @param {string} words */
  function complain(words) {
    at('pin-error').textContent = words;
    entry().toggleAttribute('aria-invalid', words !== '');
  }

  return { prepare, open };
})();
