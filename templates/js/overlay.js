'use strict';

faceattr.overlay = (() => {
  return {};
})();
