'use strict';

const js = require('@eslint/js');
const globals = require('globals');

const MARKUP = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'setHTMLUnsafe', 'createContextualFragment', 'write', 'writeln'];
const STORES = ['localStorage', 'sessionStorage', 'indexedDB', 'caches', 'cookieStore'];
const BROWSERS_OWN_DIALOGS = ['alert', 'confirm', 'prompt'];

module.exports = [
  {
    files: ['**/*.js'],
    languageOptions: { sourceType: 'script', ecmaVersion: 2022, globals: { ...globals.browser, faceattr: 'readonly' } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...js.configs.recommended.rules,
      eqeqeq: 'error',
      'max-lines': ['error', 199],
      'no-implicit-globals': 'error',
      'no-restricted-globals': [
        'error',
        ...STORES.map((name) => ({ name, message: 'Only settings are stored, by settings.js.' })),
        ...BROWSERS_OWN_DIALOGS.map((name) => ({ name, message: 'They stop the whole page; use a <dialog>.' })),
      ],
      'no-restricted-properties': ['error', ...MARKUP.map((property) => ({ property, message: 'Text is set as text, never as markup.' }))],
      'no-var': 'error',
      'prefer-const': 'error',
      strict: ['error', 'global'],
    },
  },
  {
    files: ['**/wording.js'],
    languageOptions: { globals: { faceattr: 'off' } },
    rules: { 'no-implicit-globals': 'off' }, // the first script makes the namespace
  },
  {
    files: ['**/settings.js'],
    rules: { 'no-restricted-globals': 'off' },
  },
];
