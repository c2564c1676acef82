// Which form of a JSON answer a client wants, by its Accept header: kubectl's idiom, `application/json;as=Table`. Pure.

/** The media type of the form `name` of a JSON answer. */
export function mediaTypeOfForm(name: string): string {
  return `application/json;as=${name}`;
}

/**
 * The first of the client's favourites (RFC 9110, 12.5.1) that is one of `forms`, or undefined where that is plain JSON; what it also takes and there is none of is passed over.
 * Who takes nothing that there is gets plain JSON, too: it is the older answer, and refusing it would help nobody.
 */
export function wantedForm<F extends string>(accept: string | undefined, forms: readonly F[]): F | undefined {
  if (accept === undefined || forms.length === 0) return undefined;
  const ranges = accept
    .split(',')
    .map(parseRange)
    .filter(({ quality }) => quality > 0);
  for (const { type } of ranges.sort((a, b) => b.quality - a.quality)) {
    if (PLAIN.includes(type)) return undefined;
    const form = forms.find((name) => type === mediaTypeOfForm(name));
    if (form !== undefined) return form;
  }
  return undefined;
}

const PLAIN: readonly string[] = ['application/json', 'application/*', '*/*'];

interface MediaRange {
  /** With its parameters but q; all but the values of parameters in lower case, no spaces. */
  readonly type: string;
  /** 0: not acceptable; the highest is 1. */
  readonly quality: number;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';');
  const parameters = rest.map((parameter): [name: string, value: string] => {
    const [name = '', value = ''] = parameter.split('=');
    return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1')];
  });
  const quality = Number(parameters.find(([name]) => name === 'q')?.[1] ?? 1);
  const others = parameters.filter(([name]) => name !== 'q').map(([name, value]) => `;${name}=${value}`);
  return { type: type.trim().toLowerCase() + others.join(''), quality };
}
