import { expect, it } from 'vitest';
import { mediaTypeOfForm, wantedForm } from '../../../controller/api/accept.ts';

const FORMS = ['Table', 'Names'];

it.each([
  ['application/json;as=Table', 'Table'],
  ['application/json;as=Table, application/json', 'Table'],
  ['application/json; as=Table; q=0.9, application/json;q=0.8', 'Table'],
  ['Application/JSON ; AS="Table"', 'Table'],
  ['text/html, application/json;as=Names, application/json;as=Table', 'Names'],
  ['application/json;as=Names;q=0.2, application/json;as=Table;q=0.3', 'Table'],
  ['application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=Table', 'Table'],
  ['*/*;q=0.1, application/json;as=Table', 'Table'],
])('%s is the form %s', (accept, form) => {
  expect(wantedForm(accept, FORMS)).toBe(form);
});

it.each([
  undefined,
  '',
  '*/*',
  'application/*',
  'application/json',
  'application/json, application/json;as=Table',
  'application/json, application/json;as=Table;q=0.9',
  'application/json;as=Table;q=0',
  'application/json;as=Table;q=often',
  'application/json;as=table',
  'application/json;as=Pods',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;charset=utf-8',
  'text/html',
  ';=,;;=,',
])('%j is plain JSON', (accept) => {
  expect(wantedForm(accept, FORMS)).toBeUndefined();
});

it('is plain JSON where there is no form', () => {
  expect(wantedForm(mediaTypeOfForm('Table'), [])).toBeUndefined();
});
