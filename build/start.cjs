// lib/PROGRAM.cjs of what is installed: runs the chunks of one program, each from the code that V8 made of it when it was built. A chunk whose code does not fit, because it or Node is
// another one, is compiled as ever. Not Node's compile cache: it is each user's and each processor's own, and keeps no function that was first called after the start.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

/** A multiple of 8: V8 copies code that is not aligned. */
const HEADER_BYTES = 8;
const folder = __filename.slice(0, -'.cjs'.length);
const loaded = new Map();

load('./main.js');

/** `require` of the chunks: another chunk, or a module of Node; nothing else, wherever this folder lies. */
function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  if (!name.startsWith('./')) return builtin(name);
  const module = { exports: {} };
  loaded.set(name, module);
  compile(`${folder}/${name.slice(2)}`).runInThisContext()(module.exports, load, module);
  return module.exports;
}

function builtin(name) {
  const found = process.getBuiltinModule(name);
  if (found !== undefined) return found;
  throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
}

/** Chunks are ASCII: as Latin-1 they are read without looking at each byte, and take one byte a character in memory. */
function compile(file) {
  const source = readFileSync(file);
  return new Script(source.latin1Slice(), { filename: file, cachedData: codeOf(file, source) });
}

/** Both checksums, then the code. V8 itself looks only at lengths, and runs whatever it finds: a byte that a disk lost would end the program. */
function codeOf(file, source) {
  try {
    const made = readFileSync(`${file}.code`);
    const code = made.subarray(HEADER_BYTES);
    if (made.readUInt32LE(0) === crc32(source) && made.readUInt32LE(4) === crc32(code)) return code;
  } catch {
    // Not there, or cut off: it is only slower.
  }
  return undefined;
}
