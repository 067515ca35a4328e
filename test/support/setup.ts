// Stack traces point at the .ts files; `node-option: enable-source-maps` would start a second node for it.
process.setSourceMapsEnabled(true);
