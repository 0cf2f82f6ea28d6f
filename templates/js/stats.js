'use strict';

faceattr.stats = (() => {
  return {};
})();
