'use strict';

faceattr.kiosk = (() => {
  return {};
})();
