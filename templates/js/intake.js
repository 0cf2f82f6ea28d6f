'use strict';

/** The three ways in for files: choose, drop, paste. */
faceattr.intake = (() => {
  /**
   * @param {(photos: File[], given: number) => void} take gets the photos and how many files were given
   * @param {() => void} refuse is called for a drop or paste without any file
   */
  function start(take, refuse) {
    const input = /** @type {HTMLInputElement} */ (document.getElementById('file'));
    const veil = document.getElementById('drop');

    /** @param {FileList | undefined} list */
    function give(list) {
      const files = [...(list ?? [])];
      const photos = files.filter((file) => file.type.startsWith('image/'));
      if (files.length === 0) refuse();
      else if (photos.length > 0) take(photos, files.length);
      else take(files.slice(0, 1), 1); // the server says what is wrong with it
    }

    document.getElementById('choose').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])];
      input.value = ''; // so that the same photo can be chosen again
      if (files.length > 0) take(files, files.length);
    });

    /** @returns {boolean} whether the page is at something else, such as a PIN that is pasted */
    const isElsewhere = () => document.querySelector('dialog[open]') !== null;

    document.addEventListener('paste', (event) => isElsewhere() || give(event.clipboardData?.files));

    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
      veil.hidden = isElsewhere();
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) veil.hidden = true;
    });
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      veil.hidden = true;
      if (!isElsewhere()) give(event.dataTransfer?.files);
    });
  }

  return { start };
})();
