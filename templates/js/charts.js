'use strict';

faceattr.charts = (() => {
  return {};
})();
