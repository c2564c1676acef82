// Reads Prometheus' text format, strictly enough for our own: what a test wants to know of a metric by name and labels.

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly families: readonly Family[];
  readonly samples: readonly Sample[];
  /** The one sample of that name whose labels are exactly these; undefined when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

const SAMPLE = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/i;
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gi;

/** @throws Error at the first line that is none of Prometheus' text format. */
export function parseExposition(text: string): Exposition {
  const families = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE (\S+) (\S+)$/gm)].map(
    ([, name = '', help = '', typed = '', type = '']) => {
      if (name !== typed) throw new Error(`expected the type of ${name}, found that of ${typed}`);
      return { name, help, type };
    },
  );
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parseSample);
  return {
    families,
    samples,
    value(name, labels = {}) {
      const wanted = keyOf(labels);
      return samples.find((sample) => sample.name === name && keyOf(sample.labels) === wanted)?.value;
    },
  };
}

function parseSample(line: string): Sample {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`expected a sample, found: ${line}`);
  return {
    name,
    labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key = '', text = '']) => [key, text])),
    value: Number(value.replace('Inf', 'Infinity')),
  };
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort());
}
