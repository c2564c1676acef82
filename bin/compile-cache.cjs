// Most of a program's start is Node reading sources: it may keep what it made of them. Required before the program's first line, because Node then finds main.ts
// stripped of its types too, and need not load what strips them: 60 ms of CPU of every start. The cache is in our own folder: whoever can write there can change the
// sources too. Where it can't be written, nothing is kept.
const { enableCompileCache } = require('node:module');
const { join } = require('node:path');

enableCompileCache(join(__dirname, '../node_modules/.cache/lockstep'));
