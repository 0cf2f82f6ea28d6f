'use strict';

faceattr.live = (() => {
  return {};
})();
