// Preloaded into the programs by the build (warm-up.ts): when one ends, it leaves beside each chunk that it ran what V8 made of it, for start.cjs.
const { chmodSync, writeFileSync } = require('node:fs');
const vm = require('node:vm');
const { crc32 } = require('node:zlib');

const kept = [];

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    kept.push({ source, script: this, file: options.filename });
  }
};

// At the end: a function's code is there once it was called.
process.on('exit', () => {
  for (const { source, script, file } of kept) {
    const code = script.createCachedData();
    const header = Buffer.alloc(8);
    header.writeUInt32LE(crc32(Buffer.from(source, 'latin1')), 0);
    header.writeUInt32LE(crc32(code), 4);
    writeFileSync(`${file}.code`, Buffer.concat([header, code]));
    // A controller makes everything its user's alone.
    chmodSync(`${file}.code`, 0o644);
  }
});
