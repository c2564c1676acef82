import { describe, expect, it } from 'vitest';
import { renderPage } from '../../bench/page.ts';
import { MEMORY, RESULT, ROW } from './fixtures.ts';

const machine = {
  cores: 2,
  cpu: 'A processor',
  memoryBytes: 8 * 2 ** 30,
  kernel: '6.1.0',
  nodeVersion: '24.21.0',
  loadAverage: 0.1,
  fileSystems: { disk: 'ext4', memory: 'tmpfs' },
};
const options = {
  results: [RESULT, MEMORY],
  machine,
  at: '2026-11-22T01:02:03.456Z',
  command: 'npm run bench',
  isQuick: false,
};

describe('renderPage', () => {
  it('says what repeats it, when it was measured, and on which machine', () => {
    const page = renderPage(options);
    expect(page).toContain('`npm run bench` on 2026-11-22');
    expect(page).toContain(
      '2 cores of A processor, 8 GiB, Linux 6.1.0, Node 24.21.0; load average 0.10 at the start.',
    );
    expect(page).not.toContain('Quick');
  });

  it('has a table with a line for each row, its text escaped', () => {
    const table = renderPage(options)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(table).toEqual([
      '| what | target | Lockstep | beside it | verdict |',
      '| --- | --- | --- | --- | --- |',
      '| flag deleted -> back | p50 &lt;= 2 ms, p99 &lt;= 10 ms | 1.23/9.87/123 ms (10000) | bare loop: 0.050/4.30/8.00 ms (200)<br>monit: not installed here | met |',
      '| resident memory | &lt;= 2.8 x | 3.50 x (150 MiB) | bare Node: 1.00 x (43 MiB) | not met: 3.50 > 2.8 |',
    ]);
  });

  it('keeps a cell that holds a bar or a line end in its column', () => {
    const page = renderPage({ ...options, results: [{ row: ROW, broke: 'a | b\nc <d>' }] });
    expect(page).toContain('BROKE: a \\| b c &lt;d>');
  });

  it('has a section for each row with how it was measured and what else was found', () => {
    expect(renderPage(options)).toContain(
      '## Flag deleted -> back\n\nFrom the deed to its correction.\n\n- Asked first: 3 ms.\n\n## Resident memory\n',
    );
  });

  it('says that a quick run says nothing', () => {
    expect(renderPage({ ...options, isQuick: true })).toContain('**Quick: too few repetitions');
  });

  it('ends with one line end', () => {
    expect(renderPage(options)).toMatch(/[^\n]\n$/);
  });
});
