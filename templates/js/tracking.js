'use strict';

faceattr.tracking = (() => {
  return {};
})();
