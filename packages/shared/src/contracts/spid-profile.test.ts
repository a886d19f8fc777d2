import { describe, expect, it } from 'vitest';
import { spidStatusWords } from '../domain/spid-status.ts';
import { applyProfile, defaultSpidTables, parseSpidProfile, SpidProfileError } from './spid-profile.ts';
import { spidServerOperations } from './spid-server-operations.ts';
import { spidServicesRoutes } from './spid-services.ts';

const apply = (profile: object) => applyProfile(defaultSpidTables, parseSpidProfile(JSON.stringify(profile)));

function faultsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof SpidProfileError) return error.faults;
    throw error;
  }
  return [];
}

describe('applyProfile', () => {
  it('changes nothing where nothing is said', () => {
    expect(apply({ name: 'nothing yet' })).toEqual(defaultSpidTables);
  });

  it('replaces method and path of provisional rows, and leaves the given tables as they are', () => {
    const before = structuredClone({ ...spidServicesRoutes });
    const applied = apply({
      server: { faceDetect: { path: '/gbs-spid-server/face' } },
      services: { verify: { method: 'POST', path: '/person/{cpf}/verify' } },
      statuses: { ENROLL_FINE: 'enrolled', ENROLL_EXCEPTION: 'failed' },
    });
    expect(applied.server.faceDetect).toEqual({ ...spidServerOperations.faceDetect, path: '/gbs-spid-server/face' });
    expect(applied.services.verify).toMatchObject({ method: 'POST', path: '/person/{cpf}/verify' });
    expect(applied.statuses).toEqual({ ...spidStatusWords, ENROLL_FINE: 'enrolled', ENROLL_EXCEPTION: 'failed' });
    expect(spidServicesRoutes).toEqual(before);
  });

  it.each<[string, object, string]>([
    [
      'a row that does not exist',
      { server: { getWeather: { path: '/gbs-spid-server/w' } } },
      'server.getWeather: there is no such row',
    ],
    ['a name of every object', { server: { toString: { method: 'GET' } } }, 'server.toString: there is no such row'],
    [
      'a published row',
      { server: { enroll: { path: '/gbs-spid-server/w' } } },
      'server.enroll: its route is published',
    ],
    ['a published call', { services: { login: { method: 'POST' } } }, 'services.login: its route is published'],
    [
      'other variables',
      { services: { verify: { path: '/verify/{person}' } } },
      'services.verify: its path has to have the variables cpf',
    ],
    [
      'a route that is taken',
      { server: { getStatus: { path: '/gbs-spid-server/client-version' } } },
      'server.getStatus: shares its route with getClientVersion',
    ],
    [
      'a route among other things than SPID Server',
      { server: { getStatus: { path: '/v1/status' } } },
      'server.getStatus: its path has to begin with /gbs-spid-server/',
    ],
    [
      'a GET for an operation that takes a body',
      { server: { faceDetect: { method: 'GET' } } },
      'server.faceDetect: it takes a body, which a GET has not',
    ],
    [
      'a GET for a call that takes a body',
      { services: { remoteVerify: { method: 'GET', path: '/remote/asked' } } },
      'services.remoteVerify: it takes a body, which a GET has not',
    ],
    [
      'a published word',
      { statuses: { SEARCH_NOT_MATCH: 'match' } },
      'statuses.SEARCH_NOT_MATCH: its meaning is published',
    ],
    ['another match', { statuses: { ERROR: 'match' } }, 'statuses.ERROR: only SEARCH_MATCH is a match'],
  ])('names %s', (_, profile, fault) => expect(faultsOf(() => apply(profile))).toEqual([fault]));
});

describe('parseSpidProfile', () => {
  it.each<[string, string, RegExp]>([
    ['no JSON', '{', /^not JSON$/],
    ['an unknown key', '{"servers":{}}', /"servers"/],
    ['an unknown key of a row', '{"server":{"getStatus":{"url":"/x"}}}', /^server\.getStatus: .*"url"/],
    ['an empty row', '{"server":{"getStatus":{}}}', /^server\.getStatus: gives neither/],
    ['a path that is none', '{"server":{"getStatus":{"path":"status?x"}}}', /^server\.getStatus\.path: /],
    ['half a variable', '{"services":{"verify":{"path":"/verify/cpf-{cpf}"}}}', /^services\.verify\.path: /],
    ['an unknown meaning', '{"statuses":{"ENROLL_FINE":"great"}}', /^statuses\.ENROLL_FINE: /],
  ])('names %s', (_, text, fault) => {
    expect(faultsOf(() => parseSpidProfile(text))[0]).toMatch(fault);
  });
});
