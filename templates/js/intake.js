'use strict';

/** The three ways in: choose, drop, paste. */
faceattr.intake = (() => {
  /**
   * @param {(photo: File, given: number) => void} take gets the first photo and how many files were given
   * @param {() => void} refuse is called for a drop or paste without any file
   */
  function start(take, refuse) {
    const input = /** @type {HTMLInputElement} */ (document.getElementById('file'));
    const veil = document.getElementById('drop');

    /** @param {FileList | undefined} list */
    function give(list) {
      const files = [...(list ?? [])];
      const photo = files.find((file) => file.type.startsWith('image/')) ?? files[0];
      if (photo) take(photo, files.length);
      else refuse();
    }

    document.getElementById('choose').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      const files = [...input.files];
      input.value = ''; // so that the same photo can be chosen again
      if (files.length > 0) take(files[0], files.length);
    });

    document.addEventListener('paste', (event) => give(event.clipboardData?.files));

    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
      veil.hidden = false;
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) veil.hidden = true;
    });
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      veil.hidden = true;
      give(event.dataTransfer?.files);
    });
  }

  return { start };
})();
