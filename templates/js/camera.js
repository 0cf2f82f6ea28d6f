'use strict';

faceattr.camera = (() => {
  return {};
})();
